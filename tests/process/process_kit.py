"""What the process tests share: ``engine run`` as a process, a hall and a server in the test's hands, and the count."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil

from engine.clock import SystemClock
from engine.ports import GatewayIdentity, WeighingRecord
from engine.sim.audit import audit, read_ledger
from engine.sim.boxes import Box, Swing
from engine.sim.hall import MAC_ADDRESS, Hall
from engine.sim.server import ReferenceServer
from engine.store import open_store

Fact = dict[str, Any]

WITHIN_S = 30.0  # how long a busy machine may take; nothing here ever sleeps that long
STOPS_WITHIN_S = 2.0
_POLL_S = 0.01
_QUIET_SWING = Swing(decay=0.01, frequency=5.0)


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scenario)


async def until(
    what: str, is_so: Callable[[], object], within: float = WITHIN_S, instead: Callable[[], str] = lambda: ""
) -> None:
    """Wait tightly for something that a process or a hall does; ``instead`` tells what it did."""
    end = time.monotonic() + within
    while not is_so():
        assert time.monotonic() < end, f"{what}: not within {within:g} s; {instead()}"
        await asyncio.sleep(_POLL_S)


def environment(home: Path) -> dict[str, str]:
    """Nobody's own configuration counts; as in an installation bytecode is kept, which saves a second a start, and what
    is written to a file is buffered.
    """
    chosen = {
        "PYTHONUTF8": "1",
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PYTHONPYCACHEPREFIX": str(Path(sys.prefix, "bytecode")),
        "PYTHONWARNINGS": "error",
        **dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS"), str(home)),
    }
    ours_alone = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
    return {key: value for key, value in os.environ.items() if key not in ours_alone} | chosen


class Service:
    """``engine run`` in a folder; what it logs (JSON lines) and complains of (standard error) goes to files there."""

    def __init__(self, folder: Path, number: int, log: Path | None = None) -> None:
        self._log = log or folder / f"service-{number}.jsonl"
        self._errors = folder / f"service-{number}.err"
        self._offset = 0
        self.facts: list[Fact] = []
        with self._log.open("wb") as out, self._errors.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "engine", "run"],
                cwd=folder,
                stdout=out,
                stderr=err,
                env=environment(folder),
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def complaints(self) -> str:
        return self._errors.read_text("utf-8")

    @property
    def log_text(self) -> str:
        return self._log.read_text("utf-8") if self._log.is_file() else ""

    def seen(self, event: str, **values: object) -> list[Fact]:
        """The facts of one kind so far, those with these values."""
        with self._log.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        whole = data.rfind(b"\n") + 1
        self._offset += whole
        self.facts += [json.loads(line) for line in data[:whole].splitlines()]
        return [fact for fact in self.facts if fact["event"] == event and values.items() <= fact.items()]

    async def wait_for(self, event: str, times: int = 1, within: float = WITHIN_S, **values: object) -> list[Fact]:
        """Wait until a fact has been logged so often."""
        await until(
            f"{times} x {event} {values}",
            lambda: len(self.seen(event, **values)) >= times or self.process.poll() is not None,
            within,
            lambda: self.complaints or self.log_text[-4000:],
        )
        found = self.seen(event, **values)
        assert len(found) >= times, f"ended with {self.process.poll()} before {event}: {self.complaints}"
        return found

    async def wait_state(self, state: str, line: str = "dock-1", *, within: float = WITHIN_S) -> None:
        """Until a line has come to a state."""
        await self.wait_for("machine.state.changed", machine=line, after=state, within=within)

    async def wait_at_work(self, lines: int = 1) -> None:
        """Until this many lines are in IDLE and all of their ports are open."""
        await self.wait_for("serial.link.opened", 2 * lines)
        await until(f"{lines} lines in IDLE", lambda: len(self._idle()) >= lines)

    def _idle(self) -> set[str]:
        inside = ("ready", "occupied")
        return {fact["machine"] for state in inside for fact in self.seen("machine.state.changed", after=state)}

    def kill(self) -> None:
        """A power cut, as far as a process can tell."""
        self.process.kill()
        self.process.wait()

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """It ends within two seconds, with 0 and without a word on standard error; nothing of it is left."""
        children = psutil.Process(self.pid).children(recursive=True)
        assert children == []
        asked = time.monotonic()
        self.process.send_signal(number)
        code = await self.ended()
        took = time.monotonic() - asked
        assert (code, self.complaints) == (0, "")
        assert took < STOPS_WITHIN_S
        assert self.seen("gateway.service.stopped")
        assert not self.seen("machine.stop.forced")

    async def ended(self, within: float = WITHIN_S) -> int:
        """Wait for its end; the exit code."""
        await until("the end of the service", lambda: self.process.poll() is not None, within)
        code = self.process.poll()
        assert code is not None
        return code


class Scene:
    """A hall, a server, and the services that are started on one folder. The test is the operator."""

    def __init__(self, folder: Path, server: ReferenceServer, hall: Hall) -> None:
        self.folder = folder
        self.server = server
        self.hall = hall
        self.boxes: list[Box] = []
        self.services: list[Service] = []

    def start(self, log: Path | None = None) -> Service:
        """Start a service (again)."""
        service = Service(self.folder, len(self.services) + 1, log)
        self.services.append(service)
        return service

    def write_site(self, *, replace: Sequence[tuple[str, str]] = ()) -> None:
        """The hall's own site.yaml in haste: whoever tests does not want to wait for intervals."""
        text = self.hall.site_yaml(self.server.url)
        hasty = [
            ("stable_for: 1 s", "stable_for: 200 ms"),
            ("interval: 1 s", "interval: 100 ms"),
            ("interval: 5 s", "interval: 200 ms"),
            ("level: info", "level: debug"),
        ]
        for old, new in [*hasty, *replace]:
            assert old in text, f"the hall's site.yaml has no '{old}' any more"
            text = text.replace(old, new)
        (self.folder / "site.yaml").write_text(text, encoding="utf-8")

    def put(self, card: str, weight: str, line: int = 0) -> Box:
        """Touch a card and put a box down; the card stays on the reader."""
        stand = self.hall.lines[line]
        box = Box(stand.name, len(self.boxes) + 1, card, Decimal(weight))
        self.boxes.append(box)
        stand.reader.touch(card, time.monotonic())
        stand.scale.put_down(box.weight, _QUIET_SWING, time.monotonic())
        return box

    async def touch(self, card: str, line: int = 0, *, stays: float = 0.3) -> None:
        """Hold a card to the reader, and take it away."""
        reader = self.hall.lines[line].reader
        reader.touch(card, time.monotonic())
        await asyncio.sleep(stays)
        reader.take_away()

    def lift(self, line: int = 0) -> None:
        """Take box and card away."""
        stand = self.hall.lines[line]
        stand.reader.take_away()
        stand.scale.lift(0.05, time.monotonic())

    async def weigh(self, service: Service, card: str, weight: str, line: int = 0) -> Box:
        """One box from beginning to end, as the service sees it."""
        box = self.put(card, weight, line)
        await service.wait_for("weighing.record.committed", card=card)
        before = len(service.seen("machine.state.changed", machine=box.line, after="ready"))
        self.lift(line)
        await service.wait_for("machine.state.changed", before + 1, machine=box.line, after="ready")
        return box

    async def all_delivered(self, *, within: float = WITHIN_S) -> None:
        """Until every box that was put down has reached the server, and its record is noted as sent."""
        ledger = self.folder / "ledger.sqlite"
        await until(
            "every box delivered",
            lambda: len(rows := read_ledger(ledger)) >= len(self.boxes) and all(row.is_sent for row in rows),
            within,
            lambda: self.services[-1].complaints or self.services[-1].log_text[-4000:],
        )

    async def approve_beforehand(self, *records: tuple[str, str]) -> None:
        """A database as an earlier service left it: approved, with these cards and weights not yet sent."""
        self.server.backend.register(
            {"mac_address": MAC_ADDRESS, "hostname": "h", "ip_address": "127.0.0.1", "name": "n"}
        )
        token = self.server.approve(MAC_ADDRESS)
        async with await open_store("sqlite:///ledger.sqlite", base_dir=self.folder, clock=SystemClock()) as store:
            await store.save_identity(GatewayIdentity(MAC_ADDRESS, "h", "127.0.0.1", "n"))
            await store.save_token(token, "1", "active")
            for card, weight in records:
                self.boxes.append(Box("dock-1", len(self.boxes) + 1, card, Decimal(weight)))
                record = WeighingRecord(
                    str(uuid.uuid4()), card, Decimal(weight), "kg", datetime.now(UTC), "dock-1", chart="weighing"
                )
                await store.save_record(record)

    def problems(self) -> list[str]:
        """What is not exactly once, here and at the server, with the right card and weight."""
        return audit(self.boxes, read_ledger(self.folder / "ledger.sqlite"), self.server.records).problems


@asynccontextmanager
async def scene(
    folder: Path, *, lines: int = 1, approve: bool = True, hall: Hall | None = None
) -> AsyncIterator[Scene]:
    """A hall on pseudo-terminals and a server; every service that was started is gone afterwards."""
    async with (
        ReferenceServer(auto_approve_after=0.0 if approve else None) as server,
        hall or Hall(lines=lines) as opened,
    ):
        made = Scene(folder, server, opened)
        made.write_site()
        try:
            yield made
        finally:
            for service in made.services:
                with suppress(ProcessLookupError):
                    service.kill()
