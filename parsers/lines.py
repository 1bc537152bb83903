"""The engine of the line protocols: cut the stream into lines, decode each by its layout, throw away the rest.

A line counts only when all of it fits its layout. A line with rubbish in front of it counts only for the lengths that
the layout trusts: frames so strongly headed that their last bytes alone prove them. A headerless number is never
picked out of rubbish.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from parsers.reading import Reading, WeightReading

# A device that sends 7 data bits and a parity bit, read with 8 data bits, carries its parity in bit 7.
SEVEN_BITS: Final = bytes(byte & 0x7F for byte in range(256))


@dataclass(frozen=True, slots=True)
class LineLayout:
    """One line protocol.

    ``decode`` gets a line with its ``end``, and the same bytes as they were received, and gives the reading or None.
    ``longest`` is the longest frame in bytes, its end included; ``trusted`` are the frame lengths that may be taken
    from the end of a polluted line; ``fixed`` are those that a device, once it sends them, always sends (see
    SteadyLength); ``seven_bit`` clears bit 7 of every byte before anything else looks at it.
    """

    decode: Callable[[bytes, bytes], Reading | None]
    longest: int
    trusted: tuple[int, ...] = ()
    fixed: tuple[int, ...] = ()
    seven_bit: bool = False
    end: bytes = b"\r\n"


class Rubbish:
    """Counts what was thrown away: one for each run of bytes, and again for each further frame's length of it.

    So a link that only ever sends noise keeps counting, and the count does not depend on how the bytes were split.
    """

    __slots__ = ("_frame_length", "count", "run")

    def __init__(self, frame_length: int) -> None:
        self._frame_length = frame_length
        self.count = 0
        self.run = 0  # bytes thrown away since the last frame or line

    def add(self, length: int) -> None:
        """Throw away ``length`` more bytes of this run."""
        before = -(-self.run // self._frame_length)
        self.run += length
        self.count += -(-self.run // self._frame_length) - before

    def end(self) -> None:
        """The run is over: a frame or a line ended here."""
        self.run = 0


class SteadyLength:
    """Holds a device to the frame length it keeps, where its protocol knows more than one.

    A frame that lost a digit on the wire may look like a whole frame of a shorter shape, with another weight. So after
    ``_STEADY`` frames of one fixed length a weight of another length is refused until the next frame confirms it.
    """

    __slots__ = ("_doubtful", "_fixed", "_length", "_seen")

    _STEADY: Final = 50  # a second of a fast indicator: long enough that only a device's habit gets there

    def __init__(self, fixed: tuple[int, ...]) -> None:
        self._fixed = fixed
        self.reset()

    def reset(self) -> None:
        """Forget the device: another one may be on the port."""
        self._length = 0
        self._seen = 0
        self._doubtful = 0  # the length that was refused last

    def accepts(self, reading: Reading) -> bool:
        """Whether this frame is to be believed. What carries no weight (an overload) is, and teaches nothing."""
        if not isinstance(reading, WeightReading) or reading.value is None:
            return True
        length = len(reading.raw)
        if length == self._length:
            self._seen += 1
        elif self._seen >= self._STEADY and self._length in self._fixed and length != self._doubtful:
            self._doubtful = length
            return False
        else:
            self._length = length
            self._seen = 1
        self._doubtful = 0
        return True


class LineParser:
    """A parser of one line protocol. Holds at most ``layout.longest`` bytes between two calls."""

    def __init__(self, protocol: str, layout: LineLayout) -> None:
        self.protocol = protocol
        self.layout = layout
        self.rejected = 0
        self._rubbish = Rubbish(layout.longest)
        self._steady = SteadyLength(layout.fixed) if layout.fixed else None
        self._held = b""  # the line so far, without its end; its beginning is lost once the rubbish has a run

    def feed(self, data: bytes) -> list[Reading]:
        """Give the readings of the lines that ``data`` completed. Never raises on input."""
        raw = self._held + data
        text = raw.translate(SEVEN_BITS) if self.layout.seven_bit else raw
        readings: list[Reading] = []
        start = 0
        mark = self.layout.end
        end = text.find(mark)
        while end >= 0:
            end += len(mark)
            reading = self._end_line(text[start:end], raw[start:end])
            if reading is not None:
                readings.append(reading)
            start = end
            end = text.find(mark, start)
        self._hold(raw[start:])
        return readings

    def reset(self) -> None:
        """Forget a half-received line."""
        self._held = b""
        self._rubbish.end()
        if self._steady is not None:
            self._steady.reset()

    def cut(self) -> None:
        """Something whole stood here that is no part of a line: what is held will never become one."""
        if self._held:
            self._throw_away(len(self._held))
            self._held = b""
        self._rubbish.end()

    def _end_line(self, text: bytes, raw: bytes) -> Reading | None:
        reading = self._find_frame(text, raw)
        if reading is not None and self._steady is not None and not self._steady.accepts(reading):
            reading = None
        rubbish = len(text) - (0 if reading is None else len(reading.raw))
        if rubbish:
            self._throw_away(rubbish)
        self._rubbish.end()
        return reading

    def _find_frame(self, text: bytes, raw: bytes) -> Reading | None:
        layout = self.layout
        if len(text) <= layout.longest:  # what is longer, or has lost its beginning, is no frame by itself
            reading = layout.decode(text, raw)
            if reading is not None:
                return reading
        for length in layout.trusted:
            if len(text) > length:
                reading = layout.decode(text[-length:], raw[-length:])
                if reading is not None:
                    return reading
        return None

    def _hold(self, tail: bytes) -> None:
        excess = len(tail) - self.layout.longest
        if excess > 0:
            self._throw_away(excess)
            tail = tail[excess:]  # still longest bytes and no end in sight: more than any frame
        self._held = tail

    def _throw_away(self, length: int) -> None:
        self._rubbish.add(length)
        self.rejected = self._rubbish.count
