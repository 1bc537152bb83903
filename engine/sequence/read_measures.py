"""Reads ``measure:``: what is judged and by which limits, and whether the limits can hold at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from engine.bindings.types import ANY, FLAG, NUMBER, TEXT, ValueType
from engine.documents.tree import Map, Mark, Seq, Value
from engine.errors import Diagnostic, Position
from engine.sequence.expressions import Expressions, constant
from engine.sequence.limits import LIMITS, NUMERIC, LimitError, distance, number
from engine.sequence.model import Evaluate, Measure, StepKind

TAKEN: Final = ("verdict", "passed", "answer", "value")  # what every result has beside its measurements

_SCALARS: Final = (str, int, Decimal, bool)


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
        self._check(body, unit)
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

    # What can never hold ---------------------------------------------------------------------------------------------

    def _check(self, body: Map, unit: str) -> None:
        self._check_numbers(body, unit)
        self._check_within(body, unit)
        self._check_pattern(body)
        limits = self._bounds(body, "range", unit)
        band = self._bounds(body, "marginal", unit)
        for key, bounds in (("range", limits), ("marginal", band)):
            low, high = bounds
            if low is not None and high is not None and low > high:
                self._report("limits-reversed", body.at(key), low=low, high=high)
        floor = limits[0] if limits[0] is not None else self._bound(body, "at_least", unit)
        ceiling = limits[1] if limits[1] is not None else self._bound(body, "at_most", unit)
        is_outside = (band[0] is not None and floor is not None and band[0] < floor) or (
            band[1] is not None and ceiling is not None and band[1] > ceiling
        )
        if is_outside:
            self._report("marginal-outside", body.at("marginal"))

    def _check_numbers(self, body: Map, unit: str) -> None:
        for key in ("at_least", "at_most"):
            if key in body:
                self._check_number(body[key], body.at(key), unit)
        for key in ("range", "marginal"):
            values = body.get(key)
            for index, value in enumerate(values if isinstance(values, Seq) else ()):
                assert isinstance(values, Seq)
                if value is not None or key == "range":
                    self._check_number(value, values.at(index), unit)

    def _check_number(self, raw: Value, at: Position, unit: str) -> None:
        if isinstance(raw, str) and "${" in raw:
            return
        try:
            is_number = number(raw, unit) is not None
        except LimitError:
            self._report("limit-unit", at, value=str(raw), unit=unit)
            return
        if not is_number:
            self._report("limit-not-number", at, value="null" if raw is None else str(raw))

    def _check_within(self, body: Map, unit: str) -> None:
        within = body.get("within")
        if not isinstance(within, Map):
            return
        if ("percent" in within) == ("by" in within):
            self._report("missing-key", within.position, key="percent", where="within")
            return
        for key in within:
            self._check_number(within[key], within.at(key), "" if key == "percent" else unit)

    def _check_pattern(self, body: Map) -> None:
        pattern = body.text("pattern")
        if pattern is None or "${" in pattern:
            return
        import re2  # type: ignore[import-untyped]  # 20 ms that most sequences do without

        options = re2.Options()
        options.log_errors = False
        try:
            re2.compile(pattern, options)
        except re2.error as error:
            self._report("bad-pattern", body.at("pattern"), reason=_decoded(error))

    def _bounds(self, body: Map, key: str, unit: str) -> tuple[Decimal | None, Decimal | None]:
        values = body.get(key)
        if isinstance(values, Seq) and len(values) == 2:  # noqa: PLR2004 - low and high
            return _known(values[0], unit), _known(values[1], unit)
        within = body.get("within")
        if key == "range" and isinstance(within, Map) and ("percent" in within) != ("by" in within):
            middle = _known(within.get("of"), unit)
            if middle is not None and all(_known(within[one], "") is not None for one in within if one != "of"):
                by = distance(within, unit)
                return middle - by, middle + by
        return None, None

    def _bound(self, body: Map, key: str, unit: str) -> Decimal | None:
        return _known(body.get(key), unit)

    def _report(self, code: str, position: Position, **params: object) -> None:
        self.problems.append(Diagnostic(code, position, params))


def _known(raw: Value, unit: str) -> Decimal | None:
    """A bound that is written out, as a number."""
    try:
        return number(raw, unit) if isinstance(raw, _SCALARS) else None
    except LimitError:
        return None


def _decoded(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)


def _sequence(items: list[Evaluate]) -> Evaluate:
    return lambda results, parameters, machine: [one(results, parameters, machine) for one in items]


def _mapping(items: Mapping[str, Evaluate]) -> Evaluate:
    pairs: tuple[tuple[str, Callable[[Any, Any, Any], Any]], ...] = tuple(items.items())
    return lambda results, parameters, machine: {key: one(results, parameters, machine) for key, one in pairs}
