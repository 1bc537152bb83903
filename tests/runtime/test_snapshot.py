"""What becomes of timers, services and data after a restart, of a chart that has changed, and of a damaged snapshot."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from machine_kit import Machine

from engine.bindings.window import Sample
from engine.events import Event
from engine.ports import Secret
from engine.runtime.errors import SnapshotError
from engine.units import Quantity

CHART: Final = """
chart: kept
version: 1.2.3
events: {a: {}, weight.read: {value: mass, stable: flag, status: text}}
data: {n: {type: int, default: 0}, text: {type: text}, samples: {type: window}}
initial: s
on: {a: {actions: [{assign: {n: "${data.n + 1}"}}]}, weight.read: {actions: [{window.add: samples}]}}
states:
  s:
    after:
      5 s: {target: t, actions: [{log: timer}]}
  t: {}
"""


def put_away(machine: Machine) -> dict[str, Any]:
    document = json.loads(json.dumps(machine.snapshot()))
    assert isinstance(document, dict)
    return document


def taken_up(chart: str | Machine, document: Any, *, at: float = 5000.0) -> Machine:
    again = Machine(chart if isinstance(chart, str) else chart.chart)
    again.time = at
    again.restore(document)
    return again


def started(chart: str, *steps: str | float) -> Machine:
    machine = Machine(chart)
    machine.start()
    for step in steps:
        if isinstance(step, str):
            machine.send(step)
        else:
            machine.wait(step)
    return machine


def test_a_snapshot_says_what_it_is_of() -> None:
    machine = started(CHART)
    document = put_away(machine)
    assert (document["chart"], document["version"]) == ("kept", "1.2.3")
    assert document["hash"] == machine.chart.content_hash
    assert document["hash"] != Machine(CHART + "# a word more\n").chart.content_hash


# Timers --------------------------------------------------------------------------------------------------------------


def timer_chart(policy: str) -> str:
    return f"""
chart: waits
initial: s
states:
  s: {{after: {{5 s: {{target: t, on_restore: {policy}}}}}}}
  t: {{}}
"""


@pytest.mark.parametrize(("policy", "left"), [("resume", 2.0), ("restart", 5.0), ("fire", 0.0)])
def test_a_timer_comes_back_as_its_policy_says(policy: str, left: float) -> None:
    document = put_away(started(timer_chart(policy), 3.0))
    again = taken_up(timer_chart(policy), document)
    assert again.timers == {"s/after/0": left}
    again.wait(left)
    assert again.states == ("t",)


def test_a_timer_without_a_policy_resumes_what_was_left_of_it() -> None:
    assert taken_up(CHART, put_away(started(CHART, 3.0))).timers == {"s/after/0": 2.0}


def test_a_timer_that_has_fired_stays_so() -> None:
    chart = "chart: once\ninitial: s\nstates: {s: {after: {1 s: {actions: [{log: x}]}, 9 s: s}}}\n"
    assert taken_up(chart, put_away(started(chart, 2.0))).timers == {"s/after/1": 7.0}


def test_a_timer_of_a_changed_chart_begins_anew() -> None:
    document = put_away(started(CHART, 3.0))
    assert taken_up(CHART.replace("5 s:", "8 s:"), document).timers == {"s/after/0": 8.0}


def test_a_delayed_event_is_still_sent_and_can_still_be_cancelled() -> None:
    chart = """
chart: later
events: {a: {}, off: {}}
initial: s
states:
  s:
    entry: [{send: {event: x, to: y, delay: 5 s, id: ping, with: {n: 1}}}]
    on: {off: {actions: [{cancel: {id: ping}}]}}
"""
    document = put_away(started(chart, 3.0))
    assert taken_up(chart, document).wait(2.0) == ["send x to y"]
    assert taken_up(chart, document).send("off") == ["no timer send/ping"]


# Services ------------------------------------------------------------------------------------------------------------

ASKS: Final = """
chart: asks
data: {n: {type: int, default: 7}}
initial: s
states:
  s:
    invoke:
      service: SERVICE
      timeout: 4 s
      on: {found: t, printed: t, timeout: t, error: {target: u, actions: [{log: "${event.reason}"}]}}
  t: {}
  u: {}
