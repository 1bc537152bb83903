"""From a chart's YAML document to a checked, bound :class:`engine.chart.model.Chart`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.bindings.registry import COMMON_OUTCOMES, Help, Parameter, Payload, Registry, ServiceSpec
from engine.bindings.types import ANY, DURATION, MAP, TEXT
from engine.chart.actions import bind_actions
from engine.chart.binder import Arguments, Binder, Place
from engine.chart.declare import ERROR_EVENTS, IMPLICIT_EVENTS, declarations, event_declarations
from engine.chart.expand import expand
from engine.chart.guards import bind_guard
from engine.chart.model import (
    ROOT,
    Chart,
    EventDeclaration,
    Invoke,
    State,
    StateKind,
    Timer,
    Transition,
    TransitionKind,
)
from engine.documents.suggest import did_you_mean
from engine.documents.tree import Document, Map, Mark, Seq, Value
from engine.errors import Diagnostic, DiagnosticError, Position, UnitError
from engine.units import parse_duration

CHART_SERVICE = "chart:"  # a service name that begins so is a child chart's name
CHART_OUTCOMES: Mapping[str, Payload] = {"done": {}, **COMMON_OUTCOMES}
_ERROR_FIELDS: Payload = {"what": TEXT, "reason": TEXT, "where": TEXT, "service": TEXT}
_KINDS = {
    "atomic": StateKind.ATOMIC,
    "compound": StateKind.COMPOUND,
    "parallel": StateKind.PARALLEL,
    "final": StateKind.FINAL,
    "history": StateKind.SHALLOW_HISTORY,
}

# Keys that mean something in states of these kinds only.
_KEYS_OF_KINDS: Mapping[str, tuple[StateKind, ...]] = {
    "initial": (StateKind.COMPOUND,),
    "finally": (StateKind.COMPOUND,),
    "done": (StateKind.FINAL,),
    "history": (StateKind.SHALLOW_HISTORY, StateKind.DEEP_HISTORY),
    "default": (StateKind.SHALLOW_HISTORY, StateKind.DEEP_HISTORY),
}


def build_chart(document: Document, registry: Registry) -> Chart:
    """Build a chart from a document that its schema has passed. Raises DiagnosticError with every problem found."""
    chart, problems = attempt(document, registry)
    if problems:
        raise DiagnosticError(problems)
    return chart


def attempt(document: Document, registry: Registry) -> tuple[Chart, list[Diagnostic]]:
    """Build as much of a chart as can be understood, and tell what cannot: good for looking at, not for running."""
    problems: list[Diagnostic] = []
    root = expand(document.root, registry, problems)
    settings = declarations(root.get("settings"), problems)
    data = declarations(root.get("data"), problems)
    outline = _Outline(problems)
    outline.walk(root, State(ROOT, StateKind.COMPOUND, 0, document.position()))
    binder = Binder(
        registry,
        {name: declared.type for name, declared in settings.items()},
        {name: declared.type for name, declared in data.items()},
        tuple(outline.states),
        problems,
    )
    events = event_declarations(root.get("events"))
    _Filler(binder, events, outline).fill()
    chart = Chart(
        name=str(root.get("chart", "")),
        title=str(root.get("title", root.get("chart", ""))),
        version=str(root.get("version", "0")),
        root=outline.root,
        states=outline.states,
        settings=settings,
        events=events,
        data=data,
        position=document.position(),
        content_hash=hashlib.sha256(document.text.encode()).hexdigest(),
        footprint=binder.notes.footprint(),
    )
    return chart, sorted(problems, key=lambda problem: (problem.position, problem.code))


class _Outline:
    """First pass: the tree of states, so that every name is known before anything refers to it."""

    def __init__(self, problems: list[Diagnostic]) -> None:
        self.problems = problems
        self.states: dict[str, State] = {}
        self.duplicates: set[str] = set()
        self.bodies: list[tuple[State, Map]] = []

    @property
    def root(self) -> State:
        return self.bodies[0][0]

    def walk(self, body: Map, state: State) -> None:
        """Note a state and everything inside it, in document order."""
        self.bodies.append((state, body))
        children = body.get("states")
        if not isinstance(children, Map):
            return
        for name, raw in children.items():
            inner = raw if isinstance(raw, Map) else Map(children.marks[name])
            position = children.key_at(name)
            child = State(name, self._kind(inner, position), len(self.bodies), position, state)
            child.title = str(inner.get("title", ""))
            child.tags = frozenset(map(str, _items(inner.get("tags"))))
            child.is_persistent = inner.get("persist") is True
            child.finally_ = str(inner["finally"]) if "finally" in inner else None
            if name in self.states:
                self.duplicates.add(name)
                first = self.states[name].position
                params = {"name": name, "first": str(first)}
                self.problems.append(Diagnostic("duplicate-state", position, params, related=((first, name),)))
                continue
            self.states[name] = child
            state.children.append(child)
            self.walk(inner, child)

    def _kind(self, body: Map, position: Position) -> StateKind:
        has_children = isinstance(body.get("states"), Map)
        named = body.get("type")
        kind = _KINDS.get(str(named)) if named is not None else None
        if kind is None:
            kind = StateKind.COMPOUND if has_children else StateKind.ATOMIC
        if kind is StateKind.SHALLOW_HISTORY and body.get("history") == "deep":
            kind = StateKind.DEEP_HISTORY
        if has_children != (kind in {StateKind.COMPOUND, StateKind.PARALLEL}):
            self.problems.append(Diagnostic("wrong-state-type", position, {"type": str(named or kind.value)}))
            return kind
        for key, kinds in _KEYS_OF_KINDS.items():
            if key in body and kind not in kinds:
                params = {"key": key, "type": str(named or kind.value), "allowed": [k.value for k in kinds]}
                self.problems.append(Diagnostic("misplaced-key", body.key_at(key), params))
        return kind


@dataclass(slots=True)
class _Filler:
    """Second pass: transitions, actions, timers and invokes of every state."""

    binder: Binder
    events: dict[str, EventDeclaration]
    outline: _Outline
    _names: tuple[str, ...] = field(default=())

    def fill(self) -> None:
        """Fill in every state of the outline."""
        self._names = tuple(self.outline.states)
        for state, body in self.outline.bodies:
            self._fill_state(state, body)

    def _fill_state(self, state: State, body: Map) -> None:
        state.entry = bind_actions(self.binder, body.get("entry"), None)
        state.exit = bind_actions(self.binder, body.get("exit"), None)
        self._initial(state, body)
        self._on(state, body)
        if "always" in body:
            self._transitions(
                state, body["always"], Place(body.marks["always"]), TransitionKind.ALWAYS, None, None, "always"
            )
        self._after(state, body)
        self._invokes(state, body)
        if state.finally_ is not None:
            self._check_finally(state, state.finally_, body.at("finally"))
        if state.kind is StateKind.FINAL and isinstance(body.get("done"), Map):
            function = self.binder.value(body["done"], MAP, Place(body.marks["done"]), None)
            state.done_data = function

    # Where a compound state begins, where a history state leads -----------------------------------------------------

    def _initial(self, state: State, body: Map) -> None:
        if state.kind.is_history:
            key, missing = "default", "missing-history-default"
        elif state.kind is StateKind.COMPOUND:
            key, missing = "initial", "missing-initial"
        else:
            return
        if key not in body:
            self.binder.report(missing, state.position, name=state.id)
            return
        written, mark = body[key], body.marks[key]
        way: Map
        if isinstance(written, Map):
            way = written
        else:
            way = Map(mark)
            way["target"], way.marks["target"] = written, mark
        targets = self._targets(way.get("target"), Place(way.marks.get("target", mark)))
        inside = state.parent if state.kind.is_history else state
        for target in set(targets) - self.outline.duplicates:
            if inside is not None and inside.id != ROOT and inside not in self.outline.states[target].ancestors():
                self.binder.report("initial-outside", way.at("target"), name=target, state=inside.id)
        actions = bind_actions(self.binder, way.get("actions"), None)
        state.initial = Transition(state.id, TransitionKind.INITIAL, None, targets, None, actions, Place(mark).position)

    def _check_finally(self, state: State, name: str, position: Position) -> None:
        cleanup = next((child for child in state.children if child.id == name), None)
        if cleanup is None:
            self.binder.report_unknown("unknown-target", position, name, [c.id for c in state.children])
            return
        # It must come to an end by itself: with actions alone, or with a final state inside.
        ends = any(c.kind is StateKind.FINAL for c in cleanup.children)
        body = next(b for s, b in self.outline.bodies if s is cleanup)
        if not (ends or (cleanup.kind is StateKind.ATOMIC and not {"invoke", "after", "on", "always"} & body.keys())):
            self.binder.report("finally-never-ends", position, name=name, state=state.id)

    # Transitions ---------------------------------------------------------------------------------------------------

    def _on(self, state: State, body: Map) -> None:
        handlers = body.get("on")
        if not isinstance(handlers, Map):
            return
        for name, raw in handlers.items():
            event = f"done.state.{state.id}" if name == "done" and state.id != ROOT else name
            fields = self._event_fields(event, handlers.key_at(name))
            place = Place(handlers.marks[name])
            self._transitions(state, raw, place, TransitionKind.EVENT, event, fields, name)

    def _event_fields(self, event: str, position: Position) -> Payload | None:
        declared = self.events.get(event)
        if declared is not None:
            return declared.fields
        if event in ERROR_EVENTS or event == "error.*":
            return _ERROR_FIELDS
        if event == "*":
            return None
        if event.startswith("done.state."):
            self._check_done(event, position)
            return None
        prefix = event[:-1] if event.endswith(".*") else None
        if prefix is not None and any(name.startswith(prefix) for name in self.events):
            return None
        self.binder.report_unknown("unknown-event", position, event, [*self.events, *IMPLICIT_EVENTS])
        return None

    def _check_done(self, event: str, position: Position) -> None:
        """``done.state.X`` names a state, or (``done.state.*``) any."""
        if event != "done.state.*" and event.removeprefix("done.state.") not in self.outline.states:
            known = [f"done.state.{s.id}" for s in self.outline.states.values() if s.children]
            self.binder.report_unknown("unknown-event", position, event, known)

    def _transitions(
        self,
        state: State,
        raw: Value,
        place: Place,
        kind: TransitionKind,
        event: str | None,
        fields: Payload | None,
        label: str,
    ) -> None:
        items: list[tuple[Value, Mark]] = (
            [(item, raw.marks[i]) for i, item in enumerate(raw)] if isinstance(raw, Seq) else [(raw, place.mark)]
        )
        for item, mark in items:
            body: Map
            if isinstance(item, Map):
                body = item
            else:
                body = Map(mark)
                body["target"] = item
                body.marks["target"] = mark
            state.transitions.append(self._transition(state, body, mark, kind, event, fields, label))

    def _transition(
        self,
        state: State,
        body: Map,
        mark: Mark,
        kind: TransitionKind,
        event: str | None,
        fields: Payload | None,
        label: str,
    ) -> Transition:
        targets = self._targets(body["target"], Place(body.marks["target"])) if "target" in body else ()
        return Transition(
            source=state.id,
            kind=kind,
            event=event,
            targets=targets,
            guard=bind_guard(self.binder, body, fields),
            actions=bind_actions(self.binder, body.get("actions"), fields),
            position=Place(mark).position,
            is_internal=body.get("internal") is True,
            id=str(body["id"]) if "id" in body else None,
            label=label,
        )

    def _targets(self, raw: Value, place: Place) -> tuple[str, ...]:
        named = [(str(item), raw.at(i)) for i, item in enumerate(raw)] if isinstance(raw, Seq) else None
        found: list[str] = []
        for name, position in named or [(str(raw), place.position)]:
            if name in self.outline.states:
                found.append(name)
            else:
                self.binder.report_unknown("unknown-target", position, name, self._names)
        return tuple(found)

    # Timers and services ---------------------------------------------------------------------------------------------

    def _after(self, state: State, body: Map) -> None:
        after = body.get("after")
        if not isinstance(after, Map):
            return
        for index, (text, raw) in enumerate(after.items()):
            key = f"{state.id}/after/{index}"
            position = after.key_at(text)
            file, line, column, *_ = after.marks[text]
            delay = self.binder.value(text, DURATION, Place((file, line, column, line, column, True)), None)
            if delay is not None:
                on_restore = str(raw.get("on_restore", "resume")) if isinstance(raw, Map) else "resume"
                state.timers.append(Timer(key, delay, text, position, on_restore))
            place = Place(after.marks[text])
            self._transitions(state, raw, place, TransitionKind.TIMER, key, {}, f"after {text}")

    def _invokes(self, state: State, body: Map) -> None:
        raw = body.get("invoke")
        items: Sequence[Value] = raw if isinstance(raw, Seq) else [raw]
        for index, item in enumerate(items):
            if isinstance(item, Map):
                self._invoke(state, item, f"{state.id}/invoke/{index}")

    def _invoke(self, state: State, body: Map, key: str) -> None:
        found = self._chart_invoked(body) if "chart" in body else self._service_invoked(body)
        if found is None:
            return
        service, args = found
        timeout = None
        if "timeout" in body:
            place = Place(body.marks["timeout"])
            delay = self.binder.value(body["timeout"], DURATION, place, None)
            if delay is not None:
                timeout = Timer(f"{key}/timeout", delay, str(body["timeout"]), place.position)
        handled = self._outcomes(state, body, key, service, has_timeout="timeout" in body)
        wait = self._cancel_wait(body)
        if args is not None:
            does = _does(body.get("with"))
            state.invokes.append(Invoke(key, service, args, timeout, handled, body.position, wait, does))

    def _service_invoked(self, body: Map) -> tuple[ServiceSpec, Arguments | None] | None:
        services = self.binder.registry.services
        name = str(body["service"])
        service = services.get(name)
        if service is None:
            self.binder.report_unknown("unknown-service", body.at("service"), name, services)
            return None
        with_place = Place(body.marks.get("with", body.marks["service"]))
        return service, self.binder.arguments(body.get("with"), service.parameters, with_place, None, f"service {name}")

    def _chart_invoked(self, body: Map) -> tuple[ServiceSpec, Arguments | None]:
        """A child chart is a service: ``with`` are its settings, ``done`` (with its final state's data) its outcome."""
        given = body.get("with")
        settings = given if isinstance(given, Map) else Map(body.marks["chart"])
        parameters = {name: Parameter(ANY) for name in settings}
        name = f"{CHART_SERVICE}{body['chart']}"
        service = ServiceSpec(
            name, "process", parameters, CHART_OUTCOMES, Help("", ""), is_repeatable=False, source="chart"
        )
        place = Place(body.marks.get("with", body.marks["chart"]))
        return service, self.binder.arguments(settings, parameters, place, None, name)

    def _cancel_wait(self, body: Map) -> float:
        written = str(body.get("cancel", "now"))
        if written == "now":
            return 0.0
        try:
            return parse_duration(written.removeprefix("wait").strip())
        except UnitError:
            self.binder.report("wrong-form", body.at("cancel"), value=written, expected="cancel")
            return 0.0

    def _outcomes(
        self, state: State, body: Map, key: str, service: ServiceSpec, *, has_timeout: bool
    ) -> tuple[str, ...]:
        handlers = body.get("on")
        if not isinstance(handlers, Map):
            return ()
        meant = set(handlers)
        arguments = body.get("with")
        given = arguments.keys() if isinstance(arguments, Map) else ()
        impossible = {outcome: argument for outcome, argument in service.only_with.items() if argument not in given}
        for outcome, raw in handlers.items():
            payload = None if service.outcomes is CHART_OUTCOMES else service.outcomes.get(outcome)
            if outcome not in service.outcomes:
                guess = did_you_mean(outcome, service.outcomes.keys() - meant) or ""
                meant.add(guess)  # what was misspelt is not missing as well
                params = {"name": outcome, "guess": guess, "known": sorted(service.outcomes)}
                self.binder.report("unknown-outcome", handlers.key_at(outcome), **params)
                continue
            if outcome in impossible:
                params = {"name": outcome, "service": service.name, "argument": impossible[outcome]}
                self.binder.report("outcome-needs-argument", handlers.key_at(outcome), **params)
            place = Place(handlers.marks[outcome])
            self._transitions(state, raw, place, TransitionKind.OUTCOME, f"{key}/{outcome}", payload, outcome)
        for outcome in service.outcomes:
            if outcome not in meant | impossible.keys() and (outcome != "timeout" or has_timeout):
                self.binder.report("missing-outcome", handlers.position, name=outcome, service=service.name)
        return tuple(handlers)


def _items(raw: Value) -> Sequence[Value]:
    return raw if isinstance(raw, Seq) else []


def _does(given: Value | None) -> str:
    """The argument that says for people what a service does, as it is read: ``$${`` stands for ``${``."""
    text = given.get("does") if isinstance(given, Map) else None
    return text.replace("$${", "${") if isinstance(text, str) else ""
