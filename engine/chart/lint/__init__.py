"""Says what is wrong, or hardly meant, in a chart that could be built: rules over its states and transitions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from engine.chart.lint import cycles, order, reach, shape, usage
from engine.chart.lint.graph import Graph
from engine.chart.lint.rules import SPOILED_BY_ANY_OTHER, SPOILS, Need
from engine.chart.model import Chart
from engine.errors import Diagnostic

Check = Callable[[Graph], Iterator[Diagnostic]]

_TARGETS: Final[frozenset[Need]] = frozenset({"targets"})
_NAMES: Final[frozenset[Need]] = frozenset({"names", "targets"})
_INVOKES: Final[frozenset[Need]] = frozenset({"targets", "invokes"})
_VALUES: Final[frozenset[Need]] = frozenset({"values"})
_NOTHING: Final[frozenset[Need]] = frozenset()

CHECKS: Final[tuple[tuple[Check, frozenset[Need]], ...]] = (
    (reach.unreachable_states, _TARGETS),
    (reach.dead_ends, _INVOKES),
    (reach.done_never_happens, _TARGETS),
    (reach.waits_forever, _INVOKES),
    (reach.waits_for_devices, _INVOKES),
    (reach.timeouts_that_never_fire, _NOTHING),
    (order.shadowed_transitions, _NOTHING),
    (order.late_timers, _TARGETS),
    (order.states_left_at_once, _TARGETS),
    (order.constant_conditions, _NOTHING),
    (cycles.eventless_cycles, _TARGETS),
    (shape.final_states_that_go_on, _NOTHING),
    (shape.history_states_with_content, _NOTHING),
    (shape.targets_that_exclude_each_other, _TARGETS),
    (shape.targets_in_other_regions, _TARGETS),
    (usage.unused_events, _NAMES),
    (usage.unused_data, _NAMES),
    (usage.data_never_set, _NAMES),
    (usage.unused_settings, _NAMES),
    (usage.settings_without_default, _VALUES),
)


def lint(chart: Chart, problems: Iterable[Diagnostic] = ()) -> list[Diagnostic]:
    """What the rules find, in the order of the file.

    ``problems`` are what the builder found: a rule that would only repeat them in other words is not asked.
    """
    spoiled = {need for problem in problems for need in SPOILS.get(problem.code, ()) or ()}
    if any(True for _ in problems):
        spoiled |= SPOILED_BY_ANY_OTHER
    graph = Graph(chart)
    found = [one for check, needs in CHECKS if not needs & spoiled for one in check(graph)]
    return sorted(found, key=lambda one: (one.position, one.code))
