"""Says what is wrong with a value that was written where a chart declares another type."""

from __future__ import annotations

from decimal import Decimal

from engine.bindings.types import ValueType
from engine.documents.quantities import KINDS, found, quantity_problem
from engine.documents.suggest import did_you_mean
from engine.documents.tree import Value
from engine.errors import Diagnostic, Position


def misfit(raw: Value, type_: ValueType, position: Position) -> Diagnostic:
    """The finding about ``raw``, which is no literal of ``type_``: no unit, a word that is no choice, no such kind."""
    if type_.name in KINDS:
        problem = quantity_problem(type_.name, raw, position)
        if problem is not None:
            return problem
    if isinstance(raw, str):
        if type_.choices:
            params = {"value": raw, "allowed": type_.choices, "guess": did_you_mean(raw, type_.choices)}
            return Diagnostic("wrong-value", position, params)
        if type_.name == "time":
            return Diagnostic("wrong-form", position, {"value": raw, "expected": "time"})
    elif type_.name in {"text", "uuid", "secret"} and isinstance(raw, int | Decimal):
        return Diagnostic("needs-quotes", position, {"found": found(raw)})
    return Diagnostic("wrong-type", position, {"expected": type_.name, "found": found(raw)})
