"""Python's type hints as a driver writes them: what the language calls them, and values made to fit them.

``Literal``, ``Enum``, ``Decimal``, ``Optional``, lists, tuples and mappings of those, and dataclasses;
``Annotated[float, "V"]`` says the unit. A hint that says nothing to us (a union, a class of the driver's own) takes
any value.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from engine.bindings.types import ANY, FLAG, INT, LIST, MAP, MASS, NUMBER, TEXT, ValueType
from engine.errors import EngineError
from engine.units import Quantity

_TYPES: Final[Mapping[Any, ValueType]] = {
    bool: FLAG, int: INT, float: NUMBER, Decimal: NUMBER, str: TEXT, Quantity: MASS, list: LIST, tuple: LIST,
    Sequence: LIST, dict: MAP, Mapping: MAP,
}  # fmt: skip
_SIMPLE: Final[Mapping[Any, tuple[type, ...]]] = {bool: (bool,), int: (int,), str: (str,), Quantity: (Quantity,)}


class MisfitError(EngineError):
    """A value is not what a hint wants. ``wanted`` says what that is."""

    def __init__(self, value: object, wanted: str) -> None:
        super().__init__(f"takes {wanted}, not {value!r}")
        self.wanted = wanted


def without_none(hint: Any) -> tuple[Any, bool]:
    """The hint that is left of ``X | None``, and whether None is allowed."""
    if typing.get_origin(hint) not in {typing.Union, types.UnionType}:
        return hint, hint is None or hint is type(None)
    inner = [one for one in typing.get_args(hint) if one is not type(None)]
    is_optional = len(inner) < len(typing.get_args(hint))
    return (inner[0] if len(inner) == 1 else Any), is_optional


def type_of(hint: Any) -> ValueType:
    """A Python type as the language knows it; what it does not know takes any value."""
    hint, _ = without_none(hint)
    allowed = allowed_values(hint)
    if allowed:
        return _type_of_values(allowed)
    plain = typing.get_origin(hint) or hint
    if isinstance(plain, type) and dataclasses.is_dataclass(plain) and plain not in _TYPES:
        return MAP
    return _TYPES.get(plain, ANY) if isinstance(plain, type) else ANY


def allowed_values(hint: Any) -> tuple[object, ...]:
    """The values of a ``Literal``; of an ``Enum`` its values, or its names where those are no texts."""
    if typing.get_origin(hint) is typing.Literal:
        return typing.get_args(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return tuple(_members(hint))
    return ()


def _members(hint: type[Enum]) -> dict[str, Enum]:
    if all(isinstance(one.value, str) for one in hint):
        return {one.value: one for one in hint}
    return dict(hint.__members__)


def _type_of_values(values: tuple[object, ...]) -> ValueType:
    if all(isinstance(one, str) for one in values):
        return ValueType("choice", tuple(map(str, values)))
    is_whole = all(isinstance(one, int) and not isinstance(one, bool) for one in values)
    return INT if is_whole else ANY


def fitted(value: object, hint: Any) -> Any:
    """A value as a hint wants it: 12 becomes 12.0, a text a member of its Enum. Raises MisfitError."""
    hint, is_optional = without_none(hint)
    if value is None:
        if is_optional or type_of(hint) == ANY:
            return None
        raise MisfitError(value, str(type_of(hint)))
    allowed = allowed_values(hint)
    if allowed:
        return _one_of(value, hint, allowed)
    plain = typing.get_origin(hint) or hint
    if plain in {float, Decimal}:
        return _number(value, plain)
    if plain in _SIMPLE:
        if not isinstance(value, _SIMPLE[plain]) or (plain is int and isinstance(value, bool)):
            raise MisfitError(value, str(_TYPES[plain]))
        return value
    convert = _MANY.get(type_of(hint).name)
    if convert is not None:
        return convert(value, hint, plain)
    return float(value) if isinstance(value, Decimal) else value


def _one_of(value: object, hint: Any, allowed: tuple[object, ...]) -> object:
    if isinstance(value, bool) or not any(one == value and type(one) is type(value) for one in allowed):
        # ``Literal[True]`` is no Literal[1]; and a member that an expression brought along is itself.
        if not any(one is value for one in (*allowed, *(_members(hint).values() if isinstance(hint, type) else ()))):
            raise MisfitError(value, f"one of {', '.join(map(str, allowed))}")
        return value
    return _members(hint)[str(value)] if isinstance(hint, type) else value


def _number(value: object, wanted: type) -> float | Decimal:
    if isinstance(value, Quantity):
        value = value.value
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise MisfitError(value, "number")
    return Decimal(str(value)) if wanted is Decimal else float(value)


def _list(value: object, hint: Any, plain: Any) -> object:
    if not isinstance(value, list | tuple):
        raise MisfitError(value, "list")
    inner = typing.get_args(hint)
    is_fixed = plain is tuple and inner and inner[-1] is not Ellipsis
    if is_fixed and len(inner) != len(value):
        raise MisfitError(list(value), f"list of {len(inner)}")
    hints = inner if is_fixed else [inner[0] if inner else Any] * len(value)
    items = [_part("list", one, wanted) for one, wanted in zip(value, hints, strict=True)]
    return tuple(items) if plain is tuple else items


def _map(value: object, hint: Any, plain: Any) -> object:
    if isinstance(plain, type) and dataclasses.is_dataclass(plain):
        return value if isinstance(value, plain) else _dataclass(value, plain)
    if not isinstance(value, Mapping):
        raise MisfitError(value, "map")
    inner = typing.get_args(hint)
    return {key: _part("map", one, inner[1] if inner else Any) for key, one in value.items()}


def _part(whole: str, value: object, hint: Any) -> Any:
    try:
        return fitted(value, hint)
    except MisfitError as error:
        raise MisfitError(value, f"{whole} of {error.wanted}") from error


def _dataclass(value: object, wanted: Any) -> object:
    if not isinstance(value, Mapping):
        raise MisfitError(value, "map")
    hints = hints_of(wanted)
    fields = {one.name: one for one in dataclasses.fields(wanted) if one.init}
    for name in value:
        if name not in fields:
            raise MisfitError(dict(value), f"map of {', '.join(fields)}")
    for name, one in fields.items():
        is_needed = one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING
        if is_needed and name not in value:
            raise MisfitError(dict(value), f"map with '{name}'")
    return wanted(**{name: fitted(one, hints.get(name)) for name, one in value.items()})


_MANY: Final[Mapping[str, Callable[[object, Any, Any], object]]] = {"list": _list, "map": _map}


def hints_of(owner: Any) -> Mapping[str, Any]:
    """The hints of a function or a class; none where they cannot be read."""
    try:
        return typing.get_type_hints(owner)
    except Exception:  # noqa: BLE001 - a hint that only a type checker can read says nothing here
        return {}


def units_of(function: Any) -> Mapping[str, str]:
    """The units that a function's hints name, by argument, and by ``return``: ``Annotated[float, "V"]``."""
    written = getattr(function, "__annotations__", {})
    if not any("Annotated" in str(one) for one in written.values()):
        return {}  # to read them takes as long as to read the hints, and few name a unit
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except Exception:  # noqa: BLE001 - as above
        return {}
    named = {name: without_none(hint)[0] for name, hint in hints.items()}
    found = {
        name: [one for one in getattr(hint, "__metadata__", ()) if isinstance(one, str)] for name, hint in named.items()
    }
    return {name: units[0] for name, units in found.items() if units}
