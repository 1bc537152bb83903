"""What every store promises of rows that outlive a machine, run against each implementation."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from store_kit import make_record, record_id, run

from engine.bindings.window import Window
from engine.clock import VirtualClock
from engine.ports import Remembered, SaveResult, Secret, StoreCounts, StoreError
from engine.units import Quantity

KEY = "truck/04A1"
SEOUL = timezone(timedelta(hours=9))
FIELDS = {
    "gross": Quantity("12340.0", "kg"),
    "pull": Quantity("-3", "N"),
    "first_at": datetime(2026, 1, 31, 14, 30, 0, 250_000, tzinfo=SEOUL),
    "plate": '12가 3456 "\n\t{}\u2028',
    "pause": 1.5,
    "axles": 3,
    "is_full": True,
    "note": None,
}
UNKEEPABLE = [
    ({"a": Secret("token-of-64-characters")}, "'a' is a secret"),
    ({"a": [1]}, "'a' is a list"),
    ({"a": {"b": 1}}, "'a' is a dict"),
    ({"a": Window()}, "'a' is a Window"),
    ({"a": b""}, "'a' is a bytes"),
    ({"a": float("nan")}, "'a' is nan"),
    ({"a": Decimal("Infinity")}, "'a' is Decimal"),
    ({"a": "x\0"}, r"'a' is 'x\\x00'"),
    ({"a": "\ud800"}, "'a' is"),
    ({"a\0": 1}, "field's name"),
    ({"a": Quantity("1E-30", "kg")}, "'a' is Quantity"),
    ({"a": datetime(2026, 1, 31)}, "no UTC offset"),  # noqa: DTZ001 - what is refused
    ({"a": "x" * 70_000}, "at most 65536"),
]


class KeyedContract:
    """Subclassed per implementation with a way to open an empty store."""

    clock: VirtualClock

    def empty(self) -> AbstractAsyncContextManager[Any]:
        raise NotImplementedError

    # -- remembered ---------------------------------------------------------------------------------------------------

    def test_what_is_remembered_is_recalled_as_it_was_with_its_types_and_digits(self) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                await store.remember(KEY, FIELDS)
                remembered_at = self.clock.now()
                self.clock.advance(3600)
                found = await store.recall(KEY)
                assert found == Remembered(FIELDS, remembered_at)
                assert {name: type(value) for name, value in found.fields.items()} == {
                    name: type(value) for name, value in FIELDS.items()
                }
                assert str(found.fields["gross"]) == "12340.0 kg"
                assert found.fields["first_at"].utcoffset() == timedelta(0)

        run(scenario())

    def test_nothing_is_recalled_under_a_key_that_nothing_was_remembered_under(self) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                await store.remember(KEY, {})
                assert (await store.recall(KEY)).fields == {}
                assert await store.recall(KEY.lower()) is None
                assert await store.recall(KEY + " ") is None

        run(scenario())

    def test_remembering_again_replaces_everything_the_expiry_too(self) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                await store.remember(KEY, FIELDS, self.clock.now() + timedelta(seconds=10))
                self.clock.advance(5)
                await store.remember(KEY, {"gross": Quantity(1, "g")})
                self.clock.advance(500)
                found = await store.recall(KEY)
                assert found.fields == {"gross": Quantity(1, "g")}
                assert found.saved_at == self.clock.now() - timedelta(seconds=500)

        run(scenario())

    def test_what_has_expired_is_not_there_from_that_moment_on(self) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                expires_at = (self.clock.now() + timedelta(seconds=10)).astimezone(SEOUL)
                await store.remember(KEY, {"n": 1}, expires_at)
                self.clock.advance(9.999)
                assert (await store.recall(KEY)).fields == {"n": 1}
                self.clock.advance(0.001)
                assert await store.recall(KEY) is None
                assert await store.save_record(make_record(), take=KEY) is SaveResult.MISSING
                await store.remember("another", {"n": 2})  # expired rows are cleared away with the next one
                assert await store.recall(KEY) is None
                assert (await store.recall("another")).fields == {"n": 2}
                await store.remember(KEY, {"n": 3})
                assert (await store.recall(KEY)).fields == {"n": 3}

        run(scenario())

    def test_what_is_forgotten_is_gone_and_forgetting_again_is_harmless(self) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                await store.remember(KEY, {"n": 1})
                await store.remember("other", {"n": 2})
                await store.forget(KEY)
                await store.forget(KEY)
                assert await store.recall(KEY) is None
                assert (await store.recall("other")).fields == {"n": 2}

        run(scenario())

    @pytest.mark.parametrize(("fields", "complaint"), UNKEEPABLE, ids=[text for _, text in UNKEEPABLE])
    def test_what_cannot_be_kept_exactly_is_refused_by_name(self, fields: dict[str, Any], complaint: str) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                await store.remember(KEY, {"n": 1})
                with pytest.raises(StoreError, match=complaint) as caught:
                    await store.remember(KEY, fields)
                assert "token" not in str(caught.value)
                with pytest.raises(StoreError, match=f"record {record_id(1)}: extra: .*{complaint}"):
                    await store.save_record(make_record(extra=fields), take=KEY)
                assert (await store.recall(KEY)).fields == {"n": 1}
                assert (await store.counts()).total == 0

        run(scenario())

    @pytest.mark.parametrize("key", ["", "k" * 256, "k\0", "\ud800"])
    def test_a_key_that_no_table_can_hold_is_refused_everywhere(self, key: str) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                for call in (
                    store.remember(key, {}),
                    store.recall(key),
                    store.forget(key),
                    store.save_record(make_record(), take=key),
                ):
                    with pytest.raises(StoreError, match="is no key"):
                        await call
                assert (await store.counts()).total == 0

        run(scenario())

    # -- taken by a record --------------------------------------------------------------------------------------------

    def test_a_record_carries_its_extra_fields_and_tells_what_it_took(self) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                await store.remember(KEY, {"gross": Quantity("12340", "kg")})
                record = make_record(extra=FIELDS)
                assert await store.save_record(record, take=KEY) is SaveResult.SAVED
                (found,) = await store.pending_records(9)
                assert found == replace(record, sequence=1, took=KEY)
                assert await store.recall(KEY) is None

        run(scenario())

    def test_a_remembered_row_becomes_one_record_however_often_that_is_tried(self) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                await store.remember(KEY, {"gross": Quantity("12340", "kg")})
                tries = [store.save_record(make_record(n), take=KEY) for n in (1, 1, 2, 1, 3)]
                saved, missing = SaveResult.SAVED, SaveResult.MISSING
                assert await asyncio.gather(*tries) == [saved, SaveResult.KNOWN, missing, SaveResult.KNOWN, missing]
                assert await store.counts() == StoreCounts(total=1, sent=0, waiting=1, rejected=0)
                # The truck comes again: a repeat of the old record takes nothing of the new round.
                await store.remember(KEY, {"gross": Quantity("9000", "kg")})
                assert await store.save_record(make_record(1), take=KEY) is SaveResult.KNOWN
                assert (await store.recall(KEY)).fields == {"gross": Quantity("9000", "kg")}
                assert await store.save_record(make_record(2), take=KEY) is SaveResult.SAVED
                assert [r.sequence for r in await store.pending_records(9)] == [1, 2]

        run(scenario())

    def test_a_record_that_is_refused_takes_nothing(self) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                await store.save_record(make_record(1))
                await store.remember(KEY, {"n": 1})
                with pytest.raises(StoreError, match="other content"):
                    await store.save_record(make_record(1, extra={"n": 1}), take=KEY)
                with pytest.raises(StoreError, match="not a uuid"):
                    await store.save_record(replace(make_record(), uuid="x"), take=KEY)
                assert (await store.recall(KEY)).fields == {"n": 1}

        run(scenario())

    def test_a_repeat_says_the_same_also_where_yaml_wrote_a_number_with_a_point(self) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                record = make_record(extra={"rate": Decimal("0.1"), "gross": Quantity("1.50", "kg")})
                await store.save_record(record)
                repeat = replace(record, extra={"gross": Quantity("1500", "g"), "rate": 0.1})
                assert await store.save_record(repeat) is SaveResult.KNOWN
                (found,) = await store.pending_records(1)
                assert found.extra == {"rate": 0.1, "gross": Quantity("1.50", "kg")}

        run(scenario())

    # -- snapshots ----------------------------------------------------------------------------------------------------

    def test_each_machine_has_one_snapshot_the_newest_until_it_is_dropped(self) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                assert await store.load_snapshot("dock-1") is None
                await store.save_snapshot("dock-1", '{"a":1}')
                await store.save_snapshot("dock-2", '{"b":1}')
                long = '{"a":"' + "무" * 200_000 + '"}'
                await store.save_snapshot("dock-1", long)
                assert await store.load_snapshot("dock-1") == long
                await store.drop_snapshot("dock-1")
                await store.drop_snapshot("dock-1")
                assert await store.load_snapshot("dock-1") is None
                assert await store.load_snapshot("dock-2") == '{"b":1}'

        run(scenario())
