"""Packages written by a test, drivers that tell what they were asked, and a run on virtual time."""

from __future__ import annotations

import asyncio
import textwrap
from pathlib import Path

from engine.sequence.bench import Bench
from engine.sequence.faults import parse_fault
from engine.sequence.local import LocalResources, MemoryRecorder, ReadyOperator
from engine.sequence.package import check_package, load_package
from engine.sequence.run import SequenceRun
from engine.testing.loop import VirtualLoop

# Every call of every instance, in order; a test clears it by making a new package (a module is loaded anew).
DRIVER = '''
from __future__ import annotations
import asyncio

CALLS: list[str] = []
VALUES: dict[str, object] = {}


class Psu:
    """A power supply that remembers what it was told."""

    def __init__(self, port: str = "") -> None:
        CALLS.append("open")

    async def on(self, voltage: float = 5.0) -> None:
        CALLS.append(f"on {voltage:g}")

    async def off(self) -> None:
        CALLS.append("off")

    async def slow(self, seconds: float = 1.0) -> None:
        CALLS.append("slow begins")
        await asyncio.sleep(seconds)
        CALLS.append("slow ends")

    async def read(self, name: str = "v") -> object:
        CALLS.append(f"read {name}")
        value = VALUES.get(name, 3.3)
        if isinstance(value, list):
            value = value.pop(0)
        if isinstance(value, Exception):
            raise value
        return value

    async def close(self) -> None:
        CALLS.append("close")


class PsuSim(Psu): ...
'''
HEAD = 'sequence: test\nversion: 1.0.0\nhardware: {psu: {driver: "drivers.psu:Psu"}}\n'
OFF = "cleanup:\n  - {name: power_off, call: psu.off, timeout: 2 s}\n"


def write_package(folder, steps, *, head=HEAD, cleanup=OFF, driver=DRIVER, **files):
    """A package with these steps (the text under ``steps:``)."""
    (folder / "drivers").mkdir(parents=True, exist_ok=True)
    (folder / "drivers" / "psu.py").write_text(driver, encoding="utf-8")
    text = head + "steps:\n" + textwrap.indent(textwrap.dedent(steps).strip("\n"), "  ") + "\n" + cleanup
    (folder / "sequence.yaml").write_text(text, encoding="utf-8")
    for name, content in files.items():
        (folder / name.replace("__", "/")).parent.mkdir(parents=True, exist_ok=True)
        (folder / name.replace("__", "/")).write_text(textwrap.dedent(content), encoding="utf-8")
    return folder


def codes(folder):
    """The codes of everything that is wrong with a package."""
    return [found.code for found in check_package(folder).findings]


def problem(folder):
    """The only finding about a package."""
    (found,) = check_package(folder).findings
    return found


class World:
    """One run of a package on virtual time."""

    def __init__(self, folder, *, faults=(), answers=(), values=None, parameters=None, recorder=None, resources=None):
        self.package = load_package(folder) if isinstance(folder, Path) else folder
        self.driver = __import__("sys").modules[self.package.hardware["psu"].interface.make.__module__]
        self.driver.CALLS.clear()
        self.driver.VALUES.clear()
        self.driver.VALUES.update(values or {})
        self.faults = [parse_fault(text) for text in faults]
        self.operator = ReadyOperator(dict(answers))
        self.parameters = parameters or {}
        self.shown = []
        self.recorder = recorder or MemoryRecorder(self.shown.append)
        self.resources = resources or LocalResources()
        self.record = None
        self.run = None
        self.bench = None

    @property
    def calls(self):
        return [call for call in self.driver.CALLS if call not in {"open", "close"}]

    @property
    def steps(self):
        return self.recorder.steps

    def verdicts(self):
        """path -> verdict (or status, of a step that has none)."""
        return {s.path: s.verdict.value if s.verdict else s.status.value for s in self.steps}

    def go(self, during=None):
        """Run it to the end on virtual time; ``during`` is a coroutine function given this world."""
        loop = VirtualLoop()
        try:
            return loop.run(self.live(loop.clock, during))
        finally:
            loop.close()

    async def live(self, clock, during=None):
        self.bench = Bench(self.package.hardware, simulate=True, faults=self.faults, seed=1)
        self.run = SequenceRun(
            self.package, self.parameters, self.bench, self.recorder, self.operator, self.resources, clock,
            execution_id="e1", batch_id="b1",
        )  # fmt: skip
        helper = asyncio.ensure_future(during(self)) if during is not None else None
        self.record = await self.run.run()
        if helper is not None:
            helper.cancel()
        await self.bench.close()
        return self.record


def play(folder, steps="", *, cleanup=OFF, head=HEAD, files=None, during=None, **world):
    """Write a package, run it, and give back the world after it."""
    if steps:
        write_package(folder, steps, cleanup=cleanup, head=head, **(files or {}))
    one = World(folder, **world)
    one.go(during)
    return one
