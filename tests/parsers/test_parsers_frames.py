"""The encoders: what they build is read back exactly, and what does not fit is refused, never cut."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import pytest
from frame_layouts import UNTIMED
from hypothesis import given
from hypothesis import strategies as st

from parsers import CardReading, WeightReading, make_parser
from parsers.frames import and_std_frame, cas10_frame, cas22_frame, id12_frame, rdm6300_frame, st_gs_frame

_WEIGHTS = st.decimals(min_value=-9999, max_value=9999, places=2) | st.decimals(min_value=-99, max_value=99, places=3)
_UNITS = st.sampled_from(["kg", "g", "t", "lb", "oz", "mg", "ct", "pcs"])
_AND_UNITS = st.sampled_from(["kg", "g", "lb", "oz", "mg", "ct", "N", "%"])
_SCALE_MODES = st.sampled_from(["gross", "net"])
Mode = Literal["gross", "net"]


@UNTIMED
@given(weight=_WEIGHTS, unit=_UNITS, stable=st.booleans(), mode=_SCALE_MODES, device=st.integers(0, 99))
def test_a_cas_22_frame_is_read_back(*, weight: Decimal, unit: str, stable: bool, mode: Mode, device: int) -> None:
    frame = cas22_frame(weight, unit, stable=stable, mode=mode, device_id=device)
    assert len(frame) == 22
    assert make_parser("cas-22").feed(frame) == [WeightReading(weight, unit, stable, "ok", mode, frame)]


@UNTIMED
@given(_WEIGHTS)
def test_a_cas_10_frame_is_read_back(weight: Decimal) -> None:
    frame = cas10_frame(weight)
    assert len(frame) == 10
    assert make_parser("cas-10").feed(frame) == [WeightReading(weight, None, None, raw=frame)]


@UNTIMED
@given(weight=_WEIGHTS, unit=_AND_UNITS, stable=st.booleans())
def test_an_and_std_frame_is_read_back(*, weight: Decimal, unit: str, stable: bool) -> None:
    frame = and_std_frame(weight, unit, stable=stable)
    assert len(frame) == 17
    assert make_parser("and-std").feed(frame) == [WeightReading(weight, unit, stable, raw=frame)]


@UNTIMED
@given(weight=_WEIGHTS, unit=_UNITS, stable=st.booleans(), mode=_SCALE_MODES)
def test_a_st_gs_frame_is_read_back(*, weight: Decimal, unit: str, stable: bool, mode: Mode) -> None:
    frame = st_gs_frame(weight, unit, stable=stable, mode=mode)
    assert len(frame) == 18
    assert make_parser("st-gs").feed(frame) == [WeightReading(weight, unit, stable, "ok", mode, frame)]


@UNTIMED
@given(st.binary(min_size=5, max_size=5).map(bytes.hex))
def test_a_card_frame_is_read_back(uid: str) -> None:
    frame = rdm6300_frame(uid)
    assert make_parser("rdm6300").feed(frame) == [CardReading(uid.upper(), frame)]
    frame = id12_frame(uid)
    assert make_parser("id-12").feed(frame) == [CardReading(uid.upper(), frame)]


def test_the_frames_are_those_of_the_manuals() -> None:
    assert cas22_frame(Decimal("13.5"), "kg", stable=True) == b"ST,GS,1\xe4,000013.5 kg\r\n"
    assert cas22_frame(Decimal("-2.5"), "kg", stable=True, mode="net", device_id=13) == b"ST,NT,=\xe2,-    2.5 kg\r\n"
    assert cas22_frame(Decimal("0.00"), "kg", stable=False) == b"US,GS,1\xa5,00000.00 kg\r\n"
    assert cas10_frame(Decimal("13.5")) == b"000013.5\r\n"
    assert and_std_frame(Decimal("1234.5"), "g", stable=True) == b"ST,+001234.5  g\r\n"
    assert and_std_frame(Decimal(12345), "pcs", stable=True) == b"QT,+00012345 PC\r\n"
    assert st_gs_frame(Decimal("11.120"), "kg", stable=True) == b"ST,GS,+011.120kg\r\n"
    assert rdm6300_frame("01000734E0") == b"\x0201000734E0D2\x03"
    assert id12_frame("62E3086CED") == b"\x0262E3086CED08\r\n\x03"


@pytest.mark.parametrize(
    ("protocol", "frame"),
    [
        ("cas-22", cas22_frame(Decimal(0), "kg", stable=None, overload=True)),
        ("and-std", and_std_frame(Decimal(0), "kg", stable=None, overload=True)),
        ("st-gs", st_gs_frame(Decimal(0), "kg", stable=None, overload=True)),
    ],
)
def test_an_overload_carries_no_weight(protocol: str, frame: bytes) -> None:
    (reading,) = make_parser(protocol).feed(frame)
    assert isinstance(reading, WeightReading)
    assert (reading.value, reading.unit, reading.is_stable, reading.status) == (None, "kg", False, "overload")


@pytest.mark.parametrize("weight", ["1234567.8", "-123456.7", "0.0000001", "1E+9", "NaN", "Infinity", "-Infinity"])
def test_a_weight_that_does_not_fit_its_field_is_refused(weight: str) -> None:
    value = Decimal(weight)
    with pytest.raises(ValueError, match=r"fit|not a weight"):
        cas22_frame(value, "kg", stable=True)
    with pytest.raises(ValueError, match=r"fit|not a weight"):
        cas10_frame(value)
    with pytest.raises(ValueError, match=r"fit|not a weight"):
        st_gs_frame(value, "kg", stable=True)


def test_a_weight_that_does_not_fit_the_eight_places_of_a_balance_is_refused() -> None:
    assert and_std_frame(Decimal("-123456.7"), "g", stable=False) == b"US,-123456.7  g\r\n"
    for weight in ("1234567.8", "NaN", "0.0000001"):
        with pytest.raises(ValueError, match=r"fit|not a weight"):
            and_std_frame(Decimal(weight), "g", stable=True)


def test_what_a_frame_cannot_say_is_refused() -> None:
    with pytest.raises(ValueError, match="'mm' has no place"):
        cas22_frame(Decimal(1), "mm", stable=True)
    with pytest.raises(ValueError, match="'t' has no place"):
        and_std_frame(Decimal(1), "t", stable=True)
    with pytest.raises(ValueError, match="must say whether"):
        st_gs_frame(Decimal(1), "kg", stable=None)
    with pytest.raises(ValueError, match="device id 100"):
        cas22_frame(Decimal(1), "kg", stable=True, device_id=100)


@pytest.mark.parametrize("uid", ["", "62E3086CE", "62E3086CED0", "62E3086CEX", "62 E30 86C", "62E308 6CED", "한글"])
def test_what_is_no_card_number_is_refused(uid: str) -> None:
    with pytest.raises(ValueError):
        rdm6300_frame(uid)
    with pytest.raises(ValueError):
        id12_frame(uid)
