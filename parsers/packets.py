"""The engine of the binary protocols: find a frame by its mark, let its layout judge it, throw away the rest.

A layout says of the bytes at a place that a frame stands there, that one may yet (its last bytes have not come), or
that none ever will. It must refuse at the first byte that is wrong, whatever comes next. Of frames that overlap the one
that ends first is taken: so the readings do not depend on how the stream was split.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Protocol

from parsers.lines import SEVEN_BITS, Rubbish
from parsers.reading import Reading


class Verdict(Enum):
    """Why there is no frame at a place, yet or at all."""

    REFUSED = auto()  # whatever comes next, no frame begins here
    INCOMPLETE = auto()  # a frame so far; its last bytes have not come


REFUSED: Final = Verdict.REFUSED
INCOMPLETE: Final = Verdict.INCOMPLETE


@dataclass(frozen=True, slots=True)
class Packet:
    """A whole frame: its length in bytes and what it says (a reader may see no card, one or several).

    An answer may come in several frames: all but the last have ``goes_on``. One that ``closes`` has nothing to say
    after a frame that goes on, and says for itself otherwise.
    """

    length: int
    readings: tuple[Reading, ...]
    goes_on: bool = False
    closes: bool = False


class PacketLayout(Protocol):
    """One binary protocol. Every frame has the bytes ``mark`` at ``mark_at``; none is shorter than ``shortest``."""

    @property
    def mark(self) -> bytes:
        """What every frame carries at ``mark_at``."""
        ...

    @property
    def mark_at(self) -> int:
        """Where the mark stands, counted from the frame's first byte."""
        ...

    @property
    def shortest(self) -> int:
        """The shortest frame, in bytes."""
        ...

    def match(self, text: bytes, at: int, raw: bytes) -> Packet | Verdict:
        """Judge the bytes of ``text`` from ``at`` on. ``raw`` are the same bytes as they were received."""
        ...


class PacketParser:
    """A parser of one layout. ``seven_bit`` clears bit 7 of every byte, which may be parity, before judging."""

    def __init__(self, protocol: str, layout: PacketLayout, *, seven_bit: bool = False) -> None:
        self.protocol = protocol
        self.layout = layout
        self.rejected = 0
        self._seven_bit = seven_bit
        self._held = b""  # the beginning of what may become a frame
        self._goes_on = False  # so did the last frame
        self._rubbish = Rubbish(layout.shortest)

    def feed(self, data: bytes) -> list[Reading]:
        """Give the readings of the frames that ``data`` completed. Never raises on input."""
        raw = self._held + data
        text = raw.translate(SEVEN_BITS) if self._seven_bit else raw
        readings: list[Reading] = []
        start = 0  # of the bytes that nothing has claimed yet
        at, packet = self._scan(text, start, raw)
        while packet is not None:
            self._throw_away(at - start)
            self._rubbish.end()
            if not (packet.closes and self._goes_on):
                readings += packet.readings
            self._goes_on = packet.goes_on
            start = at + packet.length
            at, packet = self._scan(text, start, raw)
        self._throw_away(at - start)
        self._held = raw[at:]
        self.rejected = self._rubbish.count
        return readings

    def _scan(self, text: bytes, start: int, raw: bytes) -> tuple[int, Packet | None]:
        """The frame from ``start`` on that ends first, and where it begins; without one, where the undecided begins.

        The first to end, not the first to begin: what looked like a frame and waits for its end holds up no real one.
        """
        first: Packet | None = None
        first_at = undecided = limit = len(text)
        at = self._next_mark(text, start)
        while at < limit:
            found = self.layout.match(text, at, raw)
            if isinstance(found, Packet):
                if first is None or at + found.length < limit:
                    first, first_at, limit = found, at, at + found.length
            elif found is INCOMPLETE:
                undecided = min(undecided, at)
            at = self._next_mark(text, at + 1)
        return (undecided, None) if first is None else (first_at, first)

    def reset(self) -> None:
        """Forget a half-received frame."""
        self._held = b""
        self._goes_on = False
        self._rubbish.end()

    def _next_mark(self, text: bytes, start: int) -> int:
        """Where the next frame may begin: at a mark, or where the mark would come just after the last byte."""
        layout = self.layout
        found = text.find(layout.mark, start + layout.mark_at)
        return found - layout.mark_at if found >= 0 else max(start, len(text) - layout.mark_at)

    def _throw_away(self, length: int) -> None:
        if length:
            self._rubbish.add(length)
