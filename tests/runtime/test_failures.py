"""What goes wrong in a macrostep undoes it as a whole, is told where it happened, and never passes silently."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from chart_spec import Spec
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from machine_kit import Machine
from our_machine import OurMachine, notes
from random_charts import event_lists, specs
from scxml_reference import EndlessError, Reference

from engine.clock import DEFAULT_EPOCH
from engine.effects import Effect
from engine.events import Event
from engine.runtime.errors import MachineFaultError
from engine.runtime.interpreter import Interpreter


def everything(*, exit: str = "", going: str = "", entry: str = "", initial: str = "", always: str = "",
               delay: str = "1 s", key: str = "k", guard: str = "true", handler: str = "") -> str:  # fmt: skip
    """A chart that does a little of everything on ``go``; the arguments are what is put in its places."""
    return f"""
chart: everything
events: {{go: {{}}, other: {{}}, i: {{}}, tick: {{}}}}
data: {{zero: {{type: int, default: 0}}, n: {{type: int, default: 0}}, w: {{type: window}}, m: {{type: map}}}}
initial: s
{handler}
states:
  s:
    initial: s1
    entry: [{{send: {{event: tick, delay: 9 s, id: ping}}}}]
    exit: [{{log: left}}, {{assign: {{n: "${{data.n + 1}}"}}}}, {{cancel: {{id: ping}}}}{exit}]
    after: {{5 s: s1}}
    invoke: {{service: print, on: {{printed: s1, error: s1, timeout: s1}}, timeout: 4 s}}
    states:
      h: {{type: history, history: deep, default: s1}}
      s1: {{on: {{other: s2}}}}
      s2:
        on:
          go: {{target: t, when: "{guard}", actions: [{{log: going}}, {{raise: i}}, {{send: {{event: x, to: y}}}}{going}]}}
  t:
    initial: {{target: t1, actions: [{{log: initial}}{initial}]}}
    entry: [{{log: entered}}, {{assign: {{n: "${{data.n + 10}}"}}}}{entry}]
    after: {{"{delay}": s}}
    invoke: {{service: look, with: {{key: "{key}"}}, on: {{found: h, error: s, timeout: s}}, timeout: 3 s}}
    states:
      t1:
        always: [{{target: t2, actions: [{{log: at once}}{always}]}}]
      t2: {{on: {{i: {{actions: [{{light: green}}]}}}}}}
