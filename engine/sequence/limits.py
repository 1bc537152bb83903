"""Limits: what a measurement is judged by. Each says how a value stands to it; the worst of all is the verdict.

Numbers are compared as they are displayed (``Decimal(repr(value))``), so that 3.465 is within ``range: [3.135, 3.465]``
whatever binary fraction stands behind it. A value that is none, or no number where one is needed, is inconclusive:
there is nothing to judge by, and that is never a pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from engine.errors import EngineError, UnitError
from engine.sequence.records import Measurement, Verdict, plain, worst
from engine.units import UNITS, Quantity

NUMERIC: Final = ("range", "at_least", "at_most", "within", "marginal")  # limits that need a number
LIMITS: Final = (*NUMERIC, "equals", "one_of", "pattern")

# A number, and behind it what may be a unit: no second number, as in a date or an address.
_WRITTEN: Final = re.compile(
    r"(?P<digits>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)(?:\s*(?P<unit>[^\s\d.,:;+-][^\s\d]*))?", re.ASCII
)
_HUNDRED: Final = Decimal(100)


class LimitError(EngineError):
    """A limit, or the value for it, cannot be understood."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit with its operands worked out, as ``judge`` takes it: ``kind`` is one of LIMITS."""

    kind: str
    operand: Any


def number(value: object, unit: str) -> Decimal | None:
    """A value as a number of ``unit``; None when it is none. Raises LimitError for another unit.

    Takes numbers, quantities, and texts such as ``3.3 V`` or ``3.3``.
    """
    if isinstance(value, Quantity):
        return _converted(value, unit)
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        return _from_text(value, unit)
    if isinstance(value, int | float | Decimal):
        found = Decimal(float.__repr__(value)) if isinstance(value, float) else Decimal(value)
        return found if found.is_finite() else None
    return None


def _from_text(text: str, unit: str) -> Decimal | None:
    match = _WRITTEN.fullmatch(text.strip())
    if match is None:
        return None
    found, written = Decimal(match["digits"]), match["unit"]
    if not written or written == unit:
        return found
    return _converted(Quantity(found, written), unit) if written in UNITS else _wrong_unit(text, unit)


def _converted(value: Quantity, unit: str) -> Decimal:
    if unit in {"", value.unit}:
        return value.value
    try:
        return value.to(unit).value
    except UnitError:
        _wrong_unit(str(value), unit)
        raise AssertionError from None


def _wrong_unit(text: str, unit: str) -> Decimal | None:
    raise LimitError(f"'{text}' is not in '{unit}'")


def judge(name: str, value: object, unit: str, limits: tuple[Limit, ...]) -> Measurement:
    """Judge a value by all limits of its measurement. Raises LimitError when limit or value has another unit."""
    band = next((limit for limit in limits if limit.kind == "marginal"), None)
    hard = [limit for limit in limits if limit.kind != "marginal"]
    verdict = worst(_JUDGES[limit.kind](value, limit.operand, unit) for limit in hard)
    if band is not None and verdict is Verdict.PASS:
        inside = _in_range(value, band.operand, unit)
        verdict = Verdict.MARGINAL if inside is Verdict.FAIL else inside
    is_number = bool(unit) or any(limit.kind in NUMERIC for limit in limits)
    found = number(value, unit) if is_number else None
    if verdict is Verdict.PASS and (value is None or (is_number and found is None)):
        verdict = Verdict.INCONCLUSIVE  # with no limit either: what should have been measured was not
    kept = plain(value if found is None else _float(found))
    return Measurement(name, kept, unit, verdict, written(limits))


def _float(value: Decimal) -> float | int:
    return int(value) if value == value.to_integral_value() and "." not in f"{value:f}" else float(value)


def _in_range(value: object, operand: tuple[object, object], unit: str) -> Verdict:
    found = number(value, unit)
    if found is None:
        return Verdict.INCONCLUSIVE
    low, high = (_bound(one, unit) for one in operand)
    is_inside = (low is None or found >= low) and (high is None or found <= high)
    return Verdict.PASS if is_inside else Verdict.FAIL


