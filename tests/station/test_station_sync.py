"""Results reach the backend, each once, however it behaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine.clock import SystemClock
from engine.net.http_client import HttpTimeouts
from engine.net.results import ResultBackend
from engine.ports import Secret
from engine.sequence.records import ExecutionRecord, ExecutionStatus, StepRecord, StepStatus, Verdict
from engine.sim import faults
from engine.sim.server import ReferenceServer
from engine.station.sync import ResultSync
from engine.station.web.models import result_json
from engine.store.station import StationStore, open_station_store

_START = datetime(2026, 1, 31, tzinfo=UTC)
_SHORT = HttpTimeouts(connect=0.5, read=0.3, total=0.5)
_KEY = Secret("a-secret-of-the-backend")


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, 30))


def finished(number: int) -> list[ExecutionRecord | StepRecord]:
    execution = ExecutionRecord(
        f"00000000-0000-4000-8000-{number:012d}", 1, "batch_1", "power_board", "1.2.0", ExecutionStatus.COMPLETED,
        verdict=Verdict.PASS, started_at=_START, completed_at=_START, duration=1.5, serial=f"SN{number}",
    )  # fmt: skip
    step = StepRecord(execution.execution_id, 2, 1, "look", "look", StepStatus.COMPLETED, Verdict.PASS)
    return [execution, step]


@asynccontextmanager
async def world(
    tmp_path: Path, *, key: Secret | None = None, interval: float = 60.0
) -> AsyncIterator[tuple[StationStore, ReferenceServer, ResultSync]]:
    clock = SystemClock()
    async with (
        ReferenceServer() as server,
        await open_station_store(tmp_path / "station.db", clock=clock, queues=True) as store,
    ):
        backend = ResultBackend(server.url, key, clock=clock, timeouts=_SHORT)
        async with ResultSync(store, backend, clock=clock, interval=interval, body=result_json) as sync:
            yield store, server, sync


async def until(holds: Any) -> None:
    """Ask again and again: the backend and the queue have no events to wait for."""
    while not (await answer if asyncio.iscoroutine(answer := holds()) else answer):  # noqa: ASYNC110 - as it says
        await asyncio.sleep(0.01)


def test_a_committed_result_is_sent_with_its_steps_and_marked_as_synced(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path, key=_KEY) as (store, server, sync):
            server.results.key = _KEY
            await store.commit(finished(1))
            sync.wake()
            await until(lambda: server.results.rows)
            ((id_, body),) = server.results.rows.items()
            assert body["serial"] == "SN1"
            assert [step["name"] for step in body["steps"]] == ["look"]  # type: ignore[attr-defined]

            async def is_synced() -> bool:
                found = await store.find(id_)
                return found is not None and found.synced_at is not None

            await until(is_synced)
            assert await store.queue_counts() == (0, 0)

    run(scenario())


def test_a_result_that_arrived_unheard_is_delivered_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as (store, server, sync):
            server.faults.add(faults.drop_before_answering(), on="results")
            await store.commit(finished(1))
            first = await sync.sync_now()
            assert (first.sent, first.waiting) == (0, 1)
            second = await sync.sync_now()
            assert (second.sent, second.waiting, second.parked, second.error) == (1, 0, 0, None)
            assert len(server.results.rows) == 1
            assert server.results.repeats == 1

    run(scenario())


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (faults.status(500), "500"),
        (faults.status(503, retry_after="1"), "503"),
        (faults.portal_page(), "web page"),
        (faults.status(401, body=b'{"detail": "unknown key"}'), "401"),
        (faults.never_answer(), "no answer"),
        (faults.redirect("http://127.0.0.1:1/"), "redirect"),
        (faults.drop_before_reading(), ""),
    ],
)
def test_a_backend_that_does_not_take_it_gets_it_later(tmp_path: Path, fault: faults.Fault, said: str) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as (store, server, sync):
            server.faults.add(fault, on="results", times=None)
            await store.commit(finished(1))
            done = await sync.sync_now()
            assert (done.sent, done.waiting, done.parked) == (0, 1, 0)
            assert said in (done.error or "")
            server.faults.clear()
            done = await sync.sync_now()
            assert (done.sent, done.waiting, done.parked, done.error) == (1, 0, 0, None)

    run(scenario())


def test_what_a_backend_will_never_take_is_parked_with_its_reason(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as (store, server, sync):
            server.faults.add(faults.status(422, body=b'{"serial": ["unknown unit"]}'), on="results")
            await store.commit(finished(1) + finished(2))
            done = await sync.sync_now()
            assert (done.sent, done.waiting, done.parked) == (1, 0, 1)

    run(scenario())


def test_a_duplicate_is_delivered_and_a_backend_that_comes_back_is_found_by_itself(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path, interval=0.1) as (store, server, sync):
            await until(lambda: sync.is_connected)
            await server.go_offline()
            await store.commit(finished(1) + finished(2))
            server.results.rows[finished(2)[0].execution_id] = {}
            await until(lambda: not sync.is_connected)
            await server.go_online()

            async def is_empty() -> bool:
                return await store.queue_counts() == (0, 0)

            await until(is_empty)
            assert len(server.results.rows) == 2
            assert sync.is_connected

    run(scenario())


def test_a_flush_ends_in_time_with_a_backend_that_is_silent(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as (store, server, sync):
            server.faults.add(faults.never_answer(), on="results", times=None)
            await store.commit(finished(1))
            began = asyncio.get_running_loop().time()
            await sync.flush(0.1)
            assert asyncio.get_running_loop().time() - began < 2
            assert await store.queue_counts() == (1, 0)

    run(scenario())