"""


_RAISES = ', {log: "${1 / data.zero}"}'
FAULTS = {
    "an exit action": ({"exit": _RAISES}, "action", "log"),
    "a transition's action": ({"going": _RAISES}, "action", "log"),
    "an entry action": ({"entry": _RAISES}, "action", "log"),
    "an initial transition's action": ({"initial": _RAISES}, "action", "log"),
    "an action in the third microstep": ({"always": _RAISES}, "action", "log"),
    "an action inside a choice": (
        {"going": ', {choose: [{actions: [{log: "${1 / data.zero}"}]}]}'},
        "action",
        "choose",
    ),
    "a condition inside a choice": (
        {"going": ", {choose: [{when: 1 / data.zero > 1, actions: []}]}"},
        "action",
        "choose",
    ),
    "a named action's argument": ({"entry": ', {light: "is ${1 / data.zero}"}'}, "action", "light"),
    "a timer's delay": ({"delay": "${1 / data.zero * q('1 s')}"}, "action", "after"),
    "a service's argument": ({"key": "is ${1 / data.zero}"}, "action", "invoke look"),
    "a condition": ({"guard": "1 / data.zero > 1"}, "guard", "1 / data.zero > 1"),
}


def all_of(machine: Machine) -> Any:
    """Everything that a macrostep may change, copied."""
    inner = machine.interpreter
    memory = inner._memory
    return copy.deepcopy(
        (inner.configuration, inner.data | {"w": list(inner.data["w"])}, memory.timers, memory.invokes, memory.delayed)  # type: ignore[call-overload]
    ), {name: tuple(s.id for s in states) for name, states in memory.history.items()}


def brought_to(state: str, **faults: str) -> Machine:
    machine = Machine(everything(**faults))
    machine.start()
    machine.send("other")
    assert machine.states == ("s", state)
    return machine


def test_the_chart_of_these_tests_works_where_nothing_fails() -> None:
    machine = brought_to("s2")
    assert machine.send("go") == [
        "left", "no timer send/ping", "no timer s/after/0", "cancel s/invoke/0:1", "no timer s/invoke/0/timeout",
        "going", "send x to y", "entered", "initial", "timer t/after/0", "at once", "light green",
        "invoke look t/invoke/0:2", "timer t/invoke/0/timeout",
    ]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failure_anywhere_leaves_the_machine_as_it_was_and_drops_the_effects(fault: str) -> None:
    where, _, _ = FAULTS[fault]
    machine = brought_to("s2", **where)
    machine.wait(1.0)
    before = all_of(machine)
    with pytest.raises(MachineFaultError):
        machine.send("go")
    assert all_of(machine) == before
    assert not machine.interpreter.is_running


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failure_is_told_to_the_chart_with_what_failed_and_where(fault: str) -> None:
    where, kind, what = FAULTS[fault]
    handler = (
        f"on: {{error.{kind}: {{actions: [{{log: '${{event.what}}'}}, {{log: '${{event.where}}'}},"
        " {log: '${event.reason}'}]}}"
    )
    text = everything(handler=handler, **where)
    machine = Machine(text)
    machine.start()
    machine.send("other")
    before = all_of(machine)
    told = machine.send("go")
    assert all_of(machine) == before
    assert machine.interpreter.is_running
    assert told[0].startswith(what)
    assert told[2].startswith("ZeroDivisionError")
    file, line, column = told[1].rsplit(":", 2)
    assert file == "chart.yaml"
    pointed_at = text.splitlines()[int(line) - 1][int(column) - 1 :]
    first_word = what.split()[0]
    assert pointed_at.lstrip('"').startswith(("${", "{", first_word, "1 /", "look"))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failure_that_no_handler_takes_names_its_place_in_the_fault(fault: str) -> None:
    where, _, _ = FAULTS[fault]
    machine = brought_to("s2", **where)
    with pytest.raises(MachineFaultError, match=r"^chart\.yaml:\d+:\d+: (action|guard) '.*' failed: ZeroDivisionError"):
        machine.send("go")


def test_a_handler_may_lead_elsewhere() -> None:
    machine = brought_to("s2", entry=_RAISES, handler="on: {error.action: {target: t2, actions: [{log: caught}]}}")
    # It enters t again, whose entry fails again: that is no handling.
    with pytest.raises(MachineFaultError, match="ZeroDivisionError"):
        machine.send("go")
    machine = brought_to(
        "s2", exit="", going=_RAISES, handler="on: {error.action: {target: t2, actions: [{log: caught}]}}"
    )
    assert "caught" in machine.send("go")
    assert machine.states == ("t", "t2")


def test_a_handler_whose_condition_does_not_hold_is_none() -> None:
    handler = "on: {error.action: {when: event.what == 'x', actions: [{log: caught}]}}"
    machine = brought_to("s2", going=_RAISES, handler=handler)
    with pytest.raises(MachineFaultError):
        machine.send("go")


def test_a_handler_that_fails_is_a_fault() -> None:
    handler = 'on: {error.action: {actions: [{log: "${2 / data.zero}"}]}}'
    machine = brought_to("s2", going=_RAISES, handler=handler)
    before = all_of(machine)
    with pytest.raises(MachineFaultError, match=r"log \"\$\{2 / data\.zero\}\"|2 / data.zero"):
        machine.send("go")
    assert all_of(machine) == before


def test_a_wildcard_handles_errors_like_any_event() -> None:
    machine = brought_to("s2", going=_RAISES, handler="on: {error.*: {actions: [{log: '${event.where}'}]}}")
    assert machine.send("go")[0].startswith("chart.yaml:")


def test_a_named_guard_that_raises_is_a_failing_guard() -> None:
    machine = Machine("""
chart: guarded
events: {a: {}}
initial: s
on: {error.guard: {actions: [{log: "${event.what}: ${event.reason}"}]}}
states: {s: {on: {a: {target: s, guard: {not: broken}}}}}
""")
    machine.start()
    assert machine.send("a") == ['{"not": "broken"}: RuntimeError: the guard broke']


def test_a_chart_that_cannot_be_entered_is_faulted_even_if_it_handles_errors() -> None:
    machine = Machine("""
chart: stillborn
data: {zero: {type: int, default: 0}}
initial: s
on: {error.action: {actions: [{log: caught}]}}
states: {s: {entry: [{log: "${1 / data.zero}"}]}}
""")
    with pytest.raises(MachineFaultError):
        machine.start()
    assert not machine.interpreter.is_running


def test_a_chart_whose_beginning_fails_may_lead_to_another_state() -> None:
    machine = Machine("""
chart: reborn
data: {zero: {type: int, default: 0}}
initial: s
on: {error.action: {target: fault, actions: [{log: caught}]}}
states: {s: {entry: [{log: "${1 / data.zero}"}]}, fault: {}}
""")
    assert machine.start() == ["caught"]
    assert machine.states == ("fault",)


def test_an_error_outcome_that_no_transition_takes_is_an_error_event() -> None:
    machine = Machine("""
