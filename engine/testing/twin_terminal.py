"""A line whose only device is a terminal, on virtual time: the service's own master against a simulated terminal.

Every byte of their conversation is the real one, and takes its time.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Final

from engine.clock import Clock
from engine.devices.settings import DeviceSettings
from engine.devices.terminal.device import PROTOCOL, MasterSettings, Terminal
from engine.documents.tree import Map
from engine.errors import Position
from engine.events import Event
from engine.service.config import LineSettings
from engine.service.lines import Line
from engine.service.weights import LatestWeights
from engine.sim.terminal import SimulatedTerminal
from engine.testing.twin_scale import TwinScale
from parsers.suwol_device import weight_field

_NOWHERE: Final = Position("world", 1, 1)
_SETTINGS: Final = DeviceSettings("terminal", (PROTOCOL,))  # its port is never opened


def terminal_on(scale: TwinScale) -> SimulatedTerminal:
    """A terminal whose platform is ``scale``."""

    def weigh(_now: float) -> bytes:
        reading = scale.read()
        if reading.value is None:
            return weight_field(None, is_stable=False, is_overload=reading.status == "overload")
        return weight_field(reading.value, is_stable=reading.is_stable is not False)

    return SimulatedTerminal(weigh)


class TwinTerminal:
    """The line of one terminal, for one life of the gateway. ``device`` outlives it."""

    def __init__(
        self,
        name: str,
        device: SimulatedTerminal,
        *,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
        weights: LatestWeights,
        post: Callable[[Event], None],
    ) -> None:
        self.name = name
        self.is_connected = True
        self.silent_until = 0.0  # the terminal answers nothing before
        self._device = device
        self._clock = clock
        self._loop = loop
        line = Line(LineSettings(name, "", Map(("world", 1, 1, 1, 1, False)), {}, _NOWHERE), clock, loop, weights, post)
        receive = line._received  # noqa: SLF001 - the seam below the ports
        self.terminal = Terminal(f"{name}/terminal", _SETTINGS, MasterSettings(), loop=loop, clock=clock, emit=receive)
        self._timer: asyncio.TimerHandle | None = None
        self._is_stopped = False

    def start(self) -> None:
        """Begin to poll."""
        self.terminal.link_changed(self.is_connected, "the port is not there")
        self._begin()

    def stop(self) -> None:
        """Poll no more."""
        self._is_stopped = True
        self._cancel()
        self.terminal.stop()

    def touch(self, uid: str) -> None:
        """A card is held to the reader."""
        self._device.touch(uid, self._clock.monotonic())

    def lay(self, uid: str | None) -> None:
        """A card is laid on the reader: this one tells it once."""
        if uid is not None:
            self.touch(uid)

    def disconnect(self, reason: str) -> None:
        """The terminal's port vanishes."""
        self.is_connected = False
        self._cancel()
        self.terminal.link_changed(is_up=False, reason=reason)

    def connect(self) -> None:
        """The terminal's port is back."""
        self.is_connected = True
        self.terminal.link_changed(is_up=True, reason="")
        self._begin()

    def _begin(self) -> None:
        if self.is_connected:
            self.terminal.exchange.begin(self._clock.monotonic())
            self._plan()

    def _plan(self) -> None:
        self._cancel()
        self._timer = self._loop.call_at(self.terminal.exchange.wake_at, self._tick)

    def _tick(self) -> None:
        now = self._clock.monotonic()
        request = self.terminal.exchange.tick(now)
        if request is not None and now >= self.silent_until:
            self._device.receive(request, now)
            for at, frame in self._device.frames(math.inf):
                self._loop.call_at(at + len(frame) * self._device.byte_time, self._deliver, frame)
        self._plan()

    def _deliver(self, frame: bytes) -> None:
        if self._is_stopped or not self.is_connected:
            return
        self.terminal.told(self.terminal.exchange.receive(frame, self._clock.monotonic()))
        self._plan()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
