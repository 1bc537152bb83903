"""One port that carries cards and weights (a combined indicator): tell them apart, lose neither, invent neither."""

from __future__ import annotations

from parsers.framed import FrameLayout, FrameSplitter
from parsers.lines import LineParser
from parsers.reading import Reading


class CombinedParser:
    """Takes the checksummed card frames out of the stream first and gives the rest to a line protocol.

    A card frame ends whatever line was half received: the pieces before and after it are never joined, because two
    torn lines could then make a weight that no scale has shown. A line that is whole before or after it is read.
    """

    def __init__(self, layouts: tuple[FrameLayout, ...], lines: LineParser, protocol: str) -> None:
        self.protocol = protocol
        self.rejected = 0
        self._splitter = FrameSplitter(layouts, seven_bit=lines.layout.seven_bit)
        self._lines = lines

    def feed(self, data: bytes) -> list[Reading]:
        """Give the readings of the frames that ``data`` completed, in the order in which they ended."""
        readings: list[Reading] = []
        for piece in self._splitter.split(data):
            if isinstance(piece, bytes):
                readings += self._lines.feed(piece)
            else:
                self._lines.cut()
                readings.append(piece)
        self.rejected = self._lines.rejected
        return readings

    def reset(self) -> None:
        """Forget a half-received frame."""
        self._splitter.reset()
        self._lines.reset()
