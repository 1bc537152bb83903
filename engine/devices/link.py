"""A serial port that stays: opened, read, written and opened again by a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import serial
import structlog

from engine.clock import Clock
from engine.devices.announce import Announcer
from engine.devices.asking import Asker
from engine.devices.dial import Waker, give_up_opening
from engine.devices.pacing import GAP_S, Pacer
from engine.devices.port import READ_TIMEOUT_S, PortSettings, close_quietly, explain, make_port, open_port
from engine.devices.recording import LINK_DOWN, LINK_UP, RECEIVED, SENT, Direction, Tap
from engine.devices.wire import Wire, make_wire

RETRY_S: Final = 0.5  # a port that is back is open within 2 s, whatever the device needs to settle
JOIN_S: Final = 1.0
_LOOK_AROUND_S: Final = 1.0
_ASKING_READ_S: Final = 0.02
_MOST_WRITES: Final = 64
_MOST_BACKLOG: Final = 65_536  # bytes handed over and not yet taken: the loop is busy, let the kernel hold the rest

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class LinkCounters:
    """What one link has done. Written by the port's thread, read by anyone."""

    opens: int = 0
    bytes_received: int = 0
    wakeups: int = 0
    unanswered: int = 0  # questions to a device that has to be asked


class SerialLink:
    """One port, one thread. ``on_bytes`` and ``on_link(is_up, reason)`` are called on ``loop``, in order.

    ``on_link`` is called when the port is first open or first known not to be, and at every change after that. Bytes
    come in pieces of any size, a whole frame at a time where the line's rhythm allows it, at most about 5 ms late.
    ``asker`` is of a device that has to be asked.
    """

    def __init__(
        self,
        name: str,
        settings: PortSettings,
        *,
        loop: asyncio.AbstractEventLoop,
        on_bytes: Callable[[bytes], None],
        on_link: Callable[[bool, str], None],
        clock: Clock,
        asker: Asker | None = None,
    ) -> None:
        self.name = name
        self.settings = settings
        self.counters = LinkCounters()
        self.tap: Tap | None = None  # is given all that passes; set it before start()
        self._loop = loop
        self._clock = clock
        self._on_bytes = on_bytes
        self._on_link = on_link
        self._announcer = Announcer(name, settings.port, clock, self._hand_over_link)
        self._pacer = Pacer(settings.byte_time)
        self._asker = asker
        self._waker = Waker()
        self._lock = threading.Lock()  # guards the next three
        self._opening: serial.Serial | None = None
        self._wire: Wire | None = None  # while the port is open
        self._writes: deque[bytes] = deque()
        self._taken = 0  # bytes the loop has taken; the thread compares it with what it handed over
        self._delivered_at = 0.0
        # Not a daemon: a port is closed in order, never torn from under a write.
        self._thread = threading.Thread(target=self._run, name=f"serial-{name}", daemon=False)

    def start(self) -> None:
        """Begin to open the port. Call once."""
        self._waker.open()
        self._thread.start()

    def write(self, data: bytes) -> bool:
        """Queue bytes for the port's thread, from any thread, without waiting.

        False when they will not be sent: the link is down, or so much is queued already that the device takes nothing.
        """
        with self._lock:
            if self._wire is None or len(self._writes) >= _MOST_WRITES:
                return False
            self._writes.append(data)
            self._wire.interrupt()
        return True

    def stop(self) -> None:
        """Ask the thread to send what is queued, close the port and end. Returns at once; see :meth:`join`."""
        self._waker.stop()
        with self._lock:
            if self._wire is not None:
                self._wire.interrupt()
        self._give_up_opening()

    def join(self, timeout_s: float = JOIN_S) -> bool:
        """Wait for the thread after :meth:`stop`; True when it has ended. A link never started has."""
        if self._thread.ident is None:
            return True
        self._thread.join(timeout_s / 2)
        self._give_up_opening()  # in case stop() came just before there was something to give up
        self._thread.join(timeout_s / 2)
        return not self._thread.is_alive()

    async def wait_closed(self) -> None:
        """:meth:`join` without blocking the loop."""
        await asyncio.to_thread(self.join)

    # The loop's side.

    def _deliver(self, data: bytes) -> None:
        self._taken += len(data)
        if not self._waker.stopping.is_set():
            self._passed(RECEIVED, data)
            self._on_bytes(data)

    def _deliver_link(self, is_up: bool, reason: str) -> None:  # noqa: FBT001 - the shape of on_link
        if not self._waker.stopping.is_set():
            self._passed(LINK_UP if is_up else LINK_DOWN, reason.encode())
            self._on_link(is_up, reason)

    # Either side.

    def _passed(self, direction: Direction, data: bytes) -> None:
        if self.tap is not None:
            self.tap(direction, data, self._clock.monotonic())

    # The thread's side.

    def _run(self) -> None:
        stopping = self._waker.stopping
        try:
            while not stopping.is_set() and not self._loop.is_closed():
                port = self._open()
                if port is not None:
                    self._serve(port)
                stopping.wait(RETRY_S)
        finally:
            self._waker.close()

    def _open(self) -> serial.Serial | None:
        port = None
        try:
            # Where nothing ends a read but its time-out, the next question must not wait long for it.
            port = make_port(self.settings, self._waker, _ASKING_READ_S if self._asker else READ_TIMEOUT_S)
            with self._lock:
                self._opening = port
            open_port(port, self.settings)
        except Exception as error:  # noqa: BLE001 - whatever a back end raises, the port is not open
            if port is not None:
                close_quietly(port)
            if not self._waker.stopping.is_set():
                self._announcer.failed(explain(self.settings, error))
            return None
        finally:
            with self._lock:
                self._opening = None
        self.counters.opens += 1
        return port

    def _serve(self, port: serial.Serial) -> None:
        """Carry bytes both ways until the link is lost or the service stops; then close the port."""
        before = self.counters.bytes_received
        try:
            wire = make_wire(port, self._waker)
            with self._lock:
                self._wire = wire
            self._announcer.opened()
            if self._asker is not None:
                self._asker.reset(self._clock.monotonic())
            while not self._waker.stopping.is_set():
                self._turn(wire, port)
            self._send_queued(port)
        except Exception as error:  # noqa: BLE001 - OSError mostly; TypeError, struct.error, queue.Full have been seen
            self._refuse_writes()  # before anyone is told
            if not self._waker.stopping.is_set():
                self._announcer.lost(str(error) or type(error).__name__, self.counters.bytes_received - before)
        finally:
            self._refuse_writes()
            close_quietly(port)

    def _turn(self, wire: Wire, port: serial.Serial) -> None:
        has_bytes = wire.wait(self._patience())
        self.counters.wakeups += 1
        self._send_queued(port)
        if has_bytes:
            self._fetch(wire)
        else:
            self._announcer.idled()
            if self._loop.is_closed():  # nobody will ever listen: the service ended without saying so
                self._waker.stop()
            self._ask(port)

    def _ask(self, port: serial.Serial) -> None:
        asker, now = self._asker, self._clock.monotonic()
        if asker is not None and not asker.wait(now) and not self._waker.stopping.is_set():
            question = asker.ask(now)
            port.write(question)
            self._passed(SENT, question)
            self.counters.unanswered = asker.unanswered

    def _patience(self) -> float:
        if self._asker is None:
            return _LOOK_AROUND_S
        return min(_LOOK_AROUND_S, self._asker.wait(self._clock.monotonic()))

    def _fetch(self, wire: Wire) -> None:
        data = wire.read()
        if not data:
            return
        wait = self._pacer.wait(data, self._clock.monotonic(), self._delivered_at)
        if wait:
            self._waker.stopping.wait(wait)
            self.counters.wakeups += 1
            data += _rest(wire)
        self._pacer.learn(data)
        self._delivered_at = self._clock.monotonic()
        if self._asker is not None:
            self._asker.heard(self._delivered_at)
        self.counters.bytes_received += len(data)
        self._announcer.alive()
        self._call(self._deliver, data)
        while self.counters.bytes_received - self._taken > _MOST_BACKLOG and not self._waker.stopping.wait(GAP_S):
            if self._loop.is_closed():
                break

    def _send_queued(self, port: serial.Serial) -> None:
        while self._writes:  # only this thread takes from it
            with self._lock:
                data = self._writes.popleft()
            port.write(data)
            self._passed(SENT, data)

    def _refuse_writes(self) -> None:
        with self._lock:
            self._wire = None
            self._writes.clear()  # nobody wants the light that was to be on before the cable was pulled

    def _give_up_opening(self) -> None:
        with self._lock:
            if self._opening is not None:
                give_up_opening(self._opening)

    def _hand_over_link(self, is_up: bool, reason: str) -> None:  # noqa: FBT001 - the shape of on_link
        self._call(self._deliver_link, is_up, reason)

    def _call(self, callback: Callable[..., None], *args: object) -> None:
        try:
            self._loop.call_soon_threadsafe(callback, *args)
        except RuntimeError:  # the loop is closed: the service is ending, and nobody listens any more
            self._waker.stop()


def _rest(wire: Wire) -> bytes:
    try:
        return wire.read()
    except OSError:
        return b""  # what came first is handed over; the next wait finds the same error
