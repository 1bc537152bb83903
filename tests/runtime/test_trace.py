"""What a macrostep did, for incident logs; and why an event did nothing, for people."""

from __future__ import annotations

import json

import pytest
from machine_kit import Machine

from engine.effects import LogLine
from engine.ports import Secret
from engine.runtime.errors import MachineFaultError
from engine.runtime.trace import Macrostep
from engine.units import parse_mass

CHART = """
chart: traced
settings: {limit: {type: mass, default: 50 g}}
events: {weigh: {value: mass}, go: {}, other: {}, halt: {}, bad: {}}
data: {n: {type: int, default: 0}, zero: {type: int, default: 0}, w: {type: window}, token: {type: secret}}
initial: idle
states:
  idle:
    on:
      weigh:
        - {target: heavy, when: event.value >= settings.limit}
        - {when: data.n > 3, actions: [{log: often}]}
        - {actions: [{assign: {n: "${data.n + 1}"}}, {raise: other}]}
      other: {actions: [{log: "other ${data.n}"}]}
      bad: {target: heavy, when: 1 / data.zero > 1}
  heavy:
    entry: [{log: heavy}]
    always: {target: high, when: data.n > 0 and data.w.count == 0}
    on: {go: idle, bad: {actions: [{log: "${1 / data.zero}"}]}}
  high: {on: {halt: {when: data.token == None, target: over}}}
  over: {type: final}
"""


def traced(*events: str) -> tuple[Machine, list[Macrostep]]:
    machine = Machine(CHART)
    steps: list[Macrostep] = []
    machine.interpreter.tracer = steps.append
    machine.start()
    for event in events:
        weigh(machine, event)
    return machine, steps


def weigh(machine: Machine, event: str) -> None:
    """``weigh 60``, or an event that carries nothing."""
    name, _, value = event.partition(" ")
    machine.send(name, **({"value": parse_mass(f"{value} g")} if value else {}))


def line_of(text: str) -> int:
    return next(number for number, line in enumerate(CHART.splitlines(), 1) if text in line)


def test_a_macrostep_is_told_whole() -> None:
    """The event, the guards that were tried and what they looked at, transitions, actions, effects, where it led."""
    _, (_, step) = traced("weigh 20")
    assert (step.event, step.before, step.configuration, step.error) == ("weigh", ("idle",), ("idle",), "")
    assert step.monotonic == 100.0
    assert [(g.text, g.result, dict(g.values), g.position.line) for g in step.guards] == [
        (
            "event.value >= settings.limit",
            False,
            {"event.value": "20 g", "settings.limit": "50 g"},
            line_of("- {target"),
        ),
        ("data.n > 3", False, {"data.n": "0"}, line_of("often")),
    ]
    # The raised event belongs to the same macrostep.
    assert [(t.source, t.event, t.position.line) for t in step.transitions] == [
        ("idle", "weigh", line_of("raise: other")),
        ("idle", "other", line_of("other: {actions")),
    ]
    assert step.actions == ['assign {"n": "${data.n + 1}"}', "raise other", "log other ${data.n}"]
    assert step.effects == [LogLine("other 1")]


def test_eventless_transitions_are_part_of_it() -> None:
    _, steps = traced("weigh 20", "weigh 60")
    step = steps[-1]
    assert [(t.source, t.targets) for t in step.transitions] == [("idle", ("heavy",)), ("heavy", ("high",))]
    assert step.configuration == ("high",)
    assert step.guards[-1].values == {"data.n": "1", "data.w": "0 readings, the last None"}


def test_a_macrostep_that_was_undone_says_so() -> None:
    machine, steps = traced()
    with pytest.raises(MachineFaultError):
        machine.send("bad")
    (guard,) = steps[-1].guards
    assert guard.result == "ZeroDivisionError: division by zero"
    assert f"chart.yaml:{line_of('bad: {target')}" in steps[-1].error
    assert (steps[-1].configuration, steps[-1].transitions, steps[-1].effects) == (("idle",), [], [])


def test_an_event_that_nobody_reacts_to_is_a_macrostep_as_well() -> None:
    _, steps = traced("go")
    assert (steps[-1].event, steps[-1].transitions, steps[-1].configuration) == ("go", [], ("idle",))


def test_it_is_a_line_of_json_with_no_secret_in_it() -> None:
    machine, steps = traced("weigh 20", "weigh 60")
    machine.interpreter.assign("token", Secret("hunter2hunter2"))
    machine.send("halt", extra=Secret("hunter2hunter2"))
    lines = [json.dumps(step.as_json()) for step in steps]
    assert "hunter2hunter2" not in "".join(lines)
    told = json.loads(lines[1])
    assert told["guards"][1] == {
        "source": "idle", "guard": "data.n > 3", "result": False, "where": f"chart.yaml:{line_of('often')}:18",
        "values": {"data.n": "0"},
    }  # fmt: skip
    assert told["transitions"][0]["where"].startswith(f"chart.yaml:{line_of('raise: other')}:")


