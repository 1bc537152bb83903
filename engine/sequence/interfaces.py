"""What a driver offers, read off its class: its commands, what each takes, and what its constructor wants."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from engine.bindings.types import ANY, FLAG, INT, LIST, MAP, MASS, NUMBER, TEXT, ValueType
from engine.chart.expr_types import kind
from engine.errors import EngineError
from engine.units import Quantity

# Methods that are the executor's business, no commands.
LIFECYCLE: Final = frozenset({"close"})

_TYPES: Final[Mapping[Any, ValueType]] = {
    bool: FLAG, int: INT, float: NUMBER, Decimal: NUMBER, str: TEXT, Quantity: MASS, list: LIST, dict: MAP,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument: its type as the language knows it, and whether it must be given."""

    name: str
    type: ValueType
    is_required: bool
    annotation: Any = None

    def fits(self, type_: ValueType) -> bool:
        """Whether a value of a type may be given."""
        if "any" in {type_.name, self.type.name}:
            return True
        if self.type.name == "int":
            return type_.name == "int"
        return kind(self.type) == kind(type_) or (self.type == NUMBER and type_.name in {"mass", "duration"})


@dataclass(frozen=True, slots=True)
class Signature:
    """What a call takes. ``takes_any``: also arguments that it does not name (``**kwargs``)."""

    arguments: Mapping[str, Argument]
    is_async: bool = False
    takes_any: bool = False


@dataclass(frozen=True, slots=True)
class Interface:
    """A driver's commands and constructor. ``make`` gives an instance."""

    name: str
    commands: Mapping[str, Signature]
    constructor: Signature
    make: Callable[..., object] | None = field(default=None, compare=False)  # None: the injected device factory

    @property
    def is_async(self) -> bool:
        """Whether it lives on the loop: all of its commands are coroutines."""
        return bool(self.commands) and all(command.is_async for command in self.commands.values())


def interface_of(class_: type, name: str) -> Interface:
    """Read a driver's class. Every public method is a command, ``close`` is called at the end."""
    commands = {
        method: signature_of(function, is_method=not isinstance(inspect.getattr_static(class_, method), staticmethod))
        for method, function in inspect.getmembers(class_, callable)
        if not method.startswith("_") and method not in LIFECYCLE and not isinstance(function, type)
    }
    init = inspect.getattr_static(class_, "__init__")
    constructor = Signature({}) if init is object.__init__ else signature_of(init, is_method=True)
    return Interface(name, commands, constructor, class_)


def signature_of(function: Callable[..., object], *, is_method: bool = False) -> Signature:
    """What a function takes, without ``self``."""
    arguments: dict[str, Argument] = {}
    hints = _hints(function)
    parameters = list(inspect.signature(function).parameters.values())[1 if is_method else 0 :]
    takes_any = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters)
    for one in parameters:
        if one.kind in {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}:
            continue
        hint = hints.get(one.name)
        arguments[one.name] = Argument(one.name, _type_of(hint), one.default is inspect.Parameter.empty, hint)
    return Signature(arguments, inspect.iscoroutinefunction(function), takes_any)


def _hints(function: Callable[..., object]) -> Mapping[str, Any]:
    try:
        return typing.get_type_hints(function)
    except Exception:  # noqa: BLE001 - a hint that only a type checker can read says nothing here
        return {}


def _type_of(hint: Any) -> ValueType:
    """A Python type as the language knows it; what it does not know takes any value."""
    origin = typing.get_origin(hint)
    if origin in {typing.Union, types.UnionType}:
        inner = [one for one in typing.get_args(hint) if one is not type(None)]
        return _type_of(inner[0]) if len(inner) == 1 else ANY
    if origin is typing.Literal:
        values = typing.get_args(hint)
        return ValueType("choice", values) if all(isinstance(value, str) for value in values) else ANY
    plain_type = origin or hint
    return _TYPES.get(plain_type, ANY) if isinstance(plain_type, type) else ANY


class ArgumentError(EngineError):
    """An argument does not fit what a command takes."""


def converted(value: object, argument: Argument) -> object:
    """A value as the driver's hint wants it: YAML's decimals become floats, 12 becomes 12.0. Raises ArgumentError."""
    hint = argument.annotation
    if isinstance(value, Quantity) and argument.type == NUMBER:
        value = value.value
    if value is None or argument.type == ANY:
        return float(value) if isinstance(value, Decimal) else value
    if argument.type == NUMBER:
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            raise _misfit(value, argument)
        return Decimal(str(value)) if hint is Decimal else float(value)
    expected: dict[str, tuple[type, ...]] = {
        "int": (int,), "flag": (bool,), "text": (str,), "choice": (str,), "mass": (Quantity,),
        "list": (list, tuple), "map": (dict,),
    }  # fmt: skip
    wanted = expected.get(argument.type.name)
    is_odd_flag = isinstance(value, bool) and argument.type.name == "int"
    is_no_choice = bool(argument.type.choices) and value not in argument.type.choices
    if wanted is not None and (not isinstance(value, wanted) or is_odd_flag or is_no_choice):
        raise _misfit(value, argument)
    return value


def _misfit(value: object, argument: Argument) -> ArgumentError:
    return ArgumentError(f"'{argument.name}' takes {argument.type}, not {value!r}")


def check_arguments(signature: Signature, given: Mapping[str, object], owner: str) -> dict[str, object]:
    """Arguments ready for a call. Raises ArgumentError naming what is unknown, missing, or of another kind."""
    unknown = [] if signature.takes_any else [name for name in given if name not in signature.arguments]
    if unknown:
        raise ArgumentError(f"{owner} takes no '{unknown[0]}'; it takes {', '.join(signature.arguments) or 'nothing'}")
    missing = [name for name, one in signature.arguments.items() if one.is_required and name not in given]
    if missing:
        raise ArgumentError(f"{owner} needs '{missing[0]}'")
    return {
        name: converted(value, signature.arguments[name]) if name in signature.arguments else value
        for name, value in given.items()
    }