chart: asks
events: {}
data: {n: {type: int, default: 0}}
initial: s
on: {error.service: {actions: [{log: "${event.service} | ${event.what} | ${event.where} | ${event.reason}"}]}}
states:
  s:
    invoke:
      service: print
      on: {printed: s, timeout: s, error: {target: s, when: data.n > 0}}
      timeout: 2 s
""")
    machine.start()
    assert machine.answer("s", "error", reason="paper") == [
        "no timer s/invoke/0/timeout",
        "print | invoke print | chart.yaml:10:7 | paper",
    ]


def test_a_fault_on_a_timeout_still_cancels_the_service() -> None:
    machine = Machine("""
chart: asks
data: {zero: {type: int, default: 0}}
initial: s
states:
  s:
    invoke:
      service: print
      timeout: 2 s
      cancel: wait 1 s
      on: {printed: s, error: s, timeout: {target: s, actions: [{log: "${1 / data.zero}"}]}}
""")
    machine.start()
    told = machine.wait(2.0)
    assert told[0] == "cancel s/invoke/0:1 wait 1.0"
    assert told[1].startswith("ended faulted: chart.yaml:11:")


# Loops that never come to rest ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("states", "cycle"),
    [
        ("s: {on: {a: x}}, x: {always: y}, y: {always: x}", "x -> y -> x"),
        ("s: {on: {a: x}}, x: {always: {actions: [{light: red}]}}", "x -> x"),
        ("s: {on: {a: {actions: [{raise: a}]}}}", "s -> s"),
        ("s: {on: {a: x}}, x: {always: y}, y: {always: z}, z: {always: x}", "x -> y -> z -> x"),
    ],
)
def test_a_chart_that_never_comes_to_rest_is_faulted_with_the_cycle_named(states: str, cycle: str) -> None:
    machine = Machine(f"chart: loop\nevents: {{a: {{}}}}\ninitial: s\nstates: {{{states}}}\n")
    machine.start()
    rotations = _rotations(cycle.split(" -> ")[:-1])
    with pytest.raises(MachineFaultError, match=f"({'|'.join(rotations)})"):
        machine.send("a")
    assert machine.states == ("s",)


def _rotations(names: list[str]) -> list[str]:
    turned = [names[i:] + names[:i] for i in range(len(names))]
    return [" -> ".join([*one, one[0]]) for one in turned]


# Random charts with one action that fails ----------------------------------------------------------------------------


class Failing(Interpreter):
    """Its actions fail at the ``fails_at``-th order of an event, once."""

    __slots__ = ("fails_at", "orders")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fails_at, self.orders = 0, 0

    def emit(self, effect: Effect) -> None:
        self.orders += 1
        if self.orders == self.fails_at:
            raise RuntimeError("this action was made to fail")
        super().emit(effect)


_RANDOM = settings(deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))


@settings(_RANDOM, max_examples=100)
@given(specs, event_lists, st.integers(1, 6))
def test_after_a_failure_anywhere_the_machine_goes_on_as_if_the_event_had_not_come(
    spec: Spec, events: list[str], fails_at: int
) -> None:
    """Each event is first made to fail at its n-th action, then sent again: the outcome is the algorithm's own."""
    check_failures(spec, events, fails_at)


@pytest.mark.torture
@settings(_RANDOM, max_examples=3000)
@given(specs, event_lists, st.integers(1, 6))
def test_after_a_failure_on_thousands_of_charts(spec: Spec, events: list[str], fails_at: int) -> None:
    check_failures(spec, events, fails_at)


def check_failures(spec: Spec, events: list[str], fails_at: int) -> None:
    for arc in (arc for node in spec.root.walk() for arc in node.arcs if arc.event == "*"):
        arc.event = "x.*"  # else it handles the error
    reference = Reference(spec)
    inner = Failing(OurMachine(spec).interpreter._program, {}, seed=1)
    try:
        wanted = reference.start()
        assert notes(inner.start(0.0, DEFAULT_EPOCH)) == wanted
        for event in events:
            wanted = reference.send(event)
            assert notes(sent_until_it_works(inner, event, fails_at)) == wanted
            assert (inner.configuration, inner.data["n"]) == (reference.configuration, reference.n)
            if not reference.running:
                break
    except EndlessError:
        return


def sent_until_it_works(machine: Failing, event: str, fails_at: int) -> list[Effect]:
    machine.orders, machine.fails_at = 0, fails_at
    try:
        ordered = machine.handle(Event(event), 0.0, DEFAULT_EPOCH)
    except MachineFaultError as error:
        if "made to fail" not in str(error):
            raise
    else:
        assert machine.orders < fails_at
        return ordered
    machine.fails_at, machine.is_running = 0, True
    assert (machine._effects, machine._wanted, list(machine._internal)) == ([], [], [])
    return machine.handle(Event(event), 0.0, DEFAULT_EPOCH)
