"""A station's face for tests: real store, real bus, real routes; the batches behind it are played."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx

from engine.clock import SystemClock
from engine.sequence.records import (
    ExecutionRecord,
    ExecutionStatus,
    Measurement,
    Record,
    StepRecord,
    StepStatus,
    Verdict,
)
from engine.station.bus import BATCH_STATUS, Bus
from engine.station.catalog import Catalog
from engine.station.editing import StationFile
from engine.station.errors import (
    CommandError,
    NoSuchBatchError,
    NoSuchPromptError,
    ParameterProblem,
    ParametersError,
    WrongStateError,
)
from engine.station.settings import BackendSettings, BatchSettings, StationSettings
from engine.station.status import BatchStatus
from engine.station.web.app import guarded
from engine.station.web.door import Door
from engine.station.web.face import Face
from engine.station.web.hub import Hub
from engine.station.web.keys import KeyRing
from engine.station.web.logbook import Logbook
from engine.station.web.server import WebServer
from engine.store.station import StationStore, open_station_store
from engine.store.station_ports import AuditEntry

T = TypeVar("T")
START = datetime(2026, 1, 31, 9, tzinfo=UTC)
FILE = """\
# 우리 공장의 스테이션
station: {id: line-1, name: 1라인}   # 한 줄로
batches:
  # 첫 번째 배치
  - id: batch_1
    name: 첫째          # 바뀌면 여기
    sequencePackage: power_board
    simulate: true
    hardware: {psu: {port: "${PSU_PORT}"}}
  - {id: batch_2, sequencePackage: scale_check, simulate: true}
