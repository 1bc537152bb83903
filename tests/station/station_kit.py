"""Real stations for tests: a package whose driver writes down all that it does, and what must be true at the end."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psutil

from engine.clock import SystemClock
from engine.sequence.records import StepStatus
from engine.station.settings import BatchSettings, Limits, StationSettings
from engine.station.station import Station
from engine.store.station_ports import StoredExecution

T = TypeVar("T")
LONG_S = 60  # what a step takes that is not meant to come to its end

# Step kinds: each is underway for as long as nobody interferes, except those in a cleanup.
KINDS = ("blocking", "cancellable", "pause", "question", "locked", "meeting", "again", "left", "retried", "grouped")
ENDINGS = ("power_off", "cool_down")

SEQUENCE = """\
sequence: rig
version: 1.0.0
parameters:
  only: {type: text, default: none}
  slow_off: {type: number, default: 0}
  slow_cool: {type: number, default: 0}
  children: {type: number, default: 0}
hardware:
  rig: {driver: drivers.rig:Rig, config: {log: {type: text}}, lock: LOCK}
steps:
  - {name: power_on, call: rig.on, with: {children: "${parameters.children}"}}
  - {name: blocking, when: "parameters.only == 'blocking'", call: rig.block, with: {seconds: 60}, cancel: 200 ms}
  - {name: cancellable, when: "parameters.only == 'cancellable'", call: rig.rest, with: {seconds: 60}}
  - {name: hogging, when: "parameters.only == 'hogging'", call: rig.hog, with: {seconds: 60}}
  - {name: crashing, when: "parameters.only == 'crashing'", call: rig.crash}
  - {name: breeding, when: "parameters.only == 'breeding'", call: rig.breed}
  - {name: greedy, when: "parameters.only == 'greedy'", call: rig.grow, with: {seconds: 60}}
  - {name: pause, when: "parameters.only == 'pause'", wait: 60 s, resumable: true}
  - {name: question, when: "parameters.only == 'question'", prompt: {text: Is it on?, choices: ["yes", "no"]}}
  - name: locked
    when: "parameters.only == 'locked'"
    lock: {name: bench, timeout: 60 s}
    call: rig.rest
    with: {seconds: 60}
  - {name: meeting, when: "parameters.only == 'meeting'", rendezvous: {name: RENDEZVOUS, members: 2}, timeout: 60 s}
  - name: rounds
    when: "parameters.only == 'again'"
    repeat: {times: 2}
    steps:
      - {name: once, call: rig.on}
      - {name: again, call: rig.rest, with: {seconds: 60}}
  - name: both
    when: "parameters.only == 'left'"
    parallel:
      - - {name: right, wait: 60 s}
      - - {name: left, call: rig.rest, with: {seconds: 60}}
  - name: retried
    when: "parameters.only == 'retried'"
    call: rig.rest
    with: {seconds: 60}
    timeout: 100 ms
    retry: {times: 500, first: 1 ms}
  - name: busy
    when: "parameters.only == 'tick'"
    repeat: {times: 100000}
    steps:
      - {name: tick, call: rig.tick}
  - name: group
    when: "parameters.only == 'grouped'"
    steps:
      - {name: grouped, call: rig.rest, with: {seconds: 60}}
cleanup:
  - {name: power_off, call: rig.off, with: {seconds: "${parameters.slow_off}"}, timeout: 5 s}
  - {name: cool_down, call: rig.cool, with: {seconds: "${parameters.slow_cool}"}, timeout: 5 s}
