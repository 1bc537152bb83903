"""What leaves as JSON: every decimal digit for digit, whatever its size."""

from __future__ import annotations

import json
from datetime import timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from net_support import EXAMPLES, make_record

from engine.net.wire import encode_json, record_body

DECIMALS = st.decimals(allow_nan=False, allow_infinity=False) | st.decimals(
    min_value=-100_000, max_value=100_000, places=3
)


@EXAMPLES
@given(DECIMALS)
def test_a_decimal_is_a_json_number_of_exactly_its_value(value):
    text = encode_json(value)
    read = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    assert read == value
    assert "e" not in text.lower()


@EXAMPLES
@given(st.decimals(min_value=0, max_value=10_000, places=3))
def test_a_displayed_weight_survives_a_server_that_reads_floats(weight):
    assert Decimal(repr(json.loads(encode_json(weight)))) == weight


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("12.340", "12.34"),
        ("0.10", "0.1"),
        ("100", "100"),
        ("1E+2", "100"),
        ("-0.000", "0"),
        ("-1.640", "-1.64"),
        ("1E-7", "0.0000001"),
        ("123456789012345678901234567890.5", "123456789012345678901234567890.5"),
    ],
)
def test_decimals_are_written_without_exponent_and_without_idle_zeros(value, text):
    assert encode_json(Decimal(value)) == text


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), float("nan"), [float("inf")]])
def test_a_number_that_is_not_finite_has_no_json(value):
    with pytest.raises(ValueError, match=r"finite|compliant"):
        encode_json(value)


@pytest.mark.parametrize("value", [{1: "a"}, b"bytes", {1, 2}, object()])
def test_what_json_does_not_know_is_refused(value):
    with pytest.raises(TypeError):
        encode_json(value)


@EXAMPLES
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    )
)
def test_everything_else_is_written_as_json_does(value):
    assert json.loads(encode_json(value)) == value


def test_a_record_has_the_four_fields_of_the_contract_and_keeps_its_offset():
    korea = timezone(timedelta(hours=9))
    record = make_record(measured_at=make_record().measured_at.astimezone(korea))
    assert record_body(record) == (
        f'{{"uuid":"{record.uuid}","rfid_uid":"0A1B2C3D4E","weight":12.34,'
        '"measured_at":"2026-02-07T13:30:01.250000+09:00"}'
    )
