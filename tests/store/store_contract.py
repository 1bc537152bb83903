"""What every store promises (``engine.ports.Store``), run against each implementation by ``test_store_contract``."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from store_kit import IDENTITY, make_record, record_id, run

from engine.clock import VirtualClock
from engine.ports import Delivery, DeliveryKind, SaveResult, Secret, StoreCounts, StoreError

TOKEN = Secret("token-of-64-characters-abcd1234")


class StoreContract:
    """Subclassed per implementation with a way to open an empty store."""

    clock: VirtualClock

    def empty(self) -> AbstractAsyncContextManager[Any]:
        raise NotImplementedError

    # -- gateway ------------------------------------------------------------------------------------------------------

    def test_a_fresh_store_has_no_gateway(self) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                assert await store.load_gateway() is None

        run(scenario())

    def test_an_identity_becomes_the_gateway_row_without_token_or_approval(self) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                saved = await store.save_identity(IDENTITY)
                assert saved == await store.load_gateway()
                assert (saved.mac_address, saved.hostname, saved.ip_address) == (
                    "AA:BB:CC:DD:EE:01",
                    "gate-3",
                    "10.0.0.7",
                )
                assert (saved.access_token, saved.approved_at, saved.last_heartbeat, saved.gateway_id) == (None,) * 4

        run(scenario())

    def test_a_changed_address_keeps_token_status_and_approval(self) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                await store.save_identity(IDENTITY)
                await store.save_token(TOKEN, "17", "active")
                approved_at = self.clock.now()
                self.clock.advance(60)
                moved = await store.save_identity(replace(IDENTITY, hostname="gate-4", ip_address="10.0.0.8"))
                assert (moved.hostname, moved.ip_address) == ("gate-4", "10.0.0.8")
                assert (moved.access_token, moved.gateway_id, moved.status) == (TOKEN, "17", "active")
                assert moved.approved_at == approved_at

        run(scenario())

    def test_another_mac_address_is_another_gateway_that_nobody_approved(self) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                await store.save_identity(IDENTITY)
                await store.save_token(TOKEN, "17", "active")
                await store.save_record(make_record())
                other = await store.save_identity(replace(IDENTITY, mac_address="AA:BB:CC:DD:EE:02"))
                assert other == await store.load_gateway()
                assert (other.mac_address, other.access_token, other.approved_at) == ("AA:BB:CC:DD:EE:02", None, None)
                assert (await store.counts()).waiting == 1

        run(scenario())

    def test_a_token_is_kept_as_a_secret(self) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                await store.save_identity(IDENTITY)
                await store.save_token(TOKEN, "17", "active")
                row = await store.load_gateway()
                assert row.access_token == TOKEN
                assert "abcd1234" not in repr(row)

        run(scenario())

    def test_losing_the_token_keeps_records_status_and_the_first_approval(self) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                await store.save_identity(IDENTITY)
                await store.save_token(TOKEN, "17", "active")
                approved_at = self.clock.now()
                await store.save_record(make_record())
                await store.forget_token("401 from the heartbeat")
                row = await store.load_gateway()
                assert (row.access_token, row.status, row.approved_at) == (None, "active", approved_at)
                assert len(await store.pending_records(10)) == 1
                self.clock.advance(3600)
                await store.save_token(Secret("another-token"), None, "active")
                row = await store.load_gateway()
                assert (row.access_token, row.gateway_id, row.approved_at) == ("another-token", None, approved_at)

        run(scenario())

    def test_heartbeat_and_status_are_noted(self) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                await store.save_identity(IDENTITY)
                await store.save_status("waiting for an approval")  # longer than the required VARCHAR(10)
                self.clock.advance(30)
                await store.save_heartbeat()
                row = await store.load_gateway()
                assert (row.status, row.last_heartbeat) == ("waiting for an approval", self.clock.now())
                assert row.last_heartbeat.utcoffset() == timedelta(0)

        run(scenario())

    @pytest.mark.parametrize(
        "change",
        [
            lambda store: store.save_token(TOKEN, None, "active"),
            lambda store: store.save_status("pending"),
            lambda store: store.save_heartbeat(),
            lambda store: store.forget_token("401"),
        ],
        ids=["token", "status", "heartbeat", "forget"],
    )
    def test_a_gateway_that_is_not_there_cannot_be_changed(self, change: Any) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                with pytest.raises(StoreError, match="no gateway row yet"):
                    await change(store)
                assert await store.load_gateway() is None

        run(scenario())

    # -- records ------------------------------------------------------------------------------------------------------

    def test_a_saved_record_waits_and_is_exactly_what_was_weighed(self) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                record = make_record(weight=Decimal("12.340"))
                assert await store.save_record(record) is SaveResult.SAVED
                (waiting,) = await store.pending_records(10)
                assert waiting == replace(record, sequence=1)
                assert str(waiting.weight) == "12.340"

        run(scenario())

    def test_records_are_numbered_from_one_without_a_gap(self) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                for number in (9, 3, 7):
                    await store.save_record(make_record(number))
                with pytest.raises(StoreError):
                    await store.save_record(make_record(9, rfid_uid="other"))
                await store.save_record(make_record(1))
                waiting = await store.pending_records(10)
                assert [(r.uuid, r.sequence) for r in waiting] == [
                    (record_id(number), place) for place, number in enumerate((9, 3, 7, 1), start=1)
                ]

        run(scenario())

    def test_a_repeated_record_is_known_and_not_a_second_one(self) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                record = make_record(measured_at=datetime(2026, 1, 31, 14, tzinfo=timezone(timedelta(hours=9))))
                await store.save_record(record)
                await store.save_deliveries([Delivery(record.uuid, DeliveryKind.UNREACHABLE, "no route")])
                in_utc = replace(record, measured_at=record.measured_at.astimezone(UTC))
                assert await store.save_record(in_utc) is SaveResult.KNOWN
                assert await store.counts() == StoreCounts(total=1, sent=0, waiting=1, rejected=0)
                await store.save_deliveries([Delivery(record.uuid, DeliveryKind.DELIVERED)])
                assert await store.save_record(record) is SaveResult.KNOWN
                assert await store.pending_records(10) == []

        run(scenario())

    @pytest.mark.parametrize(
        "change",
        [
            {"rfid_uid": "04FFFFFF"},
            {"weight": Decimal("12.341")},
            {"unit": "g"},
            {"measured_at": datetime(2026, 1, 31, 5, 31, tzinfo=UTC)},
            {"line": "dock-2"},
            {"raw_frame": b"other"},
            {"chart": "other"},
            {"chart_version": "1.3"},
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_the_same_uuid_with_other_content_is_refused(self, change: dict[str, Any]) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                await store.save_record(make_record())
                with pytest.raises(StoreError, match="other content"):
                    await store.save_record(make_record(**change))
                assert await store.pending_records(10) == [make_record(sequence=1)]

        run(scenario())

    @pytest.mark.parametrize(
        ("change", "complaint"),
        [
            ({"uuid": "box-1"}, "not a uuid"),
            ({"uuid": record_id(1).upper().replace("0", "A")}, "not a uuid"),
            ({"uuid": record_id(1).replace("-", "")}, "not a uuid"),
            ({"rfid_uid": "A" * 51}, "at most 50"),
            ({"rfid_uid": "04\x00"}, "rfid_uid"),
            ({"line": "dock-\ud800"}, "line"),
            ({"weight": Decimal("NaN")}, "weight"),
            ({"weight": Decimal("-Infinity")}, "weight"),
            ({"weight": Decimal("1E+400")}, "weight"),
            ({"weight": Decimal("1E-400")}, "weight"),
            ({"measured_at": datetime(2026, 1, 31)}, "offset"),  # noqa: DTZ001 - what is refused
        ],
    )
    def test_a_record_that_nobody_could_hold_is_refused(self, change: dict[str, Any], complaint: str) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                with pytest.raises(StoreError, match=complaint):
                    await store.save_record(replace(make_record(), **change))
                assert (await store.counts()).total == 0

        run(scenario())

    def test_a_new_record_starts_unsent_whatever_it_says_of_itself(self) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                claims = {"is_sent": True, "attempts": 9, "may_have_arrived": True, "sequence": 77}
                await store.save_record(make_record(**claims, last_error="x", rejected_reason="y"))
                assert await store.pending_records(10) == [make_record(sequence=1)]

        run(scenario())

    def test_many_commits_at_once_are_each_done_once(self) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                saves = [store.save_record(make_record(number % 20)) for number in range(60)]
                results = await asyncio.gather(*saves)
                assert results.count(SaveResult.SAVED) == 20
                assert [r.sequence for r in await store.pending_records(100)] == list(range(1, 21))

        run(scenario())

    @pytest.mark.parametrize(("limit", "expected"), [(0, []), (2, [1, 2]), (9, [1, 2, 3]), (-1, [])])
    def test_at_most_so_many_waiting_records_are_given_oldest_first(self, limit: int, expected: list[int]) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                for number in (3, 2, 1):
                    await store.save_record(make_record(number))
                assert [r.sequence for r in await store.pending_records(limit)] == expected

        run(scenario())

    def test_records_of_any_standing_are_given_after_a_sequence_number(self) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                for number in (1, 2, 3, 4):
                    await store.save_record(make_record(number))
                await store.save_deliveries([Delivery(record_id(2), DeliveryKind.DELIVERED)])
                found = await store.records_after(1, 2)
                assert [(r.sequence, r.is_sent) for r in found] == [(2, True), (3, False)]

        run(scenario())

    # -- outbox -------------------------------------------------------------------------------------------------------

    def test_a_batch_of_attempts_sorts_the_outbox(self) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                for number in range(1, 6):
                    await store.save_record(make_record(number))
                await store.save_deliveries(
                    [
                        Delivery(record_id(1), DeliveryKind.DELIVERED),
                        Delivery(record_id(2), DeliveryKind.REJECTED, "rfid_uid: unknown"),
                        Delivery(record_id(3), DeliveryKind.UNAUTHORIZED, "401"),
                        Delivery(record_id(4), DeliveryKind.UNREACHABLE, "timed out", may_have_arrived=True),
                    ]
                )
                assert await store.pending_records(10) == [
                    make_record(3, sequence=3, attempts=1, last_error="401"),
                    make_record(4, sequence=4, attempts=1, last_error="timed out", may_have_arrived=True),
                    make_record(5, sequence=5),
                ]
                assert await store.counts() == StoreCounts(total=5, sent=1, waiting=3, rejected=1)
                parked = (await store.records_after(1, 1))[0]
                assert (parked.rejected_reason, parked.is_sent) == ("rfid_uid: unknown", False)

        run(scenario())

    def test_doubt_about_an_attempt_stays_until_the_record_is_delivered(self) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                await store.save_record(make_record())
                for doubt in (False, True, False):
                    await store.save_deliveries(
                        [Delivery(record_id(1), DeliveryKind.UNREACHABLE, "cut", may_have_arrived=doubt)]
                    )
                (waiting,) = await store.pending_records(1)
                assert (waiting.attempts, waiting.may_have_arrived) == (3, True)

        run(scenario())

    @pytest.mark.parametrize("late", [kind for kind in DeliveryKind if kind is not DeliveryKind.DELIVERED])
    def test_a_delivered_record_stays_delivered_whatever_comes_late(self, late: DeliveryKind) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                await store.save_record(make_record())
                await store.save_deliveries([Delivery(record_id(1), DeliveryKind.DELIVERED)])
                await store.save_deliveries([Delivery(record_id(1), late, "late", may_have_arrived=True)])
                assert await store.counts() == StoreCounts(total=1, sent=1, waiting=0, rejected=0)
                assert await store.records_after(0, 9) == [make_record(sequence=1, is_sent=True)]

        run(scenario())

    def test_a_parked_record_that_the_server_has_after_all_is_sent(self) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                await store.save_record(make_record())
                await store.save_deliveries([Delivery(record_id(1), DeliveryKind.REJECTED, "")])
                assert await store.counts() == StoreCounts(total=1, sent=0, waiting=0, rejected=1)
                await store.save_deliveries([Delivery(record_id(1), DeliveryKind.DELIVERED)])
                assert await store.counts() == StoreCounts(total=1, sent=1, waiting=0, rejected=0)

        run(scenario())

    def test_a_server_s_strange_words_do_not_hold_up_the_batch(self) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                await store.save_record(make_record(1))
                await store.save_record(make_record(2))
                words = "무게\x00\ud800" + "x" * 5_000
                await store.save_deliveries(
                    [
                        Delivery(record_id(1), DeliveryKind.REJECTED, words),
                        Delivery(record_id(9), DeliveryKind.DELIVERED),  # nobody knows this one
                        Delivery(record_id(2), DeliveryKind.DELIVERED),
                    ]
                )
                assert await store.counts() == StoreCounts(total=2, sent=1, waiting=0, rejected=1)
                reason = (await store.records_after(0, 1))[0].rejected_reason
                assert reason.startswith("무게?xxx")
                assert len(reason) == 1_000

        run(scenario())

    def test_no_attempts_are_no_change(self) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                await store.save_deliveries([])
                assert await store.counts() == StoreCounts(total=0, sent=0, waiting=0, rejected=0)

        run(scenario())
