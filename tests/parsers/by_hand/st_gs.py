"""The ST/GS format of T-Scale, General Measure, Rinstrum (FMT 4), CAS ("AND 18 bytes") and many clones.

The shapes, CR LF included:

- 18 bytes: ``ST,GS,`` data(8) unit(2). The data field holds sign and number, with zeros, blanks or eight digits.
- 19 bytes: the same with a unit field of three.
- 18 bytes without the second comma: ``ST,GS`` data(8) unit(3), the unit behind a blank or a comma or not.
- unpadded: ``ST,GS,`` sign number [blank] unit. The sign must be there and the number has no needless zero in front:
  that is how a padded frame that lost a byte on its way is kept from passing for an unpadded one.
- ``--OL--`` and blanks, 16 to 18 bytes: overload without header or unit.

Only the unpadded shape has no length to check: from a clone that sends it, a frame that lost a digit looks whole. A
device that sends a padded shape is held to it (``LineLayout.fixed``).
"""

from __future__ import annotations

from typing import Final

from parsers.fields import Head, unit_fields, weight_reading
from parsers.lines import LineLayout
from parsers.reading import Mode, Status, WeightReading

_PADDED: Final = 18
_WIDE_UNIT: Final = 19
_LONGEST: Final = 22
_SIGNS: Final = (b"+", b"-")
_OVERLOAD_TEXT: Final = b"--OL--"
_OVERLOAD_LENGTHS: Final = range(16, 19)

_STATUSES: Final[dict[bytes, tuple[bool, Status]]] = {
    b"ST": (True, "ok"),
    b"US": (False, "ok"),
    b"OL": (False, "overload"),
}
# 'GR' is how the table in Rinstrum's R320 manual (9.4) prints what its example shows as 'GS'.
_MODES: Final[dict[bytes, Mode]] = {b"GS": "gross", b"NT": "net", b"GR": "gross"}
_HEADS: Final = {
    code + b"," + kind: Head(is_stable, status, mode)
    for code, (is_stable, status) in _STATUSES.items()
    for kind, mode in _MODES.items()
}
_NAMES: Final = ("kg", "g", "t", "lb", "oz", "mg", "ct", "pcs")
_UNITS_2: Final = unit_fields(_NAMES, width=2)
_UNITS_3: Final = unit_fields(_NAMES, width=3)
_UNITS_3_COMMA: Final = _UNITS_3 | {b"," + field: unit for field, unit in _UNITS_2.items()}
_UNITS_BARE: Final = {field.strip(): unit for field, unit in _UNITS_3.items()}


def decode_st_gs(text: bytes, raw: bytes) -> WeightReading | None:
    """Read a line of any of the shapes, or give None when it is exactly none of them."""
    head = _HEADS.get(text[:5])
    if head is None:
        return _decode_overload_text(text, raw)
    length = len(text)
    if text[5:6] != b",":
        if length != _PADDED:
            return None
        return weight_reading(head, text[5:13], text[13:16], _UNITS_3_COMMA, raw)
    reading = None
    if length == _PADDED:
        reading = weight_reading(head, text[6:14], text[14:16], _UNITS_2, raw)
    elif length == _WIDE_UNIT:
        reading = weight_reading(head, text[6:14], text[14:17], _UNITS_3, raw)
    return reading or _decode_unpadded(head, text, raw)


def _decode_unpadded(head: Head, text: bytes, raw: bytes) -> WeightReading | None:
    body = text[7:-2]
    digits = body.rstrip(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    unit = body[len(digits) :]
    digits = digits.removesuffix(b" ")
    whole, point, places = digits.partition(b".")
    if text[6:7] not in _SIGNS or len(text) > _LONGEST or not whole.isdigit() or (point and not places.isdigit()):
        return None
    if whole != b"0" and whole.startswith(b"0"):
        return None
    return weight_reading(head, text[6:7] + digits, unit, _UNITS_BARE, raw)


def _decode_overload_text(text: bytes, raw: bytes) -> WeightReading | None:
    if len(text) not in _OVERLOAD_LENGTHS or text[:-2].rstrip(b" ") != _OVERLOAD_TEXT:
        return None
    return WeightReading(None, unit=None, is_stable=False, status="overload", raw=raw)


_FIXED: Final = (_WIDE_UNIT, _PADDED)
ST_GS: Final = LineLayout(decode_st_gs, longest=_LONGEST, trusted=_FIXED, fixed=_FIXED)
ST_GS_7BIT: Final = LineLayout(decode_st_gs, longest=_LONGEST, trusted=_FIXED, fixed=_FIXED, seven_bit=True)
