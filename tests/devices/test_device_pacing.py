"""One wake-up per frame, and never a long delay, whatever the line does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.devices.pacing import GAP_S, Pacer
from engine.devices.port import PortSettings

BYTE = 10 / 19200
FRAME = b"ST,GS,1\xe4,000013.5 kg\r\n"
LONG_AGO = -1.0


def taught(*frames):
    pacer = Pacer(BYTE)
    for frame in frames:
        pacer.learn(frame)
    return pacer


def test_a_whole_frame_is_handed_on_at_once():
    assert Pacer(BYTE).wait(FRAME, 10.0, LONG_AGO) == 0


@pytest.mark.parametrize("have", range(1, len(FRAME)))
def test_a_frame_that_has_begun_is_fetched_once_its_last_byte_must_have_come(have):
    wait = taught(FRAME, FRAME).wait(FRAME[:have], 10.0, LONG_AGO)
    rest = (len(FRAME) - have) * BYTE
    assert rest < wait <= rest + 0.0051


def test_a_frame_begun_with_the_end_of_the_last_one_is_timed_from_that_end():
    wait = taught(FRAME, FRAME).wait(b"kg\r\n" + FRAME[:20], 10.0, LONG_AGO)
    assert wait <= 2 * BYTE + 0.0051


def test_the_rest_of_a_frame_handed_on_in_part_is_still_timed():
    pacer = taught(FRAME, FRAME, FRAME[:10])
    assert pacer.wait(FRAME[10:12], 10.0, LONG_AGO) <= 10 * BYTE + 0.0051


def test_lengths_are_learned_across_deliveries():
    pacer = taught(FRAME[10:], FRAME[:9], FRAME[9:])
    assert pacer.wait(FRAME[:1], 10.0, LONG_AGO) >= 21 * BYTE


def test_the_second_byte_of_a_double_end_is_not_taken_for_a_frame():
    card = b"\x020415AB96C3DE\r\n\x03"
    pacer = taught(card, card)
    assert pacer.wait(card[:8], 10.0, LONG_AGO) > 8 * BYTE


def test_a_device_that_never_pauses_is_fetched_in_larger_pieces():
    assert Pacer(BYTE).wait(b"\n", 10.0, 10.0 - GAP_S / 4) >= GAP_S - 1e-9


def test_the_end_of_a_frame_that_was_handed_on_in_part_is_not_held_back():
    pacer = taught(FRAME, FRAME, FRAME[:20])
    assert pacer.wait(FRAME[20:], 10.0, 10.0 - GAP_S / 4) == 0


def test_ports_wake_together():
    pacer = taught(FRAME, FRAME)
    ends = {round((now + pacer.wait(FRAME[:15], now, LONG_AGO)) * 1e6) for now in (10.0001, 10.0007, 10.0013)}
    assert len(ends) == 1


@given(st.lists(st.binary(min_size=1, max_size=60)), st.floats(0, 1e6), st.floats(0, 1))
def test_no_line_makes_the_wait_long(pieces, now, ago):
    pacer = Pacer(10 / 1200)
    for piece in pieces:
        assert 0 <= pacer.wait(piece, now, now - ago) <= 0.031
        pacer.learn(piece)


def test_the_byte_time_counts_start_parity_and_stop_bits():
    assert PortSettings("COM3", 9600).byte_time == 10 / 9600
    assert PortSettings("COM3", 2400, data_bits=7, parity="E").byte_time == 10 / 2400
    assert PortSettings("COM3", 1200, data_bits=7, parity="O", stop_bits=2).byte_time == 11 / 1200
