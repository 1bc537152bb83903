"""Toledo continuous output (Mettler Wildcat technical manual 6-4; Kern FTC p.42; Rockwell 57C428 appendix D).

STX SWA SWB SWC weight(6) tare(6) CR [CHK]. Weight and tare have no decimal point: the status words say where it stands.

- SWA: bits 0-2 the decimals (2 none, 3 one, 4 two, 5 three ...; 1 times ten, 0 times a hundred), 3-4 the division
  (not needed to read the weight), bit 5 always set, bit 6 always clear.
- SWB: bit 0 net, 1 negative, 2 out of range, 3 motion, 4 kilograms (else pounds), 5 always set, 6 not zeroed since
  power-up.
- SWC: bits 0-2 another unit (1 g, 2 t, 3 oz), 3 print request, 4 expanded by ten, 5 always set, 6 always clear.
- CHK: the two's complement of the low seven bits of the sum from STX to CR, so all of it sums to nothing.

Much public code has an XOR in place of CHK, bit 4 of SWB turned round, or the decimals off by two. A unit that
this project has no name for (troy ounces, pennyweight, short tons, the site's own) is refused, and so is an expanded
weight, of which the manuals do not say where its point stands: no reading is better than one off by ten.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from parsers.packets import INCOMPLETE, REFUSED, Packet, Verdict
from parsers.reading import WeightReading

_BARE: Final = 17  # without CHK
_NO_DECIMALS: Final = 2  # what bits 0-2 of SWA are for a whole number
_NET, _NEGATIVE, _OUT_OF_RANGE, _MOTION, _KILOGRAMS = 0x01, 0x02, 0x04, 0x08, 0x10
_UNITS: Final = {1: "g", 2: "t", 3: "oz"}
_UNIT, _EXPANDED = 0x07, 0x10

_DIGITS: Final = b"0123456789"
_FIELD: Final = _DIGITS + b" -^_"  # the last three fill the field of a weight that is out of range
_ALLOWED: Final = (
    b"\x02",
    bytes(range(0x20, 0x40)),
    bytes(byte for byte in range(0x80) if byte & 0x20),
    bytes(byte for byte in range(0x20, 0x40) if byte & _UNIT <= max(_UNITS) and not byte & _EXPANDED),
    *(_FIELD,) * 6,
    *(_DIGITS + b" ",) * 6,
    b"\r",
)


@dataclass(frozen=True, slots=True)
class ToledoLayout:
    """Toledo continuous, with its checksum or without."""

    has_checksum: bool
    mark: bytes = b"\x02"
    mark_at: int = 0

    @property
    def shortest(self) -> int:
        """The whole frame: all are of one length."""
        return _BARE + self.has_checksum

    def match(self, text: bytes, at: int, raw: bytes) -> Packet | Verdict:
        """Judge a frame by its sum, its status words and its fields."""
        frame = text[at : at + self.shortest]
        for byte, allowed in zip(frame, _ALLOWED, strict=False):  # CHK may be anything
            if byte not in allowed:
                return REFUSED
        if len(frame) < self.shortest:
            return INCOMPLETE
        if self.has_checksum and sum(frame) & 0x7F:
            return REFUSED
        reading = _decode(frame, raw[at : at + len(frame)])
        return REFUSED if reading is None else Packet(len(frame), (reading,))


def _decode(frame: bytes, raw: bytes) -> WeightReading | None:
    flags = frame[2]
    places = (frame[1] & 0x07) - _NO_DECIMALS
    number, tare = _number(frame[4:10]), _number(frame[10:16])
    if tare is None and frame[10:16].strip(b" "):
        return None
    is_out = bool(flags & _OUT_OF_RANGE)
    if number is None and not is_out:
        return None
    is_negative = bool(flags & _NEGATIVE)
    return WeightReading(
        None if is_out or number is None else _scaled(number, places, is_negative=is_negative),
        _UNITS.get(frame[3] & _UNIT) or ("kg" if flags & _KILOGRAMS else "lb"),
        not is_out and not flags & _MOTION,
        ("underload" if is_negative else "overload") if is_out else "ok",
        "net" if flags & _NET else "gross",
        raw,
        None if tare is None else _scaled(tare, places, is_negative=False),
    )


def _number(field: bytes) -> str | None:
    """The digits of a field, which blanks may precede; None when they are not digits."""
    digits = field.lstrip(b" ")
    return digits.decode("ascii") if digits.isdigit() else None


def _scaled(digits: str, places: int, *, is_negative: bool) -> Decimal:
    sign = "-" if is_negative else ""
    if places < 0:
        return Decimal(f"{sign}{digits}{'0' * -places}")
    return Decimal(f"{sign}{digits}E-{places}")


TOLEDO: Final = ToledoLayout(has_checksum=True)
TOLEDO_BARE: Final = ToledoLayout(has_checksum=False)
