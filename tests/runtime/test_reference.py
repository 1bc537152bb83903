"""The same charts and events on three interpreters: ours, SCXML's algorithm written down literally, and the library's.

Ours must always agree with the algorithm. The library's engine must too, or differ by what ``docs/upstream-differences.md``
lists: a run that differs is run again with those differences mended, until it is known which of them made it differ.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest
from chart_spec import Spec, as_yaml
from hypothesis import HealthCheck, Phase, given, settings
from our_machine import OurMachine
from random_charts import event_lists, specs
from scxml_reference import EndlessError, Reference
from stock_engine import MENDS, StockMachine

from engine.runtime.errors import MachineFaultError

ALL_MENDS = frozenset(MENDS)
_QUICK = settings(
    max_examples=80,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@dataclass
class Tally:
    """What was compared, and what became of it."""

    charts: int = 0
    cases: int = 0  # pairs of a chart and an event, or its start
    endless: int = 0  # charts that never come to rest: ours must say so
    differences: Counter[str] = field(default_factory=Counter)  # charts on which the library differs, by what


def compare(spec: Spec, events: list[str], tally: Tally) -> None:
    """Run a chart on all three and compare configuration, actions in their order, data, and whether it has ended."""
    tally.charts += 1
    steps = reference_steps(spec, events)
    ours = OurMachine(spec)
    for place, wanted in enumerate(steps):
        if wanted is None:
            tally.endless += 1
            with pytest.raises(MachineFaultError, match="goes round through"):
                _step(ours, events, place)
            steps = steps[:place]
            break
        tally.cases += 1
        assert _step(ours, events, place) == wanted, f"{as_yaml(spec)}\n{events[:place]}"
    if not agrees(spec, events, steps, frozenset()):
        assert agrees(spec, events, steps, ALL_MENDS), (
            f"an unknown difference of the library\n{as_yaml(spec)}\n{events}"
        )
        tally.differences["+".join(sorted(_needed(spec, events, steps)))] += 1


def reference_steps(spec: Spec, events: list[str]) -> list[tuple[object, ...] | None]:
    """What SCXML's algorithm does at the start and on each event, until the machine ends or (None) never rests."""
    machine = Reference(spec)
    steps: list[tuple[object, ...] | None] = []
    for place in range(len(events) + 1):
        if place and not machine.running:
            break
        try:
            steps.append(_step(machine, events, place))
        except EndlessError:
            steps.append(None)
            break
    return steps


def agrees(spec: Spec, events: list[str], steps: list[tuple[object, ...] | None], mends: frozenset[str]) -> bool:
    """Whether the library's engine, so mended, does the same."""
    machine = StockMachine(spec, mends)
    try:
        return all(_step(machine, events, place) == wanted for place, wanted in enumerate(steps))
    except EndlessError:
        return False


def _step(machine: Reference | OurMachine | StockMachine, events: list[str], place: int) -> tuple[object, ...]:
    notes = machine.start() if place == 0 else machine.send(events[place - 1])
    return (notes, machine.configuration, machine.n, machine.running)


def _needed(spec: Spec, events: list[str], steps: list[tuple[object, ...] | None]) -> frozenset[str]:
    """The fewest mends that make the library's engine agree, as far as leaving out one after the other tells."""
    needed = ALL_MENDS
    for mend in sorted(ALL_MENDS):
        if agrees(spec, events, steps, needed - {mend}):
            needed -= {mend}
    return needed


def test_our_dispatch_and_the_library_do_the_same_on_random_charts() -> None:
    """Configuration, action order, data and the end, on hundreds of chart and event pairs."""
    tally = Tally()

    @_QUICK
    @given(specs, event_lists)
    def run(spec: Spec, events: list[str]) -> None:
        compare(spec, events, tally)

    run()
    assert tally.cases >= 300


@pytest.mark.torture
def test_our_dispatch_and_the_library_do_the_same_on_twenty_thousand_cases(capsys: pytest.CaptureFixture[str]) -> None:
    tally = Tally()

    @settings(_QUICK, max_examples=4000)
    @given(specs, event_lists)
    def run(spec: Spec, events: list[str]) -> None:
        compare(spec, events, tally)

    run()
    with capsys.disabled():
        print(f"\n{tally.cases} cases on {tally.charts} charts ({tally.endless} endless)")  # noqa: T201
        for difference, count in tally.differences.most_common():
            print(f"{count:6}  {difference}")  # noqa: T201
    assert tally.cases >= 20_000
