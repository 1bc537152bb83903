"""The station's processes: what a step costs with its commit, how soon batches are ready, how soon a death is seen.

OpenHTF and HardPy run beside it where they are installed: see :mod:`tests.bench.station_peers`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from engine.clock import SystemClock
from engine.station.settings import BatchSettings, Limits, StationSettings
from engine.station.station import Station
from tests.bench import machine
from tests.bench.report import Figure, Options, Report, Suite
from tests.bench.station_peers import add_peers

STEPS: Final = 1_000
MANY: Final = 50
TOGETHER: Final = 10
_STARTS: Final = 5
_ROUNDS: Final = 3
_KILLS: Final = 7
_SPARE_S: Final = 2.0  # for the spare process to have imported everything, also on a busy machine
_REST_S: Final = 5.0
_MIB: Final = 1 << 20

_SEQUENCE: Final = f"""\
sequence: nothing
version: 1.0.0
parameters: {{rounds: {{type: int, default: {STEPS}, min: 1, max: 100000}}}}
hardware: {{rig: {{driver: drivers.rig:Rig}}}}
steps:
  - name: many
    repeat: {{times: "${{parameters.rounds}}"}}
    steps:
      - {{name: nothing, call: rig.nothing}}
"""
_DRIVER: Final = '''\
class Rig:
    def nothing(self) -> None:
        """Nothing."""
'''


@dataclass(frozen=True, slots=True)
class _Place:
    folder: Path

    @property
    def package(self) -> str:
        return str(self.folder / "package")

    def make(self) -> None:
        drivers = self.folder / "package" / "drivers"
        drivers.mkdir(parents=True)
        (drivers.parent / "sequence.yaml").write_text(_SEQUENCE, encoding="utf-8")
        (drivers / "rig.py").write_text(_DRIVER, encoding="utf-8")

    @contextlib.asynccontextmanager
    async def station(self, name: str, count: int) -> AsyncIterator[Station]:
        batches = tuple(
            BatchSettings(f"batch_{number}", "", self.package, limits=Limits(heartbeat=60.0)) for number in range(count)
        )
        async with Station(StationSettings("bench", "", self.folder / name, batches=batches), SystemClock()) as station:
            await station.ready()
            yield station


def run(options: Options) -> Report:
    """Measure everything that the station's processes have to keep."""
    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
    report = Report("station", "Station: batches in processes of their own")
    report.notes.append(machine.describe())
    if sys.dont_write_bytecode:
        report.notes.append(
            "PYTHONDONTWRITEBYTECODE is set: starts are slower here than at a site, by what is compiled"
        )
    place = _Place(Path(tempfile.mkdtemp(prefix="station-bench-")))
    place.make()
    try:
        asyncio.run(_measure(place, options, report))
    finally:
        shutil.rmtree(place.folder, ignore_errors=True)
        structlog.reset_defaults()
    return report


async def _measure(place: _Place, options: Options, report: Report) -> None:
    options.tell(f"{STEPS} steps that do nothing ...")
    async with place.station("steps", 1) as station:
        await _steps(station, report)
    add_peers(options, report, STEPS)
    options.tell(
        f"starting a batch {_STARTS} times, {TOGETHER} at once {2 * _ROUNDS} times, killing one {_KILLS} times ..."
    )
    fresh = []
    for number in range(_ROUNDS):
        async with place.station(f"fresh-{number}", TOGETHER) as station:
            fresh.append(await _together(station))
    async with place.station("starts", TOGETHER) as station:
        await _starts(station, report)
        rested = []
        for _ in range(_ROUNDS):
            await asyncio.sleep(_REST_S)
            rested.append(await _together(station))
        _tell_together(report, "right after their master is", fresh)
        _tell_together(report, f"when it has been up for {_REST_S:g} s", rested)
        await _deaths(station, report)
    options.tell(f"{MANY} batches at the same time ...")
    async with place.station("many", MANY) as station:
        await _many(station, report)


