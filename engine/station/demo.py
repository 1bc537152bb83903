"""``engine station --demo``: four simulated batches, of which some fail and one crashes now and then.

At its end it looks into the database: every run that was asked for must be there, ended, and cleaned up exactly once.
"""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from engine.clock import Clock, SystemClock
from engine.sequence.records import PROMPT, ExecutionStatus, StepStatus
from engine.station.bus import StationEvent
from engine.station.errors import StationError
from engine.station.run import on_signals
from engine.station.settings import BatchSettings, ServerSettings, StationSettings
from engine.station.station import Station
from engine.store.station_ports import StoredExecution

PACKAGE: Final = "power_board"
STEPS: Final = 12
_CLEANUP: Final = "power_off"
_FAULTS: Final[dict[str, tuple[str, ...]]] = {
    "jig-1": (),
    "jig-2": ("dmm.read=drift:0.06%12",),
    "jig-3": ("psu.on=exception%25", "dmm.read=drift:-0.06%6"),
    "jig-4": ("psu.read=crash%12",),
}
Tell = Callable[[StationEvent], None]


@dataclass(slots=True)
class Summary:
    """What a demo came to; ``problems`` is empty when nothing was lost."""

    asked: int = 0
    kept: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    crashes: int = 0
    cleanups: int = 0
    elapsed: float = 0.0
    problems: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Demo:
    """``runs`` None: until it is stopped. ``on_up`` is given the station and its URL; ``tell`` every event."""

    runs: int | None
    on_up: Callable[[Station, str], None] = lambda _station, _url: None
    tell: Tell = lambda _event: None
    clock: Clock = field(default_factory=SystemClock)
    asked: list[str] = field(default_factory=list)
    crashes: int = 0
    _stopped: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> Summary:
        """Run all of it. Raises EngineError when it cannot begin."""
        from engine.station.web.service import StationService  # FastAPI: half a second that only serving needs

        began = self.clock.monotonic()
        on_signals(self._stopped.set)
        with tempfile.TemporaryDirectory(prefix="station-demo-") as folder:
            settings = _settings(Path(folder))
            async with Station(settings, self.clock) as station, StationService(station, {}) as service:
                station.bus.listeners.append(self.tell)
                self.on_up(station, service.server.url)
                await station.ready()
                await self._keep_busy(station)
                await station.end_batches()
                summary = await self._look(station)
        summary.elapsed = self.clock.monotonic() - began
        return summary

    async def _keep_busy(self, station: Station) -> None:
        async with asyncio.TaskGroup() as tasks:
            answering = tasks.create_task(_answer(station))
            working = [tasks.create_task(self._work(station, batch)) for batch in station.batch_ids]
            await asyncio.wait(working)
            answering.cancel()

    async def _work(self, station: Station, batch_id: str) -> None:
        """One after the other; a batch that crashed is started again, as an operator would."""
        while not self._stopped.is_set() and (self.runs is None or len(self.asked) < self.runs):
            place = len(self.asked)
            self.asked.append("")  # taken: nobody else runs this one
            if station.status(batch_id).status != "running":
                await station.start_batch(batch_id, actor="demo")
            execution = await self._start(station, batch_id, place)
            if execution is not None:
                self.asked[place] = execution
                await station.wait_sequence(batch_id, execution)
                self.crashes += station.status(batch_id).status == "error"

    async def _start(self, station: Station, batch_id: str, place: int) -> str | None:
        try:
            serial = f"SN-{place + 1:05d}"
            return await station.start_sequence(batch_id, {"burn_in": 1}, serial=serial, operator="demo")
        except StationError:
            return None  # told by the batch's status; the summary misses it

    async def _look(self, station: Station) -> Summary:
        summary = Summary(asked=len(self.asked), crashes=self.crashes)
        for execution in self.asked:
            stored = await station.store.find(execution) if execution else None
            if stored is None:
                summary.problems.append("a run that was asked for is not in the database")
                continue
            summary.kept += 1
            summary.verdicts[stored.record.verdict.value if stored.record.verdict is not None else "none"] += 1
            summary.problems += _wrong(stored)
            summary.cleanups += _cleanups(stored)
        return summary


def _wrong(stored: StoredExecution) -> list[str]:
    found, id_ = [], stored.record.execution_id
    if stored.record.status is ExecutionStatus.RUNNING or stored.needs_cleanup:
        found.append(f"{id_} has not come to its end")
    if _cleanups(stored) != 1:
        found.append(f"{id_} was cleaned up {_cleanups(stored)} times")
    return found


def _cleanups(stored: StoredExecution) -> int:
    return sum(step.name == _CLEANUP and step.status is StepStatus.COMPLETED for step in stored.steps)


async def _answer(station: Station) -> None:
    """The operator, who sees every LED shine."""
    _, subscription = station.subscribe()
    with subscription:
        async for event in subscription:
            if event.type == PROMPT:
                await _say_yes(station, event)


async def _say_yes(station: Station, event: StationEvent) -> None:
    choices = event.data.get("choices")
    try:
        await station.answer(
            event.batch_id, str(event.data["id"]), str(choices[0]) if isinstance(choices, list) else ""
        )
    except StationError:
        return  # its process died meanwhile


def _settings(folder: Path) -> StationSettings:
    batches = tuple(
        BatchSettings(id_, id_, PACKAGE, auto_start=True, simulate=True, faults=faults)
        for id_, faults in _FAULTS.items()
    )
    usual = ServerSettings()
    server = replace(usual, port=usual.port if _is_free(usual) else 0)
    return StationSettings("demo", "demo", folder, server=server, batches=batches)


def _is_free(server: ServerSettings) -> bool:
    """Whether the address is nobody's: a demo gets on with another port where a station is at work already."""
    with socket.socket() as probe:
        if os.name == "posix":  # elsewhere it would share an address that is taken
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one that was let go of a moment ago is free
        try:
            probe.bind((server.host, server.port))
        except OSError:
            return False
    return True
