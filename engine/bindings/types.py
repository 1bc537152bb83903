"""The value types of the chart language, and how a YAML scalar becomes a value of one.

In Python a value is: text, uuid, choice -> str; secret -> :class:`engine.ports.Secret`; flag -> bool; int -> int;
number -> int or float; duration -> float seconds; mass -> :class:`engine.units.Quantity`; time -> aware datetime;
list -> list; map -> dict; window -> :class:`engine.bindings.window.Window`. ``None`` stands for "nothing yet" in each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from engine.errors import EngineError, UnitError
from engine.ports import Secret
from engine.units import Quantity, parse_duration, parse_mass

TYPE_NAMES: Final = (
    "text", "flag", "int", "number", "duration", "mass", "uuid", "time", "choice", "list", "map", "window",
    "secret", "any",
)  # fmt: skip


class ValueTypeError(EngineError):
    """A value does not fit the type declared for it; the text says what was expected."""


@dataclass(frozen=True, slots=True)
class ValueType:
    """A type name, the choices of a ``choice``, and the fields known of a ``map`` (a service's payload, say)."""

    name: str
    choices: tuple[str, ...] = ()
    fields: Mapping[str, ValueType] = field(default_factory=lambda: MappingProxyType({}), hash=False)

    def __str__(self) -> str:
        return f"one of {', '.join(self.choices)}" if self.choices else self.name


TEXT: Final = ValueType("text")
FLAG: Final = ValueType("flag")
INT: Final = ValueType("int")
NUMBER: Final = ValueType("number")
DURATION: Final = ValueType("duration")
MASS: Final = ValueType("mass")
UUID: Final = ValueType("uuid")
TIME: Final = ValueType("time")
LIST: Final = ValueType("list")
MAP: Final = ValueType("map")
WINDOW: Final = ValueType("window")
SECRET: Final = ValueType("secret")
ANY: Final = ValueType("any")

_EXAMPLES: Final = {
    "flag": "true or false", "int": "a whole number such as 3", "number": "a number such as 0.5",
    "duration": "a time with its unit such as '30 s'", "mass": "a mass with its unit such as '50 g'",
    "time": "a time such as '2026-01-31T09:00:00+09:00'", "list": "a list", "map": "a map", "text": "a text",
    "uuid": "a uuid", "secret": "a text",
}  # fmt: skip


def expected(type_: ValueType) -> str:
    """What to write for a value of this type, with an example."""
    if type_.choices:
        return f"one of {', '.join(type_.choices)}"
    return _EXAMPLES.get(type_.name, type_.name)


def coerce(value: object, type_: ValueType) -> object:
    """Turn a YAML scalar, list or map into a value of ``type_``. Raises ValueTypeError saying what was expected."""
    if value is None or type_.name == "any":
        return value
    convert = _CONVERTERS.get(type_.name)
    if convert is None:
        raise ValueTypeError(f"a {type_} cannot be written down; it is made while the chart runs")
    try:
        return convert(value, type_)
    except (UnitError, ValueError) as error:
        raise ValueTypeError(str(error)) from error


def _fail(value: object, type_: ValueType) -> ValueTypeError:
    return ValueTypeError(f"{value!r} is not {expected(type_)}")


def _flag(value: object, type_: ValueType) -> bool:
    if isinstance(value, bool):
        return value
    raise _fail(value, type_)


def _int(value: object, type_: ValueType) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise _fail(value, type_)


def _number(value: object, type_: ValueType) -> int | float:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise _fail(value, type_)


def _text(value: object, type_: ValueType) -> str:
    if not isinstance(value, str):
        raise _fail(value, type_)
    if type_.choices and value not in type_.choices:
        raise _fail(value, type_)
    return value


def _secret(value: object, type_: ValueType) -> Secret:
    return Secret(_text(value, type_))


def _duration(value: object, type_: ValueType) -> float:
    if not isinstance(value, str):
        raise _fail(value, type_)
    return parse_duration(value)


def _mass(value: object, type_: ValueType) -> Quantity:
    if isinstance(value, Quantity) and value.dimension == "mass":
        return value
    if not isinstance(value, str):
        raise _fail(value, type_)
    return parse_mass(value)


def _time(value: object, type_: ValueType) -> datetime:
    if not isinstance(value, str):
        raise _fail(value, type_)
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueTypeError(f"'{value}' has no UTC offset; write it as in '2026-01-31T09:00:00+09:00'")
    return moment


def _list(value: object, type_: ValueType) -> list[object]:
    if not isinstance(value, list | tuple):
        raise _fail(value, type_)
    return list(value)


def _map(value: object, type_: ValueType) -> dict[str, object]:
    if not isinstance(value, Mapping):
        raise _fail(value, type_)
    return dict(value)


_CONVERTERS: Final = {
    "flag": _flag, "int": _int, "number": _number, "text": _text, "uuid": _text, "choice": _text, "secret": _secret,
    "duration": _duration, "mass": _mass, "time": _time, "list": _list, "map": _map,
}  # fmt: skip
