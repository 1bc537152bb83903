"""A chart's plans: for each configuration and event which transitions to try, and for each choice what to do.

SCXML's algorithm is run once per (configuration, transitions taken) and its result kept as a flat list of operations,
so that dispatching an event is a dictionary look-up, the guards, and the operations. Plans are shared by all machines
of a chart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from engine.chart.model import BoundAction, Chart, Guard, Invoke, State, StateKind, Transition, TransitionKind
from engine.runtime import operations
from engine.runtime.memory import Memory
from engine.runtime.operations import Operation
from engine.runtime.tree import EntrySet, History, Tree

# For each active atomic state, in document order: what to try, inner states first.
Candidates = tuple[tuple[tuple[Guard | None, Transition], ...], ...]
# The same where one state at most reacts: what to try in order, and what to do then, worked out beforehand.
Reactions = tuple[tuple[Guard | None, "Step"], ...]

_ASKS_IN: Final = re.compile(r"\bIn\s*\(")
_END: Final = "end"  # the key of the step that leaves everything
_MOST_CONFIGURATIONS: Final = 20_000  # plans are only a memory of what can be computed again


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One microstep, worked out: the operations in SCXML's order, and the configuration they lead to."""

    operations: tuple[Operation, ...]
    actions: tuple[BoundAction, ...]  # those of the operations that the chart wrote
    configuration: Configuration
    transitions: tuple[Transition, ...]


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


