"""The same chart on python-statemachine's own engine, as it is or with some of its differences mended.

A mend is a few lines that replace one piece of the library by what SCXML's algorithm says there. They serve to name a
difference: a run that differs, and no longer does with one piece mended, differs by that piece.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from chart_spec import HISTORY, Act, Guard, Node, Spec
from scxml_reference import EndlessError, holds
from statemachine import StateChart
from statemachine.engines.sync import SyncEngine
from statemachine.io.class_factory import create_machine_class_from_definition
from statemachine.orderedset import OrderedSet

_serial = itertools.count(1)
_MOST_NOTES = 10_000


class World:
    """The machine's model: its data, and the notes of its actions."""

    def __init__(self) -> None:
        self.state: Any = None
        self.n = 0
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        """Note something; every transition does, so that one that never comes to rest is found out."""
        self.notes.append(text)
        if len(self.notes) > _MOST_NOTES:
            raise EndlessError


class StockMachine:
    """One machine. ``start`` and ``send`` answer with the notes that were taken."""

    def __init__(self, spec: Spec, mends: frozenset[str] = frozenset()) -> None:
        self._order = {node.id: node.order for node in spec.nodes.values()}
        self._class = _class_of(spec, mends)
        self._world = World()
        self._machine: Any = None

    @property
    def n(self) -> int:
        return self._world.n

    @property
    def running(self) -> bool:
        return bool(self._machine._engine.running)

    @property
    def configuration(self) -> tuple[str, ...]:
        return tuple(sorted(self._machine.configuration_values, key=self._order.__getitem__))

    def start(self) -> list[str]:
        self._world.notes = []
        self._machine = self._class(model=self._world)
        return self._world.notes

    def send(self, event: str) -> list[str]:
        self._world.notes = []
        self._machine.send(event)
        return self._world.notes


def _class_of(spec: Spec, mends: frozenset[str]) -> type[StateChart[Any]]:
    states = {c.id: _state(c) for c in spec.root.children if c.kind not in HISTORY}
    assert spec.root.initial is not None
    states[spec.root.initial.targets[0]]["initial"] = True
    engine = type("Engine", (*tuple(MENDS[m] for m in sorted(mends)), SyncEngine), {})
    return create_machine_class_from_definition(
        "Stock",
        states=states,
        validate_disconnected_states=False,
        validate_trap_states=False,
        validate_final_reachability=False,
        catch_errors_as_events=False,
        allow_event_without_transition=True,
        _get_engine=lambda self: engine(self),  # noqa: PLW0108 - a class would not be bound to the instance
        places={node.id: node.order for node in spec.nodes.values()},
    )


def _state(node: Node) -> dict[str, Any]:
    found: dict[str, Any] = {"name": node.id, "on": {}, "transitions": []}
    if node.kind == "final":
        found["final"] = True
    if node.kind == "parallel":
        found["parallel"] = True
    children = [c for c in node.children if c.kind not in HISTORY]
    histories = [c for c in node.children if c.kind in HISTORY]
    if children:
        found["states"] = {c.id: _state(c) for c in children}
    if histories:
        found["history"] = {h.id: _history(h) for h in histories}
    if node.entry:
        found["enter"] = _content(node.entry)
    if node.exit:
        found["exit"] = _content(node.exit)
    if node.kind == "compound":
        assert node.initial is not None
        targets = node.initial.targets
        if targets[0] in {c.id for c in children}:
            found["states"][targets[0]]["initial"] = True
        described: dict[str, Any] = {"target": " ".join(targets), "initial": True}
        if node.initial.actions:
            described["on"] = _content(node.initial.actions)
        found["transitions"].append(described)
    for arc in node.arcs:
        described = {"target": " ".join(arc.targets) or None, "internal": arc.internal, "on": _content(arc.actions)}
        if arc.guard is not None:
            described["cond"] = _condition(arc.guard)
        if arc.event is None:
            found["transitions"].append(described)
        else:
            found["on"].setdefault(arc.event, []).append(described)
    return found


def _history(node: Node) -> dict[str, Any]:
    assert node.initial is not None
    default: dict[str, Any] = {"target": " ".join(node.initial.targets)}
    if node.initial.actions:
        default["on"] = _content(node.initial.actions)
    return {"type": node.kind, "transitions": [default]}


def _named(function: Callable[..., Any]) -> Callable[..., Any]:
    # The library remembers signatures by qualified name, and callables under their name.
    function.__name__ = f"content_{next(_serial)}"
    function.__qualname__ = function.__name__
    return function


