"""A chart's plans: for each configuration and event which transitions to try, and for each choice what to do.

SCXML's algorithm is run once per (configuration, transitions taken) and its result kept as a flat list of operations,
so that dispatching an event is a dictionary look-up, the guards, and the operations. Plans are shared by all machines
of a chart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from engine.chart.model import (
    NO_VALUES,
    BoundAction,
    Chart,
    Guard,
    Invoke,
    State,
    StateKind,
    Timer,
    Transition,
    TransitionKind,
    Values,
)
from engine.runtime.memory import Memory
from engine.runtime.tree import EntrySet, History, Tree

if TYPE_CHECKING:
    from engine.runtime.interpreter import Interpreter

Operation = Callable[["Interpreter", Values], None]
# For each active atomic state, in document order: what to try, inner states first.
Candidates = tuple[tuple[tuple[Guard | None, Transition], ...], ...]
# The same where one state at most reacts: what to try in order, and what to do then, worked out beforehand.
Reactions = tuple[tuple[Guard | None, "Step"], ...]

_MOST_CONFIGURATIONS: Final = 20_000  # plans are only a memory of what can be computed again


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One microstep, worked out: the operations in SCXML's order, and the configuration they lead to."""

    operations: tuple[Operation, ...]
    configuration: Configuration
    transitions: tuple[Transition, ...]
    exited: tuple[State, ...]
    entered: tuple[State, ...]


@dataclass(slots=True, eq=False)
class Configuration:
    """A legal set of active states, and the plans made for it so far."""

    states: tuple[State, ...]  # document order
    ids: frozenset[str]
    atomic: tuple[State, ...]
    names: tuple[str, ...]  # the states' ids, and below those of the atomic ones
    atomic_names: tuple[str, ...]
    is_restless: bool = False  # some eventless transition is to be tried here after every event
    reactions: dict[str, Reactions | None] = field(default_factory=dict)  # None: it takes the whole algorithm
    candidates: dict[str | None, Candidates] = field(default_factory=dict)
    steps: dict[object, Step] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<Configuration {' '.join(s.id for s in self.states)}>"


