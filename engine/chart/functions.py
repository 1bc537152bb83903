"""What compiled expressions call: arithmetic beyond plain numbers, formatting, backoff. Pure, given the machine.

Values of a declared type are checked when an expression is parsed; what is here checks values whose type was not
known then, and bounds what would otherwise grow without limit (a text added to itself at every event).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal, DecimalException
from typing import Any, Final, Protocol

from engine.bindings.types import DURATION, INT, MASS, NUMBER, TEXT, ValueType
from engine.bindings.window import Window
from engine.errors import EngineError, UnitError
from engine.ports import Secret
from engine.units import MASS_UNITS, Quantity, parse_duration

MAX_TEXT: Final = 100_000  # characters that two added texts may have
MAX_ITEMS: Final = 10_000  # items that two added lists may have
MAX_INTEGER: Final = 2**128  # what a product of whole numbers may reach
MAX_PLACES: Final = 12  # decimals of a pattern
_MAX_DOUBLINGS: Final = 60  # of backoff: 1 ms doubled 60 times is longer than any maximum

_NUMBERS: Final = frozenset({int, float})  # not bool: a flag does not count
_PATTERN: Final = re.compile(r"0(?:\.(0+))?(\s*([A-Za-z]+))?\Z")
_DECIMALS: Final = Context(prec=80, rounding=ROUND_HALF_EVEN)  # wide: rounding happens once, at the pattern's places
_MASSES: Final = Context(prec=28, rounding=ROUND_HALF_EVEN)

WINDOW_MEMBERS: Final[Mapping[str, ValueType]] = {"last": MASS, "count": INT, "span": DURATION, "frame": TEXT}
MASS_MEMBERS: Final[Mapping[str, ValueType]] = {"value": NUMBER, "unit": TEXT}


class EvaluationError(EngineError):
    """An expression met values that its operation has no meaning for; never shows the values themselves."""


class Runtime(Protocol):
    """What the machine gives an expression while it is evaluated."""

    def is_active(self, state: str) -> bool:
        """Whether the state is in the configuration."""
        ...

    def new_id(self) -> str:
        """A fresh uuid as text."""
        ...

    def now(self) -> datetime:
        """The calendar time, aware."""
        ...

    def random(self) -> float:
        """The next number of the machine's seeded generator, 0 <= x < 1."""
        ...


@dataclass(frozen=True, slots=True)
class Pattern:
    """A parsed ``'0.000 kg'``: the kind of value it takes, its last place, its unit's size and what follows."""

    kind: str  # mass, duration or number
    step: Decimal
    factor: Decimal  # grams or seconds in one of the unit
    suffix: str


def parse_pattern(text: str) -> Pattern | None:
    """Read ``0``, ``0.00``, ``0.000 kg`` or ``0.0 s``; None when it is none of these."""
    match = _PATTERN.match(text)
    if match is None or len(match[1] or "") > MAX_PLACES:
        return None
    step = Decimal(1).scaleb(-len(match[1] or ""))
    unit = match[3]
    if unit is None:
        return Pattern("number", step, Decimal(1), match[2] or "")
    if unit in MASS_UNITS:
        return Pattern("mass", step, Quantity(1, unit).base, match[2])
    try:
        return Pattern("duration", step, Decimal(repr(parse_duration(f"1 {unit}"))), match[2])
    except UnitError:
        return None


def format_value(value: Any, pattern: Pattern) -> str:
    """Write a value as its pattern shows, rounded half-even once; nothing is an empty text. Raises EvaluationError."""
    if value is None:
        return ""
    if pattern.kind == "mass":
        if not isinstance(value, Quantity) or value.dimension != "mass":
            raise _unfit("format", value)
        exact = value.base
    elif type(value) in _NUMBERS:
        exact = Decimal(repr(value))  # the digits that are shown, not the binary fraction behind them
    else:
        raise _unfit("format", value)
    try:
        rounded = _DECIMALS.divide(exact, pattern.factor).quantize(pattern.step, context=_DECIMALS)
    except DecimalException as error:
        raise EvaluationError("'format' got a number that is too large to write out") from error
    if not rounded.is_finite():
        raise EvaluationError("'format' got a number that is not finite")
    return f"{abs(rounded) if rounded.is_zero() else rounded:f}{pattern.suffix}"


def render_text(*parts: Any) -> str:
    """Join a template's parts by ``str()``; nothing gives nothing, and what holds a secret is secret."""
    text = "".join(["" if part is None else str(part) for part in parts])
    return Secret(text) if any(isinstance(part, Secret) for part in parts) else text


def backoff(attempt: int, first: float, most: float, factor: float, jitter: str, machine: Runtime) -> float:
    """Seconds to wait before attempt ``attempt + 2``: ``first * factor**attempt``, at most ``most``, with jitter.

    ``full`` takes a random part of it, ``equal`` a random part of its second half, ``none`` all of it.
    """
    ceiling = min(first * float(factor) ** min(max(attempt, 0), _MAX_DOUBLINGS), most)
    if jitter == "full":
        return machine.random() * ceiling
    return ceiling if jitter == "none" else ceiling * (0.5 + machine.random() / 2)


