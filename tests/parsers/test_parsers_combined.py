"""A combined indicator: cards and weights on one port, neither lost, neither invented."""

from __future__ import annotations

from typing import Any

import pytest
from frame_layouts import MADE, UNTIMED
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers import CardReading, Reading, WeightReading, make_parser
from parsers.frames import id12_frame, rdm6300_frame

LINE = b"ST,GS,1\xe4,000013.5 kg\r\n"
CARD = rdm6300_frame("62E3086CED")
_PAIRS = [("cas-22", "rdm6300"), ("cas-22", "id-12"), ("cas-10", "rdm6300"), ("cas-10", "id-12"), ("st-gs", "rdm6300")]


def raws(readings: list[Reading]) -> list[bytes]:
    return [reading.raw for reading in readings]


@pytest.mark.parametrize("pair", _PAIRS, ids="+".join)
@settings(UNTIMED, max_examples=30)
@given(data=st.data())
def test_cards_and_lines_come_in_the_order_in_which_they_ended(pair: tuple[str, str], data: Any) -> None:
    scale, reader = pair
    made = data.draw(st.lists(st.one_of(MADE[scale], MADE[reader]), max_size=10))
    parser = make_parser(pair)
    assert parser.feed(b"".join(frame for frame, _ in made)) == [reading for _, reading in made]
    assert parser.rejected == 0


@pytest.mark.parametrize("pair", _PAIRS, ids="+".join)
@settings(UNTIMED, max_examples=30)
@given(data=st.data())
def test_a_card_in_a_torn_line_costs_no_whole_line_and_joins_no_torn_ones(pair: tuple[str, str], data: Any) -> None:
    scale, reader = pair
    (one, _), (other, _) = data.draw(MADE[scale]), data.draw(MADE[scale])
    card, seen = data.draw(MADE[reader])
    whole, weight = data.draw(MADE[scale])
    head = one[: data.draw(st.integers(0, len(one) - 1))]
    tail = other[data.draw(st.integers(1, len(other) - 1)) :]
    # The torn beginning, the card, a whole line; then the card again and a torn end.
    got = make_parser(pair).feed(head + card + whole + card + tail)
    assert got == [seen, weight, seen]


def test_two_torn_lines_around_a_card_never_make_a_weight() -> None:
    other = b"US,NT,1\xa2,000099.9 kg\r\n"
    for i in range(1, len(LINE)):
        got = make_parser(["cas-22", "rdm6300"]).feed(LINE[:i] + CARD + other[i:])
        assert raws(got) == [CARD]


def test_a_card_ends_the_line_that_rubbish_had_polluted() -> None:
    parser = make_parser(["cas-10", "rdm6300"])
    assert raws(parser.feed(b"0000" + CARD + b"000013.5\r\n")) == [CARD, b"000013.5\r\n"]
    assert parser.rejected == 1


def test_a_card_that_fails_its_checksum_is_rubbish_to_the_line_after_it() -> None:
    bad = CARD.replace(b"08\x03", b"09\x03")
    assert raws(make_parser(["cas-22", "rdm6300"]).feed(bad + LINE)) == [LINE]
    assert raws(make_parser(["cas-10", "rdm6300"]).feed(bad + b"000013.5\r\n" * 2)) == [b"000013.5\r\n"]


def test_a_line_is_not_held_back_by_a_card_that_may_be_beginning() -> None:
    parser = make_parser(["cas-22", "rdm6300"])
    assert raws(parser.feed(LINE + CARD[:6])) == [LINE]
    assert raws(parser.feed(CARD[6:])) == [CARD]


def test_a_card_is_not_held_back_by_a_line_that_may_be_beginning() -> None:
    parser = make_parser(["cas-22", "rdm6300"])
    assert raws(parser.feed(LINE + LINE[:9] + CARD)) == [LINE, CARD]


def test_one_port_may_carry_two_kinds_of_reader() -> None:
    other = id12_frame("01000734E0")
    got = make_parser(["rdm6300", "id-12"]).feed(CARD + other + CARD)
    assert raws(got) == [CARD, other, CARD]


def test_a_seven_bit_indicator_with_a_reader_is_masked_as_a_whole() -> None:
    def even(frame: bytes) -> bytes:
        return bytes(byte | 0x80 if byte.bit_count() % 2 else byte for byte in frame)

    line, card = even(b"ST,GS,+  4.876kg\r\n"), even(CARD)
    got = make_parser(["st-gs-7bit", "rdm6300"]).feed(line + card + line)
    assert [type(reading) for reading in got] == [WeightReading, CardReading, WeightReading]
    assert raws(got) == [line, card, line]
