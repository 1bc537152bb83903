"""A station's database: results as a run makes them, what waits for the backend, and who did what."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from store_kit import database

from engine.clock import VirtualClock
from engine.ports import StoreError, StoreLockedError
from engine.sequence.records import ExecutionRecord, ExecutionStatus, Measurement, StepRecord, StepStatus, Verdict
from engine.store.station import StationStore, open_station_store
from engine.store.station_ports import AuditEntry, ResultFilter, SyncAttempt

T = TypeVar("T")
CLOCK = VirtualClock()
BEGUN = ExecutionRecord(
    "exec-1", 1, "batch_1", "power_board", "1.2.0", ExecutionStatus.RUNNING,
    parameters={"vin": 12.0}, started_at=CLOCK.now(), serial="SN-7", operator="kim",
)  # fmt: skip
STEP = StepRecord("exec-1", 2, 1, "power_on", "power_on", StepStatus.RUNNING, started_at=CLOCK.now())
MEASURED = replace(
    STEP,
    seq=3,
    status=StepStatus.COMPLETED,
    verdict=Verdict.PASS,
    completed_at=CLOCK.now() + timedelta(seconds=1),
    duration=1.0,
    result={"value": 3.3},
    measurements=(Measurement("v3v3", 3.3, "V", Verdict.PASS, "3.135 to 3.465"),),
)
NEXT = StepRecord("exec-1", 4, 2, "rail", "rail", StepStatus.RUNNING, started_at=CLOCK.now())
ENDED = replace(BEGUN, seq=5, status=ExecutionStatus.COMPLETED, verdict=Verdict.PASS, duration=2.0,
                completed_at=CLOCK.now() + timedelta(seconds=2))  # fmt: skip


def run(scenario: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(scenario)


async def opened(folder: Path, *, queues: bool = True) -> StationStore:
    return await open_station_store(folder / "station.db", clock=VirtualClock(), queues=queues)


def test_what_was_committed_is_there_after_a_restart(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with await opened(tmp_path) as store:
            await store.commit([BEGUN, STEP])
            await store.commit([MEASURED, NEXT])
            await store.commit([ENDED])
        async with await opened(tmp_path) as store:
            found = await store.find("exec-1")
        assert found is not None
        assert found.record == ENDED
        first, second = found.steps
        assert replace(first, seq=3) == MEASURED
        assert second.status is StepStatus.RUNNING

    run(scenario())


def test_records_that_come_again_change_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with await opened(tmp_path) as store:
            await store.commit([BEGUN, STEP, MEASURED])
            await store.commit([STEP])
            await store.commit([BEGUN, STEP, MEASURED, NEXT, ENDED])
            await store.commit([NEXT, ENDED])
            found = await store.find("exec-1")
            assert await store.queue_counts() == (1, 0)
        assert found is not None
        assert [step.status for step in found.steps] == [StepStatus.COMPLETED, StepStatus.RUNNING]
        assert found.record.status is ExecutionStatus.COMPLETED

    run(scenario())


def test_of_records_that_do_not_fit_together_none_is_kept(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with await opened(tmp_path) as store:
            with pytest.raises(StoreError, match="before the execution"):
                await store.commit([replace(BEGUN, execution_id="exec-2"), STEP])
            assert await store.find("exec-2") is None

    run(scenario())


def test_an_execution_whose_process_died_is_interrupted_once_and_finished_by_its_cleanup(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with await opened(tmp_path) as store:
            await store.commit([BEGUN, STEP])
            assert await store.interrupt("exec-1", "its process was killed", needs_cleanup=True)
            assert not await store.interrupt("exec-1", "again", needs_cleanup=True)
            assert await store.queue_counts() == (0, 0)
            (left,) = await store.unfinished()
            assert left.needs_cleanup
            assert left.record.status is ExecutionStatus.INTERRUPTED
            assert left.steps[0].error == "its process was killed"
            cleanup = replace(MEASURED, seq=left.record.seq + 1, order=2, name="off", path="off", is_cleanup=True)
            await store.commit([cleanup, replace(left.record, seq=left.record.seq + 2)])
            assert not await store.unfinished()
            assert await store.queue_counts() == (1, 0)

    run(scenario())


def test_a_cleanup_that_nobody_wants_leaves_the_result_finished(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with await opened(tmp_path) as store:
            await store.commit([BEGUN])
            await store.interrupt("exec-1", "killed", needs_cleanup=True)
            await store.waive_cleanup("exec-1")
            assert not await store.unfinished()
            assert await store.queue_counts() == (1, 0)

    run(scenario())


def test_what_finished_without_a_backend_is_queued_when_there_is_one(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with await opened(tmp_path, queues=False) as store:
            await store.commit([BEGUN, ENDED, replace(BEGUN, execution_id="runs")])
            assert await store.queue_counts() == (0, 0)
        async with await opened(tmp_path) as store:
            (waiting,) = await store.queued(10)
            assert waiting.execution_id == "exec-1"

    run(scenario())


def test_a_delivered_result_leaves_the_queue_and_a_rejected_one_is_parked(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with await opened(tmp_path) as store:
            for name in ("a", "b", "c"):
                await store.commit([replace(ENDED, execution_id=name)])
            await store.save_attempts(
                [
                    SyncAttempt("a", is_delivered=True),
                    SyncAttempt("b", is_rejected=True, reason="422: no such station"),
                    SyncAttempt("c", reason="no answer", may_have_arrived=True),
                ]
            )
            (waiting,) = await store.queued(10)
            assert (waiting.execution_id, waiting.retry_count, waiting.may_have_arrived) == ("c", 1, True)
            assert await store.queue_counts() == (1, 1)
            delivered = await store.find("a")
            assert delivered is not None
            assert delivered.synced_at is not None

    run(scenario())


def test_results_are_found_by_what_is_asked_and_counted(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with await opened(tmp_path) as store:
            for number in range(30):
                await store.commit(
                    [
                        replace(
                            ENDED,
                            execution_id=f"x{number:02}",
                            batch_id=f"batch_{number % 3}",
                            serial=f"SN-{number}",
                            verdict=Verdict.PASS if number % 2 else Verdict.FAIL,
                            started_at=CLOCK.now() + timedelta(minutes=number),
                        )
                    ]
                )
            page = await store.page(ResultFilter(batch_id="batch_1", overall_pass=True), offset=1, limit=3)
            assert [item.record.execution_id for item in page.items] == ["x19", "x13", "x07"]
            assert page.total == 5
            since = ResultFilter(since=CLOCK.now() + timedelta(minutes=28), until=CLOCK.now() + timedelta(minutes=29))
            assert [item.record.serial for item in (await store.page(since)).items] == ["SN-28"]
            assert (await store.page(ResultFilter(status="running"))).total == 0

    run(scenario())


def test_the_audit_log_tells_the_newest_first(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with await opened(tmp_path) as store:
            for number in range(3):
                entry = AuditEntry(
                    CLOCK.now(), "kim", "manual", f"b{number % 2}", {"command": f"psu.on {number}"}, "ok"
                )
                await store.add_audit(entry)
            entries, total = await store.audit("b0", limit=1)
            assert total == 2
            assert entries[0].detail == {"command": "psu.on 2"}

    run(scenario())


def test_one_master_has_the_database(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with await opened(tmp_path):
            with pytest.raises(StoreLockedError, match=r"give this one a paths\.data of its own"):
                await opened(tmp_path)

    run(scenario())


def test_a_damaged_database_is_told_without_a_journal_that_a_station_does_not_have(tmp_path: Path) -> None:
    (tmp_path / "station.db").write_text("no database at all\n" * 100)

    async def scenario() -> None:
        with pytest.raises(StoreError, match=r"put a backup in its place$"):
            await opened(tmp_path)

    run(scenario())


def test_the_tables_can_be_read_by_other_programs_as_the_operators_guide_says(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with await opened(tmp_path) as store:
            await store.commit([BEGUN, ENDED])
            with database(tmp_path / "station.db") as other:
                (row,) = other.execute("SELECT * FROM sync_queue ORDER BY created_at DESC LIMIT 10").fetchall()
                assert row["retry_count"] == 0
                (parameters,) = other.execute("SELECT parameters FROM executions").fetchone()
                assert json.loads(parameters) == {"vin": 12.0}

    run(scenario())
