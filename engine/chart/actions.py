"""Binds lists of actions: the built-in ones here, the registered ones as orders to the service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine.bindings.registry import Payload
from engine.bindings.window import Sample
from engine.chart.binder import Binder, Place, shown
from engine.chart.builtin import BUILT_IN_ACTIONS, CANCEL, LOG, RAISE, SEND
from engine.chart.functions import render_text
from engine.chart.guards import bind_guard
from engine.chart.model import BoundAction, BoundGuard, Evaluate, Sent, Values
from engine.documents.quantities import found as found_word
from engine.documents.tree import Map, Seq, Value
from engine.effects import LogLine, Perform, SendEvent
from engine.errors import Position

Run = Callable[[Any, Values], None]


def bind_actions(binder: Binder, raw: Value, fields: Payload | None) -> tuple[BoundAction, ...]:
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
        with binder.noting() as notes:
            run = _action(binder, name, args, args_place, name_position, fields)
        if run is not None:
            text = name if args is None else f"{name} {shown(args)}"
            bound.append(BoundAction(text, run, name_position, notes.footprint()))
    return tuple(bound)


def _action(
    binder: Binder, name: str, raw: Value, place: Place, position: Position, fields: Payload | None
) -> Run | None:
    match name:
        case "assign":
            return _assign(binder, raw, place, fields)
        case "log":
            return _log(binder, raw, place, fields)
        case "send":
            return _send(binder, raw, place, fields)
        case "raise":
            return _raise(binder, raw, place, fields)
        case "cancel":
            return _cancel(binder, raw, place, fields)
        case "choose":
            return _choose(binder, raw, place, fields)
        case "window.add" | "window.clear":
            return _window_action(binder, name, raw, place)
    spec = binder.registry.actions.get(name)
    if spec is None:
        binder.report_unknown("unknown-action", position, name, [*BUILT_IN_ACTIONS, *binder.registry.actions])
        return None
    build = binder.arguments(raw, spec.parameters, place, fields, f"action {name}")
    if build is None:
        return None
    return lambda m, e: m.emit(Perform(name, build(m.data, m.settings, e, m)))


def _assign(binder: Binder, raw: Value, place: Place, fields: Payload | None) -> Run | None:
    if not isinstance(raw, Map):
        binder.report("wrong-type", place.position, expected="map", found=found_word(raw))
        return None
    compiled: list[tuple[str, Evaluate]] = []
    for name, value in raw.items():
        type_ = binder.data.get(name)
        if type_ is None:
            binder.report_unknown("unknown-data", raw.key_at(name), name, binder.data)
            continue
        binder.notes.writes.add(name)
        function = binder.value(value, type_, Place(raw.marks[name]), fields)
        if function is not None:
            compiled.append((name, function))
    return _assign_one(*compiled[0]) if len(compiled) == 1 else _assign_in_turn(compiled)


# A machine's data are replaced and never changed: see ActionMachine.


def _assign_one(name: str, evaluate: Evaluate) -> Run:
    def assign(machine: Any, event: Values) -> None:
        before = machine.data
        value = evaluate(before, machine.settings, event, machine)
        machine.data = data = before.copy()
        data[name] = value

    return assign


def _assign_in_turn(compiled: list[tuple[str, Evaluate]]) -> Run:
    """Each expression sees what those before it assigned."""

    def assign(machine: Any, event: Values) -> None:
        machine.data = data = dict(machine.data)
        for name, evaluate in compiled:
            data[name] = evaluate(data, machine.settings, event, machine)

    return assign


def _log(binder: Binder, raw: Value, place: Place, fields: Payload | None) -> Run | None:
    build = binder.arguments(raw, LOG, place, fields, "action log")
    if binder.notes.has_secret:
        binder.report("secret-in-log", place.position)
        return None
    if build is None:
        return None

    def log(machine: Any, event: Values) -> None:
        given = build(machine.data, machine.settings, event, machine)
        machine.emit(LogLine(render_text(given["message"]), str(given["level"])))

    return log


def _send(binder: Binder, raw: Value, place: Place, fields: Payload | None) -> Run | None:
    build = binder.arguments(raw, SEND, place, fields, "action send")
    if build is None:
        return None
    binder.notes.sends.append(_sent(raw, place, "self"))
    unnamed = f"send/{place.position.line}:{place.position.column}"

    def send(machine: Any, event: Values) -> None:
        given = build(machine.data, machine.settings, event, machine)
        message = SendEvent(str(given["to"]), str(given["event"]), _mapping(given["with"]))
        if given["delay"] is None:
            machine.emit(message)
        else:
            machine.send_later(unnamed if given["id"] is None else f"send/{given['id']}", given["delay"], message)

    return send


def _cancel(binder: Binder, raw: Value, place: Place, fields: Payload | None) -> Run | None:
    build = binder.arguments(raw, CANCEL, place, fields, "action cancel")
    if build is None:
        return None
    return lambda m, e: m.cancel_send(f"send/{build(m.data, m.settings, e, m)['id']}")


def _choose(binder: Binder, raw: Value, place: Place, fields: Payload | None) -> Run | None:
    """The actions of the first branch whose ``when`` and ``guard`` hold; one without either is the else."""
    if not isinstance(raw, Seq):
        binder.report("wrong-type", place.position, expected="branches", found=found_word(raw))
        return None
    branches: list[tuple[BoundGuard | None, tuple[BoundAction, ...]]] = []
    for index, branch in enumerate(raw):
        if not isinstance(branch, Map) or not branch.keys() <= {"when", "guard", "actions"} or "actions" not in branch:
            binder.report("wrong-type", raw.at(index), expected="branch", found=found_word(branch))
            continue
        branches.append((bind_guard(binder, branch, fields), bind_actions(binder, branch["actions"], fields)))

    def choose(machine: Any, event: Values) -> None:
        for guard, actions in branches:
            if guard is None or guard.test(machine.data, machine.settings, event, machine):
                for action in actions:
                    action.run(machine, event)
                return

    return choose


def _raise(binder: Binder, raw: Value, place: Place, fields: Payload | None) -> Run | None:
    build = binder.arguments(raw, RAISE, place, fields, "action raise")
    if build is None:
        return None
    binder.notes.sends.append(_sent(raw, place, "self"))

    def raise_event(machine: Any, event: Values) -> None:
        given = build(machine.data, machine.settings, event, machine)
        machine.raise_event(given["event"], given["with"])

    return raise_event


def _window_action(binder: Binder, name: str, raw: Value, place: Place) -> Run | None:
    if binder.window(raw, place) is None:
        return None
    variable = str(raw)
    binder.notes.reads.discard(f"data.{variable}")  # naming it is no use of what it holds
    binder.notes.writes.add(variable)
    if name == "window.clear":
        return lambda m, _e: m.assign(variable, m.data[variable].cleared())
    return lambda m, e: m.assign(variable, m.data[variable].add(sample_of(e)))


def sample_of(event: Any) -> Sample:
    """The sample that a ``weight.read`` event carries; the fields are typed where the device makes them."""
    return Sample(
        event.get("at", 0.0),
        event.get("value"),
        event.get("stable"),
        event.get("status", "ok"),
        event.get("raw", b""),
    )


def _sent(raw: Value, place: Place, default: str) -> Sent:
    """What the text of a ``send`` or ``raise`` tells of the event; a bare text is its name."""
    if not isinstance(raw, Map):
        return Sent(_literal(raw), default, (), place.position)
    fields = raw.get("with")
    named = tuple((name, fields.key_at(name)) for name in fields) if isinstance(fields, Map) else None
    carried = named if "with" in raw else ()
    return Sent(_literal(raw.get("event")), _literal(raw.get("to", default)), carried, raw.at("event"))


def _literal(raw: Value) -> str | None:
    return raw if isinstance(raw, str) and "${" not in raw else None


def _mapping(value: object) -> Mapping[str, object]:
    assert isinstance(value, Mapping)
    return value
