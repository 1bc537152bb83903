"""The journal: every committed record once more, whatever a crash or a disk does to its files."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from io import FileIO
from pathlib import Path
from typing import Any

import pytest
import structlog
from store_kit import database, make_record, open_sqlite, record_id, run

from engine.clock import VirtualClock
from engine.ports import SaveResult, StoreError, WeighingRecord
from engine.store import journal as journal_module
from engine.store import read_journal
from engine.store.files import sync_directory, sync_file
from engine.store.journal import Journal
from engine.store.lines import decode_line, encode_line

COMMITTED = "2026-01-31T05:30:01.000000+00:00"


def entries(*numbers: int) -> list[Any]:
    return [encode_line(make_record(number, sequence=number), COMMITTED) for number in numbers]


def numbers_in(folder: Path) -> list[int]:
    return [record.sequence or 0 for record in read_journal(folder)]


def save(folder: Path, *numbers: int, clock: VirtualClock | None = None) -> None:
    async def scenario() -> None:
        async with await open_sqlite(folder, clock) as store:
            for number in numbers:
                await store.save_record(make_record(number))

    run(scenario())


def the_file(folder: Path) -> Path:
    (file,) = (folder / "ledger.sqlite.journal").iterdir()
    return file


def test_a_line_is_json_that_anybody_can_read() -> None:
    record = make_record(7, sequence=7, weight=Decimal("-1.640"), line="부두 1")
    sequence, data = encode_line(record, COMMITTED)
    assert sequence == 7
    assert data.endswith(b"\n")
    assert json.loads(data) == {
        "v": 1,
        "sequence": 7,
        "uuid": record_id(7),
        "rfid_uid": "04A1B2C3",
        "weight": "-1.640",
        "unit": "kg",
        "measured_at": "2026-01-31T05:30:00.250000+00:00",
        "line": "부두 1",
        "raw_frame": "53542c47532c2b303031322e3334306b670d0a",
        "chart": "weighing",
        "chart_version": "1.2",
        "committed_at": COMMITTED,
        "crc": data[-11:-3].decode(),
    }
    assert "부두".encode() in data
    assert decode_line(data[:-1]) == record


def test_every_torn_line_and_every_changed_byte_is_seen() -> None:
    ((_, data),) = entries(1)
    line = data[:-1]
    for place in range(len(line)):
        with pytest.raises(ValueError):
            decode_line(line[:place])
        changed = line[:place] + bytes([line[place] ^ 1]) + line[place + 1 :]
        with pytest.raises(ValueError):
            decode_line(changed)


def test_a_line_of_an_unknown_format_is_not_guessed_at() -> None:
    import zlib

    body = json.dumps({"v": 2, "sequence": 1}).encode()
    with pytest.raises(ValueError, match="format 2"):
        decode_line(body[:-1] + b',"crc":"%08x"}' % zlib.crc32(body))
    body = json.dumps({"v": 1, "sequence": 1}).encode()
    with pytest.raises(ValueError, match="lacks"):
        decode_line(body[:-1] + b',"crc":"%08x"}' % zlib.crc32(body))


def test_each_commit_is_a_line_of_its_day_and_each_record_only_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = VirtualClock()
        async with await open_sqlite(tmp_path, clock) as store:
            await store.save_record(make_record(1))
            await store.save_record(make_record(2))
            await store.save_record(make_record(1))  # a repeat
            clock.advance(86_400)
            await store.save_record(make_record(3))
        async with await open_sqlite(tmp_path, clock) as store:
            await store.save_record(make_record(2))
            await store.save_record(make_record(4))

    run(scenario())
    folder = tmp_path / "ledger.sqlite.journal"
    lines = {file.name: len(file.read_bytes().splitlines()) for file in folder.iterdir()}
    assert lines == {"2026-01-01.jsonl": 2, "2026-01-02.jsonl": 2}
    assert numbers_in(folder) == [1, 2, 3, 4]


def test_a_line_is_there_when_the_commit_is_answered(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with await open_sqlite(tmp_path) as store:
            for number in (1, 2, 3):
                await store.save_record(make_record(number))
                assert numbers_in(tmp_path / "ledger.sqlite.journal")[-1] == number

    run(scenario())


def test_lines_new_files_and_new_folders_are_brought_to_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []

    def watch_file(descriptor: int) -> None:
        sync_file(descriptor)
        synced.append("line")

    def watch_directory(directory: Path) -> None:
        sync_directory(directory)
        synced.append(directory.name)

    monkeypatch.setattr(journal_module, "sync_file", watch_file)
    monkeypatch.setattr(journal_module, "sync_directory", watch_directory)
    clock = VirtualClock()
    journal = Journal(tmp_path / "journal", clock)
    journal.open()
    assert synced == [tmp_path.name]
    for number in (1, 2, 3):
        journal.append(entries(number))
        if number == 2:
            clock.advance(86_400)
    journal.close()
    assert synced == [tmp_path.name, "journal", "line", "line", "journal", "line"]


def test_a_torn_last_line_is_cut_off_and_written_again_wherever_it_broke(tmp_path: Path) -> None:
    file = tmp_path / "journal" / "2026-01-01.jsonl"
    file.parent.mkdir()
    whole = b"".join(entry.data for entry in entries(1, 2))
    first = len(entries(1)[0].data)
    for end in (*range(first, len(whole), 7), *range(len(whole) - 4, len(whole))):
        file.write_bytes(whole[:end])
        journal = Journal(file.parent, VirtualClock())
        assert journal.open()
        assert journal.last_sequence == (2 if end == len(whole) - 1 else 1)  # only its newline was missing
        assert journal.append(entries(2, 3))
        journal.close()
        assert file.read_bytes() == whole + entries(3)[0].data


@pytest.mark.parametrize("rubbish", [b"\0" * 5_000, b"x" * 100_000, b"\xff" * 9_000])
def test_what_a_power_cut_leaves_at_the_end_of_a_file_is_cut_off(tmp_path: Path, rubbish: bytes) -> None:
    save(tmp_path, 1, 2)
    file = the_file(tmp_path)
    sound = file.read_bytes()
    file.write_bytes(sound + rubbish)
    save(tmp_path, 3)
    assert file.read_bytes().startswith(sound)
    assert numbers_in(file.parent) == [1, 2, 3]


def test_what_was_committed_but_not_journalled_is_appended_at_the_next_start(tmp_path: Path) -> None:
    save(tmp_path, *range(1, 8))
    file = the_file(tmp_path)
    lines = file.read_bytes().splitlines(keepends=True)
    for kept in (b"".join(lines[:4]), b"".join(lines[:6]) + lines[6][:30], b""):
        file.write_bytes(kept)
        save(tmp_path)
        assert file.read_bytes() == b"".join(lines)


def test_a_lost_journal_is_written_anew_from_the_database(tmp_path: Path) -> None:
    save(tmp_path, 1)
    the_file(tmp_path).unlink()
    with database(tmp_path / "ledger.sqlite") as connection:  # as many as take several batches
        connection.execute("""
            WITH RECURSIVE numbers(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1202)
            INSERT INTO weighing_records (uuid, rfid_uid, weight, weight_text, measured_at, created_at, sequence)
            SELECT printf('00000000-0000-0000-0000-%012x', n), rfid_uid, weight, weight_text, measured_at, created_at, n
            FROM weighing_records, numbers
        """)
        connection.execute("UPDATE store_counters SET value = 1202")

    async def scenario() -> None:
        async with await open_sqlite(tmp_path) as store:
            assert len(numbers_in(tmp_path / "ledger.sqlite.journal")) < 1_202  # nobody waited for all of it
            await store.save_record(make_record(1_203))  # and nobody has to
            for _ in range(20):
                await store.counts()  # calls and batches take turns
            assert numbers_in(tmp_path / "ledger.sqlite.journal") == list(range(1, 1_204))

    run(scenario())


def test_long_lines_are_told_apart_like_short_ones(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with await open_sqlite(tmp_path) as store:
            for number in (1, 2):
                await store.save_record(make_record(number, raw_frame=bytes(60_000)))

    run(scenario())
    before = the_file(tmp_path).read_bytes()
    run(scenario())
    assert the_file(tmp_path).read_bytes() == before
    the_file(tmp_path).write_bytes(before[:-50_000])
    run(scenario())
    assert the_file(tmp_path).read_bytes() == before


def test_a_file_deleted_under_the_running_service_is_begun_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with await open_sqlite(tmp_path) as store:
            await store.save_record(make_record(1))
            the_file(tmp_path).unlink()
            await store.save_record(make_record(2))
            assert numbers_in(tmp_path / "ledger.sqlite.journal") == [2]

    run(scenario())


def test_a_clock_that_goes_back_neither_loses_nor_doubles_a_line(tmp_path: Path) -> None:
    late, early = VirtualClock(), VirtualClock()
    late.advance(40 * 86_400)
    save(tmp_path, 1, 2, clock=late)
    save(tmp_path, 3, clock=early)  # the battery of the clock was empty
    save(tmp_path, 4, clock=late)
    save(tmp_path, clock=early)
    assert sorted(numbers_in(tmp_path / "ledger.sqlite.journal")) == [1, 2, 3, 4]


def test_a_journal_that_cannot_be_written_loses_no_commit_and_heals(tmp_path: Path) -> None:
    folder = tmp_path / "ledger.sqlite.journal"

    async def scenario() -> None:
        folder.write_text("in the way")
        with structlog.testing.capture_logs() as logs:
            async with await open_sqlite(tmp_path) as store:
                for number in (1, 2, 3):
                    await store.save_record(make_record(number))
                assert (await store.counts()).total == 3
                folder.unlink()
                await store.save_record(make_record(4))
        told = [entry["event"] for entry in logs if entry["event"].startswith("store.journal")]
        assert told == ["store.journal.failed", "store.journal.healed"]  # once each, not with every box

    run(scenario())
    assert numbers_in(folder) == [1, 2, 3, 4]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_under_the_journal_loses_no_commit_and_heals(tmp_path: Path) -> None:
    folder = tmp_path / "ledger.sqlite.journal"

    async def scenario() -> None:
        clock = VirtualClock()
        async with await open_sqlite(tmp_path, clock) as store:
            await store.save_record(make_record(1))
            clock.advance(86_400)  # a new day is a new file
            (folder / "2026-01-02.jsonl").symlink_to("/dev/full")
            await store.save_record(make_record(2))
            await store.save_record(make_record(3))
            assert numbers_in(folder) == [1]
            (folder / "2026-01-02.jsonl").unlink()
            await store.save_record(make_record(4))
            await store.counts()  # comes after what is late
            assert numbers_in(folder) == [1, 2, 3, 4]

    run(scenario())


@pytest.mark.parametrize("truncate_works", [True, False], ids=["taken back", "could not be taken back"])
def test_lines_whose_sync_failed_are_there_once_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, truncate_works: bool
) -> None:
    class Stubborn(FileIO):
        def truncate(self, size: int | None = None, /) -> int:
            if not truncate_works:
                raise OSError("input/output error")
            return super().truncate(size)

    def fail(descriptor: int) -> None:
        raise OSError("input/output error")

    journal = Journal(tmp_path, VirtualClock())
    assert journal.append(entries(1))
    journal.close()
    with monkeypatch.context() as patch:
        patch.setattr(journal_module, "FileIO", Stubborn)
        patch.setattr(journal_module, "sync_file", fail)
        assert not journal.append(entries(2))
        assert journal.last_sequence == 1
        assert numbers_in(tmp_path) == ([1] if truncate_works else [1, 2])
    assert journal.append(entries(2, 3))
    journal.close()
    assert (tmp_path / "2026-01-01.jsonl").read_bytes() == b"".join(entry.data for entry in entries(1, 2, 3))


def test_a_line_written_late_tells_the_time_of_its_commit(tmp_path: Path) -> None:
    folder = tmp_path / "ledger.sqlite.journal"

    async def scenario() -> None:
        clock = VirtualClock()
        folder.write_text("in the way")
        async with await open_sqlite(tmp_path, clock) as store:
            await store.save_record(make_record(1))
            folder.unlink()
            clock.advance(60)
            await store.save_record(make_record(1))
        assert json.loads(the_file(tmp_path).read_bytes())["committed_at"] == "2026-01-01T00:00:00.000000+00:00"

    run(scenario())


def test_a_backup_put_in_the_place_of_its_database_gets_back_what_was_weighed_since(tmp_path: Path) -> None:
    save(tmp_path, 1, 2)
    backup = (tmp_path / "ledger.sqlite").read_bytes()
    tomorrow = VirtualClock()
    tomorrow.advance(86_400)
    save(tmp_path, 3, 4, 5, clock=tomorrow)
    journal = {file.name: file.read_bytes() for file in (tmp_path / "ledger.sqlite.journal").iterdir()}
    (tmp_path / "ledger.sqlite").write_bytes(backup)

    async def scenario() -> None:
        async with await open_sqlite(tmp_path, tomorrow) as store:
            found = await store.records_after(0, 9)
            assert found == [make_record(n, sequence=n, may_have_arrived=True) for n in (1, 2, 3, 4, 5)]
            assert await store.save_record(make_record(4)) is SaveResult.KNOWN

    run(scenario())
    assert {file.name: file.read_bytes() for file in (tmp_path / "ledger.sqlite.journal").iterdir()} == journal


def test_a_new_database_beside_an_old_journal_is_left_empty_and_goes_on_counting(tmp_path: Path) -> None:
    save(tmp_path, 1, 2, 3)
    (tmp_path / "ledger.sqlite").unlink()
    with structlog.testing.capture_logs() as logs:
        save(tmp_path, 4)
    assert "store.journal.ahead" in [entry["event"] for entry in logs]
    assert numbers_in(tmp_path / "ledger.sqlite.journal") == [1, 2, 3, 4]
    with database(tmp_path / "ledger.sqlite") as connection:
        assert connection.execute("SELECT sequence FROM weighing_records").fetchone()[0] == 4


def test_a_journal_is_read_back_whole_with_damaged_lines_told_and_skipped(tmp_path: Path) -> None:
    save(tmp_path, 1, 2, 3)
    file = the_file(tmp_path)
    lines = file.read_bytes().splitlines(keepends=True)
    rotten = lines[1].replace(b"12.340", b"12.940")
    file.write_bytes(lines[0] + rotten + lines[2] + lines[0] + b"\n")
    with structlog.testing.capture_logs() as logs:
        found = list(read_journal(file.parent))
    assert found == [make_record(1, sequence=1), make_record(3, sequence=3)]
    assert [(entry["line"], entry["reason"]) for entry in logs] == [
        (2, "the checksum does not fit"),
        (5, "the line is torn"),
    ]


def test_reading_a_journal_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"there is no journal"):
        list(read_journal(tmp_path / "ledger.sqlite.journal"))


def test_a_record_read_back_is_the_record_that_was_saved(tmp_path: Path) -> None:
    record: WeighingRecord = make_record(1, raw_frame=b"", rfid_uid="", line='é\n"\\', unit="lb")

    async def scenario() -> None:
        async with await open_sqlite(tmp_path) as store:
            await store.save_record(record)

    run(scenario())
    assert list(read_journal(tmp_path / "ledger.sqlite.journal")) == [replace(record, sequence=1)]
