"""Compiles a chart to a ``python-statemachine`` class: its states, transitions and events, there to inspect and draw.

The guards and actions are not handed over: the class is run by our own dispatch (``engine.runtime.machine``), which the
library lets us hook in by ``_get_engine``. What the library would do differently stands in DESIGN, 'Known traps'.
"""

from __future__ import annotations

import re
from typing import Any, Final

from statemachine import StateChart
from statemachine.io.class_factory import create_machine_class_from_definition

from engine.chart.model import Chart, State, StateKind, Transition

# A chart may be drawn or linted with states nobody reaches; our own lint tells that better, with positions.
_CHECKS_OFF: Final = {
    "validate_disconnected_states": False,
    "validate_trap_states": False,
    "validate_final_reachability": False,
}
# An unknown event or a raising action must never pass silently.
_STRICT: Final = {"catch_errors_as_events": False, "allow_event_without_transition": True}


def compile_class(chart: Chart, /, **attributes: object) -> type[StateChart[Any]]:
    """Make the class. ``attributes`` (``_get_engine`` among them) become members of it."""
    states: dict[str, Any] = {
        child.id: _definition(child) for child in chart.root.children if not child.kind.is_history
    }
    initial = chart.root.initial
    for child in chart.root.children:
        if initial is not None and child.id in {
            _ancestor_below(chart.root, chart.states[t]).id for t in initial.targets
        }:
            states[child.id]["initial"] = True
    definition: dict[str, Any] = {**_CHECKS_OFF, **_STRICT, **attributes}
    return create_machine_class_from_definition(_class_name(chart.name), states=states, **definition)


def _class_name(name: str) -> str:
    return "".join(part.capitalize() for part in re.split(r"[-_]", name)) + "Machine"


def _definition(state: State) -> dict[str, Any]:
    inner = [c for c in state.children if not c.kind.is_history]
    histories = [c for c in state.children if c.kind.is_history]
    found: dict[str, Any] = {"name": state.title or state.id}
    if state.kind is StateKind.FINAL:
        found["final"] = True
    if state.kind is StateKind.PARALLEL:
        found["parallel"] = True
    if inner:
        found["states"] = {child.id: _definition(child) for child in inner}
    if histories:
        found["history"] = {h.id: {"type": h.kind.value} for h in histories}
    if state.kind is StateKind.COMPOUND and state.initial is not None:
        target = state.initial.targets[0]
        for child in inner:
            if child.id == target or any(s.id == target for s in _inside(child)):
                found["states"][child.id]["initial"] = True
    found["on"] = {}
    found["transitions"] = []
    for transition in state.transitions:
        described = _transition(transition, state)
        if transition.event is None:
            found["transitions"].append(described)
        else:
            found["on"].setdefault(transition.event, []).append(described)
    return found


def _transition(transition: Transition, source: State) -> dict[str, Any]:
    # To a state outside, ``internal`` means nothing (SCXML 3.5.2), and the library refuses it.
    is_internal = transition.is_internal and {s.id for s in _inside(source)}.issuperset(transition.targets)
    return {"target": " ".join(transition.targets) or None, "internal": is_internal}


def _inside(state: State) -> list[State]:
    return [s for child in state.children for s in (child, *_inside(child))]


def _ancestor_below(root: State, state: State) -> State:
    while state.parent is not None and state.parent is not root:
        state = state.parent
    return state
