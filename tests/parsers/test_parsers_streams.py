"""Whatever comes over the wire: the same readings however it is split, exactly those of the reference, no more."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from frame_facts import load_facts
from frame_layouts import MADE, UNTIMED
from frame_oracles import ORACLES
from hypothesis import given, settings
from hypothesis import strategies as st
from kit import HELD_AT_MOST, bare, held_bytes, read

from parsers import make_parser

_COMBINED = (["cas-22", "rdm6300"], ["cas-10", "id-12"], ["st-gs-7bit", "rdm6300", "id-12"], ["rdm6300", "id-12"])
_ALL = [[name] for name in MADE] + [list(names) for names in _COMBINED]
_SNIPPETS = [fact.frame for fact in load_facts()]


@cache
def streams(*protocols: str) -> st.SearchStrategy[bytes]:
    """Whole frames, torn ones, flipped ones and noise, in any order."""
    whole = st.one_of([MADE[name].map(lambda made: made[0]) for name in protocols])
    any_frame = st.one_of(whole, st.sampled_from(_SNIPPETS))
    torn = st.tuples(any_frame, st.integers(0, 22), st.integers(0, 22)).map(lambda t: t[0][t[1] : 22 - t[2]])
    flipped = st.tuples(any_frame, st.integers(0, 80)).map(_flip)
    noise = st.one_of(st.binary(max_size=40), st.text("\x02\x03\r\n 0.-+,ASTGkg1", max_size=30).map(str.encode))
    return st.lists(st.one_of(whole, whole, torn, flipped, noise), max_size=6).map(b"".join)


def _flip(item: tuple[bytes, int]) -> bytes:
    frame, bit = item
    flipped = bytearray(frame)
    flipped[bit % (len(frame) * 8) // 8] ^= 1 << bit % 8
    return bytes(flipped)


def split(data: Any, stream: bytes) -> list[bytes]:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    return [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


@pytest.mark.parametrize("protocols", _ALL, ids="+".join)
@settings(UNTIMED, max_examples=30)
@given(data=st.data())
def test_any_split_gives_the_same_readings_and_the_same_count(protocols: list[str], data: Any) -> None:
    stream = data.draw(streams(*protocols))
    at_once, in_parts, in_bytes = make_parser(protocols), make_parser(protocols), make_parser(protocols)
    readings = at_once.feed(stream)
    assert read(in_parts, split(data, stream)) == readings
    assert read(in_bytes, [stream[i : i + 1] for i in range(len(stream))]) == readings
    assert at_once.rejected == in_parts.rejected == in_bytes.rejected
    assert held_bytes(in_bytes) <= HELD_AT_MOST + len(in_bytes.protocol)


@pytest.mark.parametrize("protocol", ORACLES)
@settings(UNTIMED, max_examples=50)
@given(data=st.data())
def test_a_stream_gives_exactly_the_readings_of_the_reference(protocol: str, data: Any) -> None:
    stream = data.draw(streams(protocol))
    got = make_parser(protocol).feed(stream)
    assert [bare(reading) for reading in got] == ORACLES[protocol](stream)
    assert all(reading.raw in stream for reading in got)


@pytest.mark.parametrize("protocols", _ALL, ids="+".join)
@settings(UNTIMED, max_examples=20)
@given(data=st.data())
def test_a_reading_comes_from_its_raw_bytes_alone(protocols: list[str], data: Any) -> None:
    """Feeding the raw bytes of a reading to a fresh parser gives the reading again: records can be audited."""
    for reading in make_parser(protocols).feed(data.draw(streams(*protocols))):
        assert make_parser(protocols).feed(reading.raw) == [reading]
