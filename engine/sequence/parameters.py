"""The parameters of one run: what was given, checked against what the sequence declares; defaults for the rest."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, DecimalException

from engine.chart.declare import resolve_settings
from engine.documents.tree import Map
from engine.errors import Diagnostic, DiagnosticError, Position
from engine.sequence.limits import LimitError
from engine.sequence.model import Package, Parameter
from engine.sequence.read_hardware import unitless

_GIVEN = "<parameters>"


def resolve_parameters(package: Package, given: Mapping[str, object]) -> dict[str, object]:
    """Typed values for every parameter. Numbers may come with their unit (``12 V``); masses and durations must.

    Raises DiagnosticError with everything that is unknown, missing, malformed, or out of range.
    """
    problems: list[Diagnostic] = []
    declared = {name: one.declaration for name, one in package.parameters.items()}
    values = Map((_GIVEN, 1, 1, 1, 1, False))
    for name, value in given.items():
        parameter = package.parameters.get(name)
        values.marks[name] = (f"{_GIVEN}", 1, 1, 1, 1, False)
        try:
            values[name] = value if parameter is None else _prepared(value, parameter)  # type: ignore[assignment]
        except LimitError:
            unit = "" if parameter is None else parameter.unit
            problems.append(Diagnostic("limit-unit", Position(_GIVEN), {"value": str(value), "unit": unit}))
    found = dict(resolve_settings(declared, values, problems))
    told = {str(problem.params.get("name")) for problem in problems}
    missing = [name for name, value in found.items() if value is None and name not in given and name not in told]
    problems += [Diagnostic("parameter-missing", Position(_GIVEN), {"name": name}) for name in missing]
    if problems:
        raise DiagnosticError(problems)
    return found


def _prepared(value: object, parameter: Parameter) -> object:
    type_ = parameter.declaration.type.name
    if isinstance(value, float) and type_ in {"int", "number"}:
        value = int(value) if type_ == "int" and value.is_integer() else Decimal(repr(value))
    return unitless(value, parameter.unit, type_) if type_ in {"int", "number"} else value  # type: ignore[arg-type]


def from_text(text: str, parameter: Parameter) -> object:
    """A value that was typed on a command line, as a document would hold it."""
    type_ = parameter.declaration.type.name
    if type_ == "flag":
        return {"true": True, "false": False}.get(text.lower(), text)
    if type_ in {"int", "number"}:
        try:
            return int(text) if type_ == "int" else Decimal(text)
        except (ValueError, DecimalException):
            return text
    return text
