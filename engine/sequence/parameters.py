"""The parameters of one run: what was given, checked against what the sequence declares; defaults for the rest."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Final

from engine.chart.declare import resolve_settings
from engine.documents.tree import Map
from engine.errors import Diagnostic, DiagnosticError, Position
from engine.sequence.limits import LimitError
from engine.sequence.model import Package, Parameter
from engine.sequence.read_hardware import unitless

_GIVEN: Final = "<parameters>"
_WRITTEN: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)


def resolve_parameters(package: Package, given: Mapping[str, object]) -> dict[str, object]:
    """Typed values for every parameter. Numbers may come with their unit (``12 V``); masses and durations must.

    Raises DiagnosticError with everything that is unknown, missing, malformed, or out of range.
    """
    problems: list[Diagnostic] = []
    declared = {name: one.declaration for name, one in package.parameters.items()}
    values = Map((_GIVEN, 1, 1, 1, 1, False))
    for name, value in given.items():
        parameter = package.parameters.get(name)
        values.marks[name] = (f"{_GIVEN}.{name}", 1, 1, 1, 1, False)
        try:
            values[name] = value if parameter is None else _prepared(value, parameter)  # type: ignore[assignment]
        except LimitError:
            unit = "" if parameter is None else parameter.unit
            problems.append(Diagnostic("limit-unit", Position(f"{_GIVEN}.{name}"), {"value": str(value), "unit": unit}))
    found = dict(resolve_settings(declared, values, problems))
    told = {str(problem.params.get("name")) for problem in problems}
    missing = [name for name, value in found.items() if value is None and name not in given and name not in told]
    problems += [Diagnostic("parameter-missing", Position(_GIVEN), {"name": name}) for name in missing]
    if problems:
        raise DiagnosticError([_named(problem) for problem in problems])
    return found


def _named(problem: Diagnostic) -> Diagnostic:
    """Every problem names its parameter: there is no line that would tell."""
    name = problem.position.file.removeprefix(f"{_GIVEN}.")
    return replace(problem, params={"name": name, **problem.params})


def _prepared(value: object, parameter: Parameter) -> object:
    type_ = parameter.declaration.type.name
    if isinstance(value, float | Decimal) and not math.isfinite(value):
        return str(value)  # no range holds it or keeps it out
    if isinstance(value, float) and type_ in {"int", "number"}:
        value = int(value) if type_ == "int" and value.is_integer() else Decimal(repr(value))
    return unitless(value, parameter.unit, type_) if type_ in {"int", "number"} else value  # type: ignore[arg-type]


def from_text(text: str, parameter: Parameter) -> object:
    """A value that was typed on a command line, as a document would hold it."""
    type_ = parameter.declaration.type.name
    if type_ == "flag":
        return {"true": True, "false": False}.get(text.lower(), text)
    if type_ in {"int", "number"} and _WRITTEN.fullmatch(text):
        return int(text) if type_ == "int" and text.lstrip("+-").isdecimal() else Decimal(text)
    return text
