"""The contract, kept by the SQLite store and by its twin in memory; and the two compared on random days."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cards_contract import CardsContract
from hypothesis import given, settings
from hypothesis import strategies as st
from keyed_contract import KeyedContract
from store_contract import StoreContract
from store_kit import make_record, open_sqlite, record_id, run

from engine.clock import VirtualClock
from engine.ports import Delivery, DeliveryKind, Store, StoreError, WeighingRecord
from engine.testing.memory_store import MemoryStore


class TestSqliteStore(StoreContract, KeyedContract, CardsContract):
    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> None:
        self.clock = VirtualClock()
        self.folder = tmp_path

    @contextlib.asynccontextmanager
    async def empty(self) -> AsyncIterator[Store]:
        async with await open_sqlite(self.folder, self.clock) as store:
            yield store


class TestMemoryStore(StoreContract, KeyedContract, CardsContract):
    @pytest.fixture(autouse=True)
    def _place(self) -> None:
        self.clock = VirtualClock()

    @contextlib.asynccontextmanager
    async def empty(self) -> AsyncIterator[Store]:
        yield MemoryStore(self.clock)


_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
_RECORDS = st.builds(
    WeighingRecord,
    uuid=st.uuids().map(str),
    rfid_uid=_TEXT,
    weight=st.decimals(min_value=-(10**9), max_value=10**9, places=6),
    unit=_TEXT,
    measured_at=st.datetimes(
        min_value=datetime(1970, 1, 2),  # noqa: DTZ001 - Hypothesis adds the zone
        max_value=datetime(2100, 1, 1),  # noqa: DTZ001
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=9))]),
    ),
    line=_TEXT,
    raw_frame=st.binary(max_size=60),
    chart=_TEXT,
    chart_version=_TEXT,
)


@settings(max_examples=15, deadline=None)
@given(records=st.lists(_RECORDS, min_size=1, max_size=15, unique_by=lambda record: record.uuid))
def test_any_record_survives_a_restart_and_stands_in_the_journal_unchanged(records: list[WeighingRecord]) -> None:
    from engine.store import read_journal

    def essence(record: WeighingRecord) -> tuple[Any, ...]:
        return (
            *(record.uuid, record.rfid_uid, str(record.weight), record.unit, record.measured_at),
            *(record.line, record.raw_frame, record.chart, record.chart_version),
        )

    async def scenario(folder: Path) -> None:
        async with await open_sqlite(folder) as store:
            for record in records:
                await store.save_record(record)
        async with await open_sqlite(folder) as store:
            found = await store.pending_records(99)
        expected = [essence(record) for record in records]
        assert [essence(record) for record in found] == expected
        assert [essence(record) for record in read_journal(folder / "ledger.sqlite.journal")] == expected

    with tempfile.TemporaryDirectory() as name:
        run(scenario(Path(name)))


_NUMBERS = st.integers(1, 6)
_STEPS = st.one_of(
    st.tuples(st.just("save"), _NUMBERS, st.sampled_from([Decimal("1.0"), Decimal("1.00"), Decimal(2)])),
    st.tuples(
        st.just("deliver"),
        st.lists(
            st.builds(
                Delivery,
                uuid=_NUMBERS.map(record_id),
                kind=st.sampled_from(DeliveryKind),
                reason=st.sampled_from(["", "no", "\0"]),
                may_have_arrived=st.booleans(),
            ),
            max_size=4,
        ),
    ),
)


@settings(max_examples=20, deadline=None)
@given(day=st.lists(_STEPS, max_size=25))
def test_the_twin_in_memory_answers_as_the_database_does(day: list[Any]) -> None:
    async def do(store: Any, step: Any) -> Any:
        if step[0] == "deliver":
            return await store.save_deliveries(step[1])
        try:
            return await store.save_record(make_record(step[1], weight=step[2]))
        except StoreError:
            return "refused"

    async def scenario(folder: Path) -> None:
        twin = MemoryStore(VirtualClock())
        async with await open_sqlite(folder) as store:
            for step in day:
                assert await do(store, step) == await do(twin, step)
                assert await store.counts() == await twin.counts()
            assert await store.pending_records(99) == await twin.pending_records(99)
            assert await store.records_after(0, 99) == await twin.records_after(0, 99)

    with tempfile.TemporaryDirectory() as name:
        run(scenario(Path(name)))
