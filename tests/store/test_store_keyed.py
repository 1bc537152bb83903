"""What outlives a machine, in a real file: through restarts, kills, upgrades and backups."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_kit import QUIET, child, database, make_record, open_sqlite, record_id, run

from engine.clock import VirtualClock
from engine.ports import SaveResult, StoreError
from engine.store import read_journal
from engine.store.fields import from_text, to_text
from engine.store.migrations import MIGRATIONS
from engine.units import UNITS, Quantity

GROSS = {"gross": Quantity("12340.0", "kg"), "first_at": datetime(2026, 1, 31, 5, 30, tzinfo=UTC)}

_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    _TEXT,
    st.builds(Quantity, st.decimals(-(10**15), 10**15, places=9), st.sampled_from(sorted(UNITS))),
    st.datetimes(
        min_value=datetime(1970, 1, 2),  # noqa: DTZ001 - Hypothesis adds the zone
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=9))]),
    ).filter(lambda moment: moment.year < 9999),
)


@settings(max_examples=150, deadline=None)
@given(fields=st.dictionaries(_TEXT, _VALUES, max_size=5))
def test_any_fields_come_back_from_their_text_with_value_type_and_digits(fields: dict[str, Any]) -> None:
    found = from_text(to_text(fields))
    assert found == fields
    assert [type(value) for value in found.values()] == [type(value) for value in fields.values()]
    quantities = [(str(value), str(found[name])) for name, value in fields.items() if isinstance(value, Quantity)]
    assert [written for written, _ in quantities] == [read for _, read in quantities]


def test_people_can_read_what_is_kept(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with await open_sqlite(tmp_path) as store:
            await store.remember(
                "truck/1", {**GROSS, "plate": "12가 3456", "axles": 3}, datetime(2026, 2, 1, tzinfo=UTC)
            )

    run(scenario())
    with database(tmp_path / "ledger.sqlite") as connection:
        (row,) = connection.execute("SELECT key, fields, expires_at FROM remembered").fetchall()
    assert tuple(row) == (
        "truck/1",
        (
            '{"gross":{"quantity":"12340.0 kg"},"first_at":{"time":"2026-01-31T05:30:00.000000+00:00"},'
            '"plate":"12가 3456","axles":3}'
        ),
        "2026-02-01T00:00:00.000000+00:00",
    )


def test_it_is_all_there_after_a_restart(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with await open_sqlite(tmp_path) as store:
            await store.remember("truck/1", GROSS)
            await store.save_snapshot("dock-1", "{}")
            await store.save_record(make_record(extra=GROSS), take="truck/1")
            await store.remember("truck/2", GROSS)
        async with await open_sqlite(tmp_path) as store:
            assert await store.recall("truck/1") is None
            found = await store.recall("truck/2")
            assert found is not None
            assert found.fields == GROSS
            assert await store.load_snapshot("dock-1") == "{}"
            (record,) = await store.pending_records(9)
            assert (record.extra, record.took) == (GROSS, "truck/1")

    run(scenario())


def test_expired_rows_do_not_pile_up(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = VirtualClock()
        async with await open_sqlite(tmp_path, clock) as store:
            for number in range(40):
                await store.remember(f"truck/{number}", GROSS, clock.now() + timedelta(seconds=10))
                clock.advance(1)

    run(scenario())
    with database(tmp_path / "ledger.sqlite") as connection:
        assert connection.execute("SELECT count(*) FROM remembered").fetchone()[0] == 10


@pytest.mark.parametrize("text", ["", "[]", '{"a":{"mass":"1 kg"}}', '{"a":{"quantity":"1"}}', '{"a":{"time":7}}'])
def test_a_row_of_other_hands_is_an_error_and_can_be_forgotten(tmp_path: Path, text: str) -> None:
    async def scenario() -> None:
        async with await open_sqlite(tmp_path) as store:
            await store.remember("truck/1", GROSS)
            with database(tmp_path / "ledger.sqlite") as connection:
                connection.execute("UPDATE remembered SET fields = ?", (text,))
            with pytest.raises(StoreError, match="'truck/1' is damaged"):
                await store.recall("truck/1")
            await store.forget("truck/1")
            assert await store.recall("truck/1") is None

    run(scenario())


def test_a_database_of_the_second_step_is_upgraded_with_its_records(tmp_path: Path) -> None:
    with database(tmp_path / "ledger.sqlite") as connection:
        for statement in (*MIGRATIONS[0], *MIGRATIONS[1]):
            connection.execute(statement)
        connection.execute("PRAGMA user_version = 2")
        connection.execute(
            "INSERT INTO weighing_records (uuid, rfid_uid, weight, measured_at, weight_text, sequence)"
            " VALUES (?, '04A', 12.34, '2026-01-01T00:00:00+00:00', '12.340', 1)",
            (record_id(1),),
        )
        connection.execute("UPDATE store_counters SET value = 1")

    async def scenario() -> None:
        async with await open_sqlite(tmp_path) as store:
            (old,) = await store.pending_records(9)
            assert (old.extra, old.took, str(old.weight)) == ({}, None, "12.340")
            await store.remember("truck/1", GROSS)
            assert await store.save_record(make_record(2, extra=GROSS), take="truck/1") is SaveResult.SAVED

    run(scenario())
    assert [r.sequence for r in read_journal(tmp_path / "ledger.sqlite.journal")] == [1, 2]


# Journal --------------------------------------------------------------------------------------------------------------


def journal_lines(folder: Path) -> list[dict[str, Any]]:
    files = sorted((folder / "ledger.sqlite.journal").iterdir())
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]


def test_the_journal_carries_what_a_record_has_beside_its_weight(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with await open_sqlite(tmp_path) as store:
            await store.save_record(make_record(1))
            await store.remember("truck/1", GROSS)
            await store.save_record(make_record(2, extra=GROSS), take="truck/1")

    run(scenario())
    plain, net = journal_lines(tmp_path)
    assert not {"extra", "took"} & plain.keys()
    assert net["took"] == "truck/1"
    assert net["extra"] == {
        "gross": {"quantity": "12340.0 kg"},
        "first_at": {"time": "2026-01-31T05:30:00.000000+00:00"},
    }
    assert list(read_journal(tmp_path / "ledger.sqlite.journal")) == [
        make_record(1, sequence=1),
        make_record(2, sequence=2, extra=GROSS, took="truck/1"),
    ]


def test_a_journal_that_was_behind_is_brought_up_to_date_with_it(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite.journal").write_bytes(b"a file in the folder's place")

    async def scenario() -> None:
        async with await open_sqlite(tmp_path) as store:
            await store.remember("truck/1", GROSS)
            await store.save_record(make_record(1, extra=GROSS), take="truck/1")
        (tmp_path / "ledger.sqlite.journal").unlink()
        async with await open_sqlite(tmp_path):
            pass

    run(scenario())
    assert list(read_journal(tmp_path / "ledger.sqlite.journal")) == [
        make_record(1, sequence=1, extra=GROSS, took="truck/1")
    ]


def test_a_backup_does_not_bring_back_what_a_record_took_since(tmp_path: Path) -> None:
    async def before() -> None:
        async with await open_sqlite(tmp_path) as store:
            await store.save_record(make_record(1))
            await store.remember("truck/1", GROSS)
            await store.remember("truck/2", GROSS)

    async def after() -> None:
        async with await open_sqlite(tmp_path) as store:
            await store.save_record(make_record(2, extra=GROSS), take="truck/1")

    async def restored() -> None:
        async with await open_sqlite(tmp_path) as store:
            assert [(r.sequence, r.took) for r in await store.records_after(0, 9)] == [(1, None), (2, "truck/1")]
            assert await store.recall("truck/1") is None
            assert await store.save_record(make_record(3), take="truck/1") is SaveResult.MISSING
            assert await store.recall("truck/2") is not None

    run(before())
    backup = (tmp_path / "ledger.sqlite").read_bytes()
    run(after())
    (tmp_path / "ledger.sqlite").write_bytes(backup)
    run(restored())


# kill -9 --------------------------------------------------------------------------------------------------------------

# Trucks come and go: each is remembered, then taken by a record; what is done is told.
TRUCKS = f"""{QUIET}
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from engine.clock import SystemClock
from engine.ports import WeighingRecord
from engine.store import open_store
from engine.units import Quantity

