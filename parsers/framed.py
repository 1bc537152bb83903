"""Frames that begin with a start byte: find one, let its shapes judge it, throw away the rest.

Frames with a checksum prove themselves, so they can be taken out of a stream that carries something else as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from parsers.lines import SEVEN_BITS, Rubbish, SteadyLength
from parsers.packets import INCOMPLETE, REFUSED, Packet, Verdict
from parsers.reading import Reading


@dataclass(frozen=True, slots=True)
class FrameLayout:
    """One protocol of framed messages.

    ``match`` judges the bytes of a text from a place on, given the same bytes as they were received. Every frame begins
    with ``start``; the lengths are in bytes. ``is_checked``: a checksum guards every frame. ``fixed`` are the lengths
    that a device, once it sends them, always sends (see SteadyLength).
    """

    start: bytes
    match: Callable[[bytes, int, bytes], Packet | Verdict]
    shortest: int
    longest: int
    is_checked: bool
    seven_bit: bool = False
    fixed: tuple[int, ...] = ()


class FrameSplitter:
    """Cuts a stream into readings and everything else, in order. Holds less than one frame between two calls."""

    def __init__(self, layouts: tuple[FrameLayout, ...], *, seven_bit: bool = False) -> None:
        self._layouts = layouts
        self._firsts = tuple({layout.start[:1] for layout in layouts})
        self._seven_bit = seven_bit
        self._held = b""  # a start that may yet become a frame, and what followed it

    def split(self, data: bytes) -> list[Reading | bytes]:
        """Give the readings that ``data`` completed, and between them the bytes that cannot belong to a frame."""
        raw = self._held + data
        text = raw.translate(SEVEN_BITS) if self._seven_bit else raw
        pieces: list[Reading | bytes] = []
        start = 0  # of the bytes that no piece has yet
        at = self._next_start(text, 0)
        while at >= 0:
            found = self._match(text, at, raw)
            if found is INCOMPLETE:
                break
            if isinstance(found, Packet):
                if at > start:
                    pieces.append(raw[start:at])
                pieces += found.readings
                start = at + found.length
                at = self._next_start(text, start)
            else:
                at = self._next_start(text, at + 1)  # a frame may have begun inside the refused one
        end = len(raw) if at < 0 else at
        if end > start:
            pieces.append(raw[start:end])
        self._held = raw[end:]
        return pieces

    def reset(self) -> None:
        """Forget a half-received frame."""
        self._held = b""

    def _next_start(self, text: bytes, start: int) -> int:
        if len(self._firsts) == 1:
            return text.find(self._firsts[0], start)
        places = [at for at in (text.find(first, start) for first in self._firsts) if at >= 0]
        return min(places, default=-1)

    def _match(self, text: bytes, at: int, raw: bytes) -> Packet | Verdict:
        """The shortest frame that stands here; which one it is must not depend on how much has come already."""
        best: Packet | None = None
        is_open = False
        for layout in self._layouts:
            found = layout.match(text, at, raw)
            if isinstance(found, Packet):
                if best is None or found.length < best.length:
                    best = found
            elif found is INCOMPLETE:
                is_open = True
        if best is not None:
            return best
        return INCOMPLETE if is_open else REFUSED


class FrameParser:
    """A parser of framed messages alone: everything else on the line is rubbish."""

    def __init__(self, protocol: str, layouts: tuple[FrameLayout, ...]) -> None:
        self.protocol = protocol
        self.layouts = layouts
        self.rejected = 0
        self._splitter = FrameSplitter(layouts, seven_bit=any(layout.seven_bit for layout in layouts))
        self._rubbish = Rubbish(min(layout.shortest for layout in layouts))
        fixed = tuple(length for layout in layouts for length in layout.fixed)
        self._steady = SteadyLength(fixed) if fixed else None

    def feed(self, data: bytes) -> list[Reading]:
        """Give the readings of the frames that ``data`` completed. Never raises on input."""
        readings: list[Reading] = []
        for piece in self._splitter.split(data):
            if isinstance(piece, bytes):
                self._rubbish.add(len(piece))
            elif self._steady is not None and not self._steady.accepts(piece):
                self._rubbish.add(len(piece.raw))
            else:
                self._rubbish.end()
                readings.append(piece)
        self.rejected = self._rubbish.count
        return readings

    def reset(self) -> None:
        """Forget a half-received frame."""
        self._splitter.reset()
        self._rubbish.end()
        if self._steady is not None:
            self._steady.reset()
