"""CAS indicators: the 22-byte and the 10-byte format (CI-400 manual p.104, CI-600D p.74, NT-200 p.48).

22 bytes: ``HH,HH,`` device id, lamp byte, ``,`` data(8) blank unit(2) CR LF. The lamp byte repeats stable, hold, gross,
tare and zero, but its bits differ by model, so the header alone is trusted.
10 bytes: data(8) CR LF, which says neither unit nor status.
"""

from __future__ import annotations

from typing import Final

from parsers.fields import Head, number, unit_fields, weight_reading
from parsers.lines import LineLayout
from parsers.reading import WeightReading

_CAS_22: Final = 22
_CAS_10: Final = 10
_HEADS: Final = {
    b"ST,GS,": Head(is_stable=True, status="ok", mode="gross"),
    b"ST,NT,": Head(is_stable=True, status="ok", mode="net"),
    b"US,GS,": Head(is_stable=False, status="ok", mode="gross"),
    b"US,NT,": Head(is_stable=False, status="ok", mode="net"),
    b"OL,GS,": Head(is_stable=False, status="overload", mode="gross"),
    b"OL,NT,": Head(is_stable=False, status="overload", mode="net"),
}
_UNITS: Final = unit_fields(("kg", "g", "t", "lb", "oz", "mg", "ct", "pcs"), width=2)
# The device number is sent as one character that counts on from '0' (NT-200 p.48): 10 is ':', 13 is '=', 99 is 0x93.
_FIRST_ID: Final = 0x30
_LAST_ID: Final = 0x30 + 99


def decode_cas_22(text: bytes, raw: bytes) -> WeightReading | None:
    """Read a 22-byte line, or give None when any byte of the layout is not where it belongs."""
    if len(text) != _CAS_22 or text[8:9] != b"," or text[17:18] != b" " or not _FIRST_ID <= text[6] <= _LAST_ID:
        return None
    head = _HEADS.get(text[:6])
    if head is None:
        return None
    return weight_reading(head, text[9:17], text[18:20], _UNITS, raw)


def decode_cas_10(text: bytes, raw: bytes) -> WeightReading | None:
    """Read a 10-byte line; its unit and its stability are unknown, and stay so."""
    if len(text) != _CAS_10:
        return None
    value = number(text[:8])
    return None if value is None else WeightReading(value, unit=None, is_stable=None, raw=raw)


CAS_22: Final = LineLayout(decode_cas_22, longest=_CAS_22, trusted=(_CAS_22,))
CAS_10: Final = LineLayout(decode_cas_10, longest=_CAS_10)
