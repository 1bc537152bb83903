"""Exact quantities with units, and durations.

A :class:`Quantity` keeps the decimal exactly as it was displayed (``-1.640`` keeps its three places) beside its unit;
comparisons work across units of one dimension and are exact. Durations are plain ``float`` seconds in Python and are
written with a unit in YAML (``150 ms``, ``1.5 s``, ``5 min``).
"""

from __future__ import annotations

import re
from decimal import Context, Decimal, DecimalException, Inexact
from functools import total_ordering
from typing import Final

from engine.errors import UnitError

# Exact by definition: the international avoirdupois pound (1959) is 0.45359237 kg; a metric carat is 0.2 g.
_GRAMS: Final = {
    "mg": Decimal("0.001"),
    "g": Decimal(1),
    "kg": Decimal(1000),
    "t": Decimal(1_000_000),
    "lb": Decimal("453.59237"),
    "oz": Decimal("28.349523125"),
    "ct": Decimal("0.2"),
}
# unit -> (dimension, factor to the dimension's base unit)
_UNITS: Final[dict[str, tuple[str, Decimal]]] = {
    **{unit: ("mass", factor) for unit, factor in _GRAMS.items()},
    "N": ("force", Decimal(1)),
    "pcs": ("count", Decimal(1)),
    "%": ("ratio", Decimal(1)),
    "mV": ("voltage", Decimal("0.001")),
    "V": ("voltage", Decimal(1)),
    "mA": ("current", Decimal("0.001")),
    "A": ("current", Decimal(1)),
}
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_RATES: Final = {"Hz": 1.0, "kHz": 1000.0}
_SIZES: Final = {"kB": 1e3, "MB": 1e6, "GB": 1e9}

_EXACT: Final = Context(prec=60, traps=[Inexact])
_QUANTITY: Final = re.compile(r"\s*([+-]?\d{1,20}(?:\.\d{1,20})?)\s*([A-Za-z%]+)\s*\Z", re.ASCII)

MASS_UNITS: Final = frozenset(_GRAMS)
UNITS: Final = frozenset(_UNITS)


@total_ordering
class Quantity:
    """An exact decimal with a unit. Immutable; ordered and equal across units of the same dimension."""

    __slots__ = ("base", "dimension", "unit", "value")

    value: Decimal
    unit: str
    dimension: str
    base: Decimal  # the value in the dimension's base unit (grams for mass), what comparisons use

    def __init__(self, value: Decimal | int | str, unit: str) -> None:
        known = _UNITS.get(unit)
        if known is None:
            raise UnitError(f"'{unit}' is not a unit; units are {', '.join(sorted(_UNITS))}")
        try:
            decimal = value if type(value) is Decimal else Decimal(value)
        except DecimalException as error:
            raise UnitError(f"'{value}' is not a decimal number") from error
        if not decimal.is_finite():
            raise UnitError(f"'{value}' is not a finite number")
        dimension, factor = known
        try:
            base = _EXACT.multiply(decimal, factor)
        except Inexact as error:
            raise UnitError(f"'{value}' has more digits than can be computed with exactly") from error
        set_ = object.__setattr__
        set_(self, "value", decimal)
        set_(self, "unit", unit)
        set_(self, "dimension", dimension)
        set_(self, "base", base)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Quantity does not change; '{name}' cannot be set")

    def to(self, unit: str) -> Quantity:
        """The same quantity in another unit of its dimension, exactly.

        Raises UnitError when the dimension differs or no finite decimal is exact (1 g in lb, say).
        """
        known = _UNITS.get(unit)
        if known is None or known[0] != self.dimension:
            raise UnitError(f"{self} ({self.dimension}) cannot be turned into '{unit}'")
        if unit == self.unit:
            return self
        try:
            return Quantity(_EXACT.divide(self.base, known[1]), unit)
        except Inexact as error:
            raise UnitError(f"{self} has no exact decimal value in {unit}") from error

    def _base_of(self, other: object) -> Decimal:
        if not isinstance(other, Quantity):
            raise UnitError(f"{self} cannot be compared with {other!r}: a quantity needs a unit")
        if other.dimension != self.dimension:
            raise UnitError(f"{self} ({self.dimension}) cannot be compared with {other} ({other.dimension})")
        return other.base

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Quantity):
            return NotImplemented
        return self.dimension == other.dimension and self.base == other.base

    def __lt__(self, other: Quantity) -> bool:
        return self.base < self._base_of(other)

    def __le__(self, other: Quantity) -> bool:
        return self.base <= self._base_of(other)

    def __gt__(self, other: Quantity) -> bool:
        return self.base > self._base_of(other)

    def __ge__(self, other: Quantity) -> bool:
        return self.base >= self._base_of(other)

    def __hash__(self) -> int:
        return hash((self.dimension, self.base))

    def __add__(self, other: Quantity) -> Quantity:
        self._base_of(other)
        value = other.to(self.unit).value
        try:
            return Quantity(_EXACT.add(self.value, value), self.unit)
        except Inexact as error:
            raise UnitError(f"{self} and {other} have no exact sum of at most {_EXACT.prec} digits") from error

    def __sub__(self, other: Quantity) -> Quantity:
        self._base_of(other)
        return self + -other

    def __neg__(self) -> Quantity:
        return Quantity(_EXACT.minus(self.value), self.unit)

    def __abs__(self) -> Quantity:
        return Quantity(_EXACT.abs(self.value), self.unit)

    def __str__(self) -> str:
        return f"{self.value:f} {self.unit}"

    def __repr__(self) -> str:
        return f"Quantity('{self.value:f}', '{self.unit}')"


def parse_quantity(text: str) -> Quantity:
    """Read ``50 g`` or ``-1.640 kg``. Raises UnitError saying what is wrong with it."""
    match = _QUANTITY.match(text)
    if match is None:
        raise UnitError(f"'{text}' is not a quantity; write a number and a unit, as in '50 g'")
    return Quantity(match[1], match[2])


def parse_mass(text: str) -> Quantity:
    """Read a mass. Raises UnitError when the text is malformed or its unit is not one of mass."""
    quantity = parse_quantity(text)
    if quantity.dimension != "mass":
        raise UnitError(f"'{text}' is not a mass; units of mass are {', '.join(sorted(MASS_UNITS))}")
    return quantity


def parse_duration(text: str) -> float:
    """Read ``150 ms``, ``1.5 s``, ``5 min``, ``2 h`` or ``1 d`` as seconds. Raises UnitError; never negative."""
    return _parse_scaled(text, _SECONDS, "duration", "30 s")


def parse_rate(text: str) -> float:
    """Read ``10 Hz`` as a number per second. Raises UnitError."""
    return _parse_scaled(text, _RATES, "rate", "10 Hz")


def parse_size(text: str) -> int:
    """Read ``200 MB`` as a number of bytes. Raises UnitError."""
    return round(_parse_scaled(text, _SIZES, "size", "200 MB"))


def _parse_scaled(text: str, units: dict[str, float], what: str, example: str) -> float:
    match = _QUANTITY.match(text)
    if match is None or match[2] not in units:
        hint = f"; units are {', '.join(units)}, as in '{example}'"
        raise UnitError(f"'{text}' is not a {what}{hint}")
    number = float(match[1])
    if number < 0:
        raise UnitError(f"'{text}' is negative; a {what} is not")
    return number * units[match[2]]
