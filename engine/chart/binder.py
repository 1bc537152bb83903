"""Binds what a chart writes (expressions, arguments, guards, actions) to Python, and collects what does not fit."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from engine.bindings.registry import Parameter, Parameters, Payload, Registry
from engine.bindings.types import ANY, MAP, TEXT, ValueType, ValueTypeError, coerce, expected
from engine.bindings.window import Sample
from engine.chart.expr import ExpressionError, Scope, parse_expression, parse_template
from engine.chart.expr_types import kind
from engine.chart.model import BoundAction, BoundGuard, Evaluate, Values
from engine.documents.suggest import did_you_mean
from engine.documents.tree import Map, Mark, Seq, Value, key_position, value_position
from engine.effects import LogLine, Perform, SendEvent
from engine.errors import Diagnostic, Position

_LOG_LEVELS: Final = ("debug", "info", "warning", "error")
_MESSAGE: Final = Parameter(TEXT)
_LOG: Final[Parameters] = {"message": _MESSAGE, "level": Parameter(ValueType("choice", _LOG_LEVELS), "info")}
_SEND: Final[Parameters] = {"to": Parameter(TEXT), "event": Parameter(TEXT), "with": Parameter(MAP, {})}
_RAISE: Final[Parameters] = {"event": Parameter(TEXT), "with": Parameter(MAP, {})}
BUILT_IN_ACTIONS: Final = ("assign", "raise", "send", "log", "window.add", "window.clear")

Arguments = Callable[[dict[str, object], Values, Values, Any], dict[str, object]]
Run = Callable[[Any, Values], None]


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

    def inside(self, offset: int) -> Position:
        """Where a character of a one-line text value stands."""
        here = self.position
        return Position(here.file, here.line, here.column + offset + (1 if self.mark[5] else 0))


@dataclass(slots=True)
class Binder:
    """What names mean in one chart. Every problem found is kept in ``problems``; binding goes on."""

    registry: Registry
    settings: Mapping[str, ValueType]
    data: Mapping[str, ValueType]
    states: Sequence[str]
    problems: list[Diagnostic] = field(default_factory=list)

    def report(self, code: str, position: Position, **params: object) -> None:
        """Note a problem."""
        self.problems.append(Diagnostic(code, position, params))

    def report_unknown(self, code: str, position: Position, name: str, known: Iterable[str]) -> None:
        """Note a name that nothing has, with the one that was probably meant."""
        candidates = list(known)
        guess = did_you_mean(name, candidates) or ""
        self.report(code, position, name=name, guess=guess, known=", ".join(sorted(candidates)))

    # Values ------------------------------------------------------------------------------------------------------

    def scope(self, fields: Payload | None) -> Scope:
        """What an expression may name where the event carries ``fields`` (None: unknown)."""
        return Scope(self.settings, self.data, fields, self.states)

    def expression(self, raw: Value, place: Place, fields: Payload | None) -> tuple[Evaluate, ValueType] | None:
        """Compile the text of ``when:``; a bare true or false is one too."""
        text = str(raw)
        try:
            parsed = parse_expression(text, self.scope(fields))
        except ExpressionError as error:
            self._report_expression(error, place)
            return None
        return parsed.function, parsed.type

    def template(self, text: str, place: Place, fields: Payload | None) -> tuple[Evaluate, ValueType] | None:
        """Compile a text with ``${...}`` in it."""
        try:
            parsed = parse_template(text, self.scope(fields))
        except ExpressionError as error:
            self._report_expression(error, place)
            return None
        return parsed.function, parsed.type

    def value(self, raw: Value, type_: ValueType, place: Place, fields: Payload | None) -> Evaluate | None:
        """Compile an argument: a literal of ``type_``, a template, or (for a window) the name of a data variable."""
        if type_.name == "window":
            return self._window(raw, place)
        if isinstance(raw, str) and "${" in raw:
            found = self.template(raw, place, fields)
            if found is None:
                return None
            function, actual = found
            if not fits(actual, type_):
                self.report("wrong-type", place.position, expected=expected(type_), found=str(actual))
                return None
            return function
        if isinstance(raw, Map) and type_.name in {"map", "any"}:
            return self._map(raw, fields)
        if isinstance(raw, Seq) and type_.name in {"list", "any"}:
            return self._list(raw, fields)
        try:
            constant = coerce(raw, type_)
        except ValueTypeError:
            self.report("wrong-type", place.position, expected=expected(type_), found=_shown(raw))
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
                self.report("unknown-argument", place.position, name=_shown(raw), owner=owner, guess="", known="")
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
        for name, value in raw.items():
            parameter = parameters.get(name)
            if parameter is None:
                guess = did_you_mean(name, list(parameters)) or ""
                self.report(
                    "unknown-argument",
                    raw.key_at(name),
                    name=name,
                    owner=owner,
                    guess=guess,
                    known=", ".join(parameters),
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
            if name in raw:
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
            return {**defaults, **{name: function(data, settings, event, machine) for name, function in items}}

        return build

    def _window(self, raw: Value, place: Place) -> Evaluate | None:
        if not isinstance(raw, str) or self.data.get(raw, ANY).name != "window":
            windows = [name for name, type_ in self.data.items() if type_.name == "window"]
            self.report_unknown("unknown-data", place.position, _shown(raw), windows)
            return None
        name = raw
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

    def _report_expression(self, error: ExpressionError, place: Place) -> None:
        self.report(error.code, place.inside(error.offset), **error.params)

    # Guards ------------------------------------------------------------------------------------------------------

    def guard(self, raw: Map, fields: Payload | None) -> BoundGuard | None:
        """Compile ``guard:`` and ``when:`` of a transition together; None when it has neither."""
        parts: list[tuple[str, Evaluate | None]] = []
        if "when" in raw:
            found = self.expression(raw["when"], Place(raw.marks["when"]), fields)
            parts.append((str(raw["when"]), found[0] if found else None))
        if "guard" in raw:
            parts.append((_shown(raw["guard"]), self._guard_term(raw["guard"], Place(raw.marks["guard"]), fields)))
        if not parts:
            return None
        tests = [test for _, test in parts if test is not None]
        position = raw.at("when" if "when" in raw else "guard")
        text = " and ".join(text for text, _ in parts)
        if len(tests) == 1:
            return BoundGuard(text, tests[0], position)
        return BoundGuard(text, lambda d, s, e, m: all(test(d, s, e, m) for test in tests), position)

    def _guard_term(self, raw: Value, place: Place, fields: Payload | None) -> Evaluate | None:
        if isinstance(raw, str):
            return self._named_guard(raw, None, place, place, fields)
        if not isinstance(raw, Map) or len(raw) != 1:
            self.report("wrong-type", place.position, expected="the name of a guard", found=_shown(raw))
            return None
        name, inner = next(iter(raw.items()))
        inner_place = Place(raw.marks[name])
        if name == "when":
            found = self.expression(inner, inner_place, fields)
            return found[0] if found else None
        if name == "not":
            test = self._guard_term(inner, inner_place, fields)
            return None if test is None else (lambda d, s, e, m: not test(d, s, e, m))
        if name in {"all", "any"}:
            return self._combined(name, inner, inner_place, fields)
        return self._named_guard(name, inner, inner_place, inner_place, fields)

    def _combined(self, how: str, raw: Value, place: Place, fields: Payload | None) -> Evaluate | None:
        if not isinstance(raw, Seq):
            self.report("wrong-type", place.position, expected="a list of guards", found=_shown(raw))
            return None
        compiled = [self._guard_term(item, Place(raw.marks[i]), fields) for i, item in enumerate(raw)]
        tests = [test for test in compiled if test is not None]
        if len(tests) != len(compiled):
            return None
        combine = all if how == "all" else any
        return lambda d, s, e, m: combine(test(d, s, e, m) for test in tests)

    def _named_guard(
        self, name: str, raw: Value, name_place: Place, place: Place, fields: Payload | None
    ) -> Evaluate | None:
        spec = self.registry.guards.get(name)
        if spec is None:
            where = name_place.key if raw is not None else name_place.position
            self.report_unknown("unknown-guard", where, name, self.registry.guards)
            return None
        build = self.arguments(raw, spec.parameters, place, fields, f"guard {name}")
        if build is None:
            return None
        function = spec.function
        if not spec.parameters:
            return lambda _d, _s, _e, _m: function()

        def test(data: dict[str, object], settings: Values, event: Values, machine: object) -> bool:
            given = build(data, settings, event, machine)
            return function(**{_python_name(key): value for key, value in given.items()})

        return test

    # Actions -----------------------------------------------------------------------------------------------------

    def actions(self, raw: Value, fields: Payload | None) -> tuple[BoundAction, ...]:
        """Compile a list of actions."""
        if not isinstance(raw, Seq):
            return ()
        bound: list[BoundAction] = []
        for index, item in enumerate(raw):
            place = Place(raw.marks[index])
            if isinstance(item, Map) and len(item) == 1:
                name, args = next(iter(item.items()))
                args_place, name_position = Place(item.marks[name]), item.key_at(name)
            else:
                name, args, args_place, name_position = str(item), None, place, place.position
            run = self._action(name, args, args_place, name_position, fields)
            if run is not None:
                text = name if args is None else f"{name} {_shown(args)}"
                bound.append(BoundAction(text, run, name_position))
        return tuple(bound)

    def _action(self, name: str, raw: Value, place: Place, position: Position, fields: Payload | None) -> Run | None:
        match name:
            case "assign":
                return self._assign(raw, place, fields)
            case "log":
                return self._log(raw, place, fields)
            case "send":
                return self._send(raw, place, fields)
            case "raise":
                return self._raise(raw, place, fields)
            case "window.add" | "window.clear":
                return self._window_action(name, raw, place)
        spec = self.registry.actions.get(name)
        if spec is None:
            self.report_unknown("unknown-action", position, name, [*BUILT_IN_ACTIONS, *self.registry.actions])
            return None
        build = self.arguments(raw, spec.parameters, place, fields, f"action {name}")
        if build is None:
            return None
        return lambda m, e: m.emit(Perform(name, build(m.data, m.settings, e, m)))

    def _assign(self, raw: Value, place: Place, fields: Payload | None) -> Run | None:
        if not isinstance(raw, Map):
            self.report("wrong-type", place.position, expected="a map of data variables", found=_shown(raw))
            return None
        compiled: list[tuple[str, Evaluate]] = []
        for name, value in raw.items():
            type_ = self.data.get(name)
            if type_ is None:
                self.report_unknown("unknown-data", raw.key_at(name), name, self.data)
                continue
            function = self.value(value, type_, Place(raw.marks[name]), fields)
            if function is not None:
                compiled.append((name, function))
        if len(compiled) == 1:
            only, evaluate = compiled[0]
            return lambda m, e: m.assign(only, evaluate(m.data, m.settings, e, m))

        def assign(machine: Any, event: Values) -> None:
            for name, function in compiled:
                machine.assign(name, function(machine.data, machine.settings, event, machine))

        return assign

    def _log(self, raw: Value, place: Place, fields: Payload | None) -> Run | None:
        build = self.arguments(raw, _LOG, place, fields, "action log")
        if build is None:
            return None

        def log(machine: Any, event: Values) -> None:
            given = build(machine.data, machine.settings, event, machine)
            machine.emit(LogLine(str(given["message"]), str(given["level"])))

        return log

    def _send(self, raw: Value, place: Place, fields: Payload | None) -> Run | None:
        build = self.arguments(raw, _SEND, place, fields, "action send")
        if build is None:
            return None

        def send(machine: Any, event: Values) -> None:
            given = build(machine.data, machine.settings, event, machine)
            machine.emit(SendEvent(str(given["to"]), str(given["event"]), _mapping(given["with"])))

        return send

    def _raise(self, raw: Value, place: Place, fields: Payload | None) -> Run | None:
        build = self.arguments(raw, _RAISE, place, fields, "action raise")
        if build is None:
            return None

        def raise_event(machine: Any, event: Values) -> None:
            given = build(machine.data, machine.settings, event, machine)
            machine.raise_event(given["event"], given["with"])

        return raise_event

    def _window_action(self, name: str, raw: Value, place: Place) -> Run | None:
        if self._window(raw, place) is None:
            return None
        variable = str(raw)
        if name == "window.clear":
            return lambda m, _e: m.assign(variable, m.data[variable].cleared())
        return lambda m, e: m.assign(variable, m.data[variable].add(sample_of(e)))


def fits(actual: ValueType, wanted: ValueType) -> bool:
    """Whether a value of one type may stand where another is wanted."""
    if "any" in {actual.name, wanted.name} or actual.name == wanted.name:
        return True
    if wanted.name == "int":
        return False
    return kind(actual) == kind(wanted) or actual.name == "nothing"


def _shown(raw: object) -> str:
    if isinstance(raw, str):
        return raw
    return json.dumps(raw, ensure_ascii=False, default=_jsonable)


def _jsonable(value: object) -> object:
    return str(value) if isinstance(value, Decimal) else repr(value)


def _python_name(name: str) -> str:
    return f"{name}_" if name in {"for", "in", "is", "not", "and", "or", "if", "with", "from", "as"} else name


def sample_of(event: Any) -> Sample:
    """The sample that a ``weight.read`` event carries; the fields are typed where the device makes them."""
    return Sample(
        event.get("at", 0.0),
        event.get("value"),
        event.get("stable"),
        event.get("status", "ok"),
        event.get("raw", b""),
    )


def _mapping(value: object) -> Mapping[str, object]:
    assert isinstance(value, Mapping)
    return value