def rounded(value: Any, places: int | None = None) -> int | float:
    """``round()`` for numbers and durations only, half-even. Raises EvaluationError."""
    if type(value) not in _NUMBERS:
        raise _unfit("round", value)
    result: int | float = round(value, places)
    return result


def member(value: Any, name: str) -> Any:
    """``value.name`` for a value of unknown type; through nothing it is nothing. Raises EvaluationError."""
    if value is None:
        return None
    if isinstance(value, Mapping):
        return value.get(name)
    if isinstance(value, Window) and name in WINDOW_MEMBERS:
        return getattr(value, name)
    if isinstance(value, Quantity) and name in MASS_MEMBERS:
        return float(value.value) if name == "value" else value.unit
    raise EvaluationError(f"{_described(value)} has no '{name}'")


def item(value: Any, key: Any) -> Any:
    """``value[key]`` of a list or a map; what is not there is nothing. Raises EvaluationError."""
    if value is None:
        return None
    if isinstance(value, Mapping):
        return value.get(key)
    if not isinstance(value, list | tuple) or type(key) is not int:
        raise _unfit("[]", value, key)
    return value[key] if -len(value) <= key < len(value) else None


def add(left: Any, right: Any) -> Any:
    """``left + right`` of masses, texts, lists, times and numbers. Raises EvaluationError, UnitError."""
    if type(left) in _NUMBERS and type(right) in _NUMBERS:
        return left + right
    if isinstance(left, Quantity) and isinstance(right, Quantity):
        return _sum(left, right)
    if isinstance(left, str) and isinstance(right, str):
        return _concatenated(left, right)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        if len(left) + len(right) > MAX_ITEMS:
            raise EvaluationError(f"'+' would make a list of more than {MAX_ITEMS} items")
        return [*left, *right]
    if isinstance(left, datetime) and type(right) in _NUMBERS:
        return left + timedelta(seconds=right)
    if isinstance(right, datetime) and type(left) in _NUMBERS:
        return right + timedelta(seconds=left)
    raise _unfit("+", left, right)


def subtract(left: Any, right: Any) -> Any:
    """``left - right`` of masses, times and numbers; two times are seconds apart. Raises EvaluationError, UnitError."""
    if type(left) in _NUMBERS and type(right) in _NUMBERS:
        return left - right
    if isinstance(left, Quantity) and isinstance(right, Quantity):
        return _sum(left, -right)
    if isinstance(left, datetime) and isinstance(right, datetime):
        return (left - right).total_seconds()
    if isinstance(left, datetime) and type(right) in _NUMBERS:
        return left - timedelta(seconds=right)
    raise _unfit("-", left, right)


def multiply(left: Any, right: Any) -> Any:
    """``left * right`` of numbers, or of a quantity and a number. Never repeats a text. Raises EvaluationError."""
    if type(left) in _NUMBERS and type(right) in _NUMBERS:
        product = left * right
        if type(product) is int and not -MAX_INTEGER <= product <= MAX_INTEGER:
            raise EvaluationError("'*' would make a whole number that is too large")
        return product
    if isinstance(left, Quantity) and type(right) in _NUMBERS:
        return Quantity(_MASSES.multiply(left.value, Decimal(repr(right))), left.unit)
    if isinstance(right, Quantity) and type(left) in _NUMBERS:
        return Quantity(_MASSES.multiply(right.value, Decimal(repr(left))), right.unit)
    raise _unfit("*", left, right)


def divide(left: Any, right: Any) -> Any:
    """``left / right`` of numbers, a quantity by a number, or two quantities (a number). Raises EvaluationError."""
    if type(left) in _NUMBERS and type(right) in _NUMBERS:
        return left / right
    if isinstance(left, Quantity) and type(right) in _NUMBERS:
        return Quantity(_MASSES.divide(left.value, Decimal(repr(right))), left.unit)
    if isinstance(left, Quantity) and isinstance(right, Quantity) and left.dimension == right.dimension:
        return float(_MASSES.divide(left.base, right.base))
    raise _unfit("/", left, right)


def floor_divide(left: Any, right: Any) -> Any:
    """``left // right`` of numbers. Raises EvaluationError."""
    if type(left) in _NUMBERS and type(right) in _NUMBERS:
        return left // right
    raise _unfit("//", left, right)


def modulo(left: Any, right: Any) -> Any:
    """``left % right`` of numbers. Never fills a text's placeholders. Raises EvaluationError."""
    if type(left) in _NUMBERS and type(right) in _NUMBERS:
        return left % right
    raise _unfit("%", left, right)


def _sum(left: Quantity, right: Quantity) -> Quantity:
    try:
        return left + right
    except UnitError:  # 1 kg has no exact value in lb, but 1 lb has one in kg; another dimension fails again
        return right + left


def _concatenated(left: str, right: str) -> str:
    if len(left) + len(right) > MAX_TEXT:
        raise EvaluationError(f"'+' would make a text of more than {MAX_TEXT} characters")
    text = str(left) + str(right)
    return Secret(text) if isinstance(left, Secret) or isinstance(right, Secret) else text


def _unfit(operation: str, *values: Any) -> EvaluationError:
    return EvaluationError(f"'{operation}' has no meaning for {' and '.join(map(_described, values))}")


def _described(value: Any) -> str:
    if value is None:
        return "nothing"
    return value.dimension if isinstance(value, Quantity) else type(value).__name__
