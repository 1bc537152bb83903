"""Every protocol at once on the same bytes: which of them make readings of these."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from engine.devices.looks import Parity, parity_of, without_parity
from parsers import Parser, ProtocolInfo, Reading

_ENOUGH_FRAMES: Final = 2  # one may be chance
_SHARE: Final = 0.4  # of the bytes that must have been frames; what lies between frames counts as none
_RIVAL: Final = 0.6  # of what the best protocol covers: less is a piece of its frames that looks like something else
_MOST_KEPT: Final = 32_768  # bytes for a second look
LATELY: Final = 64  # bytes that tell what a line is set to: what came before may have been damaged
_MOST_READINGS: Final = 64


@dataclass(slots=True, eq=False)
class Evidence:
    """What one protocol made of the bytes."""

    info: ProtocolInfo
    parser: Parser
    frames: int = 0
    covered: int = 0  # bytes that were frames of it
    readings: deque[Reading] = field(default_factory=lambda: deque(maxlen=_MOST_READINGS))  # the newest

    def feed(self, data: bytes) -> list[Reading]:
        """The readings that ``data`` completed."""
        readings = self.parser.feed(data)
        before = None
        for reading in readings:
            if reading.raw is not before:  # several cards of one frame
                self.frames += 1
                self.covered += len(reading.raw)
            before = reading.raw
        self.readings += readings
        return readings


class Panel:
    """Feeds everything to every protocol, also as 7-bit bytes once their eighth bits prove to be a parity."""

    def __init__(self, protocols: Iterable[ProtocolInfo]) -> None:
        self._infos = tuple(protocols)
        self.total = 0
        self.kept = bytearray()  # the first bytes
        self._tail = b""
        self._plain = _evidence(self._infos)
        self._seven: list[Evidence] | None = None  # once an eighth bit was set

    def feed(self, data: bytes) -> Iterator[tuple[ProtocolInfo, Reading]]:
        """Take bytes; the readings that each protocol made of them."""
        self.total += len(data)
        self.kept += data[: max(0, _MOST_KEPT - len(self.kept))]
        self._tail = (self._tail + data)[-LATELY:]
        found = [(each.info, reading) for each in self._plain for reading in each.feed(data)]
        seven = self._feed_seven(data)
        return iter(seven if self.parity is not None else found)

    @property
    def parity(self) -> Parity | None:
        """The parity that the eighth bits are; None when they are data, or always clear."""
        return parity_of(self._tail) if self._seven is not None else None

    def fits(self) -> list[Evidence]:
        """The protocols that read most of the bytes, the most likely first."""
        parity = self.parity
        candidates = self._seven if parity is not None and self._seven is not None else self._plain
        seen = [each for each in candidates if each.frames >= _ENOUGH_FRAMES]
        # A frame was cut off at the beginning and another at the end: not their fault.
        most = [each for each in seen if each.covered + 2 * (each.covered // each.frames) >= _SHARE * self.total]
        if not most:
            return []
        best = max(most, key=lambda each: each.covered)
        fitting = [each for each in most if each.covered >= _RIVAL * best.covered]
        fitting += [each for each in seen if each not in fitting and _shares(each, best, self.total)]
        bits = 8 if parity is None else 7
        return sorted(
            fitting, key=lambda each: (-each.covered, each.info.line.data_bits != bits, not each.info.is_proven)
        )

    @property
    def frames(self) -> int:
        """The most frames that any protocol has found."""
        return max((each.frames for each in (*self._plain, *(self._seven or ()))), default=0)

    def _feed_seven(self, data: bytes) -> list[tuple[ProtocolInfo, Reading]]:
        if self._seven is None:
            if max(data, default=0) < 0x80:  # noqa: PLR2004 - the eighth bit
                return []
            self._seven = _evidence(self._infos)
            data = bytes(self.kept) if self.total == len(self.kept) else data
        masked = without_parity(data)
        return [(each.info, reading) for each in self._seven for reading in each.feed(masked)]


def _evidence(infos: Sequence[ProtocolInfo]) -> list[Evidence]:
    return [Evidence(info, info.factory()) for info in infos]


def _shares(each: Evidence, best: Evidence, total: int) -> bool:
    """Whether it is the other half of a port that carries weights and cards: its frames are none of the best's."""
    return each.info.kind != best.info.kind and each.covered + best.covered <= total
