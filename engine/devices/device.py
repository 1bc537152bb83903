"""A device on a serial port: its link, its parser, and the scale or the reader, or both, that speak through it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from engine.clock import Clock
from engine.devices.link import SerialLink
from engine.devices.reader import Reader
from engine.devices.recording import Tap
from engine.devices.scale import Scale
from engine.devices.settings import DeviceSettings
from engine.devices.timer import CallLater
from engine.events import Event
from parsers import CardReading, Reading, WeightReading

_MANY_STRANGE_BYTES: Final = 512  # half a second of a wrong baud rate
_TELL_EVERY_S: Final = 60.0  # of a noisy line, on which a frame comes through now and then

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DeviceCounters:
    """What one device has done since it was started."""

    opens: int
    bytes_received: int
    frames: int
    rejected: int  # frames and runs of rubbish that the parser threw away
    spikes: int  # readings that the noise filter dropped
    unanswered: int = 0  # questions to a device that has to be asked
    strangers: int = 0  # readings of another device on the same line, dropped


class SerialDevice:
    """Emits the events of one device, on the loop.

    Readings: ``weight.read``, ``card.read``, ``card.left``. Changes, each with a ``reason``: ``scale.lost``,
    ``scale.back``, ``rfid.lost``, ``rfid.back``.

    Raises EngineError when the port's line settings cannot be told. ``call_later`` is the loop's own unless a virtual
    one is given.
    """

    def __init__(
        self,
        name: str,
        settings: DeviceSettings,
        *,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        emit: Callable[[Event], None],
        call_later: CallLater | None = None,
    ) -> None:
        self.name = name
        self.settings = settings
        self._parser = settings.make_parser()
        self._frames = 0
        self._strangers = 0
        self._id = settings.id_bytes()
        self._strange_bytes = 0  # that came since the last frame
        self._clock = clock
        self._quiet_until = 0.0
        kinds = {info.kind for info in settings.protocols}
        later: CallLater = call_later or loop.call_later
        self._scale: Scale | None = None
        self._reader: Reader | None = None
        if "scale" in kinds:
            self._scale = Scale(name, settings, clock=clock, call_later=later, emit=emit, stray=self._stray)
        if "reader" in kinds:
            self._reader = Reader(name, settings, clock=clock, call_later=later, emit=emit)
        self._parts: tuple[Scale | Reader, ...] = tuple(part for part in (self._scale, self._reader) if part)
        self._link = SerialLink(
            name,
            settings.port_settings(),
            loop=loop,
            on_bytes=self.receive,
            on_link=self.link_changed,
            clock=clock,
            asker=settings.make_asker(),
        )

    @property
    def counters(self) -> DeviceCounters:
        """What this device has done so far."""
        link = self._link.counters
        return DeviceCounters(
            opens=link.opens,
            bytes_received=link.bytes_received,
            frames=self._frames,
            rejected=self._parser.rejected,
            spikes=self._scale.filter.spikes if self._scale else 0,
            unanswered=link.unanswered,
            strangers=self._strangers,
        )

    def record(self, tap: Tap) -> None:
        """Give ``tap`` everything that passes the port. Call before :meth:`start`."""
        self._link.tap = tap

    def start(self) -> None:
        """Begin to open the port. Call once."""
        self._link.start()

    def stop(self) -> None:
        """Emit nothing more and let the port go. Returns at once; see :meth:`wait_closed`."""
        for part in self._parts:
            part.stop()
        self._link.stop()

    async def wait_closed(self) -> None:
        """Wait until the port's thread has ended, at most a second."""
        await self._link.wait_closed()

    def receive(self, data: bytes) -> None:
        """Take bytes of the device, split anywhere. Called by the link; and by whoever replays a recorded line."""
        readings = self._parser.feed(data)
        self._count(data, readings)
        for reading in readings:
            if isinstance(reading, CardReading):
                if self._reader:
                    self._reader.sight(reading)
            elif self._scale and not self._is_strangers(reading):
                self._scale.show(reading)

    def link_changed(self, is_up: bool, reason: str) -> None:  # noqa: FBT001 - the shape of on_link
        """The port was opened or lost. Called by the link; and by whoever plays one."""
        self._parser.reset()
        self._strange_bytes = 0
        for part in self._parts:
            part.link_changed(is_up, reason)

    def _is_strangers(self, reading: WeightReading) -> bool:
        if self._id is None:
            return False
        first, end, wanted = self._id
        seen = reading.raw[first:end]
        if seen == wanted:
            return False
        self._strangers += 1
        if self._strangers == 1:
            log.warning(
                "device.reading.strange",
                device=self.name,
                expected=wanted.decode("latin-1"),
                seen=seen.decode("latin-1"),
            )
        return True

    def _count(self, data: bytes, readings: list[Reading]) -> None:
        self._frames += len(readings)
        before = self._strange_bytes
        self._strange_bytes = 0 if readings else before + len(data)
        if before < _MANY_STRANGE_BYTES <= self._strange_bytes and self._clock.monotonic() >= self._quiet_until:
            self._quiet_until = self._clock.monotonic() + _TELL_EVERY_S
            log.warning("device.frames.not_found", device=self.name, reason=self._stray())

    def _stray(self) -> str:
        if not self._strange_bytes:
            return ""
        return (
            f"{self._strange_bytes} bytes came that are no {self._parser.protocol} frame: check protocol and baudrate"
        )
