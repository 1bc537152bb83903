"""Raw bytes of a port beside the readings that they make, live, until somebody ends it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from engine.cli.probe_view import reading_text
from engine.clock import Clock
from engine.devices.asking import POLL_S, Asker
from engine.devices.link import SerialLink
from engine.devices.looks import as_text
from engine.devices.panel import Panel
from engine.devices.port import PortSettings
from engine.devices.recording import Direction, RecordingWriter
from parsers import ProtocolInfo, Reading

_WIDTH = 16
_HEX = 3 * _WIDTH - 1


class Sniffer:
    """Turns what passes a port into lines: the time, the bytes as hex and text, and the readings of each protocol."""

    def __init__(self, protocols: Sequence[ProtocolInfo], clock: Clock) -> None:
        self._panel = Panel(protocols)
        self._clock = clock
        self.received = 0
        self.readings = 0

    def received_lines(self, data: bytes) -> Iterator[str]:
        """The lines for bytes of the device."""
        self.received += len(data)
        found = list(self._panel.feed(data))
        self.readings += len(found)
        yield from self._lines("<", data, _told(found))

    def sent_lines(self, data: bytes) -> Iterator[str]:
        """The lines for a question to it."""
        yield from self._lines(">", data, [])

    def link_line(self, is_up: bool, reason: str) -> str:  # noqa: FBT001 - the shape of on_link
        """The line for a port that was opened or lost."""
        return f"{self._now():%H:%M:%S.%f}"[:-3] + ("  port open" if is_up else f"  {reason}")

    def _lines(self, mark: str, data: bytes, told: Sequence[str]) -> Iterator[str]:
        at = f"{self._now():%H:%M:%S.%f}"[:-3]
        parts = [data[start : start + _WIDTH] for start in range(0, len(data), _WIDTH)]
        for index in range(max(len(parts), len(told))):
            part = parts[index] if index < len(parts) else b""
            beside = told[index] if index < len(told) else ""
            line = f"{at} {mark} {part.hex(' ').upper():{_HEX}}  {as_text(part):{_WIDTH}}  {beside}"
            yield line.rstrip()
            at, mark = " " * len(at), " "

    def _now(self) -> datetime:
        return self._clock.now().astimezone()


async def sniff(
    settings: PortSettings,
    sniffer: Sniffer,
    show: Callable[[str], None],
    *,
    clock: Clock,
    questions: Sequence[bytes] = (),
    recording: RecordingWriter | None = None,
) -> None:
    """Show what passes a port, and keep it in ``recording``, until cancelled or told to end (SIGTERM, SIGINT)."""
    ended = asyncio.Event()
    trouble: list[BaseException] = []

    def show_all(lines: Iterator[str]) -> None:
        try:
            for line in lines:
                show(line)
        except OSError as error:  # nobody reads any more
            trouble.append(error)
            ended.set()

    def passed(direction: Direction, data: bytes, at: float) -> None:  # in the port's thread
        if recording is not None:
            try:
                recording.write(settings.port, data, at, direction)
            except OSError as error:
                trouble.append(error)
                loop.call_soon_threadsafe(ended.set)
        if direction == ">":
            loop.call_soon_threadsafe(show_all, sniffer.sent_lines(data))

    loop = asyncio.get_running_loop()
    link = SerialLink(
        "sniff",
        settings,
        loop=loop,
        on_bytes=lambda data: show_all(sniffer.received_lines(data)),
        on_link=lambda is_up, reason: show_all(iter([sniffer.link_line(is_up, reason)])),
        clock=clock,
        asker=Asker(questions, POLL_S, settings.byte_time) if questions else None,
    )
    link.tap = passed
    link.start()
    try:
        with _told_to_end(ended, loop):
            await ended.wait()
    finally:
        link.stop()
        await link.wait_closed()
    if trouble:
        raise trouble[0]


@contextlib.contextmanager
def _told_to_end(ended: asyncio.Event, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Let SIGTERM and SIGINT set ``ended``, where a loop can have such a handler."""
    numbers = (signal.SIGTERM, signal.SIGINT)
    try:
        for number in numbers:
            loop.add_signal_handler(number, ended.set)
    except (NotImplementedError, ValueError, RuntimeError):  # Windows; not in the main thread
        yield  # KeyboardInterrupt ends it there
        return
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _told(found: Sequence[tuple[ProtocolInfo, Reading]]) -> list[str]:
    return [f"{info.name}: {reading_text(reading)}" for info, reading in found]
