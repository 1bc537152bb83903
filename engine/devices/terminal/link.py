"""The terminal's port and its thread: polls in time, and hands on what came before it polls again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import serial

from engine.clock import Clock
from engine.devices.link import SerialLink
from engine.devices.port import PortSettings
from engine.devices.recording import RECEIVED, SENT
from engine.devices.terminal.exchange import Exchange, Told
from engine.devices.wire import Wire

_SLICE: Final = 256  # bytes of a receipt at a time: what a serial driver holds is less than what may be printed
_SLACK_S: Final = 0.001
_LOOK_AROUND_S: Final = 1.0
_POLLED_WAIT_S: Final = 0.01  # where nothing can wake a read: how late a poll may be


class TerminalLink(SerialLink):
    """A serial link that is the master of its line. ``on_told`` is called on ``loop``, in order."""

    def __init__(
        self,
        name: str,
        settings: PortSettings,
        exchange: Exchange,
        *,
        loop: asyncio.AbstractEventLoop,
        on_told: Callable[[Told], None],
        on_link: Callable[[bool, str], None],
        clock: Clock,
    ) -> None:
        super().__init__(name, settings, loop=loop, on_bytes=_ignore, on_link=on_link, clock=clock)
        self._exchange = exchange
        self._on_told = on_told

    # The loop's side.

    def _deliver_told(self, told: Told) -> None:
        if not self._waker.stopping.is_set():
            self._on_told(told)

    # The thread's side.

    def _serve(self, port: serial.Serial) -> None:
        if port.timeout:  # a socket has none: its reads come after a select
            port.timeout = _POLLED_WAIT_S
        self._exchange.begin(self._clock.monotonic())
        super()._serve(port)

    def _turn(self, wire: Wire, port: serial.Serial) -> None:
        wait = self._exchange.wake_at - self._clock.monotonic()
        # Also just before a poll: what has come by then is no answer to it.
        if wire.wait(min(max(wait, 0.0), _LOOK_AROUND_S)):
            self.counters.wakeups += 1
            self._take(wire.read())
            return
        self._announcer.idled()
        request = self._exchange.tick(self._clock.monotonic())
        if request is not None:
            self._transmit(port, request)
        elif self._loop.is_closed():  # nobody will ever listen: the service ended without saying so
            self._waker.stop()

    def _take(self, data: bytes) -> None:
        if not data:
            return
        self.counters.bytes_received += len(data)
        self._announcer.alive()
        self._passed(RECEIVED, data)
        told = self._exchange.receive(data, self._clock.monotonic())
        if told.replies or told.answers or told.strangers:
            # The card field is cleared by one read: it is handed on before the next poll.
            self._call(self._deliver_told, told)
        elif rest := self._exchange.rest_takes:
            self._waker.stopping.wait(rest + _SLACK_S)  # one wake-up for the rest, not one for every few bytes

    def _transmit(self, port: serial.Serial, request: bytes) -> None:
        self._passed(SENT, request)
        for start in range(0, len(request), _SLICE):
            piece = request[start : start + _SLICE]
            port.write(piece)
            if len(request) > _SLICE and self._waker.stopping.wait(len(piece) * self.settings.byte_time):
                return

    def _send_queued(self, port: serial.Serial) -> None:
        """The service ends."""
        port.write(self._exchange.orders.farewell())


def _ignore(data: bytes) -> None:
    """Bytes are taken by the exchange, on the port's thread."""