"""


def run(scenario: Coroutine[Any, Any, T], within: float = 60) -> T:
    return asyncio.run(asyncio.wait_for(scenario, within))


def execution(number: int, **more: Any) -> ExecutionRecord:
    facts: dict[str, Any] = {
        "batch_id": "batch_1", "sequence_name": "power_board", "sequence_version": "1.2.0",
        "status": ExecutionStatus.COMPLETED, "verdict": Verdict.PASS, "started_at": START + timedelta(seconds=number),
        "completed_at": START + timedelta(seconds=number + 1), "duration": 1.0, "parameters": {"vin": 12.0},
    }  # fmt: skip
    return ExecutionRecord(f"00000000-0000-4000-8000-{number:012d}", **{"seq": 1, **facts, **more})


def step(of: ExecutionRecord, order: int, name: str, value: float | None = None, **more: Any) -> StepRecord:
    measured = (
        () if value is None else (Measurement("v", value, "V", more.get("verdict", Verdict.PASS), "3.0 ... 4.0"),)
    )
    facts: dict[str, Any] = {"status": StepStatus.COMPLETED, "verdict": Verdict.PASS, "duration": 0.1}
    return StepRecord(of.execution_id, of.seq + order, order, name, name, measurements=measured, **{**facts, **more})


@dataclass
class PlayedStation:
    """What ``Station`` promises, without processes. ``running``: the executions that are underway, by batch."""

    settings: StationSettings
    store: StationStore
    clock: SystemClock = field(default_factory=SystemClock)

    def __post_init__(self) -> None:
        self.bus = Bus(self.clock)
        self._settings = {one.id: one for one in self.settings.batches}
        self._status = {one.id: BatchStatus(one.id, one.name, "idle", "idle") for one in self.settings.batches}
        self._numbers = itertools.count(1)

    @property
    def batch_ids(self) -> Sequence[str]:
        return tuple(self._status)

    def status(self, batch_id: str) -> BatchStatus:
        if batch_id not in self._status:
            raise NoSuchBatchError(f"there is no batch '{batch_id}'")
        return self._status[batch_id]

    def statuses(self) -> Sequence[BatchStatus]:
        return list(self._status.values())

    def batch_settings(self, batch_id: str) -> BatchSettings:
        self.status(batch_id)
        return self._settings[batch_id]

    def configuration(self, batch_id: str) -> Sequence[str]:
        return (self.status(batch_id).status,)

    def set(self, batch_id: str, **changes: Any) -> BatchStatus:
        """A batch is otherwise now, and everybody is told."""
        status = self._status[batch_id] = replace(self.status(batch_id), **changes)
        self.bus.publish(BATCH_STATUS, batch_id, status.to_json())
        return status

    async def start_batch(self, batch_id: str, *, actor: str = "") -> BatchStatus:
        self._only(batch_id, "idle", "error")
        started = self.set(batch_id, status="running", state="free", pid=4711, reason="")
        await self._audit("batch.start", batch_id, actor)
        return started

    async def stop_batch(self, batch_id: str, *, actor: str = "") -> BatchStatus:
        self._only(batch_id, "running", "starting")
        await self._audit("batch.stop", batch_id, actor)
        return self.set(batch_id, status="idle", state="idle", pid=None, execution_id=None, prompts=())

    async def restart_batch(self, batch_id: str, *, actor: str = "") -> BatchStatus:
        if self.status(batch_id).status == "running":
            await self.stop_batch(batch_id, actor=actor)
        return await self.start_batch(batch_id, actor=actor)

    async def start_sequence(
        self, batch_id: str, parameters: Mapping[str, object] | None = None, *, serial: str = "", operator: str = ""
    ) -> str:
        status = self._only(batch_id, "running")
        if status.execution_id is not None:
            raise WrongStateError(f"batch '{batch_id}' runs a sequence")
        wrong = [name for name in parameters or {} if name != "vin"]
        if wrong:
            raise ParametersError([ParameterProblem(wrong[0], "unknown-setting", f"there is no '{wrong[0]}'")])
        record = execution(
            next(self._numbers), batch_id=batch_id, status=ExecutionStatus.RUNNING, verdict=None, completed_at=None,
            duration=None, parameters=dict(parameters or {}), serial=serial, operator=operator,
        )  # fmt: skip
        await self.commit(record)
        self.set(batch_id, execution_id=record.execution_id, current_step="look", step_index=1, total_steps=2)
        return record.execution_id

    async def resume_sequence(self, batch_id: str, *, actor: str = "") -> str:
        resumable = self.status(batch_id).resumable
        if resumable is None:
            raise WrongStateError("the process did not die at a step of which the sequence says 'resumable: true'")
        await self._audit("sequence.resume", batch_id, actor, resumable)
        self.set(batch_id, status="running", resumable=None, execution_id=resumable["execution_id"])
        return resumable["execution_id"]

    async def stop_sequence(self, batch_id: str, reason: str = "stopped", *, actor: str = "") -> BatchStatus:
        if self._only(batch_id, "running").execution_id is None:
            raise WrongStateError("nothing runs")
        await self._audit("sequence.stop", batch_id, actor, {"reason": reason})
        return self.set(batch_id, execution_id=None, current_step=None, prompts=())

    async def manual(
        self, batch_id: str, hardware: str, command: str, params: Mapping[str, object] | None = None, *, actor: str = ""
    ) -> Mapping[str, Any]:
        if self._only(batch_id, "running").execution_id is not None:
            raise WrongStateError(f"batch '{batch_id}' runs a sequence")
        await self._audit("manual", batch_id, actor, {"hardware": hardware, "command": command})
        if hardware != "psu":
            return {"problem": f"there is no hardware '{hardware}'"}
        if command == "vanish":
            raise CommandError("worker_gone", "the process is gone")
        error = "RuntimeError: short circuit" if command == "short" else None
        return {"value": {"voltage": 5.0, "gap": None}, "error": error, "duration": 0.01}

    async def answer(self, batch_id: str, prompt_id: str, text: str, *, actor: str = "") -> None:
        status = self.status(batch_id)
        if all(one["id"] != prompt_id for one in status.prompts):
            raise NoSuchPromptError(f"no question '{prompt_id}' waits")
        if text not in {"예", "아니오"}:
            raise CommandError("no_choice", f"'{text}' is no answer")
        self.set(batch_id, prompts=())

    async def run_cleanup(self, batch_id: str, *, actor: str = "") -> BatchStatus:
        if not self.status(batch_id).owes_cleanup:
            raise WrongStateError("nothing is owed")
        return self.set(batch_id, owes_cleanup=False)

    waive_cleanup = run_cleanup

    async def add_batch(self, settings: BatchSettings) -> None:
        self._settings[settings.id] = settings
        self._status[settings.id] = BatchStatus(settings.id, settings.name, "idle", "idle")
        self.set(settings.id)

    async def replace_batch(self, settings: BatchSettings) -> None:
        self._only(settings.id, "idle", "error")
        self._settings[settings.id] = settings
        self.set(settings.id, name=settings.name)

    async def remove_batch(self, batch_id: str) -> None:
        self._only(batch_id, "idle", "error")
        del self._status[batch_id], self._settings[batch_id]

    async def commit(self, *records: Record) -> None:
        """Keep records of a run."""
        await self.store.commit(records)

    def _only(self, batch_id: str, *statuses: str) -> BatchStatus:
        status = self.status(batch_id)
        if status.status not in statuses:
            raise WrongStateError(f"batch '{batch_id}' is {status.status}")
        return status

    async def _audit(self, action: str, batch_id: str, actor: str, detail: Mapping[str, object] | None = None) -> None:
        await self.store.add_audit(AuditEntry(self.clock.now(), actor, action, batch_id, detail or {}, "ok"))


@dataclass
class World:
    """A face with a client that speaks to it in this process, and a server when one is asked for."""

    station: PlayedStation
    face: Face
    client: httpx.AsyncClient
    file: Path

    @asynccontextmanager
    async def served(self, port: int = 0) -> AsyncIterator[WebServer]:
        """Over a real socket."""
        server = WebServer(guarded(self.face), "127.0.0.1", port)
        self.face.cut = server.cut
        await server.listen()
        try:
            yield server
        finally:
            await server.close()

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        """One request; status and JSON."""
        response = await self.client.request(method, path, **options)
        is_json = response.headers.get("content-type", "").partition(";")[0].endswith("json")
        return response.status_code, response.json() if is_json and response.content else response.text


@asynccontextmanager
async def world(
    folder: Path, *, wants_key: bool = False, backend: bool = False, clock: SystemClock | None = None
) -> AsyncIterator[World]:
    clock = clock or SystemClock()
    file = folder / "station.yaml"
    file.write_text(FILE, encoding="utf-8")
    batches = (
        BatchSettings("batch_1", "첫째", "power_board", {"psu": {"port": "/dev/secret"}}, simulate=True),
        BatchSettings("batch_2", "batch_2", "scale_check", simulate=True),
    )
    where = BackendSettings("http://127.0.0.1:1") if backend else None
    settings = StationSettings("line-1", "1라인", folder, batches=batches, backend=where, path=file)
    async with (
        await open_station_store(folder / "station.db", clock=clock, queues=backend) as store,
        asyncio.TaskGroup() as tasks,
    ):
        station = PlayedStation(settings, store)
        face = Face(
            station=station,
            store=store,
            clock=clock,
            catalog=Catalog(()),
            hub=Hub(station, clock, tasks.create_task),
            door=Door(KeyRing(folder), clock, wants_key=wants_key, is_loopback=True),
            logbook=Logbook(station.bus),
            started_at=clock.now(),
            began=clock.monotonic(),
            database=folder / "station.db",
            editor=StationFile(file, {"PSU_PORT": "/dev/ttyUSB0"}),
        )
        transport = httpx.ASGITransport(guarded(face), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
            yield World(station, face, client, file)


def problem(answer: tuple[int, Any], status: int, code: str, field: str | None = None) -> dict[str, Any]:
    """What is wrong with a request, as it was told: all that every problem has is there."""
    got, body = answer
    assert got == status, body
    assert body["code"] == code
    assert body["status"] == status
    assert body["type"] == f"urn:scaleledger:problem:{code}"
    assert body["detail"]
    if field is not None:
        assert field in [one["field"] for one in body["errors"]]
    return body


async def running(there: World) -> World:
    """A world whose first batch is started."""
    assert (await there.call("POST", "/api/batches/batch_1/start"))[0] == 200
    return there
