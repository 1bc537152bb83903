"""Readers of 125 kHz cards: STX, ten hexadecimal digits, two of checksum, ETX (RDM6300; ID-12 and ID-20 in ASCII mode).

The checksum is the XOR of the five bytes that the ten digits spell. These frames prove themselves, so they can be taken
out of a stream that carries something else as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from parsers.lines import SEVEN_BITS, Rubbish
from parsers.reading import CardReading, Reading

_STX: Final = b"\x02"
_HEX: Final = b"0123456789ABCDEFabcdef"
_DIGITS: Final = 12  # ten of the card, two of the checksum


class _Verdict(Enum):
    """Why there is no card at an STX, yet or at all."""

    REFUSED = auto()  # whatever comes next, no frame begins here
    INCOMPLETE = auto()  # a frame so far; its last bytes have not come


@dataclass(frozen=True, slots=True)
class CardLayout:
    """One kind of STX frame; ``tail`` is what follows the twelve digits."""

    tail: bytes

    @property
    def length(self) -> int:
        """The whole frame, in bytes."""
        return 1 + _DIGITS + len(self.tail)


RDM6300: Final = CardLayout(tail=b"\x03")
ID_12: Final = CardLayout(tail=b"\r\n\x03")


class CardSplitter:
    """Cuts a stream into card frames and everything else, in order. Holds less than one frame between two calls."""

    def __init__(self, layouts: tuple[CardLayout, ...], *, seven_bit: bool = False) -> None:
        self._layouts = layouts
        self._seven_bit = seven_bit
        self._held = b""  # an STX that may yet begin a card, and what followed it

    def split(self, data: bytes) -> list[CardReading | bytes]:
        """Give the cards that ``data`` completed, and between them the bytes that cannot belong to one."""
        raw = self._held + data
        text = raw.translate(SEVEN_BITS) if self._seven_bit else raw
        pieces: list[CardReading | bytes] = []
        start = 0  # of the bytes that no piece has yet
        at = text.find(_STX)
        while at >= 0:
            found = self._match(text, at, raw)
            if found is _Verdict.INCOMPLETE:
                break
            if isinstance(found, CardReading):
                if at > start:
                    pieces.append(raw[start:at])
                pieces.append(found)
                start = at + len(found.raw)
                at = text.find(_STX, start)
            else:
                at = text.find(_STX, at + 1)  # a frame may have begun inside the refused one
        end = len(raw) if at < 0 else at
        if end > start:
            pieces.append(raw[start:end])
        self._held = raw[end:]
        return pieces

    def reset(self) -> None:
        """Forget a half-received frame."""
        self._held = b""

    def _match(self, text: bytes, at: int, raw: bytes) -> CardReading | _Verdict:
        digits = text[at + 1 : at + 1 + _DIGITS]
        if digits.strip(_HEX):
            return (
                _Verdict.REFUSED
            )  # at the first byte that is no digit: never wait for the rest of a frame that is none
        verdict = _Verdict.REFUSED
        for layout in self._layouts:
            end = at + layout.length
            if not layout.tail.startswith(text[at + 1 + _DIGITS : end]):
                continue
            if end > len(text):
                verdict = _Verdict.INCOMPLETE
                continue
            code = bytes.fromhex(digits.decode("ascii"))
            if code[0] ^ code[1] ^ code[2] ^ code[3] ^ code[4] == code[5]:
                return CardReading(code[:5].hex().upper(), raw[at:end])
        return verdict


class CardParser:
    """A parser of card frames alone: everything else on the line is rubbish."""

    def __init__(self, protocol: str, layouts: tuple[CardLayout, ...]) -> None:
        self.protocol = protocol
        self.layouts = layouts
        self.rejected = 0
        self._splitter = CardSplitter(layouts)
        self._rubbish = Rubbish(min(layout.length for layout in layouts))

    def feed(self, data: bytes) -> list[Reading]:
        """Give the cards whose frames ``data`` completed. Never raises on input."""
        readings: list[Reading] = []
        for piece in self._splitter.split(data):
            if isinstance(piece, bytes):
                self._rubbish.add(len(piece))
            else:
                self._rubbish.end()
                readings.append(piece)
        self.rejected = self._rubbish.count
        return readings

    def reset(self) -> None:
        """Forget a half-received frame."""
        self._splitter.reset()
        self._rubbish.end()
