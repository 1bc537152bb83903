"""Eventless transitions that go round without end: a macrostep that would never be over."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from engine.chart.lint.finding import finding
from engine.chart.lint.graph import Graph, always_happens, can_happen, written
from engine.chart.model import BoundGuard, State, StateKind, Transition, TransitionKind
from engine.errors import Diagnostic


class _Edge(NamedTuple):
    """An eventless transition that may be taken in an atomic state, and the atomic states it leads to."""

    source: State
    transition: Transition
    tried_before: tuple[BoundGuard, ...]  # what must be false for it to be taken
    targets: tuple[State, ...]


def eventless_cycles(graph: Graph) -> Iterator[Diagnostic]:
    """Cycles that nothing inside them can end: no condition, or one that nothing on the way changes."""
    edges = _on_cycles(list(_edges(graph)))
    told: set[Transition] = set()
    for start in edges:
        if start.transition in told:
            continue
        cycle = _shortest_cycle(start, edges)
        if cycle is None or any(edge.transition in told for edge in cycle) or _can_end(graph, cycle):
            continue
        told.update(edge.transition for edge in cycle)
        first = min(cycle, key=lambda edge: edge.transition.position)
        at = cycle.index(first)
        names = [written(edge.source) for edge in (*cycle[at:], *cycle[:at], first)]
        yield finding("eventless-cycle", first.transition.position, cycle=" -> ".join(names))


def _edges(graph: Graph) -> Iterator[_Edge]:
    """What may be taken in each atomic state without an event, up to what is always taken."""
    for state in graph.states():
        if state.kind is not StateKind.ATOMIC or state not in graph.reachable:
            continue
        before: list[BoundGuard] = []
        for transition in (t for s in (state, *state.ancestors()) for t in s.transitions):
            if transition.kind is not TransitionKind.ALWAYS or not can_happen(transition):
                continue
            entered = [s for s in graph.entered(transition) if s.kind is StateKind.ATOMIC]
            yield _Edge(state, transition, tuple(before), tuple(entered) if transition.targets else (state,))
            if always_happens(transition):
                break
            assert transition.guard is not None
            before.append(transition.guard)


def _on_cycles(edges: list[_Edge]) -> list[_Edge]:
    """Without those that lead to where nothing leads on: they are on no cycle. Most charts have nothing left then."""
    while True:
        sources = {edge.source for edge in edges}
        left = [edge for edge in edges if sources.intersection(edge.targets)]
        if len(left) == len(edges):
            return left
        edges = left


def _shortest_cycle(start: _Edge, edges: list[_Edge]) -> list[_Edge] | None:
    """The shortest way from where an edge leads back to where it begins, over edges with the same condition or none."""
    condition = _condition(start)
    usable: dict[State, list[_Edge]] = {}
    for edge in edges:
        if _condition(edge) in {None, condition}:
            usable.setdefault(edge.source, []).append(edge)
    paths = deque([[start]])
    seen: set[State] = set()
    while paths:
        path = paths.popleft()
        for target in path[-1].targets:
            if target is start.source:
                return path
            if target not in seen:
                seen.add(target)
                paths += [[*path, edge] for edge in usable.get(target, ())]
    return None


def _condition(edge: _Edge) -> str | None:
    guard = edge.transition.guard
    return None if guard is None or guard.constant is True else guard.text


def _can_end(graph: Graph, cycle: list[_Edge]) -> bool:
    """Whether a condition on the way round, or one that is tried before, can change on the way round."""
    written_here = {name for edge in cycle for name in _writes(graph, edge)}
    guards = [edge.transition.guard for edge in cycle] + [guard for edge in cycle for guard in edge.tried_before]
    for guard in guards:
        if guard is None or guard.constant is True:
            continue
        if not guard.footprint.is_steady or any(f"data.{name}" in guard.footprint.reads for name in written_here):
            return True
    return False


def _writes(graph: Graph, edge: _Edge) -> Iterator[str]:
    """The data that taking an edge may change: by its actions, and by those of leaving and entering."""
    actions = list(edge.transition.actions)
    if edge.transition.targets:
        actions += [a for s in (edge.source, *edge.source.ancestors()) for a in s.exit]
        actions += [a for s in graph.entered(edge.transition) for a in s.entry]
    for action in actions:
        yield from action.footprint.writes
