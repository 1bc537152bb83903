"""One open port as its thread sees it: wait for bytes or a wake-up, then take what is there."""

from __future__ import annotations

import contextlib
import io
import os
import select
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

import serial

from engine.devices.dial import Waker

READ_SIZE: Final = 1024  # with the least gap between two reads: 250 kB/s, far more than a line carries


class Wire(Protocol):
    """An open port. Once the link is lost, ``wait`` and ``read`` raise OSError or whatever else its back end raises."""

    def wait(self, timeout_s: float) -> bool:
        """Wait for bytes, a wake-up or the time-out; True when there are bytes to read."""
        ...

    def read(self) -> bytes:
        """Take at most READ_SIZE bytes of what is there, without waiting."""
        ...

    def interrupt(self) -> None:
        """End a wait from another thread."""
        ...


class SelectedWire:
    """A port with a file descriptor or a socket: it is waited for together with the waker, and costs nothing idle."""

    def __init__(self, port: serial.Serial, waker: Waker) -> None:
        self._fd = port.fileno()
        self._waker = waker
        self._wait = _waiter(self._fd, waker.fileno())
        # pyserial's own read selects once more and copies twice, but only it knows how to read a socket on Windows.
        self._take = partial(os.read, self._fd, READ_SIZE) if os.name == "posix" else partial(port.read, READ_SIZE)

    def wait(self, timeout_s: float) -> bool:
        """Wait for bytes, a wake-up or the time-out. A port that hung up counts as readable: the read says why."""
        ready = self._wait(timeout_s)
        if len(ready) == 1 and ready[0][0] == self._fd:
            return True
        self._waker.clear()
        return any(fd == self._fd for fd, _ in ready)

    def read(self) -> bytes:
        """Take what is there. Raises OSError when there will never be more."""
        try:
            data = self._take()
        except (BlockingIOError, InterruptedError):
            return b""
        if not data:
            # Only after wait() said that there is something: an unplugged device, a closed socket.
            raise OSError("the device hung up")
        return data

    def interrupt(self) -> None:
        """End a wait from another thread."""
        self._waker.wake()


class PolledWire:
    """A port without one (``COM3``, ``rfc2217://``, ``loop://``): a read waits for at most the port's time-out."""

    def __init__(self, port: serial.Serial) -> None:
        self._port = port
        self._first = b""

    def wait(self, timeout_s: float) -> bool:
        """Wait for a byte, or for the port's own read time-out, whatever ``timeout_s`` is."""
        del timeout_s
        self._first = self._port.read(1)
        return bool(self._first)

    def read(self) -> bytes:
        """Take what is there."""
        waiting = min(self._port.in_waiting, READ_SIZE)
        data = self._first + (self._port.read(waiting) if waiting else b"")
        self._first = b""
        return data

    def interrupt(self) -> None:
        """End a wait from another thread where the back end can; rfc2217 cannot, and waits for its time-out."""
        cancel = getattr(self._port, "cancel_read", None)
        if cancel is not None:
            with contextlib.suppress(Exception):  # queue.Full on loop://; Windows when there is no read to cancel
                cancel()


def make_wire(port: serial.Serial, waker: Waker) -> Wire:
    """The better of the two that an open port allows."""
    try:
        return SelectedWire(port, waker)
    except io.UnsupportedOperation:
        return PolledWire(port)


def _waiter(*fds: int) -> Callable[[float], list[tuple[int, int]]]:
    """What waits so many seconds for any of ``fds`` and gives those that are ready, each with something."""
    if not hasattr(select, "poll"):  # Windows, where only sockets get here
        return lambda timeout_s: [(fd, 0) for fd in select.select(fds, [], [], timeout_s)[0]]
    poll = select.poll()  # not select: that one ends at descriptor 1023
    for fd in fds:
        poll.register(fd, select.POLLIN)
    return lambda timeout_s: poll.poll(timeout_s * 1000)
