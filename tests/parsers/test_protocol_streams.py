"""Generated streams of whole, torn and flipped frames and noise, through every protocol."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.testing.protocols import case_of, check_sound, read
from parsers import PROTOCOLS


def _streams(protocol: str) -> st.SearchStrategy[bytes]:
    """Whole golden frames, torn and flipped ones, the frames' own bytes in any order, and noise."""
    frames = [golden.frame for golden in PROTOCOLS[protocol].golden]
    whole = st.sampled_from(frames)
    torn = st.tuples(whole, st.integers(0, 40), st.integers(0, 40)).map(lambda t: t[0][t[1] : len(t[0]) - t[2]])
    flipped = st.tuples(whole, st.integers(0, 2000)).map(lambda t: _flip(*t))
    own = st.lists(st.sampled_from(sorted(set(b"".join(frames)))), max_size=30).map(bytes)
    return st.lists(st.one_of(whole, whole, torn, flipped, own, st.binary(max_size=40)), max_size=5).map(b"".join)


def _flip(frame: bytes, bit: int) -> bytes:
    flipped = bytearray(frame)
    flipped[bit // 8 % len(frame)] ^= 1 << bit % 8
    return bytes(flipped)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_split_of_any_stream_gives_the_same_readings_and_the_same_count(protocol: str, data: Any) -> None:
    stream = data.draw(_streams(protocol))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    at_once, in_parts, in_bytes = (PROTOCOLS[protocol].factory() for _ in range(3))
    readings = at_once.feed(stream)
    assert read(in_parts, [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]) == readings
    assert read(in_bytes, [stream[i : i + 1] for i in range(len(stream))]) == readings
    assert at_once.rejected == in_parts.rejected == in_bytes.rejected
    check_sound(replace(case_of(PROTOCOLS[protocol]), check_bits=0), stream, readings)