"""

DRIVER = '''\
"""A rig that writes down, durably, what it is told."""

import asyncio
import os
import subprocess
import sys
import time


class Rig:
    def __init__(self, log: str = "") -> None:
        self._log = log

    def _note(self, what: str) -> None:
        if not self._log:
            return
        handle = os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(handle, f"{os.getpid()} {what}\\n".encode())
        os.fsync(handle)
        os.close(handle)

    def on(self, children: float = 0) -> None:
        """Children go on driving the hardware by themselves: every other one has left the session, as a daemon does."""
        self._note("on")
        for number in range(int(children)):
            drive = f"while :; do echo $$ drive >> '{self._log}'; sleep 0.2; done"
            subprocess.Popen(["/bin/sh", "-c", f"({drive}) &" if number % 2 else drive], start_new_session=number % 2)

    def off(self, seconds: float = 0) -> None:
        self._note("off")
        if os.path.exists(f"{self._log}.deadly"):
            os._exit(9)
        time.sleep(seconds)

    def cool(self, seconds: float = 0) -> None:
        self._note("cool")
        time.sleep(seconds)

    def tick(self) -> None:
        self._note("tick")

    def block(self, seconds: float) -> None:
        self._note("block")
        time.sleep(seconds)

    async def rest(self, seconds: float) -> None:
        self._note("rest")
        await asyncio.sleep(seconds)

    async def hog(self, seconds: float) -> None:
        self._note("hog")
        time.sleep(seconds)

    async def grow(self, seconds: float) -> None:
        self._note("grow")
        self._kept = bytearray(os.urandom(1)) * 150_000_000
        await asyncio.sleep(seconds)

    def crash(self) -> None:
        self._note("crash")
        os._exit(9)

    async def breed(self) -> None:
        """Leave a child behind, one that has left the process group, and one that has left the session."""
        for left in ({}, {"process_group": 0}, {"start_new_session": True}):
            child = subprocess.Popen(["sleep", "600"], **left)
            self._note(f"child {child.pid}")
        await asyncio.sleep(600)

    def double(self, number: float) -> float:
        return 2 * number


class RigSim(Rig):
    def __init__(self) -> None:
        super().__init__()
'''


@dataclass
class Rig:
    """One batch's package and what its driver wrote down."""

    folder: Path
    name: str

    @property
    def package(self) -> Path:
        return self.folder / f"package-{self.name}"

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def batch(self, **more: Any) -> BatchSettings:
        return BatchSettings(self.name, self.name, str(self.package), hardware={"rig": {"log": str(self.log)}}, **more)

    def change_package(self) -> None:
        """Somebody edits the sequence."""
        with (self.package / "sequence.yaml").open("a") as file:
            file.write("# changed\n")

    @contextmanager
    def deadly(self) -> Iterator[None]:
        """Whoever switches it off meanwhile dies of it."""
        file = Path(f"{self.log}.deadly")
        file.touch()
        try:
            yield
        finally:
            file.unlink()

    @property
    def calls(self) -> list[str]:
        """What the hardware was told by batches' processes, in order."""
        return [what for _, what in self.told if what != "drive"]

    @property
    def callers(self) -> list[int]:
        return [pid for pid, _ in self.told]

    @property
    def told(self) -> list[tuple[int, str]]:
        """Everything that the hardware was told, and by which process."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [(int(pid), what) for pid, what in (line.split(" ", 1) for line in lines)]


def make_rig(folder: Path, name: str, lock: str | None = None) -> Rig:
    rig = Rig(folder, name)
    (rig.package / "drivers").mkdir(parents=True)
    text = SEQUENCE.replace("LOCK", lock or f"rig-{name}").replace("RENDEZVOUS", f"meet-{name}")
    (rig.package / "sequence.yaml").write_text(text)
    (rig.package / "drivers" / "rig.py").write_text(DRIVER)
    return rig


def station_of(folder: Path, rigs: Iterable[Rig], **more: Any) -> StationSettings:
    limits = more.pop(
        "limits", Limits(heartbeat=30)
    )  # a loaded machine is slow to answer; hangs are a test of their own
    batches = tuple(rig.batch(limits=limits, **more) for rig in rigs)
    return StationSettings("test", "Test", folder / "data", batches=batches)


def run(scenario: Coroutine[Any, Any, T], within: float = 90) -> T:
    async def bounded() -> T:
        async with asyncio.timeout(within):
            return await scenario

    return asyncio.run(bounded())


async def up(station: Station) -> None:
    """Wait until all batches that start by themselves are running."""
    await station.ready()
    down = [one for one in station.statuses() if station.batch_settings(one.id).auto_start and one.status != "running"]
    assert not down, down


def opened(settings: StationSettings) -> Station:
    return Station(settings, SystemClock())


async def until(what: Callable[[], object], within: float = 30) -> None:
    async with asyncio.timeout(within):
        while not what():  # noqa: ASYNC110 - most of this is asked of other processes
            await asyncio.sleep(0.01)


async def at_step(station: Station, batch_id: str, step: str) -> None:
    """Wait until a step is underway, and in its driver if it has one."""
    await until(lambda: station.status(batch_id).current_step == step)


async def start_in(station: Station, rig: Rig, kind: str, **parameters: Any) -> str:
    """Start a run that stays in one kind of step; its execution id, once it is there."""
    execution = await station.start_sequence(rig.name, {"only": kind, **parameters})
    if kind == "locked":
        await until(lambda: station.status(rig.name).waits_for == ("bench",))
        return execution
    await at_step(station, rig.name, kind)
    if kind in {"blocking", "cancellable", "again", "left", "retried", "grouped"}:
        await until(lambda: rig.calls[-1] in {"block", "rest"})
    return execution


def cleanups(stored: StoredExecution) -> list[str]:
    """The steps of a cleanup that were done, in order."""
    return [step.name for step in stored.steps if step.is_cleanup and step.status is StepStatus.COMPLETED]


def assert_clean(rig: Rig, stored: StoredExecution) -> None:
    """Cleaned up exactly once, nothing driven after it, nothing lost that was done."""
    assert rig.calls[-2:] == ["off", "cool"], rig.calls
    assert rig.calls.count("cool") == 1, rig.calls
    assert cleanups(stored) == ["power_off", "cool_down"], cleanups(stored)
    assert not stored.needs_cleanup
    assert stored.record.completed_at is not None
    assert "power_on" in {step.name for step in stored.steps if step.status is StepStatus.COMPLETED}
    assert all(step.status is not StepStatus.RUNNING for step in stored.steps)
    orders = [step.order for step in stored.steps]
    assert orders == sorted(set(orders))


def processes_of(data: Path) -> list[int]:
    """Processes that still use anything of a test's folder, and batches among all processes."""
    found = []
    for process in psutil.process_iter(["pid", "cmdline"]):
        try:
            files = [one.path for one in process.open_files()]
        except (psutil.Error, OSError):
            continue
        if process.pid != os.getpid() and any(path.startswith(str(data)) for path in files):
            found.append(process.pid)
    return found


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def to_line(value: object) -> str:
    return json.dumps(value)
