"""SUWOL-1000: what is sent and what is read, against the layout of the specification and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit import CHECKS, Case, bare, check_every_bit_flip, is_same_but_for_its_digits

from parsers import CardReading, WeightReading
from parsers.suwol import (
    FAN,
    GREEN,
    HEATER,
    RED,
    SUWOL_1000,
    Key,
    ReplyCutter,
    SuwolParser,
    climate_request,
    decode_reply,
    poll_request,
    print_request,
    relay_field,
)
from parsers.suwol_device import Climate, Poll, Print, RequestCutter, reply_frame, weight_field

# The reply as the specification counts it, from 1: name -> first and last byte.
REPLY = {
    "id": (2, 2),
    "card": (4, 11),
    "key kind": (12, 12),
    "key value": (13, 18),
    "relays": (19, 20),
    "inputs": (21, 22),
    "voice": (23, 24),
    "temperature": (25, 27),
    "fan": (28, 29),
    "heater": (30, 31),
    "printer": (32, 32),
    "weight": (37, 52),
}
STILL = weight_field(Decimal("12345.6"), is_stable=True, mode="NT")


def put(frame: bytes, field: str, value: bytes) -> bytes:
    first, last = REPLY[field]
    assert len(value) == last - first + 1
    return frame[: first - 1] + value + frame[last:]


def got(frame: bytes, first: int, last: int) -> bytes:
    return frame[first - 1 : last]


# Replies --------------------------------------------------------------------------------------------------------------


def test_every_field_is_read_from_its_place():
    frame = put(reply_frame(STILL), "id", b"7")
    for field, value in {
        "card": b"0A1B2C3D",
        "key kind": b"C",
        "key value": b"  4711",
        "relays": b"0:",
        "inputs": b"?1",
        "voice": b"11",
        "temperature": b"-05",
        "fan": b"40",
        "heater": b"15",
        "printer": b"2",
    }.items():
        frame = put(frame, field, value)
    reply = decode_reply(frame)
    assert reply is not None
    assert (reply.terminal, reply.card, reply.key) == (7, "0A1B2C3D", Key("customer", "4711"))
    assert (reply.relays, reply.inputs) == (RED | FAN, 0xF1)
    assert (reply.voice, reply.temperature, reply.fan, reply.heater) == (11, -5, 40, 15)
    assert reply.printer == "busy"
    assert bare(reply.weight) == WeightReading(Decimal("12345.6"), "kg", True, "ok", "net")


def test_relays_are_nibbles_and_no_hexadecimal_digits():
    assert relay_field(GREEN | FAN) == b"09"
    assert relay_field(RED | FAN) == b"0:"
    assert relay_field(HEATER | GREEN) == b"11"
    assert relay_field(0xFF) == b"??"
    assert decode_reply(put(reply_frame(STILL), "relays", b"0A")) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", b"A"),
        ("card", b"0A1B2C3G"),
        ("key kind", b"X"),
        ("key value", b"12\x0034 "),
        ("inputs", b" 0"),
        ("voice", b" 4"),
        ("temperature", b"2 5"),
        ("fan", b"3x"),
        ("printer", b"3"),
        ("weight", b"ST,NT,+12345.6  "),
        ("weight", b"ST,NT, 12345.6kg"),
        ("weight", b"ST,NT,+12.45.6kg"),
        ("weight", b"ST,NT,+123456.kg"),
        ("weight", b"ST,NT,+       kg"),
        ("weight", b"00,00,0000000001"),
        ("weight", b"XX,NT,+12345.6kg"),
    ],
)
def test_a_field_that_is_not_what_it_should_be_makes_no_reply(field: str, value: bytes):
    assert decode_reply(put(reply_frame(STILL), field, value)) is None


def test_overload_and_no_signal_are_told_and_are_no_weight():
    over = decode_reply(put(reply_frame(STILL), "weight", b"OL,GS,+       kg"))
    none = decode_reply(put(reply_frame(STILL), "weight", b"00,00,0000000000"))
    assert over is not None
    assert none is not None
    assert (over.weight.value, over.weight.status) == (None, "overload")
    assert (none.weight.value, none.weight.status) == (None, "no_signal")


def test_the_frames_that_are_known_give_their_readings():
    for golden in SUWOL_1000.golden:
        assert [bare(reading) for reading in SuwolParser().feed(golden.frame)] == list(golden.readings)


def test_the_shared_frames_give_their_readings():
    path = Path(__file__).parent / "data" / "frames.json"
    if not path.exists():
        pytest.skip("the shared frames are not in this checkout")
    frames = json.loads(path.read_text(encoding="utf-8"))
    frames = frames["frames"] if isinstance(frames, dict) else frames
    for entry in (one for one in frames if one["protocol"].startswith("suwol")):
        [reading] = SuwolParser().feed(bytes.fromhex(entry["raw_hex"]))
        assert isinstance(reading, WeightReading)
        expect = entry["expect"]
        assert (None if reading.value is None else str(reading.value).lstrip("0")) == expect["value"]
        assert (reading.unit, reading.is_stable, reading.status) == (
            expect["unit"],
            expect["stable"],
            expect["status"],
        )


SINGLE = tuple(
    (golden.frame, replace(golden.readings[0], raw=golden.frame))
    for golden in SUWOL_1000.golden
    if len(golden.readings) == 1
)


# A reply has no checksum: a bit that flips in the card's field makes another card. What holds all the same is below.
SHARED = [check for check in CHECKS if check is not check_every_bit_flip]


def test_a_bit_that_flips_never_turns_what_is_said_of_the_weight():
    for frame, reading in SINGLE:
        for bit in range(len(frame) * 8):
            flipped = bytearray(frame)
            flipped[bit // 8] ^= 1 << bit % 8
            parser = SuwolParser()
            for other in parser.feed(bytes(flipped)):
                if isinstance(other, WeightReading):
                    assert is_same_but_for_its_digits(other, reading, exactly=False), bytes(flipped)
            assert parser.feed(frame * 2)[-1] == reading, bytes(flipped)


@pytest.mark.parametrize("check", SHARED, ids=lambda check: check.__name__.removeprefix("check_"))
def test_the_parser_withstands_what_every_parser_must(check):
    check(Case("suwol-1000", SuwolParser, SINGLE, is_checked=False))


weights = st.decimals(min_value=-99999, max_value=99999, places=1, allow_nan=False)
keys = st.builds(
    Key, st.sampled_from(["vehicle", "customer", "product", "reprint"]), st.text("0123456789", min_size=1, max_size=6)
)


@settings(max_examples=60, deadline=None)
@given(
    weight=weights,
    is_stable=st.booleans(),
    card=st.none() | st.text("0123456789ABCDEF", min_size=8, max_size=8).filter(lambda card: card != "0" * 8),
    key=st.none() | keys,
    relays=st.integers(0, 255),
    voice=st.integers(0, 99),
    printer=st.sampled_from(["ready", "no_paper", "busy"]),
    cuts=st.lists(st.integers(0, 106), max_size=4),
)
def test_what_a_terminal_says_is_what_is_read_however_it_is_cut(
    weight, is_stable, card, key, relays, voice, printer, cuts
):
    frame = reply_frame(
        weight_field(weight, is_stable=is_stable), card=card, key=key, relays=relays, voice=voice, printer=printer
    )
    cutter, data = ReplyCutter(decode_reply), frame * 2
    edges = [0, *sorted(cuts), len(data)]
    replies = [reply for a, b in pairwise(edges) for reply in cutter.feed(data[a:b])]
    assert len(replies) == 2
    for reply in replies:
        assert (reply.card, reply.key, reply.relays, reply.voice) == (card, key, relays, voice)
        assert (reply.printer, reply.weight.value, reply.weight.is_stable) == (printer, weight, is_stable)
    assert cutter.rejected == 0


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_rubbish_raises_nothing_and_is_not_kept(data: bytes):
    parser = SuwolParser()
    parser.feed(data)
    frame, reading = SINGLE[0]
    parser.feed(b"\x00" * 53)
    assert parser.feed(frame)[-1] == reading


def test_a_card_comes_before_the_weight_of_the_same_reply():
    frame = reply_frame(STILL, card="0A1B2C3D")
    card, weight = SuwolParser().feed(frame)
    assert card == CardReading("0A1B2C3D", frame)
    assert isinstance(weight, WeightReading)


# Requests -------------------------------------------------------------------------------------------------------------


def test_a_poll_has_every_field_in_its_place():
    frame = poll_request(3, weight=Decimal("-12.50"), text="12가", relays=RED, voice=4)
    assert len(frame) == 32
    assert (frame[0], frame[31]) == (0x02, 0x03)
    assert got(frame, 2, 3) == b"3D"
    assert got(frame, 4, 4) == b"-"
    assert got(frame, 5, 11) == b"0012.50"
    assert got(frame, 12, 17) == "12가  ".encode("cp949")
    assert got(frame, 24, 25) == b"02"
    assert got(frame, 26, 27) == b"04"


@pytest.mark.parametrize(
    "arguments",
    [
        {"weight": Decimal("123456.7")},
        {"weight": Decimal("-0.123456")},
        {"weight": Decimal("NaN")},
        {"text": "1234567"},
        {"text": "가나다라"},
        {"text": "😀"},
        {"text": "a\nb"},
        {"relays": FAN},
        {"voice": 100},
        {"voice": -1},
    ],
    ids=str,
)
def test_what_does_not_fit_a_poll_is_refused(arguments):
    with pytest.raises(ValueError, match=r".+"):
        poll_request(0, **arguments)


@settings(max_examples=60, deadline=None)
@given(
    weight=st.none() | st.decimals(allow_nan=False, allow_infinity=False, places=None),
    text=st.text(max_size=8),
    relays=st.integers(-1, 40),
    voice=st.integers(-5, 120),
)
def test_a_poll_is_refused_or_says_exactly_what_was_asked(weight, text, relays, voice):
    try:
        frame = poll_request(0, weight=weight, text=text, relays=relays, voice=voice)
    except ValueError:
        return
    assert len(frame) == 32
    [poll] = RequestCutter().feed(frame)
    assert isinstance(poll, Poll)
    assert (Decimal(poll.weight) if poll.weight else None) == weight
    assert poll.text == text.strip()
    assert (poll.relays, poll.voice) == (relays, voice)


def test_a_print_tells_its_length_so_that_it_may_hold_any_byte():
    data = bytes(range(256))
    frame = print_request(1, data, copies=2)
    assert frame[:8] == b"\x021P02562"
    assert RequestCutter().feed(frame) == [Print(1, data, 2)]


@pytest.mark.parametrize(("data", "copies"), [(b"", 1), (b"x" * 10_000, 1), (b"x", 0), (b"x", 10)])
def test_what_does_not_fit_a_print_is_refused(data: bytes, copies: int):
    with pytest.raises(ValueError, match=r"not|cannot"):
        print_request(0, data, copies)


def test_set_points_are_kept_to_what_the_device_allows():
    assert climate_request(0, 15, 0) == b"\x020T1500\x03"
    assert RequestCutter().feed(climate_request(9, 40, 15)) == [Climate(9, 40, 15)]
    for fan, heater in ((14, 5), (41, 5), (20, 16), (20, -1)):
        with pytest.raises(ValueError, match=" is not "):
            climate_request(0, fan, heater)
