"""``finally``: however a state is left, its cleanup is entered exactly once, before anything outside of it goes on.

Random charts are driven by random events, with actions that fail, services that never answer, stops, second stops, and
a crash with a restart after every macrostep.
"""

from __future__ import annotations

import json
from collections import Counter
from random import Random
from typing import Any, Final

import pytest
from chart_spec import HISTORY, ROOT, Act, Arc, Node, Spec, as_yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from machine_kit import Machine, chart_of
from random_charts import EVENTS, random_spec

from engine.chart.model import Chart
from engine.effects import Effect, LogLine, MachineEnded
from engine.runtime.errors import MachineFaultError

_FAILS: Final = Act("yaml", '{log: "${1 / ((data.n + 1) % 4)}"}')  # now and then
_COUNTS: Final = Act("add", amount=1)
_LONGEST_CLEANUP_S: Final = 200.0
_STEPS: Final = st.lists(
    st.one_of(
        st.sampled_from(EVENTS),
        st.sampled_from((1.0, 3.0)),
        st.tuples(st.integers(0, 3), st.sampled_from(("printed", "error"))),
        st.just("STOP"),
        st.just("CRASH"),
    ),
    max_size=7,
)


# Charts --------------------------------------------------------------------------------------------------------------


class Rolls:
    """Choices, out of bytes; where they end, the plainest."""

    def __init__(self, choices: bytes) -> None:
        self._choices = iter(choices)

    def some(self, *items: Any) -> Any:
        return items[next(self._choices, 0) % len(items)]


def with_cleanups(spec: Spec, choices: bytes) -> Spec:
    """The chart, most of whose compound states have a ``finally``, and where actions fail now and then."""
    rolls = Rolls(choices)
    names = [node.id for node in spec.root.walk() if node.id != ROOT]
    for node in list(spec.root.walk()):
        if node.kind in HISTORY:
            continue
        _make_it_fail(node, rolls)
        if node.kind == "compound" and node.id != ROOT and rolls.some(True, True, True, False):
            _add_cleanup(node, rolls)
        elif node.kind == "atomic" and rolls.some(False, False, True):
            node.more = (_blocked(rolls, rolls.some(*names)),)
    whole = Spec(spec.root)
    cleanups = [node.id for node in whole.root.walk() if node.id.startswith("z")]
    for arc in (arc for node in whole.root.walk() for arc in node.arcs):
        if cleanups and not arc.internal and rolls.some(*([False] * 12), True):
            arc.targets = (rolls.some(*cleanups),)  # the flow may go there by itself
    return whole


def _make_it_fail(node: Node, rolls: Rolls) -> None:
    def rarely() -> tuple[Act, ...]:
        return rolls.some((), (), (), (), (_COUNTS,), (_COUNTS, _FAILS), (_FAILS,))  # type: ignore[no-any-return]

    if node.id != ROOT:
        node.entry, node.exit = (*node.entry, *rarely()), (*node.exit, *rarely())
    for arc in node.arcs:
        arc.actions = (*arc.actions, *rarely())


def _blocked(rolls: Rolls, target: str) -> str:
    """A service that may never answer."""
    cancel = rolls.some("", ", cancel: wait 1 s")
    return f"invoke: {{service: print, timeout: 5 s{cancel}, on: {{printed: {target}, error: {target}, timeout: {target}}}}}"


def _add_cleanup(node: Node, rolls: Rolls) -> None:
    name = f"z{node.id}"
    cleanup = Node(name, "atomic", entry=(Act("note", f"!{node.id}"),))
    how = rolls.some("at once", "at once", "timer", "service")
    if how != "at once":
        cleanup.kind = "compound"
        at_work, over = Node(f"{name}_1"), Node(f"{name}_2", "final")
        at_work.more = (f"after: {{2 s: {over.id}}}" if how == "timer" else _blocked(rolls, over.id),)
        if rolls.some(False, False, True):
            at_work.entry = (_FAILS,)
        if rolls.some(False, False, True):
            at_work.arcs = [Arc("a", (), actions=(_COUNTS, _FAILS))]
        cleanup.initial = Arc(None, (at_work.id,))
        cleanup.children = [at_work, over]
    if rolls.some(False, True):
        cleanup.entry += (_COUNTS,)
    if rolls.some(False, False, True):
        cleanup.entry += (_FAILS,)
    node.children.append(cleanup)
    node.more = (f"finally: {name}", *(("persist: true",) if rolls.some(False, False, False, True) else ()))


# Machines ------------------------------------------------------------------------------------------------------------


