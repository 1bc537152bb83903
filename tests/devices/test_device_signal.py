"""A light at a plain scale: what it shows, and that it always goes out."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from device_support import Pty, VirtualTimers, run

from engine.bindings.shipped import SIGNAL_PATTERNS
from engine.clock import SystemClock
from engine.devices.port import PortSettings
from engine.devices.signal import PATTERNS, PatternPlayer, SignalDevice, relay_frame
from engine.errors import EngineError


class Light:
    """Notes when it was switched, in virtual time."""

    def __init__(self) -> None:
        self.timers = VirtualTimers()
        self.changes = []
        self.player = PatternPlayer(self._switch, self.timers.call_later)

    def _switch(self, is_on):
        self.changes.append((round(self.timers.clock.monotonic(), 3), is_on))


def test_the_relay_is_switched_with_the_frames_of_its_manual():
    assert relay_frame(1, True) == bytes.fromhex("A00101A2")
    assert relay_frame(1, False) == bytes.fromhex("A00100A1")
    assert relay_frame(4, True) == bytes.fromhex("A00401A5")
    assert relay_frame(0xFF, True) == bytes.fromhex("A0FF01A0")


def test_every_pattern_that_a_chart_may_ask_for_exists():
    assert set(PATTERNS) == set(SIGNAL_PATTERNS)


def test_no_two_patterns_look_alike():
    """Two patterns differ in the number of flashes, or in the length of one by a third of a second."""
    flashes = {name: [step.seconds for step in steps if step.is_on] for name, steps in PATTERNS.items()}
    for one, other in itertools.combinations(PATTERNS, 2):
        first, second = flashes[one], flashes[other]
        assert len(first) != len(second) or max(abs(a - b) for a, b in zip(first, second, strict=True)) >= 0.3


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_is_played_in_its_time_and_ends_off(name):
    light = Light()
    light.player.play(PATTERNS[name])
    light.timers.advance(60)
    expected, at = [], 0.0
    for step in PATTERNS[name]:
        expected.append((round(at, 3), step.is_on))
        at += step.seconds
    assert light.changes == expected
    assert light.changes[-1][1] is False
    assert light.timers.pending == 0
    assert at < 5


def test_a_new_pattern_replaces_the_running_one():
    light = Light()
    light.player.play(PATTERNS["gave_up"])
    light.timers.advance(0.5)
    light.player.play(PATTERNS["saved"])
    light.timers.advance(60)
    assert light.changes == [(0, True), (1.5, False)]  # on already, so not switched again


def test_a_stop_in_the_middle_switches_off():
    light = Light()
    light.player.play(PATTERNS["failed"])
    light.player.stop()
    light.timers.advance(60)
    assert light.changes == [(0, True), (0, False)]


def test_a_pattern_that_does_not_exist_is_refused_with_those_that_do():
    async def scenario():
        device = SignalDevice(
            "light", PortSettings("/dev/ttyUSB2"), loop=asyncio.get_running_loop(), clock=SystemClock()
        )
        with pytest.raises(EngineError, match="no signal pattern is called 'savd'; patterns are saved"):
            device.show("savd")
        device.stop()
        await device.wait_closed()

    run(scenario)


def test_a_real_relay_is_off_at_the_start_follows_the_pattern_and_is_off_at_the_stop():
    async def scenario():
        relay = Pty()
        device = SignalDevice(
            "light", PortSettings(relay.path), loop=asyncio.get_running_loop(), clock=SystemClock(), channel=2
        )
        device.start()
        assert await asyncio.to_thread(relay.receive, 4) == relay_frame(2, False)
        device.show("saved")
        assert await asyncio.to_thread(relay.receive, 4) == relay_frame(2, True)
        device.stop()
        await device.wait_closed()
        assert relay.receive(4) == relay_frame(2, False)
        relay.unplug()

    run(scenario)


def test_a_light_that_is_away_stops_nothing(tmp_path):
    async def scenario():
        device = SignalDevice(
            "light", PortSettings(str(tmp_path / "none")), loop=asyncio.get_running_loop(), clock=SystemClock()
        )
        device.start()
        for name in PATTERNS:
            device.show(name)
        device.stop()
        await device.wait_closed()

    run(scenario)
