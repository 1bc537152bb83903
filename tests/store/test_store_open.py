"""What can keep a store from opening, and what it says then; and databases of older and newer programs."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from store_kit import HOLD, child, database, make_record, open_sqlite, record_id, run, store_threads

from engine.clock import VirtualClock
from engine.ports import StoreCounts, StoreError, StoreLockedError
from engine.store import open_store, read_journal
from engine.store.migrations import LATEST, MIGRATIONS


def refusal(folder: Path, url: str = "sqlite:///ledger.sqlite") -> str:
    async def scenario() -> None:
        await (await open_store(url, base_dir=folder, clock=VirtualClock())).close()

    with pytest.raises(StoreError) as caught:
        run(scenario())
    assert store_threads() == []
    return str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "ledger.sqlite",
        "mysql://root:secret@db/ledger",
        "sqlite://ledger.sqlite",
        "sqlite:ledger.sqlite",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///ledger.sqlite?mode=memory",
        "postgresql://user:secret@db",
        "postgresql://user:secret@db:port/ledger",
        "",
    ],
)
def test_a_url_that_is_no_store_is_refused_with_what_is_possible(tmp_path: Path, url: str) -> None:
    message = refusal(tmp_path, url)
    assert "sqlite:///ledger.sqlite" in message
    assert "secret" not in message
    assert list(tmp_path.iterdir()) == []


def test_a_relative_path_counts_from_the_base_and_an_absolute_one_does_not(tmp_path: Path) -> None:
    async def scenario() -> None:
        base = tmp_path / "site"
        base.mkdir()
        (tmp_path / "other").mkdir()
        for url in ("sqlite:///../a.sqlite", f"sqlite:///{tmp_path / 'other' / 'b.sqlite'}"):
            await (await open_store(url, base_dir=base, clock=VirtualClock())).close()

    run(scenario())
    assert (tmp_path / "a.sqlite").is_file()
    assert (tmp_path / "other" / "b.sqlite").is_file()


def test_a_missing_folder_is_named_and_not_created(tmp_path: Path) -> None:
    assert f"the folder '{tmp_path / 'data'}' does not exist; create it" in refusal(tmp_path, "sqlite:///data/x.sqlite")
    assert not (tmp_path / "data").exists()


def test_a_folder_in_the_file_s_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").mkdir()
    assert "this is not a file" in refusal(tmp_path)


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite"
    file.write_text("rfid,weight\n04A1,12.3\n" * 100)
    before = file.read_bytes()
    message = refusal(tmp_path)
    assert str(file) in message
    assert "no database" in message
    assert "brought back from the journal in" in message
    assert file.read_bytes() == before


def test_a_torn_database_is_refused_with_the_way_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with await open_sqlite(tmp_path) as store:
            for number in range(60):
                await store.save_record(make_record(number))

    run(scenario())
    file = tmp_path / "ledger.sqlite"
    data = bytearray(file.read_bytes())
    data[8_192:] = os.urandom(len(data) - 8_192)
    file.write_bytes(data)
    assert "damaged" in refusal(tmp_path)
    # The journal has all of them; a new database beside it is whole again.
    records = list(read_journal(tmp_path / "ledger.sqlite.journal"))

    async def rebuild() -> StoreCounts:
        async with await open_sqlite(tmp_path, name="rebuilt.sqlite") as store:
            for record in records:
                await store.save_record(record)
            return await store.counts()

    assert run(rebuild()) == StoreCounts(total=60, sent=0, waiting=60, rejected=0)


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    with database(tmp_path / "ledger.sqlite") as connection:
        connection.execute("CREATE TABLE songs (name TEXT)")
    assert "belongs to another program" in refusal(tmp_path)


def test_a_newer_database_is_refused_and_not_touched(tmp_path: Path) -> None:
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    with database(tmp_path / "ledger.sqlite") as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE weighing_records (uuid TEXT)")
        connection.execute(f"PRAGMA user_version = {LATEST + 1}")
        for name in ("ledger.sqlite", "ledger.sqlite-wal"):  # as a crash leaves it: all of it is in the log
            shutil.copy(tmp_path / name, crashed / name)

    def contents() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in crashed.glob("ledger.sqlite*[el]")}

    before = contents()
    message = refusal(crashed)
    assert f"step {LATEST + 1}" in message
    assert "newer version" in message
    assert contents() == before
    assert not (crashed / "ledger.sqlite.journal").exists()


def test_an_old_database_is_upgraded_with_its_records(tmp_path: Path) -> None:
    with database(tmp_path / "ledger.sqlite") as connection:
        for statement in MIGRATIONS[0]:
            connection.execute(statement)
        connection.execute("PRAGMA user_version = 1")
        rows = [
            (record_id(2), "04B", 0.1, "2026-01-02T00:00:00+00:00", True),
            (record_id(1), "04A", 12.34, "2026-01-01 00:00:00", False),
        ]
        connection.executemany("INSERT INTO weighing_records VALUES (?, ?, ?, ?, ?)", rows)
        gateway = ("AA:BB:CC:DD:EE:01", "old", "10.0.0.1", "token-1234567890", "active", None, rows[0][3], rows[0][3])
        connection.execute("INSERT INTO gateway VALUES (?, ?, ?, ?, ?, ?, ?, ?)", gateway)

    async def scenario() -> None:
        async with await open_sqlite(tmp_path) as store:
            first, second = await store.records_after(0, 9)
            assert (first.uuid, first.weight, first.unit, first.sequence) == (record_id(1), Decimal("12.34"), "kg", 1)
            assert (first.is_sent, first.may_have_arrived) == (False, True)
            assert first.measured_at.isoformat() == "2026-01-01T00:00:00+00:00"
            assert (second.weight, second.is_sent, second.sequence, second.raw_frame) == (Decimal("0.1"), True, 2, b"")
            row = await store.load_gateway()
            assert row is not None
            assert row.access_token == "token-1234567890"
            assert row.approved_at is not None
            await store.save_record(make_record(3))
            assert (await store.pending_records(9))[-1].sequence == 3

    run(scenario())
    assert [r.sequence for r in read_journal(tmp_path / "ledger.sqlite.journal")] == [1, 2, 3]


def test_an_upgrade_that_fails_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite"
    with database(file) as connection:
        for statement in MIGRATIONS[0]:
            connection.execute(statement)
        connection.execute("CREATE TABLE store_counters (taken TEXT)")  # the last but one statement stumbles over it
        connection.execute("PRAGMA user_version = 1")
    assert "store_counters already exists" in refusal(tmp_path)
    with database(file) as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == 1
        assert len(connection.execute("PRAGMA table_info(weighing_records)").fetchall()) == 5


def test_a_second_service_is_refused_at_once_with_the_holder_s_pid_until_it_is_killed(tmp_path: Path) -> None:
    with child(HOLD, tmp_path) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StoreLockedError) as caught:
            run(open_sqlite(tmp_path))
        assert str(tmp_path / "ledger.sqlite") in str(caught.value)
        assert f"process {holder.pid}" in str(caught.value)
        assert store_threads() == []
        holder.send_signal(signal.SIGKILL)
        holder.wait()

        async def scenario() -> None:
            await (await open_sqlite(tmp_path)).close()

        run(scenario())


def test_a_second_store_in_one_process_is_refused_too_by_any_name_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)

    async def scenario() -> None:
        async with await open_sqlite(tmp_path) as store:
            with pytest.raises(StoreLockedError, match=f"process {os.getpid()}"):
                await open_sqlite(tmp_path / "link")
            await store.save_record(make_record())  # the first one goes on
        async with await open_sqlite(tmp_path / "link") as store:
            assert (await store.counts()).total == 1

    run(scenario())


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder with a database that cannot be written, also not by root."""

    async def scenario() -> None:
        await (await open_sqlite(folder)).close()

    folder = tmp_path / "disk"
    folder.mkdir()
    if os.name == "nt":
        pytest.skip("POSIX permissions")
    if os.geteuid() != 0:
        run(scenario())
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)
        return
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True, check=False).returncode:
        pytest.skip("root may not mount here, and permissions do not bind root")
    try:
        run(scenario())
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_folder_that_cannot_be_written_is_refused_with_what_to_do(read_only: Path) -> None:
    message = refusal(read_only)
    assert "cannot be written" in message
    assert "give this user write permission" in message


def test_postgresql_without_its_driver_says_how_to_install_it(tmp_path: Path) -> None:
    script = """
import asyncio, sys
from pathlib import Path
sys.modules["psycopg2"] = sys.modules["psycopg2cffi"] = None  # as if they were not installed
from engine.clock import SystemClock
from engine.ports import StoreError
from engine.store import open_store
try:
    asyncio.run(open_store("postgresql://me:secret@db/ledger", base_dir=Path(sys.argv[1]), clock=SystemClock()))
except StoreError as error:
    print(error)
"""
    command = [sys.executable, "-c", script, str(tmp_path)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "pip install psycopg2-binary" in answer.stdout
    assert "secret" not in answer.stdout
