"""The statechart engine: speed beside others who run the same cycle, size, compiling, and what waiting costs."""

from __future__ import annotations

import gc
import importlib.metadata
import logging
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import structlog

from engine.bindings.shipped import shipped_registry
from engine.chart.load import load_chart
from engine.runtime.machine import machine_class
from tests.bench import engine_charts, engine_idle, machine
from tests.bench.engine_cycle import OURS, STOCK, TRACED, VARIANTS, XSTATE, Runner, WrongEndError, has_xstate, runners
from tests.bench.report import Figure, Options, Report, Suite

_ROUNDS: Final = 7
_STATES: Final = 200
_KB: Final = 1000
_WAITING: Final = 1000  # machines of ours
_STOCK_WAITING: Final = 50

# How many times as fast as whom: this engine, and this engine when it is traced.
_LEAST: Final[dict[tuple[str, str], dict[str, float]]] = {
    (OURS, "flat"): {STOCK: 40, XSTATE: 1},
    (OURS, "nested"): {STOCK: 20},
    (OURS, "parallel"): {STOCK: 20},
    (TRACED, "flat"): {STOCK: 10},
}


def run(options: Options) -> Report:
    """Measure everything that the engine has to keep."""
    report = Report("engine", "Engine: a weighing cycle of 20 events, end state asserted; events through send()")
    report.notes += [machine.describe(), _versions()]
    with _quiet():
        try:
            _compare(options, report)
        except WrongEndError as error:
            report.failures.append(str(error))
        options.tell("memory, compiling ...")
        _weigh(options, report)
        _compile(report)
        options.tell("waiting ...")
        _wait(options, report)
    return report


SUITE: Final = Suite("engine", "speed, size and idle CPU of the statechart engine, beside others'", run)


# Speed ---------------------------------------------------------------------------------------------------------------


def _compare(options: Options, report: Report) -> None:
    """Round robin: a neighbour that is busy for a while is so for everyone."""
    each = options.seconds / 600
    if not has_xstate():
        report.notes.append("XState is not here: it takes node, and `npm ci` in tests/bench/xstate")
    with runners() as found:
        options.tell(f"warming up {len(found)} runners ...")
        for runner in found:
            runner.settle(each)
            if runner.name.startswith(XSTATE):
                runner.run(20 * runner.cycles)  # until its compiler has made up its mind
        for number in range(_ROUNDS):
            options.tell(f"round {number + 1} of {_ROUNDS} ...")
            for runner in (*found[number:], *found[:number]):
                runner.measure()
    for variant in VARIANTS:
        of_variant = {runner.name: runner for runner in found if runner.variant == variant}
        for name in (OURS, TRACED):
            _report_ratios(of_variant, name, report)


def _report_ratios(runners_by_name: dict[str, Runner], name: str, report: Report) -> None:
    ours = runners_by_name[name]
    best = f"{max(ours.rates):,.0f}"
    for other in runners_by_name.values():
        if other.name in (OURS, TRACED):
            continue
        least = _LEAST.get((name, ours.variant), {}).get(other.name.split(" (")[0])
        if name == TRACED and least is None:
            continue
        ratios = [mine / theirs for mine, theirs in zip(ours.rates, other.rates, strict=True)]
        note = f"{best} against {max(other.rates):,.0f} events/s at best; ratios {min(ratios):.1f} to {max(ratios):.1f}"
        what = f"{ours.variant}{', traced' if name == TRACED else ''}: times as fast as {other.name}"
        report.figures.append(Figure(what, statistics.median(ratios), "×", None, note, least=least))


# Size ----------------------------------------------------------------------------------------------------------------


def _weigh(options: Options, report: Report) -> None:
    """What a started machine takes beyond what all machines of its class share."""
    machines = max(10, min(1000, round(options.seconds * 100)))
    registry = shipped_registry()
    classes = {
        "of the cycle": engine_charts.compiled(engine_charts.FLAT)[1],
        "of the weighing chart": machine_class(load_chart("weighing", registry)),
        f"of {_STATES} states": engine_charts.compiled(engine_charts.large(_STATES))[1],
    }
    for name, made in classes.items():
        note = f"mean of {machines:,} started machines"
        report.figures.append(Figure(f"memory of a machine {name}", _bytes_of(made, machines) / _KB, "kB", 20.0, note))


def _bytes_of(made: Callable[[], Any], count: int) -> float:
    def one() -> Any:
        new = made()
        new.start()
        return new

    kept = [one()]  # plans are made once, by whoever is first
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        kept += [one() for _ in range(count)]
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return (after - before) / count


# Compiling -----------------------------------------------------------------------------------------------------------


def _compile(report: Report) -> None:
    text = engine_charts.large(_STATES)
    took = []
    for _ in range(_ROUNDS):
        started = time.process_time()
        engine_charts.compiled(text)
        took.append(1000 * (time.process_time() - started))
    note = f"CPU time from YAML text to class, checks included; median of {len(took)}, best {min(took):.0f} ms"
    report.figures.append(Figure(f"compile of {_STATES} states", statistics.median(took), "ms", 150.0, note, 0))


# Waiting -------------------------------------------------------------------------------------------------------------


def _wait(options: Options, report: Report) -> None:
    seconds = options.seconds / 12
    ours = engine_idle.of_ours(_WAITING, seconds)
    stock = engine_idle.of_stock(_STOCK_WAITING, seconds)
    report.figures += [
        Figure(f"CPU of {_WAITING:,} waiting machines", 100 * ours, "% of a core", 0.5, f"over {seconds:g} s", 2),
        Figure(f"CPU of {_STOCK_WAITING} of {STOCK}", 100 * stock, "% of a core", None, "with a delayed event each"),
    ]


def _versions() -> str:
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in (STOCK, "transitions", "sismic"))


@contextmanager
def _quiet() -> Iterator[None]:
    """Hosts tell their changes of state; here nobody reads them."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        yield
    finally:
        structlog.configure(**before)
