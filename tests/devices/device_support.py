"""Real ports and virtual time for the tests of devices."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import os
import pty
import select
import threading
import tty
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from engine.clock import SystemClock, VirtualClock
from engine.devices.link import SerialLink
from engine.devices.port import PortSettings

CLOCK = SystemClock()


class Pty:
    """A pseudo-terminal; the test holds the device's end."""

    def __init__(self) -> None:
        # The other end stays open here as well: a read of the master fails while nobody has it open.
        self.master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)

    def send(self, data: bytes) -> None:
        os.write(self.master, data)

    def receive(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            ready, _, _ = select.select([self.master], [], [], 5.0)
            assert ready, f"only {data!r} was written to the device"
            data += os.read(self.master, size - len(data))
        return data

    def unplug(self) -> None:
        os.close(self._slave)
        os.close(self.master)


class Socket:
    """A name under which one device after another is plugged in, as udev's links do it."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "ttyUSB0"

    def plug_in(self) -> Pty:
        device = Pty()
        self.path.symlink_to(device.path)
        return device

    def unplug(self, device: Pty) -> None:
        self.path.unlink()
        device.unplug()


class Heard:
    """What a link said, and a way to wait for it."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.pieces: list[bytes] = []
        self.links: list[tuple[bool, str]] = []
        self._changed = asyncio.Event()

    def on_bytes(self, data: bytes) -> None:
        self.data += data
        self.pieces.append(data)
        self._changed.set()

    def on_link(self, is_up: bool, reason: str) -> None:  # noqa: FBT001 - the shape of on_link
        self.links.append((is_up, reason))
        self._changed.set()

    async def until(self, claim: Callable[[], object], within: float = 2.0) -> None:
        async with asyncio.timeout(within):
            while not claim():
                self._changed.clear()
                await self._changed.wait()

    async def until_up(self, times: int = 1) -> None:
        await self.until(lambda: sum(up for up, _ in self.links) >= times)


@contextlib.asynccontextmanager
async def linked(port: str | Path, heard: Heard, **settings: object):
    """A running link to ``port``; afterwards its thread must be gone within a second."""
    link = SerialLink(
        "scale",
        PortSettings(str(port), **settings),
        loop=asyncio.get_running_loop(),
        on_bytes=heard.on_bytes,
        on_link=heard.on_link,
        clock=CLOCK,
    )
    link.start()
    try:
        yield link
    finally:
        link.stop()
        await link.wait_closed()
        assert link.join(0), "the port's thread outlived its link"


def run(scenario: Callable[[], Awaitable[None]], within: float = 10.0) -> None:
    """Run a scenario; no thread and no file descriptor may be left of it."""

    async def limited() -> None:
        async with asyncio.timeout(within):
            await scenario()

    before = open_files()
    asyncio.run(limited())
    assert serial_threads() == []
    assert open_files() == before


def open_files() -> int:
    descriptors = Path("/proc/self/fd")
    return sum(1 for _ in descriptors.iterdir()) if descriptors.is_dir() else 0


def serial_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("serial-")]


class VirtualTimers:
    """``call_later`` on a virtual clock that moves only when told to."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self._numbers: Iterator[int] = itertools.count()
        self._planned: list[tuple[float, int, _Handle]] = []

    def call_later(self, delay: float, callback: Callable[[], None]) -> _Handle:
        handle = _Handle(callback)
        heapq.heappush(self._planned, (self.clock.monotonic() + delay, next(self._numbers), handle))
        return handle

    def advance(self, seconds: float) -> None:
        end = self.clock.monotonic() + seconds
        while self._planned and self._planned[0][0] <= end:
            at, _, handle = heapq.heappop(self._planned)
            self.clock.advance_to(at)
            if not handle.is_cancelled:
                handle.callback()
        self.clock.advance_to(end)

    @property
    def pending(self) -> int:
        return sum(not handle.is_cancelled for _, _, handle in self._planned)


class _Handle:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback = callback
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True
