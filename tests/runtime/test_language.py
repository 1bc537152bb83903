"""The parts of the chart language that are ours and not SCXML's: services, retry, timers, sends, settings, units."""

from __future__ import annotations

from typing import Any

import pytest
from machine_kit import Machine, chart_of

from engine.chart.declare import resolve_settings
from engine.chart.model import StateKind
from engine.effects import MachineEnded, SendEvent, StartInvoke
from engine.errors import Diagnostic
from engine.units import parse_mass


def started(text: str, settings: dict[str, object] | None = None) -> Machine:
    machine = Machine(text, settings)
    machine.start()
    return machine


# Services ------------------------------------------------------------------------------------------------------------

ASKS = """
chart: asks
events: {away: {}, a: {}}
data: {n: {type: int, default: 7}}
initial: s
states:
  s:
    invoke:
      service: look
      with: {key: "no. ${data.n}"}
      timeout: 3 s
      cancel: wait 2 s
      on:
        found: {target: t, actions: [{log: "found ${event.n}"}]}
        error: {target: u, actions: [{log: "${event.reason}"}]}
        timeout: u
    on: {away: u, a: s}
  t: {}
  u: {}
"""


def test_a_service_is_started_with_its_arguments_when_its_state_is_entered() -> None:
    machine = Machine(ASKS)
    assert machine.start() == ["invoke look s/invoke/0:1", "timer s/invoke/0/timeout"]
    assert machine.effects[0] == StartInvoke("s/invoke/0:1", "look", {"key": "no. 7"})


def test_its_outcome_leads_on_with_what_it_carries() -> None:
    machine = started(ASKS)
    assert machine.answer("s", "found", n=3) == ["no timer s/invoke/0/timeout", "found 3"]
    assert machine.states == ("t",)


def test_a_service_that_takes_too_long_is_cancelled_and_its_late_answer_does_not_count() -> None:
    machine = started(ASKS)
    assert machine.wait(3.0) == ["cancel s/invoke/0:1 wait 2.0"]
    assert machine.states == ("u",)
    assert machine.answer("s", "found", n=3) == []
    assert machine.states == ("u",)


def test_a_service_is_cancelled_when_its_state_is_left() -> None:
    machine = started(ASKS)
    assert machine.send("away") == ["cancel s/invoke/0:1 wait 2.0", "no timer s/invoke/0/timeout"]


def test_the_answer_of_an_earlier_start_does_not_count() -> None:
    machine = started(ASKS)
    machine.send("a")
    assert machine.interpreter.resolve("s/invoke/0:1", "found", {"n": 1}, machine.time, machine.now) == []
    assert machine.states == ("s",)
    machine.answer("s", "found", n=2)
    assert machine.states == ("t",)


def test_a_service_of_a_state_that_is_left_in_the_same_macrostep_is_never_started() -> None:
    machine = Machine(ASKS.replace("    invoke:", "    always: {target: t, when: data.n == 7}\n    invoke:"))
    assert "invoke" not in " ".join(machine.start())


# Retry ---------------------------------------------------------------------------------------------------------------


def retrying(retry: str, also: str = "") -> str:
    return f"""
chart: posts
events: {{away: {{}}}}
settings: {{first: {{type: duration, default: 2 s}}}}
initial: s
states:
  s:
    entry: [{{log: entered}}]
    exit: [{{log: left}}]
    on: {{away: gone}}
    invoke:
      service: post
      retry: {{{retry}}}
      {also}
      on: {{done: gone, busy: gone, unreachable: {{target: gone, actions: [{{log: gave up}}]}}, error: {{target: gone, actions: [{{log: broken}}]}}{", timeout: gone" if also else ""}}}
  gone: {{}}
"""


CALLING, RETRYING = "s/calling", "s/retrying"


def pauses(machine: Machine, outcome: str, times: int, **payload: Any) -> list[float]:
    """How long it waits before each of its next attempts, when all of them end so."""
    found = []
    for _ in range(times):
        assert machine.states == ("s", CALLING)
        machine.answer(CALLING, outcome, reason="x", **payload)
        assert machine.states == ("s", RETRYING)
        (left,) = machine.timers.values()
        found.append(left)
        machine.wait(left + 0.001)
    return found


def test_retry_waits_longer_each_time_up_to_its_maximum() -> None:
    machine = started(retrying("times: forever, first: 2 s, factor: 3, max: 30 s, jitter: none"))
    assert pauses(machine, "unreachable", 5) == [2.0, 6.0, 18.0, 30.0, 30.0]


def test_retry_goes_on_for_ever_where_nothing_else_is_said() -> None:
    machine = started(retrying("first: 1 s, max: 1 s, jitter: none"))
    assert pauses(machine, "error", 50) == [1.0] * 50