class Program:
    """The plans of one chart."""

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self._tree = Tree(chart)
        self._configurations: dict[frozenset[str], Configuration] = {}
        self._history_dependent: dict[Transition, bool] = {}
        self._cleanups: dict[str, Transition] = {}
        self.has_finally = any(s.finally_ is not None for s in chart.states.values())
        self.invokes: dict[str, Invoke] = {i.key: i for s in chart.in_order for i in s.invokes}
        self.empty = self.configuration_of(())

    def configuration_of(self, states: Iterable[State]) -> Configuration:
        """The one object that stands for this set of states."""
        ordered = tuple(sorted(states, key=lambda s: s.order))
        ids = frozenset(s.id for s in ordered)
        known = self._configurations.get(ids)
        if known is None:
            if len(self._configurations) >= _MOST_CONFIGURATIONS:
                self._configurations.clear()
            atomic = tuple(s for s in ordered if s.is_atomic)
            known = Configuration(ordered, ids, atomic, tuple(s.id for s in ordered), tuple(s.id for s in atomic))
            known.is_restless = bool(self.candidates(known, None))
            self._configurations[ids] = known
        return known

    def candidates(self, configuration: Configuration, event: str | None) -> Candidates:
        """What to try on an event (None: eventless), remembered. Empty when nothing there reacts to it."""
        found = tuple(
            tried
            for atomic in (configuration.atomic or (self.chart.root,))
            if (tried := tuple(self._tried_from(atomic, event)))
        )
        if len(configuration.candidates) < _MOST_CONFIGURATIONS:
            configuration.candidates[event] = found
        return found

    def work_out_reactions(self, configuration: Configuration, event: str) -> None:
        """Plan all that an event can do, where one transition alone decides it: no other region, history or finally."""
        if len(configuration.reactions) >= _MOST_CONFIGURATIONS:
            return
        candidates = self.candidates(configuration, event)
        tried = candidates[0] if candidates else ()
        reactions: Reactions | None = None
        if not self.has_finally and len(candidates) <= 1 and not any(self._depends_on_history(t) for _, t in tried):
            reactions = tuple((guard, self.step(configuration, (t,), {})) for guard, t in tried)
        configuration.reactions[event] = reactions

    def _tried_from(self, atomic: State, event: str | None) -> Iterable[tuple[Guard | None, Transition]]:
        for state in [atomic, *atomic.ancestors()]:
            for transition in state.transitions:
                if matches(transition, event):
                    guard = transition.guard
                    yield (None if guard is None else guard.test), transition
                    if guard is None:
                        return  # nothing after an unguarded one can ever be reached

    def step(self, configuration: Configuration, enabled: Sequence[Transition], history: History) -> Step:
        """The microstep for the enabled transitions, remembered where history plays no part."""
        key: object = enabled[0] if len(enabled) == 1 else tuple(enabled)
        if any(self._depends_on_history(t) for t in enabled):
            key = (tuple(enabled), tuple(sorted((h, tuple(s.id for s in v)) for h, v in history.items())))
        known = configuration.steps.get(key)
        if known is None:
            known = self._plan(configuration, enabled, history)
            if len(configuration.steps) < _MOST_CONFIGURATIONS:
                configuration.steps[key] = known
        return known

    def initial_step(self) -> Step:
        """Entering the chart."""
        root = self.chart.root
        assert root.initial is not None
        entry = EntrySet()
        entry.by_default.append(root)
        inner = self._tree.entry_set([root.initial], {})
        entry.states.update(inner.states)
        entry.by_default.extend(inner.by_default)
        entry.history_content.update(inner.history_content)
        operations: list[Operation] = [a.run for a in root.entry]
        operations += [a.run for a in root.initial.actions]
        operations += [_start_timer(t) for t in root.timers]
        operations += [_want_invoke(i) for i in root.invokes]
        entered = sorted(entry.states.values(), key=lambda s: s.order)
        return self._assemble(operations, (), self.empty, [], entered, entry)

    def cleanup_of(self, state: State) -> Transition:
        """The transition into a state's ``finally``: it leaves everything else inside the state."""
        known = self._cleanups.get(state.id)
        if known is None:
            assert state.finally_ is not None
            known = Transition(
                state.id, TransitionKind.FINALLY, None, (state.finally_,), None, (), state.position, is_internal=True
            )
            self._cleanups[state.id] = known
        return known

    def first_held(self, configuration: Configuration, taken: Sequence[Transition], memory: Memory) -> State | None:
        """The innermost state whose ``finally`` forbids these transitions as yet: not begun, or not done."""
        exits = self._tree.exit_set(taken, configuration.states, memory.history)
        leaving = memory.leaving
        cleanups = {s.finally_: s for s in configuration.states if s.id in leaving and not leaving[s.id].is_over}
        for state in exits:
            if state.id in cleanups:
                return cleanups[state.id]
            if state.finally_ is not None and (state.id not in leaving or not leaving[state.id].is_over):
                return state
        return None

    def _depends_on_history(self, transition: Transition) -> bool:
        known = self._history_dependent.get(transition)
        if known is None:
            known = self._tree.involves_history([transition])
            self._history_dependent[transition] = known
        return known

    def _plan(self, configuration: Configuration, enabled: Sequence[Transition], history: History) -> Step:
        active = configuration.states
        taken = self._tree.select_compatible(enabled, active, history)
        exited = self._tree.exit_set(taken, active, history)
        operations: list[Operation] = []
        memory = {name: states for s in exited for name, states in self._tree.remembered(s, active)}
        if memory:
            operations.append(_remember(memory))
        progressive = _looks_at_configuration(taken, exited)
        for state in exited:
            operations += [a.run for a in state.exit]
            operations += [_stop_timer(t) for t in state.timers]
            operations += [_stop_invoke(i) for i in state.invokes]
            if progressive:
                operations.append(_leave(state))
        for transition in taken:
            operations += [a.run for a in transition.actions]
        # History remembered in this very step counts for what it enters (SCXML records it before it enters).
        entry = self._tree.entry_set(taken, {**history, **memory})
        entered = sorted(entry.states.values(), key=lambda s: s.order)
        return self._assemble(operations, tuple(taken), configuration, exited, entered, entry)

    def _assemble(
        self,
        operations: list[Operation],
        taken: tuple[Transition, ...],
        before: Configuration,
        exited: list[State],
        entered: list[State],
        entry: EntrySet,
    ) -> Step:
        gone = set(map(id, exited))
        present = {s.id: s for s in before.states if id(s) not in gone}
        fresh = [s for s in entered if s.id not in present]
        progressive = _looks_at_configuration(taken, [*exited, *fresh])
        by_default = set(map(id, entry.by_default))
        for state in fresh:
            present[state.id] = state
            if progressive:
                operations.append(_arrive(state))
            operations += [a.run for a in state.entry]
            if id(state) in by_default and state.initial is not None:
                operations += [a.run for a in state.initial.actions]
            if state.id in entry.history_content:
                operations += [a.run for a in entry.history_content[state.id].actions]
            operations += [_start_timer(t) for t in state.timers]
            operations += [_want_invoke(i) for i in state.invokes]
            if state.parent is not None and state.parent.finally_ == state.id and state.kind is StateKind.ATOMIC:
                operations.append(_raise_done(state))  # a cleanup of actions alone is done when they are ordered
            if state.kind is StateKind.FINAL:
                operations.append(_finish(state, self._completed_parallel(state, present)))
        if progressive:
            operations.append(_arrived)
        after = self.configuration_of(present.values())
        return Step(tuple(operations), after, taken, tuple(exited), tuple(fresh))

    def _completed_parallel(self, final: State, present: dict[str, State]) -> str | None:
        parent = final.parent
        grandparent = None if parent is None else parent.parent
        if grandparent is None or grandparent.kind is not StateKind.PARALLEL:
            return None
        regions = [c for c in grandparent.children if not c.kind.is_history]
        return grandparent.id if all(self._is_complete(r, present) for r in regions) else None

    def _is_complete(self, state: State, present: dict[str, State]) -> bool:
        if state.kind is StateKind.COMPOUND:
            return any(c.kind is StateKind.FINAL and c.id in present for c in state.children)
        if state.kind is StateKind.PARALLEL:
            return all(self._is_complete(c, present) for c in state.children if not c.kind.is_history)
        return False


