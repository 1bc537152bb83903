"""The structural half of SCXML's algorithm (Appendix D): which states a set of transitions exits and enters.

Everything here depends on the chart, the configuration and the remembered history alone, never on data, so that the
result can be computed once and kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from engine.chart.model import Chart, State, StateKind, Transition

History = Mapping[str, tuple[State, ...]]


@dataclass(slots=True)
class EntrySet:
    """What entering targets means: the states, those entered by default, and history defaults to run."""

    states: dict[str, State] = field(default_factory=dict)
    by_default: list[State] = field(default_factory=list)
    history_content: dict[str, Transition] = field(default_factory=dict)  # parent id -> the default's content


def is_descendant(state: State, ancestor: State) -> bool:
    """Whether ``state`` lies strictly inside ``ancestor``."""
    parent = state.parent
    while parent is not None:
        if parent is ancestor:
            return True
        parent = parent.parent
    return False


class Tree:
    """SCXML's procedures over one chart's tree of states."""

    def __init__(self, chart: Chart) -> None:
        self._root = chart.root
        self._states = chart.states

    def select_compatible(
        self, enabled: Sequence[Transition], active: Iterable[State], history: History
    ) -> list[Transition]:
        """``removeConflictingTransitions``: of two that exit a common state the inner source wins, else the first."""
        if len(enabled) == 1:
            return list(enabled)
        active = list(active)
        kept: list[Transition] = []
        for candidate in enabled:
            exits = set(map(id, self.exit_set([candidate], active, history)))
            preempted = False
            superseded: list[Transition] = []
            for other in kept:
                if exits.isdisjoint(map(id, self.exit_set([other], active, history))):
                    continue
                if is_descendant(self._state(candidate.source), self._state(other.source)):
                    superseded.append(other)
                else:
                    preempted = True
                    break
            if not preempted:
                kept = [other for other in kept if other not in superseded]
                kept.append(candidate)
        return kept

    def exit_set(self, transitions: Iterable[Transition], active: Iterable[State], history: History) -> list[State]:
        """``computeExitSet``: the active states inside the transitions' domains, in exit order (last entered first)."""
        domains = [d for d in (self._domain(t, history) for t in transitions if t.targets) if d is not None]
        exits = [s for s in active if any(is_descendant(s, d) for d in domains)]
        return sorted(exits, key=lambda s: s.order, reverse=True)

    def entry_set(self, transitions: Iterable[Transition], history: History) -> EntrySet:
        """``computeEntrySet``: the states to enter (unordered) and what their default entry runs."""
        entry = EntrySet()
        for transition in transitions:
            for target in transition.targets:
                self._add_descendants(self._state(target), entry, history)
            ancestor = self._domain(transition, history) if transition.targets else None
            for target_state in self._effective_targets(transition, history):
                self._add_ancestors(target_state, ancestor, entry, history)
        return entry

    def remembered(
        self, leaving: State, active: Iterable[State], history: History
    ) -> list[tuple[str, tuple[State, ...]]]:
        """What each history child of a state being left must remember of the present configuration."""
        found = []
        for child in leaving.children:
            if child.kind.is_history:
                inside = self.flow_inside(leaving, active, history)
                if child.kind is StateKind.SHALLOW_HISTORY:
                    inside = tuple(
                        {c.id: c for s in inside for c in (s, *s.ancestors()) if c.parent is leaving}.values()
                    )
                if inside:
                    found.append((child.id, inside))
        return found

    def flow_inside(self, state: State, active: Iterable[State], history: History) -> tuple[State, ...]:
        """The active atomic states inside of one, with a cleanup replaced by what it interrupted.

        Nobody comes back to a cleanup: where the flow was when a state's ``finally`` began is kept in the history,
        under the state's own name. Where nothing is kept, the state stands for its beginning.
        """
        found: dict[str, State] = {}
        for atomic in active:
            if not atomic.is_atomic or not is_descendant(atomic, state):
                continue
            kept: tuple[State, ...] = (atomic,)
            for inner, outer in pairwise((atomic, *atomic.ancestors())):
                if outer.finally_ == inner.id:
                    kept = history.get(outer.id, () if outer is state else (outer,))
                if outer is state:
                    break
            found.update((s.id, s) for s in kept)
        return tuple(found.values())

    def involves_history(self, transitions: Iterable[Transition]) -> bool:
        """Whether what is entered may depend on remembered history."""
        return any(self._leads_to_history(self._state(t), set()) for tr in transitions for t in tr.targets)

    def _leads_to_history(self, state: State, seen: set[str]) -> bool:
        if state.kind.is_history:
            return True
        if state.id in seen:
            return False
        seen.add(state.id)
        if state.kind is StateKind.PARALLEL:
            inner = [c for c in state.children if not c.kind.is_history]
            return any(self._leads_to_history(c, seen) for c in inner)
        targets = state.initial.targets if state.initial is not None else ()
        # A sibling region of a parallel ancestor is entered by default too.
        siblings = [
            child
            for ancestor in state.ancestors()
            if ancestor.kind is StateKind.PARALLEL
            for child in ancestor.children
            if not child.kind.is_history
        ]
        return any(self._leads_to_history(s, seen) for s in [*map(self._state, targets), *siblings])

    def _state(self, state_id: str) -> State:
        return self._states.get(state_id, self._root)

    def _effective_targets(self, transition: Transition, history: History) -> list[State]:
        found: dict[str, State] = {}
        for target in transition.targets:
            state = self._state(target)
            if not state.kind.is_history:
                found[state.id] = state
            elif state.id in history:
                found.update((s.id, s) for s in history[state.id])
            elif state.initial is not None:
                found.update((s.id, s) for s in self._effective_targets(state.initial, history))
        return list(found.values())

    def _domain(self, transition: Transition, history: History) -> State | None:
        targets = self._effective_targets(transition, history)
        if not targets:
            return None
        source = self._state(transition.source)
        if (
            (transition.is_internal or source is self._root)
            and source.kind is StateKind.COMPOUND
            and all(is_descendant(target, source) for target in targets)
        ):
            return source
        for ancestor in source.ancestors():
            if (ancestor.kind is StateKind.COMPOUND) and all(is_descendant(t, ancestor) for t in targets):
                return ancestor
        return self._root

    def _add_descendants(self, state: State, entry: EntrySet, history: History) -> None:
        if state.kind.is_history:
            self._add_history(state, entry, history)
            return
        entry.states[state.id] = state
        if state.kind is StateKind.COMPOUND:
            if state.initial is None:
                return
            entry.by_default.append(state)
            for target in state.initial.targets:
                self._add_descendants(self._state(target), entry, history)
            for target in state.initial.targets:
                self._add_ancestors(self._state(target), state, entry, history)
        elif state.kind is StateKind.PARALLEL:
            self._add_regions(state, entry, history)

    def _add_history(self, state: State, entry: EntrySet, history: History) -> None:
        remembered = history.get(state.id)
        if remembered is None:
            if state.initial is None:
                return
            if state.parent is not None:
                entry.history_content[state.parent.id] = state.initial
            remembered = tuple(self._state(t) for t in state.initial.targets)
        for target in remembered:
            self._add_descendants(target, entry, history)
        for target in remembered:
            self._add_ancestors(target, state.parent, entry, history)

    def _add_ancestors(self, state: State, until: State | None, entry: EntrySet, history: History) -> None:
        for ancestor in state.ancestors():
            if ancestor is until or ancestor is self._root:
                return
            entry.states[ancestor.id] = ancestor
            if ancestor.kind is StateKind.PARALLEL:
                self._add_regions(ancestor, entry, history)

    def _add_regions(self, parallel: State, entry: EntrySet, history: History) -> None:
        for child in parallel.children:
            if child.kind.is_history:
                continue
            if child.id in entry.states or any(is_descendant(s, child) for s in entry.states.values()):
                continue
            self._add_descendants(child, entry, history)
