"""A machine that is put away at the end of any macrostep, as JSON, and taken up by a new one: nobody could tell."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

import pytest
from chart_spec import HISTORY, ROOT, Spec, as_yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from machine_kit import Machine, chart_of
from random_charts import EVENTS, random_spec

from engine.chart.model import Chart
from engine.runtime.errors import MachineFaultError

_RANDOM = settings(
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
_DATA: Final = (
    "mass: {type: mass}",
    "at: {type: time}",
    "texts: {type: list, default: []}",
    "map: {type: map}",
    "number: {type: number}",
    "left: {type: duration}",
    "is_on: {type: flag}",
)
_ASSIGNED: Final = (
    "{mass: \"${q('12.50 g') * data.n}\"}",
    '{at: "${now()}"}',
    '{texts: ["계량 ${data.n}", "${data.at}"]}',
    '{map: {n: "${data.n}", mass: "${data.mass}", deep: {is_on: "${data.is_on}"}}}',
    '{number: "${data.n / 3}"}',
    "{left: \"${q('1 s') * data.n}\"}",
    '{is_on: "${data.n > 2}"}',
)
_STEPS: Final = st.lists(
    st.one_of(
        st.sampled_from(EVENTS),
        st.sampled_from((0.5, 1.0, 2.5)),
        st.tuples(st.integers(0, 3), st.sampled_from(("found", "error"))),
    ),
    min_size=3,
    max_size=10,
)


class Elsewhere(Machine):
    """A machine on a computer whose clock was started at another time; the calendar is the same."""

    def __init__(self, chart: Chart, like: Machine) -> None:
        super().__init__(chart)
        self.time = 86_400.0
        self._ahead = timedelta(seconds=self.time - like.time)

    @property
    def now(self) -> datetime:
        return super().now - self._ahead


def with_timers_and_services(spec: Spec, choices: bytes) -> Spec:
    """The chart, some of whose states have a timer, a service, a delayed event or data to remember as well."""
    rolls = iter(choices)
    names = [node.id for node in spec.root.walk() if node.id != ROOT]
    for node in spec.root.walk():
        if node.kind not in {*HISTORY, "final"}:
            node.more = tuple(_more(names, rolls))
    spec.data = _DATA
    return spec


def _more(names: list[str], rolls: Any) -> list[str]:
    def some(items: Any) -> Any:
        return items[next(rolls, 0) % len(items)]

    def actions() -> str:
        found = [f"{{assign: {some(_ASSIGNED)}}}"]
        if some((False, True)):
            delayed = some((f"{{send: {{event: a, delay: {some((1, 2))} s, id: {some('xy')}}}}}", "{cancel: {id: x}}"))
            found.append(delayed)
        return f"[{', '.join(found)}]"

    lines = []
    if some((True, False)):
        lines.append(f'after: {{"{some((0.75, 1.5, 4))} s": {{target: {some(names)}, actions: {actions()}}}}}')
    if some((True, False, False)):
        found, error = some(names), some(names)
        lines.append(
            f'invoke: {{service: look, with: {{key: "no. ${{data.n}}"}}, '
            f"on: {{found: {{target: {found}, actions: {actions()}}}, error: {{target: {error}}}}}}}"
        )
    return lines


def step(machine: Machine, what: Any) -> tuple[list[str], list[str]] | str:
    """Do one thing, and tell what came of it: what the log says in order, and what else was ordered."""
    try:
        if isinstance(what, str):
            told = machine.send(what)
        elif isinstance(what, float):
            told = machine.wait(what)
        else:
            running = sorted(machine.invokes)
            told = machine.answer(running[what[0] % len(running)], what[1], n=1) if running else []
    except MachineFaultError as error:
        return str(error)
    told = [re.sub(r":\d+( wait .*)?$", "", one) for one in told]  # which start of a service it was
    others = ("timer ", "no timer ", "invoke ", "cancel ")
    return [one for one in told if not one.startswith(others)], sorted(o for o in told if o.startswith(others))


def is_running(machine: Machine) -> bool:
    return machine.interpreter.is_running


def all_of(machine: Machine) -> dict[str, Any]:
    """Everything that a machine is, told in a way that does not depend on when its computer was started."""
    document = json.loads(json.dumps(machine.snapshot()))
    document["timers"] = {key: round(left, 6) for key, left in sorted(document["timers"].items())}
    document["invokes"] = sorted(document["invokes"])
    return dict(document)


def check(seed: int, steps: list[Any], put_away_after: int) -> bool:
    """Whether there was something to compare: not where the chart faults or ends before it is put away."""
    chance = Random(seed)
    machine = Machine(chart_of(as_yaml(with_timers_and_services(random_spec(chance), chance.randbytes(100)))))
    try:
        machine.start()
    except MachineFaultError:
        return False
    for what in steps[:put_away_after]:
        step(machine, what)
    if not is_running(machine):
        return False
    document = json.loads(json.dumps(machine.snapshot()))
    again = Elsewhere(machine.chart, machine)
    told = again.restore(document)
    assert sorted(one for one in told if one.startswith("timer ")) == sorted(f"timer {key}" for key in machine.timers)
    assert len([one for one in told if one.startswith("invoke ")]) == len(machine.invokes)
    assert all_of(again) == all_of(machine)
    for what in steps[put_away_after:]:
        assert step(again, what) == step(machine, what)
        assert is_running(again) == is_running(machine)
        if not is_running(machine):
            break
        assert all_of(again) == all_of(machine)
    return True


# Seeds, because the bytes that Hypothesis likes are mostly zeros, and the charts made of them mostly plain.
_CASE: Final = (st.integers(0, 2**32), _STEPS, st.integers(0, 6))


def test_a_machine_that_was_put_away_and_taken_up_again_does_what_it_would_have_done() -> None:
    """Configuration, data, history, timers and services; and from there the same on all that comes."""
    compared = []

    @settings(_RANDOM, max_examples=40)
    @given(*_CASE)
    def run(seed: int, steps: list[Any], put_away_after: int) -> None:
        compared.append(check(seed, steps, put_away_after))

    run()
    assert compared.count(True) >= 25


@pytest.mark.torture
@settings(_RANDOM, max_examples=2000)
@given(*_CASE)
def test_thousands_of_machines_are_put_away(seed: int, steps: list[Any], put_away_after: int) -> None:
    check(seed, steps, put_away_after)
