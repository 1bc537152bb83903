"""Reads ``measure:``: what is judged, in which unit and by which limits."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from engine.bindings.types import ANY, FLAG, NUMBER, TEXT, ValueType
from engine.documents.tree import Map, Mark, Seq, Value
from engine.errors import Diagnostic, Position
from engine.sequence.check_limits import LimitChecker
from engine.sequence.expressions import Expressions, constant
from engine.sequence.limits import LIMITS, NUMERIC
from engine.sequence.model import Evaluate, Measure, StepKind

TAKEN: Final = ("verdict", "passed", "answer", "value")  # what every result has beside its measurements

_ALONE: Final = re.compile(r"\$\{\s*(?P<name>parameters\.\w+|results\.\w+\.\w+)\s*\}\Z")


def type_of(body: Value) -> ValueType:
    """What an expression finds under a measurement's name, as far as its limits tell."""
    if not isinstance(body, Map):
        return ANY
    if "unit" in body or any(kind in body for kind in NUMERIC):
        return NUMBER
    if "pattern" in body:
        return TEXT
    return FLAG if isinstance(body.get("equals"), bool) else ANY


@dataclass(frozen=True, slots=True)
class MeasureReader:
    """Reads the measurements of one step."""

    expressions: Expressions
    problems: list[Diagnostic]
    units: Mapping[str, str] = field(default_factory=dict)  # of ``parameters.NAME`` and ``results.STEP.NAME``

    def read(self, raw: Value, kind: StepKind) -> tuple[Measure, ...]:
        """The measurements of ``measure:``."""
        if not isinstance(raw, Map):
            return ()
        return tuple(self._measure(name, raw, kind) for name in raw)

    def _measure(self, name: str, raw: Map, kind: StepKind) -> Measure:
        body = raw.section(name)
        if name in TAKEN:
            self._report("reserved-measurement", raw.key_at(name), name=name, known=TAKEN)
        value: Evaluate | None = None
        if kind is StepKind.MEASURE and "value" not in body:
            self._report("missing-key", raw.key_at(name), key="value", where=name)
        elif "value" in body:
            value = self.operand(body["value"], body.marks["value"])
        for key, right in (("value", kind is StepKind.MEASURE), ("from", kind is StepKind.CALL)):
            if key in body and not right:
                allowed = sorted({*LIMITS, "unit", "from" if kind is StepKind.CALL else ""} - {""})
                self._report("misplaced-step-key", body.key_at(key), key=key, step=kind.value, allowed=allowed)
        unit = str(body.get("unit", ""))
        limits = {key: self.operand(body[key], body.marks[key]) for key in LIMITS if key in body}
        LimitChecker(body, unit, self.problems).check()
        for key in {"value", *LIMITS} & body.keys():
            self._check_units(body[key], body.marks[key], unit)
        source = str(body["from"]) if "from" in body else None
        return Measure(name, unit, raw.key_at(name), limits, source, value)

    def operand(self, raw: Value, mark: Mark) -> Evaluate:
        """A limit's operand, a list or a map of some, or an argument: expressions in it are worked out when needed."""
        if isinstance(raw, str) and "${" in raw:
            found = self.expressions.template(raw, mark)
            return constant(None) if found is None else found.evaluate
        if isinstance(raw, Seq):
            return _sequence([self.operand(one, raw.marks[i]) for i, one in enumerate(raw)])
        if isinstance(raw, Map):
            return _mapping({key: self.operand(one, raw.marks[key]) for key, one in raw.items()})
        return constant(float(raw) if isinstance(raw, Decimal) else raw)

    def _check_units(self, raw: Value, mark: Mark, unit: str) -> None:
        if isinstance(raw, Seq):
            for index, one in enumerate(raw):
                self._check_unit(one, raw.marks[index], unit)
        elif isinstance(raw, Map):
            for key in raw.keys() - {"percent"}:
                self._check_unit(raw[key], raw.marks[key], unit)
        else:
            self._check_unit(raw, mark, unit)

    def _check_unit(self, raw: Value, mark: Mark, unit: str) -> None:
        """A parameter or an earlier measurement that stands alone is compared as it is: it must be in this unit."""
        found = _ALONE.match(raw) if isinstance(raw, str) and unit else None
        if found is None:
            return
        name = found["name"]
        other = self.units.get(self.expressions.whole_name(name), unit)
        if other not in {"", unit}:
            at = Position(mark[0], mark[3], mark[4])
            self._report("unit-mismatch", at, name=name, found_unit=other, unit=unit)

    def _report(self, code: str, position: Position, **params: object) -> None:
        self.problems.append(Diagnostic(code, position, params))


def _sequence(items: list[Evaluate]) -> Evaluate:
    return lambda results, parameters, machine: [one(results, parameters, machine) for one in items]


def _mapping(items: Mapping[str, Evaluate]) -> Evaluate:
    pairs: tuple[tuple[str, Callable[[Any, Any, Any], Any]], ...] = tuple(items.items())
    return lambda results, parameters, machine: {key: one(results, parameters, machine) for key, one in pairs}
