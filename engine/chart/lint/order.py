"""Rules about what comes first: transitions that are never tried, because another one always wins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.chart.lint.finding import finding
from engine.chart.lint.graph import Graph, always_happens
from engine.chart.model import State, StateKind, Transition, TransitionKind
from engine.errors import Diagnostic, UnitError
from engine.units import parse_duration


def shadowed_transitions(graph: Graph) -> Iterator[Diagnostic]:
    """Transitions of a state after an unconditional one for the same event, or for all that it matches."""
    for state in graph.states():
        sure: list[Transition] = []
        for transition in state.transitions:
            winner = next((earlier for earlier in sure if _covers(earlier, transition)), None)
            if winner is None:
                if always_happens(transition):
                    sure.append(transition)
                continue
            is_same = winner.event == transition.event and always_happens(transition)
            code = "same-event-twice" if is_same and transition.event is not None else "shadowed-transition"
            yield finding(code, transition.position, first=winner.position, event=transition.label or "always")


def _covers(earlier: Transition, later: Transition) -> bool:
    """Whether the earlier transition is tried on everything that the later one is for."""
    if earlier.kind is not later.kind or earlier.kind is TransitionKind.INITIAL:
        return False
    one, other = earlier.event, later.event
    if one is None or other is None or one == other:
        return one == other
    return earlier.kind is TransitionKind.EVENT and one.endswith("*") and other.removesuffix("*").startswith(one[:-1])


def late_timers(graph: Graph) -> Iterator[Diagnostic]:
    """Timers that never run out, because an earlier one has left the state."""
    for state in graph.states():
        first: tuple[float, Transition] | None = None
        timed = [(seconds, t) for t in state.transitions if (seconds := _seconds(state, t)) is not None]
        for seconds, transition in sorted(timed, key=lambda pair: pair[0]):
            if first is not None and seconds > first[0]:
                params = {"event": transition.label}
                yield finding("shadowed-transition", transition.position, first=first[1].position, **params)
            elif first is None and always_happens(transition) and transition.targets:
                first = (seconds, transition)


def _seconds(state: State, transition: Transition) -> float | None:
    """How long after entering a timer written as a plain duration runs out."""
    if transition.kind is not TransitionKind.TIMER:
        return None
    text = next((timer.text for timer in state.timers if timer.key == transition.event), "")
    try:
        return parse_duration(text)
    except UnitError:
        return None


def states_left_at_once(graph: Graph) -> Iterator[Diagnostic]:
    """States with an unconditional ``always`` that wait for something all the same."""
    for state in graph.states():
        leaving = [t for t in state.transitions if t.kind is TransitionKind.ALWAYS and always_happens(t) and t.targets]
        inner_first = any(
            t.kind is TransitionKind.ALWAYS for s in graph.inside(state) if s is not state for t in s.transitions
        )
        keys = _waits(state)
        if leaving and keys and not inner_first and state.kind is not StateKind.FINAL:
            yield finding("left-at-once", leaving[0].position, state=state.id, keys=keys)


def _waits(state: State) -> Sequence[str]:
    names = {TransitionKind.EVENT: "on", TransitionKind.TIMER: "after", TransitionKind.OUTCOME: "invoke"}
    return list(dict.fromkeys(names[t.kind] for t in state.transitions if t.kind in names))


def constant_conditions(graph: Graph) -> Iterator[Diagnostic]:
    """Conditions that are always true, or never."""
    for _, transition in graph.transitions():
        guard = transition.guard
        if guard is not None and guard.constant is not None:
            yield finding("constant-condition", guard.position, value="true" if guard.constant else "false")
