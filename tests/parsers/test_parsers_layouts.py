"""Each layout, field by field: what counts as a frame, and what does not although it nearly does."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from by_hand.and_std import AND_STD
from by_hand.cas import CAS_22
from by_hand.st_gs import ST_GS
from frame_layouts import MADE, UNTIMED
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers import WeightReading, make_parser
from parsers.fields import number, unit_fields


def read_one(protocol: str, frame: bytes) -> WeightReading | None:
    got = make_parser(protocol).feed(frame)
    assert len(got) <= 1
    assert not got or isinstance(got[0], WeightReading)
    return got[0] if got else None  # type: ignore[return-value]


@pytest.mark.parametrize("protocol", MADE)
@settings(UNTIMED, max_examples=60)
@given(data=st.data())
def test_a_frame_built_from_the_layout_gives_exactly_what_it_says(protocol: str, data: Any) -> None:
    frame, reading = data.draw(MADE[protocol])
    parser = make_parser(protocol)
    assert parser.feed(frame) == [reading]
    assert parser.rejected == 0
    if isinstance(reading, WeightReading) and reading.value is not None:
        got = parser.feed(frame)[0].value  # type: ignore[union-attr]
        assert got is not None
        assert got.as_tuple().exponent == reading.value.as_tuple().exponent  # every place is kept


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (b"000013.5", "13.5"),
        (b"-    2.5", "-2.5"),
        (b"    -2.5", "-2.5"),
        (b"+  4.876", "4.876"),
        (b"000050. ", None),
        (b" 000050.", "50"),
        (b"  -1.640", "-1.640"),
        (b"      .5", "0.5"),
        (b"       0", "0"),
        (b"        ", None),
        (b"", None),
        (b"+", None),
        (b"-       ", None),
        (b".", None),
        (b"-      .", None),
        (b"1.2.3", None),
        (b"1 2", None),
        (b"12 ", None),
        (b"+-1", None),
        (b"--1", None),
        (b"1-", None),
        (b"1e5", None),
        (b"NaN", None),
        (b"1_0", None),
        (b"\xb2", None),
        (b"\x001", None),
        (b"\t1", None),
        (b"1\n", None),
        (b"1,5", None),
    ],
)
def test_a_number_field_is_exactly_a_number_or_nothing(field: bytes, value: str | None) -> None:
    got = number(field)
    assert str(got) == str(None if value is None else Decimal(value))


@UNTIMED
@given(st.binary(max_size=12))
def test_no_field_makes_a_number_raise(field: bytes) -> None:
    got = number(field)
    assert got is None or got.is_finite()


def test_one_flipped_bit_never_turns_a_unit_into_another() -> None:
    names = ("kg", "g", "t", "lb", "oz", "mg", "ct", "pcs", "N", "%")
    for width in (2, 3):
        fields = unit_fields(tuple(name for name in names if len(name) <= width), width)
        for field, unit in fields.items():
            for bit in range(width * 8):
                flipped = bytearray(field)
                flipped[bit // 8] ^= 1 << bit % 8
                assert fields.get(bytes(flipped), unit) == unit, (field, bytes(flipped))


@pytest.mark.parametrize(
    ("protocol", "frame", "why"),
    [
        ("cas-22", b"ST,GS,1\xe4 000013.5 kg\r\n", "a comma is missing"),
        ("cas-22", b"ST,GS,/\xe4,000013.5 kg\r\n", "no device id is below '0'"),
        ("cas-22", b"ST,GS,1\xe4,000013.5_kg\r\n", "the blank before the unit is not blank"),
        ("cas-22", b"ST,GS,1\xe4,000013.5   \r\n", "a weight without a unit"),
        ("cas-22", b"ST,GS,1\xe4,000013.5 xx\r\n", "an unknown unit"),
        ("cas-22", b"ST,TR,1\xe4,000013.5 kg\r\n", "neither gross nor net"),
        ("cas-22", b"QT,GS,1\xe4,000013.5 kg\r\n", "no such status"),
        ("cas-22", b"ST,GS,1\xe4,        kg\r\n", "two bytes short"),
        ("cas-22", b"ST,GS,1\xe4,         kg\r\n", "stable, but no weight"),
        ("cas-22", b"ST,GS,1\xe4,-        kg\r\n", "a lone sign"),
        ("cas-22", b"ST,GS,1\xe4,000013.5 kg\n", "no CR"),
        ("cas-22", b"ST,GS,1\xe4,000013.5 kg\r", "no LF"),
        ("cas-22", b"ST,GS,1\xe4,000013.5 kg\n\r", "LF before CR"),
        ("cas-22", b"OL,GS,1\xe4,\x00\x00\x00\x00\x00\x00\x00\x00 kg\r\n", "no printable overload"),
        ("cas-22", b"OL,GS,1\xe4,         xx\r\n", "an overload in an unknown unit"),
        ("cas-10", b"0000013.5\r\n", "nine characters"),
        ("cas-10", b"00013.5\r\n", "seven characters"),
        ("cas-10", b"   OL   \r\n", "no number"),
        ("cas-10", b"x000013.5\r\n", "rubbish in front of a headerless number"),
        ("and-std", b"ST,0000123.4  g\r\n", "no sign"),
        ("and-std", b"QT,+000123.4  g\r\n", "a count of grams"),
        ("and-std", b"ST,+000123.4  t\r\n", "a tola is no tonne"),
        ("and-std", b"ST,+000123.4mom\r\n", "a unit that the engine cannot convert"),
        ("and-std", b"ST,+9999999E+19\r\n", "overload without its header"),
        ("and-std", b"ST,OK,+0001.234 kg\r\n", "a second header"),
        ("st-gs", b"ST,TR,+000050.kg\r\n", "the tare is not the weight"),
        ("st-gs", b"ST,GS,       kg\r\n", "stable, but no weight"),
        ("st-gs", b"ST,GS,+       kg\r\n", "a lone sign"),
        ("st-gs", b"ST,GS,+01.120kg\r\n", "padded, and one byte lost"),
        ("st-gs", b"ST,GS,+ 4.876kg\r\n", "padded, and one byte lost"),
        ("st-gs", b"ST,GS,  4.876kg\r\n", "no sign, and not 18 bytes"),
        ("st-gs", b"ST,GS,+4.876  kg\r\n", "two blanks before the unit of an unpadded number"),
        ("st-gs", b"ST,GS,+4.kg\r\n", "an unpadded number that ends in its point"),
        ("st-gs", b"ST,GS,+12345678901234kg\r\n", "longer than any shape"),
        ("st-gs", b"--OL--\r\n", "an overload text that lost its blanks"),
        ("st-gs", b"x--OL--        \r\n", "rubbish in front of a headerless overload"),
        ("st-gs", b"S\xd4,\xceT\xac+\xb01\xb25\xb00\xaeK\xe7\r\x8a", "seven bits read as eight, without the mask"),
    ],
)
def test_what_is_nearly_a_frame_gives_nothing(protocol: str, frame: bytes, why: str) -> None:
    assert read_one(protocol, frame) is None, why


def test_the_header_is_trusted_and_the_lamp_is_not() -> None:
    """The lamp bits differ by model (CI-400, CI-600D, CRD-2300F), so all 256 of them mean the same."""
    for lamp in range(256):
        reading = read_one("cas-22", b"US,NT,1" + bytes((lamp,)) + b",000013.5 kg\r\n")
        assert reading is not None
        assert (reading.is_stable, reading.mode) == (False, "net")


@pytest.mark.parametrize(
    ("protocol", "frame"),
    [
        ("cas-22", b"ST,GS,1\xe4,000013.5 kg\r\n"),
        ("and-std", b"ST,+001234.5  g\r\n"),
        ("st-gs", b"ST,GS,+  4.876kg\r\n"),
    ],
)
@pytest.mark.parametrize("before", [b"\x00", b"ST,GS,1", b"\xff\x02\x00", b"\x7f" * 500])
def test_a_headed_frame_at_the_end_of_a_polluted_line_counts(protocol: str, frame: bytes, before: bytes) -> None:
    parser = make_parser(protocol)
    assert [reading.raw for reading in parser.feed(before + frame)] == [frame]
    assert parser.rejected >= 1


@pytest.mark.parametrize("frame", [b"000013.5\r\n", b"    13.5\r\n"])
def test_a_headerless_number_is_never_picked_out_of_a_polluted_line(frame: bytes) -> None:
    for before in (b"\x00", b"0", b" ", b"-", b"0000", b"0" * 500):
        parser = make_parser("cas-10")
        assert parser.feed(before + frame) == []
        assert [reading.raw for reading in parser.feed(frame)] == [frame]


def torn_by_one_byte(frame: bytes) -> list[bytes]:
    lost = [frame[:i] + frame[i + 1 :] for i in range(len(frame))]
    put_in = [frame[:i] + bytes((byte,)) + frame[i:] for i in range(len(frame)) for byte in range(256)]
    return lost + put_in


@pytest.mark.parametrize(
    ("protocol", "frame"), [("cas-22", b"ST,GS,1\xe4,123456.7 kg\r\n"), ("cas-10", b"123456.7\r\n")]
)
def test_a_frame_that_lost_or_gained_a_byte_never_shows_another_weight(protocol: str, frame: bytes) -> None:
    whole = read_one(protocol, frame)
    assert whole is not None
    for wire in torn_by_one_byte(frame):
        got = read_one(protocol, wire)
        assert got is None or (got.value, got.unit, got.is_stable) == (whole.value, whole.unit, whole.is_stable), wire


@pytest.mark.parametrize(
    ("protocol", "frame"),
    [
        ("and-std", b"ST,+123456.7  g\r\n"),
        ("and-std", b"ST,+00012.345 kg\r\n"),
        ("st-gs", b"ST,GS,+  4.876kg\r\n"),
        ("st-gs", b"ST,GS,+111.120kg\r\n"),
        ("st-gs", b"ST,GS,+ 14.876 kg\r\n"),
        ("st-gs", b"ST,GS   106.2g  \r\n"),
    ],
)
def test_nor_does_one_of_a_protocol_with_several_lengths_once_the_device_is_known(protocol: str, frame: bytes) -> None:
    parser = make_parser(protocol)
    whole = parser.feed(frame * 50)[0]
    for wire in torn_by_one_byte(frame):
        claims = {(got.value, got.unit, got.is_stable) for got in parser.feed(wire + frame)}  # type: ignore[union-attr]
        assert claims == {(whole.value, whole.unit, whole.is_stable)}, wire  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("protocol", "frame", "torn"),
    [
        ("and-std", b"ST,+00012.345  g\r\n", b"ST,+0001.345  g\r\n"),
        ("st-gs", b"ST,GS,+111.120kg\r\n", b"ST,GS,+11.120kg\r\n"),
    ],
)
def test_a_device_that_keeps_one_length_is_held_to_it(protocol: str, frame: bytes, torn: bytes) -> None:
    """One digit lost on the wire leaves what looks like a whole frame of a shorter shape."""
    assert read_one(protocol, torn) is not None
    parser = make_parser(protocol)
    assert len(parser.feed(frame * 50)) == 50
    assert parser.feed(torn) == []
    assert parser.rejected == 1
    assert len(parser.feed(frame + frame)) == 2
    assert parser.feed(torn) == []
    assert len(parser.feed(torn)) == 1, "sent twice in a row, the other length is what the device sends now"
    assert len(parser.feed(torn + frame)) == 2


def test_an_overload_is_never_held_back() -> None:
    parser = make_parser("st-gs")
    parser.feed(b"ST,GS,+111.120kg\r\n" * 60)
    assert [reading.status for reading in parser.feed(b"--OL--        \r\n")] == ["overload"]  # type: ignore[union-attr]
    assert parser.feed(b"ST,GS,+11.120kg\r\n") == []


def test_another_device_on_a_reopened_port_may_keep_another_length() -> None:
    parser = make_parser("st-gs")
    parser.feed(b"ST,GS,+111.120kg\r\n" * 60)
    parser.reset()
    assert len(parser.feed(b"ST,GS,+11.120kg\r\n")) == 1


def test_a_device_of_varying_lengths_is_not_held_to_one() -> None:
    parser = make_parser("st-gs")
    for weight in (b"-9.998", b"-10.002", b"-9.998"):
        assert len(parser.feed(b"ST,GS," + weight + b"kg\r\n")) == 1
    assert len(parser.feed(b"ST,GS,-9.998kg\r\n" * 60)) == 60
    assert len(parser.feed(b"ST,GS,-10.002kg\r\n")) == 1


def test_a_card_whose_checksum_fails_is_searched_for_the_card_inside_it() -> None:
    card = b"\x0201001293D858\x03"
    parser = make_parser("rdm6300")
    assert [reading.raw for reading in parser.feed(b"\x0201001" + card)] == [card]
    assert [reading.raw for reading in parser.feed(b"\x0201001293D859\x03" + card)] == [card]
    assert parser.rejected == 2


@pytest.mark.parametrize(
    ("protocol", "stream", "count"),
    [
        ("cas-22", b"x\r\ny\r\n", 2),
        ("cas-22", b"x" * 22 + b"\r\n", 2),
        ("cas-22", b"x" * 1000, 45),
        ("cas-22", b"xST,GS,1\xe4,000013.5 kg\r\nx\r\n", 2),
        ("cas-22", b"ST,GS,1", 0),
        ("cas-10", b"x000013.5\r\n", 2),
        ("rdm6300", b"\x0201001293D859\x03" * 3, 3),
        ("rdm6300", b"x\x0201001293D858\x03x", 2),
        ("rdm6300", b"\x0201001293D8", 0),
        ("rdm6300", b"\x020100x", 1),
    ],
)
def test_each_run_of_rubbish_counts_once_for_every_frame_it_might_have_been(
    protocol: str, stream: bytes, count: int
) -> None:
    parser = make_parser(protocol)
    parser.feed(stream)
    assert parser.rejected == count


def test_lower_case_digits_are_the_same_card() -> None:
    assert make_parser("rdm6300").feed(b"\x0262e3086ced08\x03")[0].uid == "62E3086CED"  # type: ignore[union-attr]


def test_frames_of_one_layout_have_the_lengths_it_declares() -> None:
    for layout in (CAS_22, AND_STD, ST_GS):
        assert set(layout.fixed) <= set(layout.trusted)
        assert max(layout.trusted) <= layout.longest
