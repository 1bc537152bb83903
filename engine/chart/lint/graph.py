"""The shape of a chart, worked out without running it: what is inside what, what a transition leaves and enters.

It follows SCXML's algorithm (Appendix D) where that needs no configuration: a history state stands for its default.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import pairwise

from engine.chart.model import Chart, State, StateKind, Transition


class Graph:
    """One chart, and answers about its states. Answers are worked out once."""

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self.root = chart.root
        self._first: dict[State, int] = {}  # states numbered in document order: what is inside one is a range
        self._last: dict[State, int] = {}
        self._number(chart.root, 0)
        self._entered: dict[Transition, frozenset[State]] = {}
        self._escaping: dict[State, Sequence[tuple[State, Transition]]] = {}

    def _number(self, state: State, number: int) -> int:
        self._first[state] = number
        for child in state.children:
            number = self._number(child, number + 1)
        self._last[state] = number
        return number

    def is_inside(self, inner: State, outer: State) -> bool:
        """Whether ``inner`` is a proper descendant of ``outer``."""
        return self._first[outer] < self._first[inner] <= self._last[outer]

    def states(self) -> Iterator[State]:
        """The root and every state, in document order."""
        return iter(self.chart.in_order)

    def transitions(self) -> Iterator[tuple[State, Transition]]:
        """Every transition with the state it stands in, in document order."""
        return ((state, transition) for state in self.states() for transition in state.transitions)

    def targets(self, transition: Transition) -> list[State]:
        """Where it leads."""
        return [self.chart.states[name] for name in transition.targets]

    def source(self, transition: Transition) -> State:
        """The state it stands in."""
        return self.chart.states.get(transition.source, self.root)

    # What a transition leaves and enters -------------------------------------------------------------------------

    def domain(self, transition: Transition) -> State:
        """The state whose inside is left and entered anew (SCXML's transition domain). It must have a target."""
        source, targets = self.source(transition), list(self._effective(self.targets(transition)))
        is_within = all(self.is_inside(target, source) for target in targets)
        if source is self.root or (transition.is_internal and source.kind is StateKind.COMPOUND and is_within):
            return source
        for ancestor in source.ancestors():
            if ancestor.kind is StateKind.COMPOUND and all(self.is_inside(target, ancestor) for target in targets):
                return ancestor
        return self.root

    def _effective(self, targets: Iterable[State]) -> Iterator[State]:
        for target in targets:
            if target.kind.is_history and target.initial is not None:
                yield from (self.chart.states[name] for name in target.initial.targets)
            else:
                yield target

    def entered(self, transition: Transition) -> frozenset[State]:
        """Every state that is entered, defaults included; nothing for a targetless one."""
        known = self._entered.get(transition)
        if known is None:
            found: set[State] = set()
            if transition.targets:
                self._enter_all(self.targets(transition), self.domain(transition), found)
            known = self._entered[transition] = frozenset(found)
        return known

    def entered_at_start(self) -> set[State]:
        """The states that a machine begins in."""
        found = {self.root}
        if self.root.initial is not None:
            self._enter_all(self.targets(self.root.initial), self.root, found)
        return found

    def _enter_all(self, targets: list[State], domain: State, found: set[State]) -> None:
        """Enter the targets, what lies between them and ``domain``, and the regions beside them."""
        for target in targets:
            if target in found:
                continue
            if target.kind.is_history:
                found.add(target)
                if target.initial is not None:
                    self._enter_all(self.targets(target.initial), domain, found)
                continue
            lineage = [target, *(s for s in target.ancestors() if self.is_inside(s, domain))]
            for above in lineage[1:]:
                found.add(above)
                if above.kind is StateKind.PARALLEL:
                    self._enter_regions(above, targets, found)
            self._descend(target, found)

    def _enter_regions(self, parallel: State, targets: list[State], found: set[State]) -> None:
        """Regions that no target is in begin where they begin by default."""
        for region in parallel.children:
            if not any(target is region or self.is_inside(target, region) for target in targets):
                self._descend(region, found)

    def _descend(self, state: State, found: set[State]) -> None:
        if state in found or state.kind.is_history:
            return
        found.add(state)
        if state.kind is StateKind.PARALLEL:
            for region in state.children:
                self._descend(region, found)
        elif state.kind is StateKind.COMPOUND and state.initial is not None:
            self._enter_all(self.targets(state.initial), state, found)

    # What can become of a state ----------------------------------------------------------------------------------

    @cached_property
    def reachable(self) -> frozenset[State]:
        """Every state that some sequence of events might lead to, whatever the guards say (but 'false')."""
        found: set[State] = set()
        waiting = list(self.entered_at_start())
        while waiting:
            state = waiting.pop()
            if state in found:
                continue
            found.add(state)
            waiting += self._following(state)
        return frozenset(found)

    def _following(self, state: State) -> Iterator[State]:
        for transition in state.transitions:
            if can_happen(transition):
                yield from self.entered(transition)
        if state.finally_ is not None:
            cleanup: set[State] = set()
            self._descend(self.chart.states[state.finally_], cleanup)
            yield from cleanup

    def ways_out(self, leaf: State) -> Iterator[Transition]:
        """The transitions that leave an atomic state for another: its own, its ancestors', and other regions'."""
        for transition in self._active_with(leaf):
            if not transition.targets or not can_happen(transition):
                continue
            returns = leaf in self.entered(transition)
            through_history = any(target.kind.is_history for target in self.targets(transition))
            if not returns or through_history:
                yield transition

    def _active_with(self, leaf: State) -> Iterator[Transition]:
        lineage = [leaf, *leaf.ancestors()]
        for state in lineage:
            yield from state.transitions
        for below, above in pairwise(lineage):
            if above.kind is StateKind.PARALLEL:
                yield from (t for region, t in self._escapes(above) if region is not below)

    def _escapes(self, parallel: State) -> Sequence[tuple[State, Transition]]:
        """The transitions inside a parallel state's regions that leave all of it."""
        known = self._escaping.get(parallel)
        if known is None:
            known = [
                (region, transition)
                for region in parallel.children
                for state in self.inside(region)
                for transition in state.transitions
                if transition.targets and self.is_inside(parallel, self.domain(transition))
            ]
            self._escaping[parallel] = known
        return known

    def inside(self, state: State) -> Iterator[State]:
        """The state and everything inside it, in document order."""
        yield state
        for child in state.children:
            yield from self.inside(child)

    def region_of(self, state: State, parallel: State) -> State:
        """The region of ``parallel`` that ``state`` is in."""
        return next(child for child in parallel.children if child is state or self.is_inside(state, child))

    def is_cleanup(self, state: State) -> bool:
        """Whether a state is, or is inside, some state's ``finally``: it is left when it is done."""
        return any(s.parent is not None and s.parent.finally_ == s.id for s in (state, *state.ancestors()))


def can_happen(transition: Transition) -> bool:
    """Whether its condition is not plainly false."""
    return transition.guard is None or transition.guard.constant is not False


def always_happens(transition: Transition) -> bool:
    """Whether it has no condition, or one that is plainly true."""
    return transition.guard is None or transition.guard.constant is True


def written(state: State | str) -> str:
    """The state as the user wrote it: what was made of one (``sending/calling``, by a retry) goes by its name."""
    return (state if isinstance(state, str) else state.id).partition("/")[0]
