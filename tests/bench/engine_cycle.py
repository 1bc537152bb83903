"""Who runs the weighing cycle, and how long each takes. Everyone is sent the same events, and ends where it began."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.bench import engine_charts, engine_peers, engine_stock

EVENTS: Final = 20  # in a cycle
VARIANTS: Final = ("flat", "nested", "parallel")
OURS, TRACED, STOCK, XSTATE = "this engine", "this engine, traced", "python-statemachine", "XState"

_WEIGHTS: Final = (*range(1, 9), *range(1, 9))
_XSTATE: Final = Path(__file__).with_name("xstate")


Run = Callable[[int], float]  # a number of cycles -> the seconds they took


class WrongEndError(Exception):
    """A machine did not end where the cycle ends: its figures would be worth nothing."""


@dataclass(slots=True)
class Runner:
    """One library on one variant."""

    name: str
    variant: str
    run: Run
    cycles: int = 1  # so many that a measurement takes the time it should
    rates: list[float] = field(default_factory=list)  # events a second, one for each round

    def measure(self) -> None:
        """One more round."""
        self.rates.append(EVENTS * self.cycles / self.run(self.cycles))

    def settle(self, seconds: float) -> None:
        """Find how many cycles take about so long; what is learned while running is learned by then."""
        while (took := self.run(self.cycles)) < seconds:
            self.cycles = max(self.cycles + 1, min(8 * self.cycles, int(self.cycles * 1.2 * seconds / took)))


@contextmanager
def runners(variants: Sequence[str] = VARIANTS) -> Iterator[list[Runner]]:
    """Everyone who is there. XState is when node is, and ``npm ci`` was run in its folder."""
    found = [Runner(name, variant, make(variant)) for variant in variants for name, make in _IN_PROCESS.items()]
    if not has_xstate():
        yield found
        return
    with _node() as (version, run):
        found += [Runner(f"{XSTATE} ({version})", variant, run(variant)) for variant in variants]
        yield found


def has_xstate() -> bool:
    """Whether XState can be compared with."""
    return shutil.which("node") is not None and (_XSTATE / "node_modules" / "xstate").is_dir()


def _timed(send: Callable[..., object], check: Callable[[], tuple[object, object]], end: object) -> Run:
    def run(cycles: int) -> float:
        started = time.perf_counter()
        for _ in range(cycles):
            send("card", uid="04A1")
            for value in _WEIGHTS:
                send("weight", value=value)
            send("weight", value=12)
            send("committed")
            send("lifted")
        took = time.perf_counter() - started
        if check() != (end, 8):
            raise WrongEndError(f"ended with {check()}, not with {(end, 8)}")
        return took

    return run


def _ours(variant: str, *, traced: bool = False) -> Run:
    _, machine_class = engine_charts.compiled(engine_charts.CHARTS[variant])
    machine = machine_class()
    interpreter = machine.interpreter
    if traced:
        interpreter.tracer = deque(maxlen=100).append
    machine.start()
    return _timed(
        machine.send, lambda: (interpreter.configuration, interpreter.data["last"]), interpreter.configuration
    )


def _stock(variant: str) -> Run:
    machine: Any = engine_stock.MACHINES[variant]()
    end = set(machine.configuration_values)
    return _timed(machine.send, lambda: (set(machine.configuration_values), machine.last), end)


def _transitions(variant: str) -> Run:
    box: Any = engine_peers.transitions_box(variant)
    return _timed(box.trigger, lambda: (box.state, box.last), box.state)


def _sismic(variant: str) -> Run:
    interpreter = engine_peers.sismic_interpreter(variant)
    send = engine_peers.sismic_send(interpreter)
    check = lambda: (interpreter.configuration, interpreter.context["last"])  # noqa: E731 - two values, once
    return _timed(send, check, interpreter.configuration)


_IN_PROCESS: Final[dict[str, Callable[[str], Run]]] = {
    OURS: _ours,
    TRACED: lambda variant: _ours(variant, traced=True),
    STOCK: _stock,
    "transitions": _transitions,
    "Sismic": _sismic,
}


@contextmanager
def _node() -> Iterator[tuple[str, Callable[[str], Run]]]:
    """A node process that runs cycles when it is told to: its compiler has long warmed up when it is measured."""
    with subprocess.Popen(
        ["node", "cycle.js"], cwd=_XSTATE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        requests, answers = process.stdin, process.stdout

        def runner(variant: str) -> Run:
            def run(cycles: int) -> float:
                print(variant, cycles, file=requests, flush=True)
                answer = answers.readline()
                if not answer:
                    raise WrongEndError(f"XState's {variant} machine: see above")
                return float(answer)

            return run

        try:
            yield answers.readline().strip().removeprefix(f"{XSTATE} "), runner
        finally:
            process.kill()
