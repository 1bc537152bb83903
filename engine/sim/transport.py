"""Serial lines for simulated devices: pseudo-terminals, or TCP on loopback where there are none; paced by baud rate."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import deque
from typing import Final, Literal, Protocol, Self

Transport = Literal["pty", "socket"]

_BITS_PER_BYTE: Final = 10  # 8N1: a start bit, eight data bits, a stop bit
_MOST_UNREAD: Final = 2048  # bytes; below what a terminal holds, so that opening the port can flush all of them
_MOST_HEARD: Final = 65_536  # bytes of a master that nobody reads
_MOST_QUEUED: Final = 4  # frames that wait for the line


def default_transport() -> Transport:
    """Pseudo-terminals where the platform has them."""
    return "pty" if hasattr(os, "openpty") else "socket"


class Endpoint(Protocol):
    """The device's end of a serial line. Nothing here ever blocks."""

    port: str  # what goes into site.yaml

    def is_full(self) -> bool:
        """Whether nobody has read for so long that a further frame would be cut."""
        ...

    def write(self, data: bytes) -> int:
        """Hand bytes over; how many were taken."""
        ...

    def read(self) -> bytes:
        """What was sent to the device since the last call."""
        ...

    def close(self) -> None:
        """The device is unplugged."""
        ...


class Uart:
    """Sends frames as a serial line would: byte by byte in time, one frame after the other, each whole or not at all.

    When the other side does not read, whole frames are dropped, as an indicator's own buffer overflows.
    """

    def __init__(self, endpoint: Endpoint, baudrate: int) -> None:
        self.endpoint = endpoint
        self.sent = 0  # frames
        self.dropped = 0
        self._byte_time = _BITS_PER_BYTE / baudrate
        self._queue: deque[tuple[float, bytes]] = deque()
        self._done = 0  # bytes of the first frame that were handed over
        self._free_at = 0.0

    def send(self, frame: bytes, at: float) -> None:
        """Begin to send a frame at ``at``, or as soon as the line is free after that."""
        if len(self._queue) >= _MOST_QUEUED:
            self.dropped += 1
        else:
            self._queue.append((at, frame))

    def pump(self, now: float) -> None:
        """Hand over the bytes that have crossed the line by ``now``."""
        while self._queue and self._pump_first(now):
            pass

    def _pump_first(self, now: float) -> bool:
        """Carry on with the first frame; True when it is through and the next may begin."""
        at, frame = self._queue[0]
        start = max(at, self._free_at)
        due = min(len(frame), int((now - start) / self._byte_time + 1e-6))
        if due <= self._done:
            return False
        if not self._done and self.endpoint.is_full():
            self.dropped += 1
            self._queue.popleft()
            return True
        self._done += self.endpoint.write(frame[self._done : due])
        if self._done < len(frame):
            return False
        self.sent += 1
        self._queue.popleft()
        self._done = 0
        self._free_at = start + len(frame) * self._byte_time
        return True


if sys.platform != "win32":
    import array
    import fcntl
    import termios
    import tty

    _SPEEDS: Final = {
        value: int(name[1:]) for name, value in vars(termios).items() if name[0] == "B" and name[1:].isdecimal()
    }

    class PtyEndpoint:
        """A pseudo-terminal in raw mode; ``port`` is the slave's path."""

        def __init__(self) -> None:
            self._master, self._slave = os.openpty()
            tty.setraw(self._slave)
            os.set_blocking(self._master, False)
            # Kept open here as well: with no one at the slave's end, a write to the master fails.
            self.port = os.ttyname(self._slave)

        @property
        def baudrate(self) -> int:
            """What the port was opened with, or 0 for a rate that has no name."""
            speed = termios.tcgetattr(self._slave)[5]
            return _SPEEDS.get(speed, 0)

        def read(self) -> bytes:
            """What was written to the device."""
            try:
                return os.read(self._master, _MOST_UNREAD)
            except BlockingIOError:
                return b""

        def is_full(self) -> bool:
            """Whether more is unread than a driver would keep."""
            unread = array.array("i", [0])
            fcntl.ioctl(self._slave, termios.FIONREAD, unread)
            return unread[0] >= _MOST_UNREAD

        def write(self, data: bytes) -> int:
            """Write what fits."""
            try:
                return os.write(self._master, data)
            except BlockingIOError:
                return 0

        def close(self) -> None:
            """Close both ends; the path is gone."""
            os.close(self._slave)
            os.close(self._master)


class SocketEndpoint:
    """A TCP server on loopback for one client at a time; ``port`` is a ``socket://`` URL once it listens."""

    def __init__(self) -> None:
        self.port = ""
        self._server: asyncio.Server | None = None
        self._client: asyncio.Transport | None = None
        self._received = bytearray()

    async def listen(self) -> Self:
        """Listen on a TCP port that the system picks."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Client(self), "127.0.0.1", 0)
        self.port = f"socket://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def is_full(self) -> bool:
        """Whether the system took no more and bytes still wait here."""
        return self._client is not None and self._client.get_write_buffer_size() > 0

    def write(self, data: bytes) -> int:
        """Send; with no client the bytes go nowhere, as from a plug that is not in."""
        if self.is_full():
            return 0
        if self._client is not None and not self._client.is_closing():
            self._client.write(data)
        return len(data)

    def read(self) -> bytes:
        """What was sent to the device since the last call."""
        data = bytes(self._received)
        self._received.clear()
        return data

    def received(self, data: bytes) -> None:
        """The client sent something; a device that never reads loses it, as at a line's end that hangs free."""
        self._received = (self._received + data)[-_MOST_HEARD:]

    def close(self) -> None:
        """Stop listening and hang up."""
        if self._server is not None:
            self._server.close()
        if self._client is not None:
            self._client.abort()

    def connected(self, client: asyncio.Transport) -> None:
        """A client has come; a second one is turned away, as from a serial port that is in use."""
        if self._client is None:
            self._client = client
        else:
            client.abort()

    def disconnected(self, client: asyncio.Transport) -> None:
        """A client has left."""
        if self._client is client:
            self._client = None


class _Client(asyncio.Protocol):
    """A connection to a SocketEndpoint."""

    def __init__(self, endpoint: SocketEndpoint) -> None:
        self._endpoint = endpoint
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._endpoint.connected(transport)

    def data_received(self, data: bytes) -> None:
        self._endpoint.received(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if self._transport is not None:
            self._endpoint.disconnected(self._transport)


async def open_endpoint(transport: Transport) -> Endpoint:
    """A new line. Raises OSError when the system has none (left)."""
    if transport == "socket":
        return await SocketEndpoint().listen()
    if sys.platform == "win32":
        raise OSError("this platform has no pseudo-terminals; use transport 'socket'")
    return PtyEndpoint()