async def _steps(station: Station, report: Report) -> None:
    await station.start_batch("batch_0")
    await _ran(station, "batch_0", 100)  # what is bought once
    cpu = [psutil.Process(), psutil.Process(station.status("batch_0").pid)]
    before = [sum(one.cpu_times()[:2]) for one in cpu]
    stored = await _ran(station, "batch_0", STEPS)
    used = [sum(one.cpu_times()[:2]) - began for one, began in zip(cpu, before, strict=True)]
    if len(stored.steps) != STEPS:
        report.failures.append(f"{len(stored.steps)} of {STEPS} steps are in the database")
    each = stored.record.duration / STEPS * 1000
    report.figures += [
        Figure("a step that does nothing, with its durable commit", each, "ms", limit=3.0, places=2),
        Figure("  of that, processor of the batch", used[1] / STEPS * 1000, "ms", places=2),
        Figure("  of that, processor of the master", used[0] / STEPS * 1000, "ms", places=2),
    ]


async def _ran(station: Station, batch: str, rounds: int) -> Any:
    execution = await station.start_sequence(batch, {"rounds": rounds})
    return await station.wait_sequence(batch, execution)


async def _starts(station: Station, report: Report) -> None:
    one, again = [], []
    for _ in range(_STARTS):
        await asyncio.sleep(_SPARE_S)  # as people start batches, not as programs do
        one.append(await _timed(station.start_batch("batch_0")))
        await station.stop_batch("batch_0")
        again.append(await _timed(station.start_batch("batch_0")))
        await station.stop_batch("batch_0")
    report.figures += [
        Figure("a batch is ready after", statistics.median(one), "s", limit=0.4, places=2),
        Figure("  at once after another, with no spare process", statistics.median(again), "s", limit=0.4, places=2),
    ]


async def _together(station: Station) -> tuple[float, float]:
    """Start all; seconds until all are ready, and of processor for each of them."""
    batches = [f"batch_{number}" for number in range(TOGETHER)]
    took = await _timed(asyncio.gather(*map(station.start_batch, batches)))
    cpu = statistics.median(sum(psutil.Process(station.status(batch).pid).cpu_times()[:2]) for batch in batches)
    await asyncio.gather(*map(station.stop_batch, batches))
    return took, cpu


def _tell_together(report: Report, when: str, rounds: Sequence[tuple[float, float]]) -> None:
    took, cpu = zip(*rounds, strict=True)
    note = f"best {min(took):.2f}"
    report.figures += [
        Figure(
            f"{TOGETHER} started at once {when}: all ready after", statistics.median(took), "s",
            limit=2.0, places=2, note=note,
        ),
        Figure("  of that, processor of each", statistics.median(cpu), "s", places=2),
    ]  # fmt: skip


async def _timed(what: Any) -> float:
    began = time.perf_counter()
    await what
    return time.perf_counter() - began


async def _deaths(station: Station, report: Report) -> None:
    seen = []
    for _ in range(_KILLS):
        status = await station.start_batch("batch_0")
        began = time.perf_counter()
        os.kill(status.pid or 0, signal.SIGKILL)
        while station.status("batch_0").status != "error":  # noqa: ASYNC110 - what is measured is when it is seen
            await asyncio.sleep(0.001)
        seen.append(time.perf_counter() - began)
        await station.ready()
    report.figures.append(Figure("a killed process is seen after", max(seen) * 1000, "ms", limit=500.0, note="worst"))


async def _many(station: Station, report: Report) -> None:
    batches = [f"batch_{number}" for number in range(MANY)]
    took = await _timed(asyncio.gather(*map(station.start_batch, batches)))
    began = time.perf_counter()
    results = await asyncio.gather(*(_ran(station, batch, 20) for batch in batches))
    ran = time.perf_counter() - began
    passed = sum(stored.record.overall_pass for stored in results)
    rss = psutil.Process().memory_info().rss / _MIB
    workers = [psutil.Process(station.status(batch).pid).memory_info().rss / _MIB for batch in batches]
    report.figures += [
        Figure(f"{MANY} batches at work at the same time that pass", passed, "", least=MANY, places=0),
        Figure("  all ready after", took, "s"),
        Figure("  20 steps in each", ran, "s"),
        Figure("  memory of this process, which is their master", rss, "MiB"),
        Figure("  memory of a batch", statistics.median(workers), "MiB"),
    ]


SUITE: Final = Suite("station", "cost of a step, start and death of a station's batches", run)
