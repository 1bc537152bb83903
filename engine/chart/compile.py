"""Compiles a chart to a ``python-statemachine`` class: its states, transitions and events, there to inspect and draw.

The guards and actions are not handed over: the class is run by our own dispatch (``engine.runtime.machine``), which the
library lets us hook in by ``_get_engine``. What the library would do differently stands in DESIGN, 'Known traps'.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
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


# Attributes that the library gives its classes and instances beside those that ``dir`` knows of.
_GIVEN: Final = frozenset(
    {
        "chart_events",
        "events",
        "history_values",
        "initial_state",
        "interpreter",
        "library_names",
        "model",
        "state_field",
    }
)
_PROTECTED: Final = frozenset(
    {"_abstract", "_events", "final_states", "initial_state", "model", "send", "start_value", "state_field", "states",
     "states_map"}
)  # fmt: skip
_CALLBACK: Final = re.compile(r"(?:on|before|after|prepare)_")  # a name of the library's own kind calls something


def compile_class(chart: Chart, /, **attributes: object) -> type[StateChart[Any]]:
    """Make the class. ``attributes`` (``_get_engine`` among them) become members of it.

    A state or event whose name means something to the library (``send``, ``model``), and an event that is called like
    a state, has a ``_`` behind its name there: ``library_names`` of the class has every state's, ``chart_events`` tells
    what the renamed events are in the chart.
    """
    taken = _GIVEN | attributes.keys() | set(dir(StateChart)) | StateChart.__annotations__.keys()
    names = {name: _free(name, taken) for name in chart.states}
    used = {t.event for s in chart.in_order for t in s.transitions if t.event is not None}
    events = {event: _free(event, {*taken, *names.values()}) for event in used}
    made = _Maker(names, events)
    states = made.children(chart.root)
    initial = chart.root.initial
    for target in initial.targets if initial is not None else ():
        states[names[_ancestor_below(chart.root, chart.states[target]).id]]["initial"] = True
    renamed = {there: event for event, there in events.items() if there != event}
    told = {"library_names": names, "chart_events": renamed}
    definition: dict[str, Any] = {**_CHECKS_OFF, **_STRICT, "_setup": classmethod(_protect), **attributes, **told}
    return create_machine_class_from_definition(_class_name(chart.name), states=states, **definition)


def _protect(cls: Any) -> None:
    """What is left of the library's ``_setup``: names that listeners are not asked for.

    The rest of it notes by which names (``on_enter_idle``) it would look for callbacks, a dozen for every state and
    transition, and no callback of the library's is ever called here: a third of the time that making a class takes.
    """
    cls._protected_attrs = {*_PROTECTED, *(state.id for state in cls.states)}


def _free(name: str, taken: Collection[str]) -> str:
    if _CALLBACK.match(name):
        name += "_"
    while name in taken:
        name += "_"
    return name


def _class_name(name: str) -> str:
    return "".join(part.capitalize() for part in re.split(r"[-_]", name)) + "Machine"


@dataclass(frozen=True, slots=True)
class _Maker:
    """Describes states the library's way, by the names that they and events have there."""

    names: dict[str, str]
    events: dict[str, str]

    def children(self, state: State) -> dict[str, Any]:
        return {self.names[child.id]: self.state(child) for child in state.children if not child.kind.is_history}

    def state(self, state: State) -> dict[str, Any]:
        found: dict[str, Any] = {"name": state.title or state.id}
        if state.kind is StateKind.FINAL:
            found["final"] = True
            return found  # the library refuses transitions out of one, and none is ever taken
        if state.kind is StateKind.PARALLEL:
            found["parallel"] = True
        if state.children:
            found["states"] = self.children(state)
        histories = [c for c in state.children if c.kind.is_history]
        if histories:
            found["history"] = {self.names[h.id]: self.history(h) for h in histories}
        if state.kind is StateKind.COMPOUND and state.initial is not None:
            target = state.initial.targets[0]
            for child in state.children:
                if not child.kind.is_history and target in {child.id, *(s.id for s in _inside(child))}:
                    found["states"][self.names[child.id]]["initial"] = True
        found["on"], found["transitions"] = {}, []
        for transition in state.transitions:
            described = self.transition(transition, state)
            if transition.event is None:
                found["transitions"].append(described)
            else:
                found["on"].setdefault(self.events[transition.event], []).append(described)
        return found

    def history(self, state: State) -> dict[str, Any]:
        default = {"target": self.targets(state.initial.targets)} if state.initial is not None else None
        return {"type": state.kind.value, "transitions": [default] if default else []}

    def transition(self, transition: Transition, source: State) -> dict[str, Any]:
        # To a state outside, ``internal`` means nothing (SCXML 3.5.2), and the library refuses it.
        is_internal = transition.is_internal and {s.id for s in _inside(source)}.issuperset(transition.targets)
        return {"target": self.targets(transition.targets), "internal": is_internal}

    def targets(self, targets: tuple[str, ...]) -> str | None:
        return " ".join(self.names[target] for target in targets) or None


def _inside(state: State) -> list[State]:
    return [s for child in state.children for s in (child, *_inside(child))]


def _ancestor_below(root: State, state: State) -> State:
    while state.parent is not None and state.parent is not root:
        state = state.parent
    return state
