"""Say what is wrong with a value that should be a quantity: no unit, an unknown unit, or not a quantity at all."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from engine.documents.suggest import did_you_mean
from engine.errors import Diagnostic, Position, UnitError
from engine.units import MASS_UNITS, UNITS, parse_duration, parse_mass, parse_quantity, parse_rate, parse_size


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of quantity: how it is read, the units it can have, and the one to suggest."""

    parse: Callable[[str], object]
    units: tuple[str, ...]
    usual: str


KINDS: Final[dict[str, Kind]] = {
    "duration": Kind(parse_duration, ("ms", "s", "min", "h", "d"), "s"),
    "rate": Kind(parse_rate, ("Hz", "kHz"), "Hz"),
    "size": Kind(parse_size, ("kB", "MB", "GB"), "MB"),
    "mass": Kind(parse_mass, tuple(sorted(MASS_UNITS)), "g"),
    "quantity": Kind(parse_quantity, tuple(sorted(UNITS)), "g"),
}
_NUMBER: Final = re.compile(r"\s*[+-]?(?:\d{1,20}(?:\.\d{1,20})?|\.\d{1,20})\s*\Z", re.ASCII)
_NUMBER_AND_UNIT: Final = re.compile(r"\s*([+-]?)\d{1,20}(?:\.\d{1,20})?\s*([^\s\d.,+-]{1,20})\s*\Z", re.ASCII)
# What people write for a unit when they do not write its symbol.
_HABITS: Final = {
    **dict.fromkeys(("msec", "밀리초"), "ms"),
    **dict.fromkeys(("sec", "secs", "second", "seconds", "초"), "s"),
    **dict.fromkeys(("m", "mins", "minute", "minutes", "분"), "min"),
    **dict.fromkeys(("hr", "hrs", "hour", "hours", "시간"), "h"),
    **dict.fromkeys(("day", "days", "일"), "d"),
    **dict.fromkeys(("gr", "gram", "grams", "그램", "그람"), "g"),
    **dict.fromkeys(("kgs", "kilo", "kilogram", "kilograms", "킬로그램", "킬로"), "kg"),
    **dict.fromkeys(("ton", "tons", "톤"), "t"),
    **dict.fromkeys(("lbs", "pound", "pounds", "파운드"), "lb"),
    **dict.fromkeys(("kb", "kib", "k"), "kB"),
    **dict.fromkeys(("mb", "mib", "메가"), "MB"),
    **dict.fromkeys(("gb", "gib", "g", "기가"), "GB"),
    **dict.fromkeys(("hertz", "헤르츠", "/s"), "Hz"),
}


def quantity_problem(kind: str, value: object, position: Position) -> Diagnostic | None:
    """What is wrong with ``value`` as a duration, rate, mass or quantity; None when nothing is."""
    known = KINDS[kind]
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return _needs_unit(kind, f"{value}", position)
    if not isinstance(value, str):
        return Diagnostic("wrong-type", position, {"expected": kind, "found": found(value)})
    try:
        known.parse(value)
    except UnitError:
        return _explain(kind, value, position)
    return None


def _needs_unit(kind: str, value: str, position: Position) -> Diagnostic:
    example = f"{value.strip()} {KINDS[kind].usual}"
    return Diagnostic("needs-unit", position, {"value": value, "example": example, "kind": kind})


def _explain(kind: str, text: str, position: Position) -> Diagnostic:
    known = KINDS[kind]
    if _NUMBER.match(text):
        return _needs_unit(kind, text, position)
    match = _NUMBER_AND_UNIT.match(text)
    if match and match[2] not in known.units:
        params = {"unit": match[2], "kind": kind, "allowed": known.units, "guess": guess_unit(match[2], known.units)}
        return Diagnostic("unknown-unit", position, params)
    if match and match[1] == "-":
        return Diagnostic("negative-quantity", position, {"value": text})
    return Diagnostic("wrong-form", position, {"value": text, "expected": kind})


def guess_unit(unit: str, units: tuple[str, ...] | frozenset[str]) -> str | None:
    """The unit that was meant by another spelling of it."""
    habit = _HABITS.get(unit.casefold())
    if habit in units:
        return habit
    return did_you_mean(unit, sorted(units))


def found(value: object) -> str:
    """The word (of the catalogue) for the kind of a value."""
    if value is None:
        return "nothing"
    for types, word in ((bool, "flag"), (int, "int"), (Decimal, "number"), (str, "text"), (list, "list")):
        if isinstance(value, types):
            return word
    return "map"
