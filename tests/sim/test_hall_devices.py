"""Simulated scales, readers and serial lines: what they send is what real ones would."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from random import Random

import pytest
from hall_kit import MemoryWire, parse
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.sim.boxes import BoxMaker, Swing
from engine.sim.devices import Device, Display, SimulatedReader, SimulatedScale
from engine.sim.transport import Uart
from parsers.frames import rdm6300_frame
from parsers.reading import CardReading, WeightReading

DIVISION = Decimal("0.005")
SWING = Swing(decay=0.1, frequency=4.0)


def frames_of(device: Device, since: float, until: float) -> list[tuple[float, bytes]]:
    """What a device sends when it is asked as often as a hall asks it."""
    found: list[tuple[float, bytes]] = []
    while since < until:
        since = min(since + 0.004, until)
        found += device.frames(since)
    return found


def shown(scale: SimulatedScale, since: float, until: float) -> list[tuple[float, Display]]:
    """The frames of that time, as the real parser reads them."""
    found = []
    for at, frame in frames_of(scale, since, until):
        [reading] = parse("cas-22", frame)
        assert isinstance(reading, WeightReading)
        assert reading.value is not None
        assert reading.unit == "kg"
        found.append((at, Display(reading.value, bool(reading.is_stable))))
    return found


class TestScale:
    def test_sends_fifty_frames_a_second(self) -> None:
        scale = SimulatedScale(DIVISION, Random(1), now=100.0)
        times = [at for at, _ in shown(scale, 100.0, 101.99)]
        assert len(times) == 100
        assert all(abs(later - at - 0.02) < 1e-6 for at, later in pairwise(times))

    def test_an_empty_platform_flickers_within_a_division(self) -> None:
        weights = {display.weight for _, display in shown(SimulatedScale(DIVISION, Random(1), now=0.0), 0.0, 5.0)}
        assert weights == {-DIVISION, Decimal(0), DIVISION}

    @given(steps=st.integers(200, 6000), decay=st.floats(0.03, 0.3), frequency=st.floats(0.5, 10), seed=st.integers())
    @settings(max_examples=30, deadline=None)
    def test_a_box_rises_in_motion_and_settles_to_exactly_its_weight(
        self, steps: int, decay: float, frequency: float, seed: int
    ) -> None:
        scale = SimulatedScale(DIVISION, Random(seed), now=0.0)
        weight = steps * DIVISION
        rest_at = scale.put_down(weight, Swing(decay, frequency), now=0.5)
        for at, display in shown(scale, 0.0, rest_at + 2.0):
            assert display.weight % DIVISION == 0
            if 0.5 <= at < rest_at:
                assert not display.is_stable
            elif at >= rest_at:
                assert display == Display(weight, is_stable=True)
            else:
                assert abs(display.weight) <= DIVISION

    def test_a_rising_weight_wobbles(self) -> None:
        scale = SimulatedScale(DIVISION, Random(1), now=0.0)
        rest_at = scale.put_down(Decimal("12.340"), SWING, now=0.0)
        rising = [display.weight for _, display in shown(scale, 0.0, rest_at)]
        assert max(rising) > Decimal("12.340")
        assert any(later < earlier for earlier, later in pairwise(rising))

    def test_a_lifted_box_falls_to_zero(self) -> None:
        scale = SimulatedScale(DIVISION, Random(1), now=0.0)
        rest_at = scale.put_down(Decimal("12.340"), SWING, now=0.0)
        shown(scale, 0.0, rest_at + 1)
        empty_at = scale.lift(0.3, now=rest_at + 1)
        falling = shown(scale, rest_at + 1, empty_at)
        assert not falling[0][1].is_stable
        assert falling[0][1].weight > falling[7][1].weight > falling[14][1].weight
        assert all(
            abs(display.weight) <= DIVISION and display.is_stable for _, display in shown(scale, empty_at, empty_at + 1)
        )

    def test_after_a_sleep_of_the_whole_machine_it_sends_at_most_half_a_second(self) -> None:
        scale = SimulatedScale(DIVISION, Random(1), now=0.0)
        overdue = [at for at, _ in scale.frames(60.0)]
        assert 24 <= len(overdue) <= 26
        assert overdue[0] >= 59.5


class TestReader:
    def test_repeats_a_card_every_tenth_of_a_second_while_it_is_in_the_field(self) -> None:
        reader = SimulatedReader(Random(1))
        assert not list(reader.frames(5.0))
        reader.touch("010341C2C7", now=5.0)
        sights = frames_of(reader, 5.0, 5.99)
        reader.take_away()
        assert not list(reader.frames(7.0))
        assert 9 <= len(sights) <= 11
        assert sights[0][0] == pytest.approx(5.0, abs=0.01)
        assert {uid.uid for _, frame in sights for uid in parse("rdm6300", frame) if isinstance(uid, CardReading)} == {
            "010341C2C7"
        }


class TestUart:
    @given(steps=st.lists(st.floats(0.0001, 0.03), min_size=1, max_size=60))
    @settings(max_examples=50, deadline=None)
    def test_bytes_come_no_sooner_and_no_later_than_the_baudrate_brings_them(self, steps: list[float]) -> None:
        wire = MemoryWire()
        uart = Uart(wire, 9600)
        uart.send(b"x" * 96, 0.0)
        now = 0.0
        for step in steps:
            now += step
            uart.pump(now)
            assert abs(len(wire.data) - min(96, now * 960)) <= 1

    def test_a_frame_waits_until_the_line_is_free(self) -> None:
        wire = MemoryWire()
        uart = Uart(wire, 9600)
        uart.send(b"a" * 48, 0.0)
        uart.send(b"b" * 48, 0.001)
        uart.pump(0.0751)
        assert bytes(wire.data) == b"a" * 48 + b"b" * 24

    def test_when_nobody_reads_whole_frames_are_dropped(self) -> None:
        wire = MemoryWire()
        uart = Uart(wire, 9600)
        wire.room = 20  # one frame, and a part of the second
        for number in range(50):
            at = number * 0.1
            uart.send(rdm6300_frame(f"{number:010X}"), at)
            uart.pump(at + 0.05)
        wire.room = None
        uart.pump(6.0)
        uids = [reading.uid for reading in parse("rdm6300", bytes(wire.data)) if isinstance(reading, CardReading)]
        assert uids[:2] == ["0000000000", "0000000001"]
        assert uart.sent == len(uids)
        assert uart.dropped == 50 - len(uids) > 40

    def test_a_full_line_takes_no_frame_at_all(self) -> None:
        wire = MemoryWire()
        uart = Uart(wire, 9600)
        wire.is_refusing = True
        uart.send(b"lost", 0.0)
        uart.pump(1.0)
        wire.is_refusing = False
        uart.send(b"kept", 1.0)
        uart.pump(2.0)
        assert bytes(wire.data) == b"kept"
        assert (uart.sent, uart.dropped) == (1, 1)


class TestBoxes:
    def test_weights_are_whole_divisions_and_cards_are_never_the_same(self) -> None:
        makers = [BoxMaker(f"dock-{n}", n, Decimal("0.010"), Random(7)) for n in (1, 2)]
        boxes = [maker.make()[0] for maker in makers for _ in range(200)]
        assert all(box.weight % Decimal("0.010") == 0 for box in boxes)
        assert all(Decimal(2) <= box.weight <= Decimal(25) for box in boxes)
        assert len({box.card for box in boxes}) == 400

    def test_cards_stay_shortly_or_throughout_and_some_are_touched_twice(self) -> None:
        maker = BoxMaker("dock-1", 1, DIVISION, Random(7))
        handlings = [maker.make()[1] for _ in range(200)]
        assert all(0.3 <= h.card_stays <= 3.0 for h in handlings if h.card_stays is not None)
        assert any(h.card_stays is None for h in handlings)
        assert any(h.touches_again is not None for h in handlings)
        assert any(not h.is_card_first for h in handlings)