def matches(transition: Transition, event: str | None) -> bool:
    """Whether an event (None: none) makes a transition be tried. Wildcards never match timers or outcomes."""
    if transition.kind is TransitionKind.INITIAL:
        return False
    descriptor = transition.event
    if event is None or descriptor is None:
        return event is descriptor
    if descriptor == event:
        return True
    if not descriptor.endswith("*") or "/" in event:
        return False
    return event.startswith(descriptor[:-1])


def _looks_at_configuration(transitions: Iterable[Transition], states: Iterable[State]) -> bool:
    """Whether an action of the step asks In(): only then must the configuration change bit by bit."""
    actions: list[BoundAction] = [a for t in transitions for a in t.actions]
    for state in states:
        actions += [*state.entry, *state.exit]
        if state.initial is not None:
            actions += state.initial.actions
    return any("In(" in a.text for a in actions)


# The functions below reach into the interpreter: it and its plans are one thing, kept in two files for their size.
# ruff: noqa: SLF001


def _remember(memory: dict[str, tuple[State, ...]]) -> Operation:
    def remember(machine: Interpreter, _event: Values) -> None:
        machine._save()
        machine._memory.history.update(memory)

    return remember


def _leave(state: State) -> Operation:
    def leave(machine: Interpreter, _event: Values) -> None:
        machine._live = (machine._configuration.ids if machine._live is None else machine._live) - {state.id}

    return leave


def _arrive(state: State) -> Operation:
    def arrive(machine: Interpreter, _event: Values) -> None:
        machine._live = (machine._configuration.ids if machine._live is None else machine._live) | {state.id}

    return arrive


def _arrived(machine: Interpreter, _event: Values) -> None:
    machine._live = None


def _start_timer(timer: Timer) -> Operation:
    def start_timer(machine: Interpreter, event: Values) -> None:
        machine._start_timer(timer, event)

    return start_timer


def _stop_timer(timer: Timer) -> Operation:
    def stop_timer(machine: Interpreter, _event: Values) -> None:
        machine._stop_timer(timer.key)

    return stop_timer


def _want_invoke(invoke: Invoke) -> Operation:
    def want_invoke(machine: Interpreter, _event: Values) -> None:
        machine._wanted.append(invoke)

    return want_invoke


def _stop_invoke(invoke: Invoke) -> Operation:
    def stop_invoke(machine: Interpreter, _event: Values) -> None:
        machine._stop_invoke(invoke)

    return stop_invoke


def _raise_done(cleanup: State) -> Operation:
    def raise_done(machine: Interpreter, _event: Values) -> None:
        machine.raise_event(f"done.state.{cleanup.id}", NO_VALUES)

    return raise_done


def _finish(final: State, completed_parallel: str | None) -> Operation:
    parent = final.parent
    is_top = parent is None or parent.parent is None

    def finish(machine: Interpreter, event: Values) -> None:
        data = NO_VALUES if final.done_data is None else final.done_data(machine.data, machine.settings, event, machine)
        if is_top:
            machine._finish("done", "", data)
            return
        assert parent is not None
        machine.raise_event(f"done.state.{parent.id}", data)
        if completed_parallel is not None:
            machine.raise_event(f"done.state.{completed_parallel}", NO_VALUES)

    return finish
