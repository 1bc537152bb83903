"""A virtual clock moves only when told to, and exactly."""

from datetime import timedelta

import pytest

from engine.clock import SystemClock, VirtualClock


def test_ten_steps_of_a_tenth_are_one_second():
    clock = VirtualClock()
    for _ in range(10):
        clock.advance(0.1)
    assert clock.monotonic() == 1.0


def test_the_calendar_moves_with_it():
    clock = VirtualClock()
    before = clock.now()
    clock.advance(90)
    assert clock.now() - before == timedelta(seconds=90)
    assert clock.now().utcoffset() == timedelta(0)


def test_it_never_goes_back():
    clock = VirtualClock()
    clock.advance_to(5)
    clock.advance_to(3)
    assert clock.monotonic() == 5
    with pytest.raises(ValueError, match="back"):
        clock.advance(-1)


def test_the_system_s_clock_is_aware_and_goes_forward():
    clock = SystemClock()
    assert clock.now().utcoffset() == timedelta(0)
    assert clock.monotonic() <= clock.monotonic()
