"""How long an end can take: whoever stops a run, or waits for one that was stopped, must know when to give up."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from engine.chart.model import Chart, State
from engine.errors import UnitError
from engine.sequence.model import CANCEL_S, CLEANUP_TIMEOUT_S, Step
from engine.units import parse_duration

MORE_S: Final = 1.0  # what the machine gives a call beyond its cancel time


def longest_end_of_steps(steps: Iterable[Step], cleanup: Iterable[Step]) -> float:
    """From a stop in any of the steps to the end of the cleanup."""
    underway = max((one.cancel_s for step in steps for one in step.walk()), default=0.0) + MORE_S
    return underway + sum(map(_longest, cleanup))


def _longest(step: Step) -> float:
    tries, pauses = 1, 0.0
    if step.retry is not None:
        times, first = step.retry.get("times", 1), step.retry.text("first")
        tries += times if isinstance(times, int) else 1
        pauses = _pauses(tries - 1, first, step.retry.text("max"), step.retry.get("factor", 2))
    return tries * ((step.timeout or CLEANUP_TIMEOUT_S) + step.cancel_s + MORE_S) + pauses


def _pauses(count: int, first: str | None, most: str | None, factor: object) -> float:
    pause = 0.0 if first is None else parse_duration(first)
    longest = parse_duration(most) if most is not None else parse_duration("5 min")
    grows = float(factor) if isinstance(factor, int | Decimal) else 2.0
    whole = 0.0
    for _ in range(count):
        whole += min(pause, longest)
        pause = min(pause * grows, longest)
    return whole


def longest_end_of_chart(chart: Chart) -> float:
    """The same of a full chart: what the services in its ``finally`` may take, each once."""
    found = CANCEL_S + MORE_S
    for state in cleanup_states(chart):
        for invoke in chart.states[state].invokes:
            found += CANCEL_S + (CLEANUP_TIMEOUT_S if invoke.timeout is None else _seconds(invoke.timeout.text))
    return found


def _seconds(text: str) -> float:
    try:
        return parse_duration(text)
    except UnitError:  # worked out while it runs
        return CLEANUP_TIMEOUT_S


def cleanup_states(chart: Chart) -> frozenset[str]:
    """The states inside any ``finally`` of a chart."""

    def is_cleanup(state: State) -> bool:
        return state.parent is not None and state.parent.finally_ == state.id

    return frozenset(s.id for s in chart.states.values() if is_cleanup(s) or any(map(is_cleanup, s.ancestors())))