"""
LOOKS: Final = ASKS.replace("SERVICE", "look\n      with: {key: 'no. ${data.n}'}").replace("printed: t, ", "")
PRINTS: Final = ASKS.replace("SERVICE", "print").replace("found: t, ", "")


def test_a_service_that_may_be_repeated_is_and_its_time_begins_anew() -> None:
    document = put_away(started(LOOKS, 3.0))
    again = Machine(LOOKS)
    assert again.restore(document) == ["timer s/invoke/0/timeout", "invoke look s/invoke/0:1"]
    assert again.effects[1].args == {"key": "no. 7"}  # type: ignore[union-attr]
    assert again.timers == {"s/invoke/0/timeout": 4.0}
    again.answer("s", "found", n=1)
    assert again.states == ("t",)


def test_a_service_that_may_not_be_repeated_has_failed() -> None:
    document = put_away(started(PRINTS))
    again = Machine(PRINTS)
    assert again.restore(document) == ["interrupted by a restart"]
    assert again.states == ("u",)


def test_a_service_whose_arguments_cannot_be_worked_out_again_has_failed() -> None:
    chart = LOOKS.replace("${data.n}", "${7 / data.n}")
    document = put_away(started(chart))
    document["data"]["n"] = 0
    again = Machine(chart)
    assert again.restore(document)[-1].startswith("not repeated: ")
    assert again.states == ("u",)


def test_a_service_that_had_answered_is_not_started_again() -> None:
    chart = LOOKS.replace("found: t", "found: {actions: [{log: found}]}")
    machine = started(chart)
    machine.answer("s", "found", n=1)
    assert Machine(chart).restore(put_away(machine)) == []


# Data ----------------------------------------------------------------------------------------------------------------


def test_a_window_keeps_its_readings_and_their_age() -> None:
    machine = started(CHART)
    weight = Quantity("12.50", "g")
    reading = {"at": machine.time, "value": weight, "stable": True, "status": "ok", "raw": b"\x02x"}
    machine.interpreter.handle(Event("weight.read", reading), machine.time, machine.now)
    machine.wait(2.0)
    document = put_away(machine)
    again = Machine(CHART)
    again.time = machine.time + 60.0  # this machine's clock is the calendar's: it was away for a minute
    again.restore(document)
    assert list(again.data["samples"]) == [Sample(machine.time - 2.0, weight, True, "ok", b"\x02x")]  # type: ignore[call-overload]


def test_a_secret_is_never_written() -> None:
    chart = "chart: s\ndata: {token: {type: secret}}\nevents: {a: {}}\ninitial: s\nstates: {s: {}}\n"
    machine = started(chart)
    machine.interpreter.assign("token", Secret("hunter2hunter2"))
    document = put_away(machine)
    assert "hunter2" not in json.dumps(document)
    assert taken_up(chart, document).data["token"] is None


def test_what_json_cannot_carry_is_named() -> None:
    machine = started(CHART)
    machine.interpreter.assign("text", object())
    with pytest.raises(SnapshotError, match="'text' holds a object"):
        machine.snapshot()


# A chart that has changed --------------------------------------------------------------------------------------------

TREE: Final = """
chart: tree
events: {a: {}}
data: {n: {type: int, default: 1}}
initial: s
on: {a: {actions: [{log: "n ${data.n}"}]}}
states:
  s:
    initial: s2
    states:
      h: {type: history, history: deep, default: s1}
      s1: {initial: s11, states: {s11: {}, s12: {}}}
      s2: {initial: s22, states: {s21: {}, s22: {}}}
  t: {on: {a: h}}