def _bound(raw: object, unit: str) -> Decimal | None:
    """A bound that is given; None where there is none. One that should be there and is nothing is no bound at all."""
    if raw is None:
        return None
    found = number(raw, unit)
    if found is None:
        raise LimitError(f"'{raw}' is no number to compare with")
    return found


def _needed(raw: object, unit: str) -> Decimal:
    found = _bound(raw, unit)
    if found is None:
        raise LimitError("there is no value to compare with")
    return found


def _at_least(value: object, operand: object, unit: str) -> Verdict:
    return _in_range(value, (_needed(operand, unit), None), unit)


def _at_most(value: object, operand: object, unit: str) -> Verdict:
    return _in_range(value, (None, _needed(operand, unit)), unit)


def _range(value: object, operand: tuple[object, object], unit: str) -> Verdict:
    return _in_range(value, (_needed(operand[0], unit), _needed(operand[1], unit)), unit)


def _within(value: object, operand: Mapping[str, object], unit: str) -> Verdict:
    middle, by = _needed(operand["of"], unit), distance(operand, unit)
    return _in_range(value, (middle - by, middle + by), unit)


def distance(operand: Mapping[str, object], unit: str) -> Decimal:
    """How far from its middle a ``within`` reaches: its ``by``, or so many percent of the middle."""
    if "by" in operand:
        return abs(_needed(operand["by"], unit))
    return abs(_needed(operand["of"], unit) * _needed(operand["percent"], "")) / _HUNDRED


def _equals(value: object, operand: object, unit: str) -> Verdict:
    if value is None:
        return Verdict.INCONCLUSIVE
    return Verdict.PASS if _same(value, operand, unit) else Verdict.FAIL


def _one_of(value: object, operand: list[object], unit: str) -> Verdict:
    if value is None:
        return Verdict.INCONCLUSIVE
    return Verdict.PASS if any(_same(value, one, unit) for one in operand) else Verdict.FAIL


def _same(value: object, wanted: object, unit: str) -> bool:
    """Flags equal flags, texts equal texts, numbers equal numbers; a flag is no number."""
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    if isinstance(value, str) and isinstance(wanted, str):
        return value == wanted or (bool(unit) and _same_number(value, wanted, unit))
    return _same_number(value, wanted, unit)


def _same_number(value: object, wanted: object, unit: str) -> bool:
    left, right = number(value, unit), number(wanted, unit)
    return left is not None and left == right


def _pattern(value: object, operand: str, _unit: str) -> Verdict:
    if not isinstance(value, str):
        return Verdict.INCONCLUSIVE
    import re2  # type: ignore[import-untyped]  # matches in linear time, whatever a device sends

    try:
        return Verdict.PASS if re2.fullmatch(operand, value) else Verdict.FAIL
    except re2.error as error:
        raise LimitError(f"'{operand}' is no pattern: {error}") from error


_JUDGES: Final[Mapping[str, Callable[[Any, Any, str], Verdict]]] = {
    "range": _range, "at_least": _at_least, "at_most": _at_most, "within": _within,
    "equals": _equals, "one_of": _one_of, "pattern": _pattern,
}  # fmt: skip


def written(limits: tuple[Limit, ...]) -> str:
    """The limits on one line, for people: ``3.135 ... 3.465, marginal 3.2 ... 3.4``."""
    return ", ".join(filter(None, (_WRITERS[limit.kind](limit.operand) for limit in limits)))


def _shown(value: object) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _shown_within(operand: Mapping[str, object]) -> str:
    by = f"{_shown(operand['percent'])} %" if "percent" in operand else _shown(operand["by"])
    return f"{_shown(operand['of'])} ± {by}"


_WRITERS: Final[Mapping[str, Callable[[Any], str]]] = {
    "range": lambda o: f"{_shown(o[0])} ... {_shown(o[1])}",
    "marginal": lambda o: f"marginal {_shown(o[0])} ... {_shown(o[1])}",
    "at_least": lambda o: f">= {_shown(o)}",
    "at_most": lambda o: f"<= {_shown(o)}",
    "within": _shown_within,
    "equals": lambda o: f"== {_shown(o)}",
    "one_of": lambda o: "one of " + ", ".join(map(_shown, o)),
    "pattern": lambda o: f"/{o}/",
}
