"""Binds what a chart writes (expressions, arguments, guards, actions) to Python, and collects what does not fit."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from engine.bindings.registry import Parameters, Payload, Registry
from engine.bindings.types import ANY, SECRET, ValueType, ValueTypeError, coerce
from engine.chart.expr import Expression, ExpressionError, Scope, parse_expression, parse_template
from engine.chart.expr_types import kind
from engine.chart.misfit import misfit
from engine.chart.model import Evaluate, Footprint, Sent, Values
from engine.documents.suggest import did_you_mean
from engine.documents.tree import Map, Mark, Seq, Value, key_position, value_position
from engine.errors import Diagnostic, Position

# What an expression asks that no declaration holds: its answer changes by itself.
_UNSTEADY: Final = re.compile(r"\b(?:In|now|new_id|backoff)\s*\(")

Arguments = Callable[[dict[str, object], Values, Values, Any], dict[str, object]]


@dataclass(frozen=True, slots=True)
class Place:
    """A value in the document: where it stands, and whether in quotes (expressions then begin one column later)."""

    mark: Mark

    @property
    def position(self) -> Position:
        """Where the value begins."""
        return value_position(self.mark)

    @property
    def key(self) -> Position:
        """Where its key begins."""
        return key_position(self.mark)

    def inside(self, text: str, offset: int) -> Position:
        """Where a character of a text value stands; the value itself when it was written over several lines."""
        here = self.position
        if "\n" in text:
            return here
        return Position(here.file, here.line, here.column + offset + (1 if self.mark[5] else 0))


@dataclass(slots=True)
class Notes:
    """What is named while a part of a chart is bound."""

    reads: set[str] = field(default_factory=set)
    writes: set[str] = field(default_factory=set)
    sends: list[Sent] = field(default_factory=list)
    is_steady: bool = True
    has_secret: bool = False

    def add(self, inner: Notes) -> None:
        """Take over what a smaller part names."""
        self.reads |= inner.reads
        self.writes |= inner.writes
        self.sends += inner.sends
        self.is_steady &= inner.is_steady
        self.has_secret |= inner.has_secret

    def footprint(self) -> Footprint:
        """The same, to keep."""
        return Footprint(frozenset(self.reads), frozenset(self.writes), tuple(self.sends), self.is_steady)


@dataclass(slots=True)
class Binder:
    """What names mean in one chart. Every problem found is kept in ``problems``; binding goes on."""

    registry: Registry
    settings: Mapping[str, ValueType]
    data: Mapping[str, ValueType]
    states: Sequence[str]
    problems: list[Diagnostic] = field(default_factory=list)
    notes: Notes = field(default_factory=Notes)
    # What was compiled already, by kind, text and the event's fields: charts repeat themselves.
    _compiled: dict[tuple[object, str, int], tuple[Expression, Payload | None]] = field(default_factory=dict)

    @contextmanager
    def noting(self) -> Iterator[Notes]:
        """Note what is named within, by itself; it counts for the whole as well."""
        outer, self.notes = self.notes, Notes()
        try:
            yield self.notes
        finally:
            outer.add(self.notes)
            self.notes = outer

    def report(self, code: str, position: Position, **params: object) -> None:
        """Note a problem."""
        self.problems.append(Diagnostic(code, position, params))

    def report_unknown(self, code: str, position: Position, name: str, known: Iterable[str]) -> None:
        """Note a name that nothing has, with the one that was probably meant."""
        candidates = sorted(one for one in known if "/" not in one)  # a slash is in names that nobody wrote
        self.report(code, position, name=name, guess=did_you_mean(name, candidates) or "", known=candidates)

    # Values ------------------------------------------------------------------------------------------------------

    def scope(self, fields: Payload | None) -> Scope:
        """What an expression may name where the event carries ``fields`` (None: unknown)."""
        return Scope(self.settings, self.data, fields, self.states)

    def expression(self, raw: Value, place: Place, fields: Payload | None) -> Expression | None:
        """Compile the text of ``when:``; a bare true or false is one too."""
        return self._parsed(parse_expression, str(raw), place, fields)

    def template(self, text: str, place: Place, fields: Payload | None) -> Expression | None:
        """Compile a text with ``${...}`` in it."""
        return self._parsed(parse_template, text, place, fields)

    def _parsed(
        self, parse: Callable[[str, Scope], Expression], text: str, place: Place, fields: Payload | None
    ) -> Expression | None:
        key = (parse, text, id(fields))
        if key in self._compiled:
            parsed, _ = self._compiled[key]
        else:
            try:
                parsed = parse(text, self.scope(fields))
            except ExpressionError as error:
                for one in error.all():
                    self.report(one.code, place.inside(text, one.offset), **one.params)
                return None
            self._compiled[key] = (parsed, fields)  # kept, so that its id stays its own
        self.notes.reads |= parsed.names
        self.notes.has_secret |= parsed.type == SECRET
        if self.notes.is_steady and _UNSTEADY.search(text):
            self.notes.is_steady = False
        return parsed

    def value(self, raw: Value, type_: ValueType, place: Place, fields: Payload | None) -> Evaluate | None:
        """Compile an argument: a literal of ``type_``, a template, or (for a window) the name of a data variable."""
        if type_.name == "window":
            return self.window(raw, place)
        if isinstance(raw, str) and "${" in raw:
            found = self.template(raw, place, fields)
            if found is None:
                return None
            if not fits(found.type, type_):
                self.report("wrong-type", place.position, expected=type_.name, found=found.type.name)
                return None
            return found.function
        if isinstance(raw, Map) and type_.name in {"map", "any"}:
            return self._map(raw, fields)
        if isinstance(raw, Seq) and type_.name in {"list", "any"}:
            return self._list(raw, fields)
        try:
            constant = coerce(raw, type_)
        except ValueTypeError:
            self.problems.append(misfit(raw, type_, place.position))
            return None
        return lambda _d, _s, _e, _m: constant

    def arguments(
        self,
        raw: Value,
        parameters: Parameters,
        place: Place,
        fields: Payload | None,
        owner: str,
    ) -> Arguments | None:
        """Compile the arguments of ``owner``. A single scalar is the first parameter."""
        if raw is None:
            raw = Map(place.mark)
        if not isinstance(raw, Map):
            first = next(iter(parameters), None)
            if first is None:
                self.report("unknown-argument", place.position, name=shown(raw), owner=owner, guess="", known=())
                return None
            scalar = Map(place.mark)
            scalar[first] = raw
            scalar.marks[first] = place.mark
            raw = scalar
        return self._named_arguments(raw, parameters, place, fields, owner)

    def _named_arguments(
        self, raw: Map, parameters: Parameters, place: Place, fields: Payload | None, owner: str
    ) -> Arguments | None:
        compiled: dict[str, Evaluate] = {}
        complete = True
        meant = set(raw)
        for name, value in raw.items():
            parameter = parameters.get(name)
            if parameter is None:
                guess = did_you_mean(name, parameters.keys() - meant) or ""
                meant.add(guess)  # what was misspelt is not missing as well
                self.report(
                    "unknown-argument",
                    raw.key_at(name),
                    name=name,
                    owner=owner,
                    guess=guess,
                    known=list(parameters),
                )
                complete = False
                continue
            function = self.value(value, parameter.type, Place(raw.marks[name]), fields)
            if function is None:
                complete = False
            else:
                compiled[name] = function
        defaults: dict[str, object] = {}
        for name, parameter in parameters.items():
            if name in meant:
                continue
            if parameter.is_required:
                self.report("missing-argument", place.key, name=name, owner=owner)
                complete = False
            else:
                defaults[name] = parameter.default
        if not complete:
            return None
        items = tuple(compiled.items())

        def build(data: dict[str, object], settings: Values, event: Values, machine: object) -> dict[str, object]:
            given = defaults.copy()
            for name, function in items:
                given[name] = function(data, settings, event, machine)
            return given

        return build

    def window(self, raw: Value, place: Place) -> Evaluate | None:
        """Compile the name of a data variable that is a window."""
        if not isinstance(raw, str) or self.data.get(raw, ANY).name != "window":
            windows = [name for name, type_ in self.data.items() if type_.name == "window"]
            self.report_unknown("unknown-data", place.position, shown(raw), windows)
            return None
        name = raw
        self.notes.reads.add(f"data.{name}")
        return lambda d, _s, _e, _m: d[name]

    def _map(self, raw: Map, fields: Payload | None) -> Evaluate | None:
        compiled = {name: self.value(value, ANY, Place(raw.marks[name]), fields) for name, value in raw.items()}
        items = [(name, function) for name, function in compiled.items() if function is not None]
        if len(items) != len(compiled):
            return None
        return lambda d, s, e, m: {name: function(d, s, e, m) for name, function in items}

    def _list(self, raw: Seq, fields: Payload | None) -> Evaluate | None:
        compiled = [self.value(value, ANY, Place(raw.marks[i]), fields) for i, value in enumerate(raw)]
        functions = [function for function in compiled if function is not None]
        if len(functions) != len(compiled):
            return None
        return lambda d, s, e, m: [function(d, s, e, m) for function in functions]


def fits(actual: ValueType, wanted: ValueType) -> bool:
    """Whether a value of one type may stand where another is wanted."""
    if "any" in {actual.name, wanted.name} or actual.name == wanted.name:
        return True
    if wanted.name == "int":
        return False
    return kind(actual) == kind(wanted) or actual.name == "nothing"


def shown(raw: object) -> str:
    """A YAML value on one line, as a chart would write it."""
    if isinstance(raw, str):
        return raw
    return json.dumps(raw, ensure_ascii=False, default=_jsonable)


def _jsonable(value: object) -> object:
    return str(value) if isinstance(value, Decimal) else repr(value)