def _content(acts: tuple[Act, ...]) -> Callable[..., Any]:
    def run(machine: Any, model: World) -> None:
        for act in acts:
            match act.kind:
                case "note":
                    model.note(act.text)
                case "count":
                    model.note(f"{act.text} {model.n}")
                case "in":
                    model.note(f"{act.text} {act.text in machine.configuration_values}")
                case "add":
                    model.n += act.amount
                case _:
                    machine.send(act.text, internal=True)

    return _named(run)


def _condition(guard: Guard) -> Callable[..., Any]:
    def test(machine: Any, model: World) -> bool:
        return holds(guard, model.n, lambda state: state in machine.configuration_values)

    return _named(test)


class _DocumentOrder:
    """A state's place in document order comes from its place in the whole chart, not among its siblings."""

    def __init__(self, sm: Any) -> None:
        super().__init__(sm)  # type: ignore[call-arg]
        for state in type(sm).states_map.values():
            state.document_order = sm.places[state.id]


class _InternalSelf:
    """``internal`` means something in a compound state only (3.13): an atomic state is left and entered all the same."""

    def get_transition_domain(self, transition: Any) -> Any:
        states = self.get_effective_target_states(transition)
        if not states:
            return None
        source = transition.source
        if transition.internal and source.is_compound and all(s.is_descendant(source) for s in states):
            return source
        return self.find_lcca([source, *states])


class _SelectionOrder:
    """Active atomic states are asked in document order, not in the order in which they were entered."""

    def _select_transitions(self, trigger_data: Any, predicate: Any) -> Any:
        enabled: OrderedSet[Any] = OrderedSet()
        places = self.sm.places
        for state in sorted((s for s in self.sm.configuration if s.is_atomic), key=lambda s: places[s.id]):
            transition = self._first_transition_that_matches(state, trigger_data, predicate)
            if transition is not None:
                enabled.add(transition)
        return self._filter_conflicting_transitions(enabled)


class _ExitAtTheEnd:
    """A machine that reaches a top-level final state leaves what is active, and says so (``exitInterpreter``)."""

    _has_left = False

    def _drop_external_events(self) -> None:
        if not self._has_left:
            self._has_left = True
            for state in sorted(self.sm.configuration, key=lambda s: -self.sm.places[s.id]):
                self.sm._callbacks.call(state.exit.key, machine=self.sm, model=self.sm.model)


class _ParallelEnd:
    """A parallel state at the top whose regions are all final raises its done event; that is no end of the machine."""

    def _check_root_final_state(self) -> None:
        pass


class _HistoryContent:
    """Entering by a history state runs its default's actions, once, where nothing is remembered; and nothing else."""

    def _add_history_states_to_enter(
        self, info: Any, state: Any, states_to_enter: Any, states_for_default_entry: Any, default_history_content: Any
    ) -> None:
        super()._add_history_states_to_enter(  # type: ignore[misc]
            info, state, states_to_enter, states_for_default_entry, default_history_content
        )
        told = default_history_content[state.parent.id]
        told.remove(info)
        # One transition with several targets is one content all the same.
        default_history_content[state.parent.id] = list({id(i.transition): i for i in told}.values())


class _InitialContent:
    """The actions of a compound state's initial transition run wherever in the state it leads."""

    def _prepare_entry_states(self, *args: Any) -> Any:
        for state in self.sm.states_map.values():
            for extra in [t for t in state.transitions if t.initial][1:]:
                state.transitions.transitions.remove(extra)
        return super()._prepare_entry_states(*args)  # type: ignore[misc]


class _EntrySet:
    """What is active and is not left is not entered again (3.13, of the entry set)."""

    def _prepare_entry_states(self, *args: Any) -> Any:
        ordered, by_default, content, configuration = super()._prepare_entry_states(*args)  # type: ignore[misc]
        active = {state.id for state in self.sm.configuration}
        return [info for info in ordered if info.state.id not in active], by_default, content, configuration


class _DeepHistory:
    """Deep history remembers the active atomic states, and those alone say how far a transition to it reaches."""

    def _prepare_exit_states(self, enabled_transitions: Any) -> Any:
        answer = super()._prepare_exit_states(enabled_transitions)  # type: ignore[misc]
        for info in answer[0]:
            for history in info.state.history:
                if history.type.is_deep:
                    kept = [s for s in self.sm.history_values[history.id] if s.is_atomic]
                    self.sm.history_values[history.id] = kept
        return answer


MENDS: dict[str, type] = {
    "document-order": _DocumentOrder,
    "internal-self": _InternalSelf,
    "selection-order": _SelectionOrder,
    "exit-at-the-end": _ExitAtTheEnd,
    "parallel-end": _ParallelEnd,
    "history-content": _HistoryContent,
    "initial-content": _InitialContent,
    "entry-set": _EntrySet,
    "deep-history": _DeepHistory,
}