class Life:
    """A chart's machines, one after the other, as a supervisor has them; and all that their states noted."""

    def __init__(self, chart: Chart) -> None:
        self._chart = chart
        self.notes: list[str] = []
        self.ends: list[str] = []
        self._machine = Machine(chart)
        self.begin()

    @property
    def machine(self) -> Machine:
        return self._machine

    @property
    def is_running(self) -> bool:
        return self._machine.interpreter.is_running

    def begin(self, document: Any = None) -> None:
        time = self._machine.time
        self._machine = Machine(self._chart)
        self._machine.time = time
        self._do(lambda: self._machine.restore(document) if document else self._machine.start())

    def step(self, what: Any) -> None:
        machine = self._machine
        if what == "CRASH":
            # The service keeps a machine at the end of a macrostep where a state asks for that.
            kept = self.is_running and machine.interpreter.is_persistent
            self.begin(json.loads(json.dumps(machine.snapshot())) if kept else None)
        elif what == "STOP":
            self._do(machine.stop)
        elif isinstance(what, str):
            self._do(lambda: machine.send(what))
        elif isinstance(what, float):
            self._do(lambda: machine.wait(what))
        elif machine.invokes:
            running = sorted(machine.invokes)
            self._do(lambda: machine.answer(running[what[0] % len(running)], what[1]))

    def come_to_the_end(self) -> None:
        """Whatever is owed is done within its time."""
        for _ in range(3):  # one that was restored and had persisted begins, or goes on, first
            if self.is_running:
                self.step("STOP")
                self.step(_LONGEST_CLEANUP_S)
        assert not self.is_running

    def _do(self, call: Any) -> None:
        try:
            call()
        except MachineFaultError:
            self.ends.append("faulted")
            return  # nothing was ordered, and the next machine begins anew
        self._take_note(self._machine.effects)

    def _take_note(self, effects: list[Effect]) -> None:
        self.notes += [effect.message for effect in effects if isinstance(effect, LogLine)]
        self.ends += [effect.why for effect in effects if isinstance(effect, MachineEnded)]


def check_notes(chart: Chart, notes: list[str]) -> Counter[str]:
    """Each state with a cleanup: entered, cleaned up after, left. Nothing outside of it is cleaned up or left before."""
    with_cleanup = {state.id: state for state in chart.states.values() if state.finally_ is not None}
    owed: list[str] = []
    cleaned: Counter[str] = Counter()
    for note in notes:
        what, name = note[0], note[1:]
        state = chart.states.get(name)
        if what not in "+-!" or state is None:
            continue
        inside = [one for one in owed if state in with_cleanup[one].ancestors()]
        if what == "+" and name in with_cleanup:
            assert name not in owed, f"{name} is entered a second time without its cleanup: {notes}"
            owed.append(name)
        elif what == "!":
            assert name in owed, f"{name} is cleaned up after twice, or for nothing: {notes}"
            assert not inside, f"{name} is cleaned up after before {inside}: {notes}"
            owed.remove(name)
            cleaned[name] += 1
        elif what == "-":
            assert name not in owed, f"{name} is left without its cleanup: {notes}"
            assert not inside, f"{name} is left before {inside} is cleaned up after: {notes}"
    assert not owed, f"{owed} was never cleaned up after: {notes}"
    return cleaned


def check(seed: int, steps: list[Any], tally: Counter[str]) -> None:
    chance = Random(seed)
    chart = chart_of(as_yaml(with_cleanups(random_spec(chance), chance.randbytes(200))))
    for end in (["CRASH"], ["STOP"], ["STOP", "STOP"], ["STOP", 1.0, "STOP", "CRASH"], ["CRASH", "CRASH"]):
        for length in range(len(steps) + 1):
            life = Life(chart)
            for what in (*steps[:length], *end):
                if life.is_running:
                    life.step(what)
                else:
                    life.begin()
            life.come_to_the_end()
            tally["lives"] += 1
            tally["cleanups"] += check_notes(chart, life.notes).total()
            tally.update(life.ends)


_RANDOM: Final = settings(
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
# Seeds, because the bytes that Hypothesis likes are mostly zeros, and the charts made of them mostly plain.
_CASE: Final = (st.integers(0, 2**32), _STEPS)


def test_however_a_state_is_left_its_cleanup_is_entered_exactly_once() -> None:
    tally: Counter[str] = Counter()

    @settings(_RANDOM, max_examples=60, derandomize=True)  # what is counted below depends on the draw
    @given(*_CASE)
    def run(seed: int, steps: list[Any]) -> None:
        check(seed, steps, tally)

    run()
    assert tally["cleanups"] >= 500
    assert min(tally[why] for why in ("stopped", "faulted", "restored")) >= 20


@pytest.mark.torture
def test_however_a_state_is_left_on_thousands_of_charts(capsys: pytest.CaptureFixture[str]) -> None:
    tally: Counter[str] = Counter()

    @settings(_RANDOM, max_examples=3000)
    @given(*_CASE)
    def run(seed: int, steps: list[Any]) -> None:
        check(seed, steps, tally)

    run()
    with capsys.disabled():
        print(f"\n{dict(tally)}")  # noqa: T201
