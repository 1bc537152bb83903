"""What a site uploads beyond the contract: typed, exact, and kept by the reference server."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from net_support import EXAMPLES, IDENTITY, make_record

from engine.clock import SystemClock
from engine.net.central import DjangoServer
from engine.net.wire import COLUMNS, record_body
from engine.ports import DeliveryKind
from engine.sim.server import ReferenceServer
from engine.units import Quantity

EXTRA = {
    "gross": Quantity("40000.123", "kg"),
    "tare": Quantity("15000500", "g"),
    "pull": Quantity("12.5", "N"),
    "first_at": datetime(2026, 2, 7, 9, 0, tzinfo=timezone(timedelta(hours=9))),
    "plate": '12가 "3456"',
    "waited": 1.5,
    "axles": 3,
    "is_full": True,
    "note": None,
}


def sent(fields, **changes):
    body = json.loads(record_body(make_record(**changes), fields), parse_float=Decimal)
    return {name: value for name, value in body.items() if name not in {"uuid", "rfid_uid", "weight", "measured_at"}}


def test_every_type_has_its_json_form_and_masses_are_in_the_records_unit():
    names = [*EXTRA, "never_saved"]
    assert sent({name: f"extra.{name}" for name in names}, extra=EXTRA) == {
        "gross": Decimal("40000.123"),
        "tare": Decimal("15000.5"),
        "pull": Decimal("12.5"),
        "first_at": "2026-02-07T09:00:00+09:00",
        "plate": '12가 "3456"',
        "waited": Decimal("1.5"),
        "axles": 3,
        "is_full": True,
    }


def test_every_column_can_be_uploaded_under_another_name():
    values = sent(
        {f"my_{name}": name for name in COLUMNS}, sequence=7, raw_frame=b"ST\r\n", chart="w", chart_version="2"
    )
    assert values == {
        "my_line": "dock-1",
        "my_unit": "kg",
        "my_sequence": 7,
        "my_chart": "w",
        "my_chart_version": "2",
        "my_weight": Decimal("12.34"),
        "my_weight_text": "12.340",
        "my_measured_at": "2026-02-07T04:30:01.250000+00:00",
        "my_rfid_uid": "0A1B2C3D4E",
        "my_raw_frame": "53540d0a",
    }


def test_the_contract_comes_first_and_the_rest_in_the_sites_order():
    body = record_body(make_record(), {"z": "line", "a": "unit"})
    assert list(json.loads(body)) == ["uuid", "rfid_uid", "weight", "measured_at", "z", "a"]


@EXAMPLES
@given(value=st.decimals(-(10**15), 10**15, places=9), unit=st.sampled_from(["mg", "g", "kg", "t", "lb", "oz"]))
def test_a_mass_is_digit_for_digit_what_was_kept(value, unit):
    number = sent({"gross": "extra.gross"}, extra={"gross": Quantity(value, unit)})["gross"]
    assert Fraction(Decimal(number)) * 1000 == Fraction(value) * Fraction(Quantity(1, unit).base)


@pytest.mark.parametrize(
    "value",
    [Quantity(1, "kg"), float("nan"), datetime(2026, 1, 1)],  # noqa: DTZ001 - what is refused
    ids=["1 kg in lb", "nan", "no offset"],
)
def test_what_has_no_exact_form_is_refused(value):
    with pytest.raises(ValueError):
        sent({"x": "extra.x"}, extra={"x": value}, unit="lb")


def test_the_reference_server_keeps_what_comes_beyond_the_contract_and_answers_with_it():
    fields = {"gross_weight": "extra.gross", "first_weighed_at": "extra.first_at", "gate": "line"}

    async def scenario():
        async with (
            ReferenceServer() as server,
            DjangoServer(server.url, clock=SystemClock(), upload_fields=fields) as client,
        ):
            await client.register_gateway(IDENTITY)
            token = server.backend.approve(IDENTITY.mac_address)
            delivery = await client.post_record(make_record(extra=EXTRA), token)
            assert delivery.kind is DeliveryKind.DELIVERED
            await client.post_record(make_record(), token)
            return [row.extra for row in server.records]

    weighed, plain = asyncio.run(scenario())
    assert weighed == {
        "gross_weight": Decimal("40000.123"),
        "first_weighed_at": datetime(2026, 2, 7, tzinfo=UTC).astimezone(EXTRA["first_at"].tzinfo).isoformat(),
        "gate": "dock-1",
    }
    assert plain == {"gate": "dock-1"}