def test_full_jitter_is_anything_up_to_the_whole_of_it() -> None:
    machine = started(retrying("first: 8 s, factor: 1, jitter: full"))
    found = pauses(machine, "unreachable", 40)
    assert all(0 <= pause <= 8.0 for pause in found)
    assert min(found) < 2.0
    assert max(found) > 6.0


def test_after_so_many_repetitions_the_outcome_is_taken() -> None:
    machine = started(retrying("times: 3, first: 1 s, jitter: none"))
    assert pauses(machine, "unreachable", 3) == [1.0, 2.0, 4.0]
    assert machine.answer(CALLING, "unreachable", reason="x")[-1] == "gave up"
    assert machine.states == ("gone",)


def test_only_the_named_outcomes_are_tried_again() -> None:
    machine = started(retrying("first: 1 s, jitter: none, when: [busy]"))
    pauses(machine, "busy", 1)
    assert machine.answer(CALLING, "error", reason="x")[-1] == "broken"


def test_a_server_that_says_when_is_not_asked_before() -> None:
    machine = started(retrying("first: 1 s, jitter: none"))
    assert pauses(machine, "unreachable", 1, retry_after=40.0) == [40.0]
    assert pauses(machine, "error", 1) == [2.0]  # that was said once


def test_a_timeout_of_an_attempt_is_tried_again_too() -> None:
    machine = started(retrying("first: 1 s, jitter: none", "timeout: 5 s"))
    machine.wait(5.0)
    assert machine.states == ("s", RETRYING)


def test_entry_and_exit_span_all_attempts_and_the_state_can_be_left_between_them() -> None:
    machine = Machine(retrying("first: 1 s, jitter: none"))
    assert machine.start() == ["entered", "invoke post s/calling/invoke/0:1"]
    told = machine.answer(CALLING, "error", reason="x") + machine.wait(1.0)
    assert not {"entered", "left"} & set(told)
    machine.answer(CALLING, "error", reason="x")
    assert machine.send("away") == ["no timer s/retrying/after/0", "left"]


def test_attempts_are_counted_anew_when_the_state_is_entered_again() -> None:
    machine = started(retrying("times: 3, first: 1 s, jitter: none").replace("gone: {}", "gone: {on: {away: s}}"))
    pauses(machine, "unreachable", 3)
    machine.send("away")
    machine.send("away")
    assert pauses(machine, "unreachable", 3) == [1.0, 2.0, 4.0]


def test_a_pause_may_be_a_setting() -> None:
    text = retrying('first: "${settings.first}", jitter: none')
    assert pauses(started(text, {"first": "5 s"}), "error", 1) == [5.0]


def test_retry_is_ordinary_states_and_timers_that_a_picture_can_show() -> None:
    chart = chart_of(retrying("first: 1 s"))
    assert [child.id for child in chart.states["s"].children] == [CALLING, RETRYING]
    assert chart.states["s"].kind is StateKind.COMPOUND
    (timer,) = chart.states[RETRYING].timers
    assert {t.label for t in chart.states[CALLING].transitions} == {"done", "busy", "unreachable", "error"}
    assert [t.targets for t in chart.states[RETRYING].transitions if t.event == timer.key] == [(CALLING,)]


# Timers and sends ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "seconds"),
    [("1500 ms", 1.5), ("${settings.wait}", 120.0), ("${settings.wait * 2}", 240.0), ("${q('1 s') * data.n}", 3.0)],
)
def test_a_timer_is_a_literal_a_setting_or_an_expression(after: str, seconds: float) -> None:
    machine = started(f"""
chart: waits
settings: {{wait: {{type: duration, default: 2 min}}}}
data: {{n: {{type: int, default: 3}}}}
initial: s
states: {{s: {{after: {{"{after}": t}}}}, t: {{}}}}
""")
    assert machine.timers == {"s/after/0": seconds}
    machine.wait(seconds - 0.01)
    assert machine.states == ("s",)
    machine.wait(0.01)
    assert machine.states == ("t",)


def test_timers_of_one_state_do_not_disturb_each_other_and_end_with_it() -> None:
    machine = started("""
chart: waits
events: {a: {}}
initial: s
states:
  s:
    after: {1 s: {actions: [{log: one}]}, 2 s: {actions: [{log: two}]}, 9 s: t}
    on: {a: t}
  t: {}
""")
    assert machine.wait(2.0) == ["one", "two"]
    assert machine.send("a") == ["no timer s/after/2"]
    assert machine.wait(60.0) == []


SENDS = """
chart: sends
events: {go: {n: int}, off: {}, tick: {n: int}}
initial: s
states:
  s:
    on:
      go:
        actions:
          - {send: {event: tick, to: lines, with: {n: "${event.n + 1}"}}}
          - {send: {event: later, to: other, delay: "${q('2 s') * event.n}", id: ping, with: {n: "${event.n}"}}}
      off: {actions: [{cancel: {id: ping}}]}
"""


