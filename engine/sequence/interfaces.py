"""What a driver offers, read off its class: its commands, what each takes, and what its constructor wants."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Optional

from engine.bindings.types import NUMBER, ValueType
from engine.chart.expr_types import kind
from engine.errors import EngineError
from engine.sequence.hints import MisfitError, fitted, hints_of, type_of, units_of

# Methods that are the executor's business, no commands.
LIFECYCLE: Final = frozenset({"close"})


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument: its type as the language knows it, and whether it must be given."""

    name: str
    type: ValueType
    is_required: bool
    annotation: Any = Any
    unit: str = ""  # that its hint names

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
    unnamed: tuple[str, ...] = ()  # arguments that cannot be given by name (before a ``/``)
    gives: Any = Any  # the hint of what it returns; ``type(None)``: nothing
    unit: str = ""  # of what it returns


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
        method: signature_of(function, is_method=_has_self(inspect.getattr_static(class_, method)))
        for method, function in inspect.getmembers(class_, callable)
        if not method.startswith("_") and method not in LIFECYCLE and not isinstance(function, type)
    }
    init = inspect.getattr_static(class_, "__init__")
    constructor = Signature({}) if init is object.__init__ else signature_of(init, is_method=True)
    return Interface(name, commands, constructor, class_)


def _has_self(found: object) -> bool:
    return inspect.isroutine(found) and not isinstance(found, staticmethod | classmethod)


def signature_of(function: Callable[..., object], *, is_method: bool = False) -> Signature:
    """What a function takes, without ``self``."""
    try:
        parameters = list(inspect.signature(function).parameters.values())[1 if is_method else 0 :]
    except (TypeError, ValueError):  # of a class that is written in C, which does not say
        return Signature({}, takes_any=True)
    hints, units = hints_of(function), units_of(function)
    arguments: dict[str, Argument] = {}
    for one in parameters:
        if one.kind in {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}:
            continue
        hint = hints.get(one.name, Any)
        if one.default is None:
            hint = Optional[hint]  # noqa: UP045 - a hint may be what '|' does not take
        is_required, unit = one.default is inspect.Parameter.empty, units.get(one.name, "")
        arguments[one.name] = Argument(one.name, type_of(hint), is_required, hint, unit)
    return Signature(
        arguments,
        inspect.iscoroutinefunction(function),
        takes_any=any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters),
        unnamed=tuple(one.name for one in parameters if one.kind is inspect.Parameter.POSITIONAL_ONLY),
        gives=hints.get("return", Any),
        unit=units.get("return", ""),
    )


class ArgumentError(EngineError):
    """An argument does not fit what a command takes. ``wanted``: what its hint wants, where that is what is wrong."""

    def __init__(self, message: str, wanted: str = "") -> None:
        super().__init__(message)
        self.wanted = wanted


def converted(value: object, argument: Argument) -> object:
    """A value as the driver's hint wants it: YAML's decimals become floats, 12 becomes 12.0. Raises ArgumentError."""
    try:
        return fitted(value, argument.annotation)
    except MisfitError as error:
        raise ArgumentError(f"'{argument.name}' {error}", error.wanted) from error


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
