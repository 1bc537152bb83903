"""Rules about where transitions may stand and lead: ends, history states and parallel regions."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from engine.chart.lint.finding import finding
from engine.chart.lint.graph import Graph, written
from engine.chart.model import State, StateKind, Transition, TransitionKind
from engine.errors import Diagnostic, Position


def final_states_that_go_on(graph: Graph) -> Iterator[Diagnostic]:
    """A final state is an end: what it waits for never comes."""
    for state in graph.states():
        if state.kind is not StateKind.FINAL:
            continue
        found = _first_content(state)
        if found is not None:
            yield finding("final-goes-on", found[1], state=state.id, key=found[0])


def history_states_with_content(graph: Graph) -> Iterator[Diagnostic]:
    """A history state is never in, so nothing can happen there."""
    for state in graph.states():
        if not state.kind.is_history:
            continue
        acted = [("entry", a.position) for a in state.entry] + [("exit", a.position) for a in state.exit]
        found = _first_content(state) or next(iter(acted), None)
        if found is not None:
            yield finding("history-with-content", found[1], state=state.id, key=found[0])


def _first_content(state: State) -> tuple[str, Position] | None:
    if state.transitions:
        first = state.transitions[0]
        return first.kind.value, first.position
    if state.invokes:
        return TransitionKind.OUTCOME.value, state.invokes[0].position
    return None


def targets_that_exclude_each_other(graph: Graph) -> Iterator[Diagnostic]:
    """Several targets are for several regions of one parallel state."""
    for state in graph.states():
        for transition in (*state.transitions, *((state.initial,) if state.initial else ())):
            for one, other in combinations(graph.targets(transition), 2):
                if not _can_both_be(graph, one, other):
                    yield finding("targets-exclude", transition.position, one=one.id, other=other.id)
                    break


def _can_both_be(graph: Graph, one: State, other: State) -> bool:
    if graph.is_inside(one, other) or graph.is_inside(other, one) or one is other:
        return False
    common = next(s for s in one.ancestors() if graph.is_inside(other, s) or s is graph.root)
    return common.kind is StateKind.PARALLEL


def targets_in_other_regions(graph: Graph) -> Iterator[Diagnostic]:
    """Leading from one region of a parallel state into another leaves and enters all of them."""
    for state, transition in graph.transitions():
        crossed = _crossed(graph, state, transition)
        if crossed is not None:
            target, parallel = crossed
            yield finding(
                "cross-region-target", transition.position, state=written(state), target=target.id, parallel=parallel.id
            )


def _crossed(graph: Graph, state: State, transition: Transition) -> tuple[State, State] | None:
    for parallel in state.ancestors():
        if parallel.kind is not StateKind.PARALLEL:
            continue
        region = graph.region_of(state, parallel)
        for target in graph.targets(transition):
            if graph.is_inside(target, parallel) and graph.region_of(target, parallel) is not region:
                return target, parallel
    return None
