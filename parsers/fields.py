"""The fields that weighing indicators' frames are made of: numbers, units, status headers.

Everything here works by position on a few bytes, in linear time, and answers None for what is not exactly a field.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple

from parsers.reading import Mode, Status, WeightReading

# What each unit may be called on the wire; capitals vary by firmware ('Kg', 'KG'). Units that the engine cannot convert
# (momme, tael, troy ounce) are left out on purpose: a frame with one of them is refused, not mistaken for another.
WIRE_NAMES: Final = {
    "kg": ("kg",),
    "g": ("g",),
    "t": ("t",),
    "lb": ("lb",),
    "oz": ("oz",),
    "mg": ("mg",),
    "ct": ("ct",),
    "N": ("n",),
    "pcs": ("pcs", "pc"),
    "%": ("%",),
}


class Head(NamedTuple):
    """What a status header says about the weight that follows it."""

    is_stable: bool
    status: Status
    mode: Mode | None


def number(field: bytes) -> Decimal | None:
    """Read a right-justified number field: blanks, a sign, blanks, digits with at most one point, nothing after.

    The decimal keeps its places (``-  1.640`` is -1.640). A blank field, a lone sign, a lone point, anything behind the
    last digit but the point, or a blank among the digits gives None. Blanks behind the digits are refused because a
    single flipped bit turns a last ``0`` into a blank and would divide the weight by ten.
    """
    text = field.lstrip(b" ")
    sign = text[:1]
    if sign in (b"-", b"+"):
        text = text[1:].lstrip(b" ")
    # bytes.isdigit knows ASCII digits only, so no other alphabet, exponent, underscore or NaN reaches Decimal.
    if not text.replace(b".", b"", 1).isdigit():
        return None
    return Decimal((b"-" + text if sign == b"-" else text).decode("ascii"))


def unit_fields(units: tuple[str, ...], width: int) -> dict[bytes, str]:
    """Every way to write ``units`` in a blank-padded field of ``width`` bytes, mapped to the unit's one name."""
    fields: dict[bytes, str] = {}
    for unit in units:
        for name in WIRE_NAMES[unit]:
            for spelling in (name, name.upper(), name.capitalize()):
                if len(spelling) <= width:
                    fields[spelling.rjust(width).encode("ascii")] = unit
                    fields[spelling.ljust(width).encode("ascii")] = unit
    return fields


def weight_reading(
    head: Head, data: bytes, unit_field: bytes, units: dict[bytes, str], raw: bytes
) -> WeightReading | None:
    """Build the reading of a framed line, or None when a field is not what the layout says.

    An overload carries no weight whatever stands in its data field (nines, blanks, a lone sign), and may leave the unit
    blank; any other frame must have a number and a known unit.
    """
    unit = units.get(unit_field)
    if head.status == "overload":
        if (unit is None and unit_field.strip(b" ")) or not is_printable(data):
            return None
        return WeightReading(None, unit, False, "overload", head.mode, raw)
    value = number(data)
    if value is None or unit is None:
        return None
    return WeightReading(value, unit, head.is_stable, head.status, head.mode, raw)


def is_printable(field: bytes) -> bool:
    """Whether a field is printable ASCII (blanks included)."""
    return field.isascii() and field.decode("ascii").isprintable()