class _Plan:
    """Operations as they are put together, and the chart's own actions among them."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self.actions: list[BoundAction] = []

    def do(self, *operations: Operation) -> None:
        self.operations += operations

    def act(self, actions: Iterable[BoundAction]) -> None:
        for action in actions:
            self.actions.append(action)
            self.operations.append(action.run)

    def step(self, configuration: Configuration, taken: Iterable[Transition]) -> Step:
        return Step(tuple(self.operations), tuple(self.actions), configuration, tuple(taken))


class Program:
    """The plans of one chart."""

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self._tree = Tree(chart)
        self._configurations: dict[frozenset[str], Configuration] = {}
        self._history_dependent: dict[Transition, bool] = {}
        self._cleanups: dict[str, Transition] = {}
        self.has_finally = any(s.finally_ is not None for s in chart.states.values())
        self._has_kept_flows = self.has_finally and any(s.kind.is_history for s in chart.states.values())
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
        if self._has_kept_flows or any(self._depends_on_history(t) for t in enabled):
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
        entry = self._tree.entry_set([root.initial], {})
        entry.by_default.append(root)
        entry.states[root.id] = root
        fresh = _fresh(entry, self.empty, [])
        progressive = _looks_at_configuration((), fresh)
        plan = _Plan()
        present: dict[str, State] = {}
        self._enter(plan, fresh, entry, present, progressive=progressive)
        if progressive:
            plan.do(operations.arrived)
        return plan.step(self.configuration_of(present.values()), ())

    def ending_step(self, configuration: Configuration) -> Step:
        """Leaving everything, because the machine is to end (SCXML's ``exitInterpreter``)."""
        known = configuration.steps.get(_END)
        if known is None:
            plan = _Plan()
            states = configuration.states[::-1]
            progressive = _looks_at_configuration((), states)
            for state in states:
                plan.act(state.exit)
                if progressive:
                    plan.do(operations.leave(state))
            known = configuration.steps[_END] = plan.step(configuration, ())
        return known

    def compatible(
        self, configuration: Configuration, enabled: Sequence[Transition], history: History
    ) -> list[Transition]:
        """Of enabled transitions those that are taken together."""
        return self._tree.select_compatible(enabled, configuration.states, history)

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
        held = [s for s in configuration.states if s.id in leaving and leaving[s.id].stage != "over"]
        cleanups = {s.finally_: s for s in held}
        for state in exits:
            if state.id in cleanups:
                return cleanups[state.id]
            if state.finally_ is not None and (state in held or state.id not in leaving):
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
        memory = {name: states for s in exited for name, states in self._tree.remembered(s, active, history)}
        # History remembered in this very step counts for what it enters (SCXML records it before it enters).
        entry = self._tree.entry_set(taken, {**history, **memory})
        fresh = _fresh(entry, configuration, exited)
        memory.update(self._interrupted_flows(fresh, configuration, history))
        progressive = _looks_at_configuration(taken, [*exited, *fresh])
        plan = _Plan()
        if memory:
            plan.do(operations.remember(memory))
        for state in exited:
            plan.act(state.exit)
            plan.do(*map(operations.stop_timer, state.timers), *map(operations.stop_invoke, state.invokes))
            if state.finally_ is not None:
                plan.do(operations.forget_cleanup(state))
            if progressive:
                plan.do(operations.leave(state))
        for transition in taken:
            plan.act(transition.actions)
        present = {s.id: s for s in active if s not in exited}
        self._enter(plan, fresh, entry, present, progressive=progressive)
        if progressive:
            plan.do(operations.arrived)
        return plan.step(self.configuration_of(present.values()), taken)

    def _enter(
        self, plan: _Plan, fresh: Iterable[State], entry: EntrySet, present: dict[str, State], *, progressive: bool
    ) -> None:
        """Enter states in document order; ``present`` are those that are active, and becomes so."""
        by_default = set(map(id, entry.by_default))
        for state in fresh:
            if state.parent is not None:
                present[state.id] = state
            if progressive:
                plan.do(operations.arrive(state))
            if state.parent is not None and state.parent.finally_ == state.id:
                plan.do(operations.begin_cleanup(state.parent))
            plan.act(state.entry)
            if id(state) in by_default and state.initial is not None:
                plan.act(state.initial.actions)
            if state.id in entry.history_content:
                plan.act(entry.history_content[state.id].actions)
            plan.do(*map(operations.start_timer, state.timers), *map(operations.want_invoke, state.invokes))
            self._complete(plan, state, present)

    def _complete(self, plan: _Plan, state: State, present: dict[str, State]) -> None:
        """What entering a state that has nothing more to do brings about: done events, the end of a cleanup."""
        parent = state.parent
        if parent is not None and parent.finally_ == state.id and state.kind is StateKind.ATOMIC:
            # A cleanup of actions alone is done when they are ordered.
            plan.do(operations.raise_done(state), operations.end_cleanup(parent))
        if state.kind is not StateKind.FINAL or parent is None:
            return
        if parent.parent is None:
            plan.act(state.exit)  # the end of the chart leaves it again
        elif parent.parent.finally_ == parent.id:
            plan.do(operations.end_cleanup(parent.parent))
        plan.do(operations.finish(state, self._completed_parallel(state, present)))

    def _interrupted_flows(
        self, fresh: Iterable[State], before: Configuration, history: History
    ) -> dict[str, tuple[State, ...]]:
        """Where the flow is inside the states whose cleanup begins; nothing where no history could ask for it."""
        if not self._has_kept_flows:
            return {}
        parents = [s.parent for s in fresh if s.parent is not None and s.parent.finally_ == s.id]
        return {p.id: self._tree.flow_inside(p, before.states, history) for p in parents if p.id in before.ids}

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
    # ``card.*`` is ``card`` too, as SCXML says (3.12.1).
    return event.startswith(descriptor[:-1]) or event == descriptor[:-2]


def _fresh(entry: EntrySet, before: Configuration, exited: Iterable[State]) -> list[State]:
    """The states to enter. What is active and stays so is not entered again (SCXML 3.13, of the entry set)."""
    staying = before.ids - {state.id for state in exited}
    return sorted((s for s in entry.states.values() if s.id not in staying), key=lambda s: s.order)


def _looks_at_configuration(transitions: Iterable[Transition], states: Iterable[State]) -> bool:
    """Whether an action of the step asks In(): only then must the configuration change bit by bit."""
    texts = [a.text for t in transitions for a in t.actions]
    for state in states:
        if state.done_data is not None:
            return True  # its expressions are not kept as text
        texts += [a.text for a in (*state.entry, *state.exit, *(state.initial.actions if state.initial else ()))]
        texts += [t.text for t in state.timers]
        texts += [a.text for c in state.children if c.kind.is_history and c.initial for a in c.initial.actions]
    return any(_ASKS_IN.search(text) for text in texts)
