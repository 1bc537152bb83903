"""What the SQLite store does with its file, its thread and a restart."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
import structlog
from store_kit import (
    IDENTITY,
    database,
    make_record,
    on_store_thread,
    open_sqlite,
    record_id,
    run,
    store_threads,
)

from engine.clock import VirtualClock
from engine.ports import Delivery, DeliveryKind, SaveResult, Secret, StoreError


def test_every_commit_is_written_ahead_and_synced(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with await open_sqlite(tmp_path) as store:

            def pragmas(connection: object) -> dict[str, object]:
                names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "wal_autocheckpoint")
                return {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names}  # type: ignore[attr-defined]

            assert await on_store_thread(store, pragmas) == {
                "journal_mode": "wal",
                "synchronous": 2,  # FULL
                "foreign_keys": 1,
                "busy_timeout": 5_000,
                "wal_autocheckpoint": 768,
            }

    run(scenario())


def test_the_tables_have_the_names_and_types_of_the_requirements(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with await open_sqlite(tmp_path):
            pass

    run(scenario())
    with database(tmp_path / "ledger.sqlite") as connection:
        columns = {
            table: {row["name"]: row["type"] for row in connection.execute(f"PRAGMA table_info({table})")}
            for table in ("gateway", "weighing_records")
        }
    assert (
        columns["gateway"].items()
        >= {
            "mac_address": "VARCHAR(17)",
            "hostname": "VARCHAR(255)",
            "ip_address": "VARCHAR(15)",
            "access_token": "VARCHAR(64)",
            "status": "VARCHAR(10)",
            "last_heartbeat": "DATETIME",
            "created_at": "DATETIME",
            "updated_at": "DATETIME",
        }.items()
    )
    assert (
        columns["weighing_records"].items()
        >= {
            "uuid": "CHAR(36)",
            "rfid_uid": "VARCHAR(50)",
            "weight": "FLOAT",
            "measured_at": "DATETIME",
            "is_sent": "BOOLEAN",
        }.items()
    )


def test_a_row_can_be_read_by_anybody_with_sqlite3(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with await open_sqlite(tmp_path) as store:
            await store.save_identity(IDENTITY)
            await store.save_token(Secret("t" * 100), "17", "active")
            await store.save_record(make_record(weight=Decimal("-1.640")))
            with database(tmp_path / "ledger.sqlite") as connection:  # while the service runs
                row = dict(connection.execute("SELECT *, typeof(uuid) AS kind FROM weighing_records").fetchone())
                gateway = dict(connection.execute("SELECT * FROM gateway").fetchone())
            assert (
                row.items()
                >= {
                    "uuid": record_id(1),
                    "kind": "text",
                    "weight": -1.64,
                    "weight_text": "-1.640",
                    "unit": "kg",
                    "measured_at": "2026-01-31T05:30:00.250000+00:00",
                    "created_at": "2026-01-01T00:00:00.000000+00:00",
                    "is_sent": 0,
                    "raw_frame": b"ST,GS,+0012.340kg\r\n",
                    "sequence": 1,
                    "sent_at": None,
                }.items()
            )
            assert gateway["access_token"] == "t" * 100
            assert gateway["approved_at"] == "2026-01-01T00:00:00.000000+00:00"

    run(scenario())


def test_times_of_deliveries_are_noted(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = VirtualClock()
        async with await open_sqlite(tmp_path, clock) as store:
            for number in (1, 2):
                await store.save_record(make_record(number))
            clock.advance(1.5)
            await store.save_deliveries(
                [
                    Delivery(record_id(1), DeliveryKind.DELIVERED),
                    Delivery(record_id(2), DeliveryKind.REJECTED, "no"),
                ]
            )

    run(scenario())
    with database(tmp_path / "ledger.sqlite") as connection:
        rows = connection.execute("SELECT sent_at, rejected_at FROM weighing_records ORDER BY sequence").fetchall()
    assert [tuple(row) for row in rows] == [
        ("2026-01-01T00:00:01.500000+00:00", None),
        (None, "2026-01-01T00:00:01.500000+00:00"),
    ]


def test_the_outbox_is_read_from_its_index_without_sorting(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with await open_sqlite(tmp_path):
            pass

    run(scenario())
    query = "SELECT * FROM weighing_records WHERE is_sent = FALSE AND rejected_at IS NULL ORDER BY sequence LIMIT 5"
    with database(tmp_path / "ledger.sqlite") as connection:
        plan = " ".join(row["detail"] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}"))
    assert "USING INDEX idx_weighing_records__is_sent" in plan
    assert "TEMP B-TREE" not in plan


@pytest.mark.skipif(os.name == "nt", reason="file modes are POSIX")
def test_the_file_with_the_token_is_its_owner_s_alone(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with await open_sqlite(tmp_path) as store:
            await store.save_identity(IDENTITY)
            for name in ("ledger.sqlite", "ledger.sqlite-wal"):
                assert (tmp_path / name).stat().st_mode & 0o077 == 0

    run(scenario())


def test_after_a_restart_what_waited_may_have_arrived_and_numbers_go_on(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with await open_sqlite(tmp_path) as store:
            for number in (1, 2, 3):
                await store.save_record(make_record(number))
            await store.save_deliveries(
                [
                    Delivery(record_id(1), DeliveryKind.DELIVERED),
                    Delivery(record_id(2), DeliveryKind.REJECTED, "no"),
                ]
            )
            assert [r.may_have_arrived for r in await store.pending_records(9)] == [False]
        async with await open_sqlite(tmp_path) as store:
            await store.save_record(make_record(4))
            found = await store.records_after(0, 9)
            assert [(r.sequence, r.may_have_arrived) for r in found] == [(1, False), (2, False), (3, True), (4, False)]

    run(scenario())


def test_a_number_is_never_given_twice_even_when_the_newest_record_is_gone(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with await open_sqlite(tmp_path) as store:
            await store.save_record(make_record(1))
            await store.save_record(make_record(2))
        with database(tmp_path / "ledger.sqlite") as connection:
            connection.execute("DELETE FROM weighing_records WHERE sequence = 2")
        async with await open_sqlite(tmp_path) as store:
            await store.save_record(make_record(3))
            assert [r.sequence for r in await store.pending_records(9)] == [1, 3]

    run(scenario())


def test_one_senseless_row_does_not_hold_up_the_others(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with await open_sqlite(tmp_path) as store:
            for number in (1, 2, 3):
                await store.save_record(make_record(number))
            with database(tmp_path / "ledger.sqlite") as connection:
                connection.execute("UPDATE weighing_records SET weight_text = '12,3' WHERE sequence = 1")
                connection.execute("UPDATE weighing_records SET measured_at = 'yesterday' WHERE sequence = 2")
            assert [r.sequence for r in await store.pending_records(9)] == [3]

    run(scenario())


def test_a_token_is_never_whole_in_the_log(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with await open_sqlite(tmp_path) as store:
            await store.save_identity(IDENTITY)
            await store.save_token(Secret("0123456789abcdef"), None, "active")
            await store.forget_token("401")

    with structlog.testing.capture_logs() as logs:
        run(scenario())
    assert [entry["event"] for entry in logs if "token" in entry["event"]] == [
        "store.token.saved",
        "store.token.forgotten",
    ]
    assert "cdef" in str(logs)
    assert "bcdef" not in str(logs)


def test_another_program_that_locks_the_file_is_an_error_for_as_long_as_it_does(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with await open_sqlite(tmp_path) as store:
            await on_store_thread(store, lambda connection: connection.execute("PRAGMA busy_timeout = 20"))
            with database(tmp_path / "ledger.sqlite") as other:
                other.execute("BEGIN IMMEDIATE")
                with pytest.raises(StoreError, match="another program kept the database locked"):
                    await store.save_record(make_record())
                assert (await store.counts()).total == 0  # reading goes on
            assert await store.save_record(make_record()) is SaveResult.SAVED

    run(scenario())


def test_stores_in_one_process_do_not_mix(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with await open_sqlite(tmp_path, name="a.sqlite") as a, await open_sqlite(tmp_path, name="b.sqlite") as b:
            await asyncio.gather(
                *(store.save_record(make_record(number)) for number in range(10) for store in (a, b)),
                a.save_identity(IDENTITY),
            )
            assert (await a.counts()).total == (await b.counts()).total == 10
            assert await b.load_gateway() is None

    run(scenario())


def test_closing_leaves_no_thread_and_no_log_and_refuses_what_comes_after(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = await open_sqlite(tmp_path)
        await store.save_record(make_record())
        assert len(store_threads()) == 1
        late = asyncio.create_task(store.save_record(make_record(2)))
        await asyncio.sleep(0)  # asked for before the end, so it is done before the end
        await store.close()
        assert await late is SaveResult.SAVED
        assert store_threads() == []
        with pytest.raises(StoreError, match="closed"):
            await store.counts()
        await store.close()

    run(scenario())
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"ledger.sqlite", "ledger.sqlite.ballast", "ledger.sqlite.journal", "ledger.sqlite.lock"}


def test_a_cancelled_commit_may_be_repeated_and_a_cancelled_close_closes(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = await open_sqlite(tmp_path)
        task = asyncio.create_task(store.save_record(make_record()))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert await store.save_record(make_record()) in SaveResult
        assert (await store.counts()).total == 1
        closing = asyncio.create_task(store.close())
        await asyncio.sleep(0)
        closing.cancel()
        await asyncio.gather(closing, return_exceptions=True)
        assert store_threads() == []
        async with await open_sqlite(tmp_path) as again:
            assert (await again.counts()).total == 1

    run(scenario())


def test_the_loop_runs_on_while_the_disk_works(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with await open_sqlite(tmp_path) as store:
            turns = 0
            saving = asyncio.gather(*(store.save_record(make_record(number)) for number in range(20)))
            while not saving.done():
                turns += 1
                await asyncio.sleep(0)
            assert turns > 20

    run(scenario())


def test_importing_the_store_imports_neither_pony_nor_a_driver(tmp_path: Path) -> None:
    script = (
        "import sys, engine.store; print([m for m in ('pony', 'sqlite3', 'psycopg2', 'filelock') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