def test_the_same_comes_of_events_whether_they_are_traced_or_not() -> None:
    events = ("weigh 20", "go", "weigh 60", "halt")
    machine, steps = traced(*events)
    plain = Machine(CHART)
    plain.start()
    for event in events:
        weigh(plain, event)
    assert plain.snapshot() == machine.snapshot()
    assert plain.interpreter.ended == machine.interpreter.ended == "the machine has ended (done)"
    assert len(steps) == 1 + len(events)


# Why -----------------------------------------------------------------------------------------------------------------


def why(machine: Machine, event: str, **data: object) -> list[str]:
    before = (machine.states, dict(machine.data), machine.interpreter.transitions)
    told = machine.interpreter.why(event, data)
    assert (machine.states, dict(machine.data), machine.interpreter.transitions) == before
    return told


def test_why_a_condition_did_not_hold_is_told_with_its_values() -> None:
    machine, _ = traced()
    at = line_of("- {target")
    values = "'event.value >= settings.limit' is false (event.value = 20 g, settings.limit = 50 g)"
    assert why(machine, "weigh", value=parse_mass("20 g")) == [
        f"idle -> heavy (chart.yaml:{at}:11): not taken: {values}",
        f"idle -> stays (chart.yaml:{at + 1}:11): not taken: 'data.n > 3' is false (data.n = 0)",
        f"idle -> stays (chart.yaml:{at + 2}:11): would be taken",
    ]


def test_why_names_the_states_that_handle_it() -> None:
    machine, _ = traced()
    assert why(machine, "go") == ["nothing handles 'go' in idle; it is handled in heavy"]


def test_why_says_that_no_state_handles_it() -> None:
    machine = Machine("chart: c\nevents: {a: {}, b: {}}\ninitial: s\nstates: {s: {on: {a: s}}}\n")
    machine.start()
    assert why(machine, "b") == ["nothing handles 'b' in s; no state handles it"]


def test_why_says_that_the_event_is_not_declared_and_which_was_meant() -> None:
    machine, _ = traced()
    assert why(machine, "wiegh") == [
        "nothing handles 'wiegh' in idle; chart 'traced' declares no such event, did you mean 'weigh'?"
    ]


def test_why_tells_of_a_condition_that_fails() -> None:
    machine, _ = traced()
    (told,) = why(machine, "bad")
    assert "its guard '1 / data.zero > 1' fails: ZeroDivisionError" in told


def test_why_shows_no_secret() -> None:
    machine, _ = traced("weigh 20", "weigh 60")
    machine.interpreter.assign("token", Secret("hunter2hunter2"))
    (told,) = why(machine, "halt")
    assert "'data.token == None' is false (data.token = Secret('…ter2'))" in told


def test_why_tells_that_a_machine_does_not_run_and_since_when() -> None:
    machine = Machine(CHART)
    assert why(machine, "go") == ["the machine has not been started"]
    machine.start()
    with pytest.raises(MachineFaultError):
        machine.send("bad")
    (told,) = why(machine, "go")
    assert told.startswith("the machine has faulted: chart.yaml:")
    machine.start()
    machine.stop()
    assert why(machine, "go") == ["the machine has ended (stopped)"]


def test_why_names_the_cleanup_that_is_waited_for() -> None:
    machine = Machine("""
chart: powered
events: {go: {}, a: {}}
initial: on
states:
  on:
    initial: working
    finally: off
    on: {go: end}
    states:
      working: {on: {a: working}}
      off: {initial: o1, states: {o1: {after: {5 s: o2}}, o2: {type: final}}}
  end: {}
""")
    machine.start()
    assert why(machine, "go") == ["on -> end (chart.yaml:9:14): would be taken when the cleanup 'off' of on is done"]
    machine.stop()
    assert why(machine, "go") == ["on -> end (chart.yaml:9:14): not tried, because the machine is ending"]


def test_events_that_no_state_reacts_to_are_counted() -> None:
    machine, _ = traced("go", "go", "halt", "weigh 20")
    assert machine.interpreter.unhandled == {"go": 2, "halt": 1}


def test_the_end_of_a_service_that_took_too_long_is_among_the_effects() -> None:
    look = 'service: look, with: {key: "7"}, timeout: 2 s, on: {found: t, error: t, timeout: t}'
    machine = Machine(f"chart: late\ninitial: s\nstates: {{s: {{invoke: {{{look}}}}}, t: {{}}}}")
    steps: list[Macrostep] = []
    machine.interpreter.tracer = steps.append
    machine.start()
    machine.wait(2.0)
    assert [type(effect).__name__ for effect in steps[-1].effects] == ["CancelInvoke"]