async def main():
    store = await open_store("sqlite:///ledger.sqlite", base_dir=Path(sys.argv[1]), clock=SystemClock())
    for number in range(int(sys.argv[2]), 10_000):
        key = f"truck/{{number}}"
        await store.remember(key, {{"gross": Quantity(number, "kg")}})
        print("kept", key, flush=True)
        record = WeighingRecord(str(uuid.uuid4()), key[6:], Decimal(number), "kg", datetime.now(UTC), "gate")
        await store.save_record(record, take=key)
        print("took", key, flush=True)

asyncio.run(main())
"""


def test_after_a_kill_a_row_is_either_still_there_or_one_record(tmp_path: Path) -> None:
    dice = random.Random(2026)
    told: dict[str, str] = {}
    for round_ in range(3):
        with child(TRUCKS, tmp_path, round_ * 1_000) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(dice.randint(1, 30))]
            for _ in range(dice.randint(0, 30_000)):  # somewhere within the commits that follow
                pass
            process.kill()
            lines += [line for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
        told |= {key: word for word, key in (line.split() for line in lines)}

    async def reopen() -> None:
        await (await open_sqlite(tmp_path, VirtualClock())).close()

    run(reopen())
    with database(tmp_path / "ledger.sqlite") as connection:
        left = [row["key"] for row in connection.execute("SELECT key FROM remembered")]
        took = [row["took"] for row in connection.execute("SELECT took FROM weighing_records")]
    assert sorted(left + took) == sorted({*left, *took})  # each truck in one of the two, once
    assert {key for key, word in told.items() if word == "took"} <= set(took)
    assert set(told) <= {*left, *took}
    assert len(left) <= 3
    assert len(took) >= 3
