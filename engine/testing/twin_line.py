"""A line of the hall on virtual time: its readings and cards go through the service's own devices, without a port."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from engine.clock import Clock
from engine.devices.reader import Reader
from engine.devices.scale import Scale
from engine.devices.settings import DeviceSettings
from engine.documents.tree import Map
from engine.errors import Position
from engine.events import Event
from engine.service.config import LineSettings
from engine.service.lines import Line
from engine.service.weights import LatestWeights
from engine.testing.twin_scale import TwinScale
from parsers.reading import CardReading

SIGHT_INTERVAL_S: Final = 0.1  # an RDM6300 repeats a card every 65 to 150 ms
_NOWHERE: Final = Position("world", 1, 1)
# What a site says of the two devices; their ports are never opened.
_SCALE: Final = DeviceSettings("scale", ("cas-22",))
_READER: Final = DeviceSettings("rfid", ("rdm6300",))


class TwinLine:
    """Sends what the scale displays every ``interval`` seconds, and the card that lies on the reader every 0.1 s."""

    def __init__(
        self,
        name: str,
        scale: TwinScale,
        interval: float,
        *,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
        weights: LatestWeights,
        post: Callable[[Event], None],
    ) -> None:
        self.name = name
        self.is_connected = True
        self.silent_until = 0.0  # the scale sends nothing before; its port is open all the same
        self._display = scale
        self._interval = interval
        self._clock = clock
        self._loop = loop
        # A line without devices: it is told here what they would say.
        line = Line(LineSettings(name, "", Map(("world", 1, 1, 1, 1, False)), {}, _NOWHERE), clock, loop, weights, post)
        receive = line._received  # noqa: SLF001 - the seam below the ports
        self._scale = Scale(
            f"{name}/scale", _SCALE, clock=clock, call_later=loop.call_later, emit=receive, stray=lambda: ""
        )
        self._reader = Reader(f"{name}/rfid", _READER, clock=clock, call_later=loop.call_later, emit=receive)
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def start(self) -> None:
        """Begin to send."""
        self._scale.link_changed(self.is_connected, "the port is not there")
        self._reader.link_changed(True, "")
        self._repeat("scale", self._clock.monotonic(), 0, self._interval, self._show)

    def stop(self) -> None:
        """Send nothing more."""
        for timer in self._timers.values():
            timer.cancel()
        self._scale.stop()
        self._reader.stop()

    def touch(self, uid: str) -> None:
        """A card is seen once."""
        self._reader.sight(CardReading(uid))

    def lay(self, uid: str | None) -> None:
        """A card lies on the reader and is seen again and again; None: it lies there no more."""
        if "reader" in self._timers:
            self._timers.pop("reader").cancel()
        if uid is not None:
            self._repeat("reader", self._clock.monotonic(), 0, SIGHT_INTERVAL_S, lambda: self.touch(uid))

    def disconnect(self, reason: str) -> None:
        """The scale's port vanishes."""
        self.is_connected = False
        self._scale.link_changed(False, reason)

    def connect(self) -> None:
        """The scale's port is back."""
        self.is_connected = True
        self._scale.link_changed(True, "")

    def _show(self) -> None:
        if self.is_connected and self._clock.monotonic() >= self.silent_until:
            self._scale.show(self._display.read())

    def _repeat(self, what: str, begun: float, count: int, interval: float, do: Callable[[], None]) -> None:
        do()
        # From the first one on, not from the last: nothing adds up.
        self._timers[what] = self._loop.call_at(
            begun + (count + 1) * interval, self._repeat, what, begun, count + 1, interval, do
        )