"""


def test_a_changed_chart_goes_on_where_the_states_still_exist() -> None:
    document = put_away(started(TREE))
    changed = TREE.replace("version", "v").replace("  t: {on: {a: h}}", "  t: {on: {a: s}}\n  new: {}")
    changed = changed.replace("n: {type: int, default: 1}", "n: {type: text, default: one}, m: {type: int, default: 5}")
    again = taken_up(changed, document)
    assert again.states == ("s", "s2", "s22")
    assert again.data == {"n": "one", "m": 5}  # what has another type now, or is new, begins with its default
    assert again.send("a") == ["n one"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("chart: tree", "chart: bush", "is of chart 'tree', not of 'bush'"),
        ("s22", "s23", r"stands in states that are gone: s22$"),
        ("s2", "z2", r"stands in states that are gone: s2, s22$"),
        ("  s:\n    initial: s2\n", "  s:\n    initial: t\n    states: {t: {}}\n  s_:\n    initial: s2\n",
         "do not go together now: 's2' lies in 's_'"),
        ("s22: {}}", "s22: {initial: q, states: {q: {}}}}", "'s22' needs exactly one active child, not 0"),
        ("s22: {}}", "s22: {type: parallel, states: {q: {}, r: {}}}}", "'s22' has regions that are not active"),
    ],
)  # fmt: skip
def test_a_changed_chart_that_does_not_fit_is_refused_and_says_why(old: str, new: str, message: str) -> None:
    document = put_away(started(TREE))
    changed = TREE.replace(old, new).replace("  t: {on: {a: h}}", "" if "t: {}" in new else "  t: {on: {a: h}}")
    again = Machine(changed)
    with pytest.raises(SnapshotError, match=message):
        again.restore(document)
    assert not again.interpreter.is_running
    assert again.start() == []  # nothing of the attempt is left


def test_history_that_a_changed_chart_has_no_place_for_is_forgotten() -> None:
    chart = TREE.replace("s:\n    initial", "s:\n    on: {a: t}\n    initial")
    machine = started(chart, "a")
    assert machine.states == ("t",)
    document = put_away(machine)
    assert document["history"] == {"h": ["s22"]}
    assert taken_up(chart, document).send("a") == []
    again = taken_up(chart, document)
    again.send("a")
    assert again.states == ("s", "s2", "s22")
    moved = chart.replace(", s22: {}}}", "}}\n  s22: {}").replace("initial: s22", "initial: s21")
    again = taken_up(moved, document)
    again.send("a")
    assert again.states == ("s", "s1", "s11")


def test_a_cleanup_that_was_exchanged_meanwhile_is_owed_again() -> None:
    chart = """
chart: powered
events: {go: {}}
initial: on
states:
  on:
    initial: working
    finally: FINALLY
    on: {go: end}
    states:
      working: {}
      off: {initial: o1, states: {o1: {after: {5 s: o2}}, o2: {type: final}}}
      quick: {entry: [{log: quickly}]}
  end: {}
"""
    machine = started(chart.replace("FINALLY", "off"), "go")
    assert machine.states == ("on", "off", "o1")
    again = Machine(chart.replace("FINALLY", "quick"))
    assert again.restore(put_away(machine)) == ["quickly", "ended restored: interrupted by a crash"]


# Damaged, torn and hostile -------------------------------------------------------------------------------------------

_RICH: Final = """
chart: rich
events: {a: {}, b: {}}
data: {m: {type: mass, default: 5 g}, w: {type: window}, at: {type: time}, l: {type: list, default: []},
       p: {type: map}, c: {type: choice, choices: [x, y], default: x}}
