"""The A&D standard format (EK-L manual, 9-2): ``ST,`` sign data(8) unit(3) CR LF, 17 bytes.

Balances of the HR-A series send one digit more: data(9), 18 bytes. ST is stable, US unstable, OL out of range, QT a
stable count. Balances write an overload as ``OL,+9999999E+19`` without a unit. The unit ``t`` of these devices is the
tola, not the tonne, so it is refused.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from parsers.fields import Head, unit_fields, weight_reading
from parsers.lines import LineLayout
from parsers.reading import WeightReading

_LENGTHS: Final = (18, 17)
_SIGNS: Final = (b"+", b"-")
_HEADS: Final = {
    b"ST,": Head(is_stable=True, status="ok", mode=None),
    b"QT,": Head(is_stable=True, status="ok", mode="count"),
    b"US,": Head(is_stable=False, status="ok", mode=None),
    b"OL,": Head(is_stable=False, status="overload", mode=None),
}
_UNITS: Final = unit_fields(("kg", "g", "lb", "oz", "mg", "ct", "N", "pcs", "%"), width=3)
_OUT_OF_RANGE: Final = b"9999999E+19"


def decode_and_std(text: bytes, raw: bytes) -> WeightReading | None:
    """Read a line of 17 or 18 bytes, or give None when any byte of the layout is not where it belongs."""
    if len(text) not in _LENGTHS or text[3:4] not in _SIGNS:
        return None
    head = _HEADS.get(text[:3])
    if head is None:
        return None
    if head.status == "overload" and text[4:-2] == _OUT_OF_RANGE:
        return WeightReading(None, unit=None, is_stable=False, status="overload", raw=raw)
    reading = weight_reading(head, text[3:-5], text[-5:-2], _UNITS, raw)
    if reading is not None and reading.unit == "pcs":
        return replace(reading, mode="count")  # a moving count comes as US, like a moving weight
    return reading if head.mode is None else None  # QT never counts grams


AND_STD: Final = LineLayout(decode_and_std, longest=max(_LENGTHS), trusted=_LENGTHS, fixed=_LENGTHS, seven_bit=True)
