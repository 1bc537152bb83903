"""A full disk: nothing half committed, a reserve that keeps the hall going for a while, and commits again after."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from store_kit import IDENTITY, database, make_record, on_store_thread, open_sqlite, record_id, run

from engine.clock import VirtualClock
from engine.ports import Delivery, DeliveryKind, SaveResult, StoreCounts, StoreError, StoreFullError
from engine.store import read_journal
from engine.store.sqlite import BALLAST_BYTES


def limit_to_what_is_there(connection: Any) -> None:
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")


def lift_the_limit(connection: Any) -> None:
    connection.execute("PRAGMA max_page_count = 1000000")


def test_a_full_database_refuses_the_record_whole_and_takes_it_later(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = VirtualClock()
        ballast = tmp_path / "ledger.sqlite.ballast"
        async with await open_sqlite(tmp_path, clock) as store:
            await store.save_record(make_record(1))
            assert ballast.stat().st_blocks * 512 >= BALLAST_BYTES
            await on_store_thread(store, limit_to_what_is_there)
            saved = 1
            with pytest.raises(StoreFullError, match="free some room"):  # noqa: PT012 - the pages there are fill up first
                for number in range(2, 100):
                    await store.save_record(make_record(number, raw_frame=bytes(1_000)))
                    saved = number
            refused = make_record(saved + 1, raw_frame=bytes(1_000))
            assert (await store.counts()).total == saved
            assert not ballast.exists()  # given up, in vain: this limit is not the disk's
            with pytest.raises(StoreFullError):
                await store.save_record(refused)
            await on_store_thread(store, lift_the_limit)
            clock.advance(61)
            assert await store.save_record(refused) is SaveResult.SAVED
            assert ballast.stat().st_size == BALLAST_BYTES
            assert [r.sequence for r in await store.pending_records(200)] == list(range(1, saved + 2))
        assert [r.sequence for r in read_journal(tmp_path / "ledger.sqlite.journal")] == list(range(1, saved + 2))

    run(scenario())


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)]
    if os.name == "nt" or os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk needs the right to mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def fill(disk: Path) -> None:
    """Somebody else's log takes every last byte."""
    with (disk / "other.log").open("ab", buffering=0) as file:
        chunk = 1 << 20
        while chunk:
            try:
                file.write(bytes(chunk))
            except OSError:
                chunk //= 2


def test_on_a_full_disk_the_reserve_keeps_the_hall_going_and_the_refusal_is_clean(small_disk: Path) -> None:
    async def scenario() -> None:
        clock = VirtualClock()
        ballast = small_disk / "ledger.sqlite.ballast"
        async with await open_sqlite(small_disk, clock) as store:
            await store.save_identity(IDENTITY)
            await store.save_record(make_record(1))
            assert ballast.exists()
            fill(small_disk)
            number = 1
            with structlog.testing.capture_logs() as logs:
                while number < 20:
                    number += 1
                    assert await store.save_record(make_record(number, raw_frame=bytes(3_000))) is SaveResult.SAVED
            assert "store.ballast.freed" in [entry["event"] for entry in logs if entry["log_level"] == "error"]
            assert not ballast.exists()

            fill(small_disk)  # and takes what the reserve gave
            with pytest.raises(StoreFullError, match="disk is full"):  # noqa: PT012 - what the log file had free goes first
                while True:
                    await store.save_record(make_record(number + 1, raw_frame=bytes(3_000)))
                    number += 1
            assert await store.counts() == StoreCounts(total=number, sent=0, waiting=number, rejected=0)
            with pytest.raises(StoreError):
                await store.save_deliveries([Delivery(record_id(1), DeliveryKind.DELIVERED)])
            assert len(await store.pending_records(5)) == 5  # the outbox can still be read and uploaded

            (small_disk / "other.log").unlink()
            clock.advance(61)
            assert await store.save_record(make_record(number + 1)) is SaveResult.SAVED
            await store.save_deliveries([Delivery(record_id(1), DeliveryKind.DELIVERED)])
            assert ballast.exists()
            total = number + 1
            assert await store.counts() == StoreCounts(total=total, sent=1, waiting=total - 1, rejected=0)
        assert [r.sequence for r in read_journal(small_disk / "ledger.sqlite.journal")] == list(range(1, total + 1))
        with database(small_disk / "ledger.sqlite") as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"

    run(scenario())


def test_a_service_starts_on_a_disk_that_is_full(small_disk: Path) -> None:
    async def scenario() -> None:
        async with await open_sqlite(small_disk) as store:
            await store.save_record(make_record(1))
        fill(small_disk)
        async with await open_sqlite(small_disk) as store:
            assert await store.save_record(make_record(2)) is SaveResult.SAVED
            assert [r.may_have_arrived for r in await store.pending_records(9)] == [True, False]

    run(scenario())


def test_the_log_written_ahead_stays_small_and_shrinks_again_when_a_reader_made_it_grow(tmp_path: Path) -> None:
    log_file = tmp_path / "ledger.sqlite-wal"

    async def scenario() -> None:
        async with await open_sqlite(tmp_path) as store:

            async def largest(numbers: range) -> int:
                sizes = []
                for number in numbers:
                    await store.save_record(make_record(number, raw_frame=bytes(200_000)))
                    sizes.append(log_file.stat().st_size)
                return max(sizes[-10:])

            assert await largest(range(60)) < BALLAST_BYTES
            with database(tmp_path / "ledger.sqlite") as reader:
                reader.execute("BEGIN")
                reader.execute("SELECT count(*) FROM weighing_records").fetchone()
                assert await largest(range(100, 150)) > BALLAST_BYTES
            assert await largest(range(200, 240)) < BALLAST_BYTES

    run(scenario())


def test_a_reserve_that_is_all_holes_is_laid_anew(tmp_path: Path) -> None:
    ballast = tmp_path / "ledger.sqlite.ballast"
    with ballast.open("wb") as file:
        file.truncate(BALLAST_BYTES)  # as a copy from a backup may be
    assert ballast.stat().st_blocks == 0

    async def scenario() -> None:
        async with await open_sqlite(tmp_path):
            assert ballast.stat().st_blocks * 512 >= BALLAST_BYTES

    run(scenario())
