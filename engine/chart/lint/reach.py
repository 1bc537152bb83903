"""Rules about getting somewhere: states nobody enters, states nobody leaves, and waiting for what may never come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from engine.chart.lint.finding import finding
from engine.chart.lint.graph import Graph, can_happen, written
from engine.chart.model import Invoke, State, StateKind, Transition, TransitionKind
from engine.errors import Diagnostic

# What the devices of a line tell (engine.devices); drivers of other devices keep to the same last words.
DEVICE_WORDS: Final = frozenset({"read", "left", "lost", "back"})
SAFE: Final = "safe"  # the tag of a state in which nothing is underway
_ANSWERING: Final = frozenset({"network", "hardware", "store"})


def unreachable_states(graph: Graph) -> Iterator[Diagnostic]:
    """States that no event leads to. What only they lead to is not told as well."""
    missing = [s for s in graph.chart.states.values() if s not in graph.reachable and s.parent in graph.reachable]
    entered_from: dict[State, set[State]] = {}
    for state in missing:
        led_to = {t for inner in graph.inside(state) for tr in inner.transitions for t in graph.entered(tr)}
        entered_from[state] = (led_to - {state}).intersection(missing)
    followed = {other for others in entered_from.values() for other in others}
    told: set[State] = set()
    for state in [*(s for s in missing if s not in followed), *missing]:
        if state in told:
            continue
        waiting = [state]
        while waiting:
            one = waiting.pop()
            if one not in told:
                told.add(one)
                waiting += entered_from[one]
        yield finding("unreachable-state", state.position, state=written(state))


def dead_ends(graph: Graph) -> Iterator[Diagnostic]:
    """Atomic states that are no end, and that nothing leaves."""
    for state in _waiting_states(graph):
        if next(graph.ways_out(state), None) is None and not _is_all_there_is(state):
            yield finding("dead-end", state.position, state=written(state))


def _is_all_there_is(state: State) -> bool:
    """Whether a state is alone in its chart or region, and does what it does there: there is nowhere else to go."""
    parent = state.parent
    is_alone = parent is not None and (parent.kind is StateKind.PARALLEL or len(parent.children) == 1)
    return is_alone and any(s.transitions for s in (state, *state.ancestors()))


def done_never_happens(graph: Graph) -> Iterator[Diagnostic]:
    """Transitions on the end of a state that has no end."""
    for _, transition in graph.transitions():
        event = transition.event or ""
        state = graph.chart.states.get(event.removeprefix("done.state."))
        if event.startswith("done.state.") and state is not None and not _can_finish(state):
            yield finding("done-never-happens", transition.position, state=written(state))


def _can_finish(state: State) -> bool:
    if state.parent is not None and state.parent.finally_ == state.id:
        return True
    if state.kind is StateKind.PARALLEL:
        return all(_can_finish(region) for region in state.children if not region.kind.is_history)
    return any(child.kind is StateKind.FINAL for child in state.children)


def waits_forever(graph: Graph) -> Iterator[Diagnostic]:
    """Services that may never answer, in states that only their answer leaves."""
    for state in graph.states():
        for invoke in state.invokes:
            if invoke.timeout is not None or invoke.service.kind not in _ANSWERING or invoke.service.events:
                continue  # a service with events of its own is a session: it is meant to last
            if not any(
                _is_way_out(graph, t, state, invoke) for s in (state, *state.ancestors()) for t in s.transitions
            ):
                yield finding("waits-forever", invoke.position, state=written(state), service=invoke.service.name)


def _is_way_out(graph: Graph, transition: Transition, state: State, invoke: Invoke) -> bool:
    if not transition.targets or not can_happen(transition) or set(graph.targets(transition)) == {state}:
        return False
    if transition.kind is TransitionKind.OUTCOME:
        return transition.event is not None and _has_timeout(graph.source(transition), transition, but=invoke)
    return transition.kind is TransitionKind.TIMER or _is_from_elsewhere(transition)


def _has_timeout(state: State, outcome: Transition, but: Invoke) -> bool:
    """Whether the outcome is that of another service, whose answer is sure to come."""
    return any(i is not but and i.timeout and str(outcome.event).startswith(f"{i.key}/") for i in state.invokes)


def _is_from_elsewhere(transition: Transition) -> bool:
    """Whether an event comes from people, other machines or the server rather than from a device that may be silent."""
    event = transition.event
    if transition.kind is not TransitionKind.EVENT or event is None or event.startswith("error."):
        return False
    return not is_device_event(event)


def is_device_event(event: str) -> bool:
    """Whether a device tells it, as far as the name says: ``weight.read``, ``card.left``, ``card.*``."""
    _, dot, last = event.rpartition(".")
    return bool(dot) and (last in DEVICE_WORDS or event in {"card.*", "weight.*", "scale.*", "rfid.*"})


def waits_for_devices(graph: Graph) -> Iterator[Diagnostic]:
    """States in the middle of something that only a device can end."""
    for state in _waiting_states(graph):
        lineage = (state, *state.ancestors())
        if any(SAFE in s.tags for s in lineage) or any(s.invokes for s in lineage):
            continue
        ways = list(graph.ways_out(state))
        heard = [t.event for s in lineage for t in s.transitions if t.event and is_device_event(t.event)]
        if ways and heard and not any(_is_sure(t) for t in ways):
            yield finding("waits-for-device", state.position, state=written(state), events=list(dict.fromkeys(heard)))


def _is_sure(transition: Transition) -> bool:
    if transition.kind is TransitionKind.ALWAYS:
        return transition.guard is None
    return transition.kind is TransitionKind.TIMER or _is_from_elsewhere(transition)


def timeouts_that_never_fire(graph: Graph) -> Iterator[Diagnostic]:
    """Outcomes ``timeout`` of services that were given no time."""
    for state in graph.states():
        never = {f"{invoke.key}/timeout": invoke for invoke in state.invokes if invoke.timeout is None}
        for transition in state.transitions:
            invoke = never.pop(transition.event or "", None)
            if invoke is not None:
                yield finding("timeout-never-fires", transition.position, service=invoke.service.name)


def _waiting_states(graph: Graph) -> Iterable[State]:
    """The states that a machine rests in: atomic, entered by something, no end, and no cleanup."""
    return (
        state
        for state in graph.chart.states.values()
        if state.kind is StateKind.ATOMIC and state in graph.reachable and not graph.is_cleanup(state)
    )