initial: p0
states:
  p0:
    type: parallel
    on: {b: t}
    states:
      r1:
        initial: r11
        finally: r1z
        states:
          h1: {type: history, default: r11}
          r11: {on: {a: r12}, after: {9 s: r12}}
          r12: {invoke: {service: look, timeout: 3 s, on: {found: r11, error: r11, timeout: r11}}}
          r1z: {entry: [{log: z}]}
      r2:
        initial: r21
        states:
          h2: {type: history, history: deep, default: r21}
          r21: {on: {a: {target: r22, actions: [{assign: {at: "${now()}", p: {k: "${data.m}"}, l: [1, "${data.m}"]}},
                                                {send: {event: x, to: y, delay: 8 s, with: {k: 1}}}]}}}
          r22: {initial: r221, states: {r221: {}, r222: {}}}
  t: {on: {b: [h1], a: [h2]}}
"""


def _rich() -> tuple[Machine, dict[str, Any]]:
    machine = started(_RICH, "a", "b", "a", "a")
    return machine, put_away(machine)


RICH, DOCUMENT = _rich()


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a document that can hold something else: its holder, and the key."""
    if not isinstance(value, dict | list):
        return []
    keys = list(value) if isinstance(value, dict) else range(len(value))
    return [place for key in keys for place in ((value, key), *places(value[key]))]


_ANYTHING: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["", "r11", "r1", "p0", "t", "h1", "$map", "2026-01-01T00:00:00", "over", "done", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["$map", "$time", "r1", "k"]), inner),
    max_leaves=5,
)


@settings(max_examples=400, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 200), _ANYTHING, st.booleans())
def test_a_snapshot_with_anything_in_it_is_refused_or_makes_a_legal_machine(
    place: int,
    anything: Any,
    is_same: bool,  # noqa: FBT001 - drawn
) -> None:
    document = json.loads(json.dumps(DOCUMENT))
    holder, key = places(document)[place % len(places(document))]
    holder[key] = anything
    if not is_same:
        document["hash"] = "of another version"
    again = Machine(RICH.chart)
    try:
        again.restore(document)
    except SnapshotError as error:
        assert str(error)  # noqa: PT017 - the other way is as good
        assert not again.interpreter.is_running
        return
    for event in ("a", "b", "a", "b", "b"):
        if again.interpreter.is_running:
            check_legal(again)
            again.send(event)
            again.wait(2.0)


def check_legal(machine: Machine) -> None:
    states = machine.chart.states
    for name in machine.states:
        state = states[name]
        inside = [child.id for child in state.children if child.id in machine.states]
        assert len(inside) == {"compound": 1, "parallel": 2}.get(state.kind.value, 0), machine.states


@pytest.mark.parametrize(
    "document", [None, [], "", 7, {}, {"format": 1}, {"format": 2}, {**DOCUMENT, "configuration": []}]
)
def test_what_is_no_snapshot_is_refused_in_words(document: Any) -> None:
    again = Machine(RICH.chart)
    with pytest.raises(SnapshotError, match=r"the snapshot|the chart"):
        again.restore(document)
    assert not again.interpreter.is_running


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: d["history"].update(h1=["r11", "r12"]),
        lambda d: d["history"].update(h1=["r221"]),
        lambda d: d["history"].update(h2=["r11"]),
        lambda d: d["history"].update(t=["r11"]),
        lambda d: d["timers"].update({"r11/after/0": float("inf")}),
        lambda d: d["timers"].update({"r11/after/0": -1.0}),
        lambda d: d["data"].update(m={"$quantity": ["NaN", "g"]}),
        lambda d: d["data"].update(m={"$quantity": ["1", "parsec"]}),
        lambda d: d["data"].update(at={"$time": "2026-01-01T00:00:00"}),
        lambda d: d["data"].update(c="z"),
        lambda d: d["data"].update(w={"$window": [["now", 1, 2, 3, 4]]}),
        lambda d: d["delayed"].update({"send/x": {"to": "y", "event": "x", "data": 5}}),
        lambda d: d.update(taken_at="yesterday"),
    ],
)
def test_damage_is_told_as_damage(damage: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads(json.dumps(DOCUMENT))
    damage(document)
    with pytest.raises(SnapshotError, match="damaged"):
        Machine(RICH.chart).restore(document)
