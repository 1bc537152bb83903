"""What a chart declares: settings, events and data, typed; and a site's own values for the settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from engine.bindings.types import DURATION, ValueType, ValueTypeError, coerce
from engine.bindings.window import Window
from engine.chart.misfit import misfit
from engine.chart.model import Declaration, EventDeclaration, Values
from engine.documents.suggest import did_you_mean
from engine.documents.tree import Map, Value
from engine.errors import Diagnostic, Position

# Events that every chart may handle without declaring them.
ERROR_EVENTS = ("error.action", "error.guard", "error.service")
_RANGED = frozenset({"int", "number", "duration", "mass", "time"})  # types that have a smaller and a larger
IMPLICIT_EVENTS = ("done.state.*", *ERROR_EVENTS)


def declarations(raw: Value, problems: list[Diagnostic]) -> dict[str, Declaration]:
    """Read ``settings:`` or ``data:``."""
    found: dict[str, Declaration] = {}
    if not isinstance(raw, Map):
        return found
    for name, body in raw.items():
        if isinstance(body, Map):
            found[name] = _declaration(name, body, raw.key_at(name), problems)
    return found


def declaration_of(name: str, body: Mapping[str, Any]) -> Declaration:
    """The declaration of a setting that is known to be right, from plain values; nobody will ask where it stands."""
    plain = Map(("", 0, 0, 0, 0, False))
    plain.update(body)
    plain.marks = dict.fromkeys(body, plain.start)
    return _declaration(name, plain, plain.position, [])


def _declaration(name: str, body: Map, position: Position, problems: list[Diagnostic]) -> Declaration:
    raw_choices = body.get("choices")
    choices = tuple(map(str, raw_choices)) if isinstance(raw_choices, list) else ()
    type_ = ValueType(str(body["type"]), choices)
    values: dict[str, Any] = {"default": None, "min": None, "max": None}
    if type_.name == "choice" and not choices:
        problems.append(Diagnostic("missing-key", body.position, {"key": "choices", "where": name}))
    for key in values:
        if key in body and key != "default" and type_.name not in _RANGED:
            problems.append(Diagnostic("no-range", body.key_at(key), {"key": key, "expected": type_.name}))
        elif key in body:
            values[key] = _literal(body, key, type_, problems)
    if type_.name == "window":
        values["default"] = Window()
    declared = Declaration(
        name, type_, position, values["default"], values["min"], values["max"], str(body.get("help", ""))
    )
    if values["default"] is not None:
        _check_range(declared, values["default"], body.at("default"), problems)
    return declared


def _literal(body: Map, key: str, type_: ValueType, problems: list[Diagnostic]) -> object:
    try:
        return coerce(body[key], type_)
    except ValueTypeError:
        problems.append(misfit(body[key], type_, body.at(key)))
        return None


def event_declarations(raw: Value) -> dict[str, EventDeclaration]:
    """Read ``events:``."""
    found: dict[str, EventDeclaration] = {}
    if not isinstance(raw, Map):
        return found
    for name, body in raw.items():
        fields = {key: ValueType(str(value)) for key, value in body.items()} if isinstance(body, Map) else {}
        found[name] = EventDeclaration(name, fields, raw.key_at(name))
    return found


def resolve_settings(
    declared: Mapping[str, Declaration], given: Map | Mapping[str, object], problems: list[Diagnostic]
) -> Values:
    """The value of every setting: the site's where it gives one, else the chart's default.

    ``given`` values are YAML literals (``50 g``) at their places, or, from Python, values that are typed already.
    """
    values = {name: declaration.default for name, declaration in declared.items()}
    for name, raw in given.items():
        declaration = declared.get(name)
        at_key = given.key_at(name) if isinstance(given, Map) else Position("<settings>")
        at = given.at(name) if isinstance(given, Map) else at_key
        if declaration is None:
            guess = did_you_mean(name, list(declared)) or ""
            params = {"name": name, "guess": guess, "known": sorted(declared)}
            problems.append(Diagnostic("unknown-setting", at_key, params))
            continue
        try:
            value = raw if _is_typed(raw, declaration.type) else coerce(raw, declaration.type)
        except ValueTypeError:
            problems.append(misfit(cast("Value", raw), declaration.type, at))
            continue
        _check_range(declaration, value, at, problems)
        values[name] = value
    return values


def _is_typed(raw: object, type_: ValueType) -> bool:
    return type_.name == "duration" and isinstance(raw, float)


def _check_range(declared: Declaration, value: Any, at: Position, problems: list[Diagnostic]) -> None:
    low, high = declared.minimum, declared.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        least, shown, most = (None if one is None else _shown(one, declared.type) for one in (low, value, high))
        range_ = f"≤ {most}" if least is None else f"≥ {least}" if most is None else f"{least} ... {most}"
        params = {"name": declared.name, "value": shown, "range": range_}
        problems.append(Diagnostic("out-of-range", at, params))


def _shown(value: object, type_: ValueType) -> str:
    """A value as a chart would write it; a duration is seconds here."""
    return f"{value:g} s" if type_ == DURATION else str(value)