def test_an_event_is_sent_to_another_machine_with_what_it_carries() -> None:
    machine = started(SENDS)
    machine.send("go", n=1)
    assert machine.effects[0] == SendEvent("lines", "tick", {"n": 2})


def test_a_delayed_event_carries_what_was_known_when_it_was_ordered() -> None:
    machine = started(SENDS)
    machine.send("go", n=3)
    assert machine.wait(5.9) == []
    machine.wait(0.1)
    assert machine.effects == [SendEvent("other", "later", {"n": 3})]


def test_a_delayed_event_is_cancelled_by_its_id_and_replaced_by_one_of_the_same() -> None:
    machine = started(SENDS)
    machine.send("go", n=3)
    machine.send("go", n=5)
    assert machine.timers == {"send/ping": 10.0}
    assert machine.send("off") == ["no timer send/ping"]
    assert machine.send("off") == []
    assert machine.wait(60.0) == []


def test_the_first_branch_that_holds_is_chosen() -> None:
    machine = started("""
chart: chooses
events: {a: {n: int}}
initial: s
states:
  s:
    on:
      a:
        actions:
          - choose:
              - {when: event.n > 10, actions: [{log: many}, {light: red}]}
              - {when: event.n > 5, guard: {not: {when: event.n == 7}}, actions: [{log: some}]}
              - {actions: [{log: few}]}
          - {log: after}
""")
    assert machine.send("a", n=11) == ["many", "light red", "after"]
    assert machine.send("a", n=6) == ["some", "after"]
    assert machine.send("a", n=7) == ["few", "after"]


def test_what_a_final_state_says_is_what_the_machine_ends_with() -> None:
    machine = started("""
chart: ends
events: {a: {n: int}}
data: {n: {type: int, default: 0}}
initial: s
states:
  s: {on: {a: {target: over, actions: [{assign: {n: "${event.n}"}}]}}}
  over: {type: final, done: {n: "${data.n * 2}", word: fin}}
""")
    machine.send("a", n=4)
    assert machine.effects == [MachineEnded("done", "", {"n": 8, "word": "fin"})]


def test_what_an_inner_final_state_says_is_carried_by_the_done_event() -> None:
    machine = started("""
chart: part
events: {a: {}}
initial: s
states:
  s:
    initial: s1
    on: {done: {target: t, actions: [{log: "got ${event.n}"}]}}
    states: {s1: {on: {a: s2}}, s2: {type: final, done: {n: 5}}}
  t: {}
""")
    assert machine.send("a") == ["got 5"]


# Settings ------------------------------------------------------------------------------------------------------------

SETTINGS = """
chart: tuned
settings:
  least: {type: mass, default: 50 g, min: 1 g, max: 2 kg}
  pause: {type: duration, default: 1 s, min: 0 s}
  tries: {type: int, default: 3, min: 1, max: 9}
  mode: {type: choice, choices: [fast, safe], default: safe}
  loud: {type: flag, default: false}
events: {weigh: {value: mass}}
initial: s
states:
  s: {on: {weigh: {when: event.value >= settings.least, actions: [{log: enough}]}}}
"""


def overridden(**given: object) -> tuple[dict[str, object], list[str]]:
    problems: list[Diagnostic] = []
    values = resolve_settings(chart_of(SETTINGS).settings, given, problems)
    return dict(values), [problem.code for problem in problems]


def test_settings_have_their_defaults_with_their_types() -> None:
    values, problems = overridden()
    assert values == {"least": parse_mass("50 g"), "pause": 1.0, "tries": 3, "mode": "safe", "loud": False}
    assert problems == []


def test_a_site_gives_other_values_in_other_units() -> None:
    values, problems = overridden(least="0.2 kg", pause="2 min", mode="fast", loud=True)
    assert problems == []
    assert (values["least"], values["pause"], values["mode"]) == (parse_mass("200 g"), 120.0, "fast")


@pytest.mark.parametrize(
    "given",
    [
        {"least": "0.5 g"}, {"least": "3 kg"}, {"least": "2 s"}, {"least": 50}, {"pause": "50 g"}, {"pause": 30},
        {"tries": 10}, {"tries": "three"}, {"tries": True}, {"mode": "slow"}, {"loud": "yes"}, {"laest": "60 g"},
    ],
)  # fmt: skip
def test_a_value_of_another_type_or_beyond_its_range_is_refused(given: dict[str, object]) -> None:
    _, problems = overridden(**given)
    assert len(problems) == 1


def test_quantities_compare_across_units() -> None:
    machine = started(SETTINGS, {"least": "0.2 kg"})
    assert machine.send("weigh", value=parse_mass("199.99 g")) == []
    assert machine.send("weigh", value=parse_mass("200000 mg")) == ["enough"]
    assert machine.send("weigh", value=parse_mass("0.5 lb")) == ["enough"]
