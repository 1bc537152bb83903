"""What is marked in a picture: where a machine is, how often it went where, what a site changed."""

import json
from xml.etree import ElementTree as ET

import pytest
from render_kit import chart_of, everything, needs_graphviz, scene, shipped

from engine.render.build import scene_of
from engine.render.diff import mark_changes
from engine.render.dot import dot_text
from engine.render.marks import UnknownStateError, light
from engine.render.mermaid import mermaid_text
from engine.render.scene import Change
from engine.render.svg import svg_text
from engine.render.trace import TraceError, count, count_trace
from engine.render.tree import tree_text
from engine.runtime.machine import machine_class

# Active states -------------------------------------------------------------------------------------------------------


def test_an_active_state_lights_what_it_stands_in():
    told = shipped("weighing")
    light(told, ["ready"])
    assert [box.id for box in told.boxes.values() if box.is_active] == ["idle", "ready"]
    assert "ACTIVE" in tree_text(told)
    assert "class idle,ready active" in mermaid_text(told)
    assert '"ready" [label=' in dot_text(told)
    assert "penwidth=2" in dot_text(told)


@pytest.mark.parametrize(("word", "guess"), [("mesuring", "measuring"), ("계량 중", "measuring"), ("<chart>", "")])
def test_an_unknown_state_is_refused_with_the_one_that_was_meant(word, guess):
    with pytest.raises(UnknownStateError, match=f"did you mean '{guess}'" if guess else "its states are boot"):
        light(shipped("weighing"), [word])


# Traces --------------------------------------------------------------------------------------------------------------


def step(*transitions):
    return json.dumps({"event": "x", "transitions": transitions, "configuration": []}) + "\n"


def taken(box, event, **more):
    return {"source": box, "event": event, **more}


def counts(told, state):
    return [reaction.count for reaction in told.boxes[state].reactions]


def test_transitions_are_counted_by_their_place():
    told = everything()
    first, second = told.boxes["idle"].reactions[:2]
    lines = [
        step(taken("idle", "go", targets=list(r.targets), where=str(r.positions[0]))) for r in (first, second, second)
    ]
    counted = count(told, lines)
    assert counts(told, "idle") == [1, 2, 0, 0]
    assert (counted.macrosteps, counted.transitions, counted.unknown, counted.unreadable) == (3, 3, 0, 0)


def test_the_trace_of_a_running_machine_is_counted(tmp_path):
    steps = []
    machine = machine_class(chart_of(TURNSTILE))()
    machine.interpreter.tracer = lambda macrostep: steps.append(json.dumps(macrostep.as_json()))
    machine.start()
    for event in ("push", "coin", "push", "coin"):
        machine.send(event)
    path = tmp_path / "trace.jsonl"
    path.write_text("\n".join(steps), encoding="utf-8")
    told = scene(TURNSTILE)
    counted = count_trace(told, path)
    taken_by = {(box.id, r.head): r.count for box in told.boxes.values() for r in box.reactions}
    assert taken_by == {("locked", "coin"): 2, ("locked", "always"): 0, ("open", "push"): 2, ("passing", "always"): 2}
    assert (counted.unknown, counted.unreadable) == (0, 0)


TURNSTILE = """
chart: turnstile
events: {coin: {}, push: {}}
data: {pushed: {type: int, default: 0}}
initial: locked
states:
  locked: {on: {coin: open}, always: {when: data.pushed > 9, target: open}}
  open: {entry: [{raise: {event: push}}], on: {push: {target: passing}}}
  passing: {always: locked}
"""


def test_a_macrostep_that_failed_was_undone_and_does_not_count():
    told = shipped("weighing")
    failed = {**json.loads(step(taken("ready", "card.read", targets=["measuring"]))), "error": "action failed"}
    assert count(told, [json.dumps(failed)]).transitions == 0


def test_a_place_may_be_two_numbers_and_the_file_does_not_matter():
    told = everything()
    at = told.boxes["idle"].reactions[1].positions[0]
    count(told, [step({"source": "idle", "line": at.line, "column": at.column})])
    count_with_other_file = everything()
    count(count_with_other_file, [step({"source": "idle", "where": f"C:\\elsewhere\\x.yaml:{at.line}:{at.column}"})])
    assert counts(told, "idle") == counts(count_with_other_file, "idle") == [0, 1, 0, 0]


def test_without_a_place_the_event_and_the_targets_tell():
    told = everything()
    count(told, [step(taken("left_a", "tick", targets=["left_b"])), step(taken("idle", "go", targets=["working"]))])
    assert counts(told, "left_a") == [1]
    assert counts(told, "idle") == [1, 0, 0, 0]


def test_what_a_retry_was_written_out_to_shares_its_place_and_is_told_apart_by_event():
    told = everything()
    retry = [r for r in told.boxes["retried/calling"].reactions if r.targets == ("retried/retrying",)]
    assert len({r.positions for r in retry}) == 1
    count(
        told,
        [
            step(
                taken(
                    "retried/calling", retry[1].event, targets=list(retry[1].targets), where=str(retry[1].positions[0])
                )
            )
        ],
    )
    assert [r.count for r in retry] == [0, 1, 0]


def test_lines_of_rubbish_and_transitions_of_another_chart_are_told_apart():
    told = shipped("weighing")
    lines = [
        "no json\n",
        "\n",
        "[1]\n",
        '{"transitions": 3}\n',
        step(taken("nowhere", "x")),
        step("x", {"source": 3}, {}),
    ]
    counted = count(told, lines)
    assert (counted.macrosteps, counted.unreadable, counted.unknown) == (2, 3, 1)


def test_the_way_into_a_cleanup_is_the_runtimes_own():
    counted = count(everything(), [step(taken("live", None, targets=["discharge"], where="x:1:1"))])
    assert counted.unknown == 0


def test_a_file_without_macrosteps_is_no_trace(tmp_path):
    path = tmp_path / "trace.jsonl"
    path.write_bytes(b"\xff\xfe\x00rubbish\n")
    with pytest.raises(TraceError, match="holds no macrosteps"):
        count_trace(shipped("weighing"), path)
    with pytest.raises(TraceError, match="cannot be read"):
        count_trace(shipped("weighing"), tmp_path)


@needs_graphviz
def test_counts_are_written_and_lines_grow_with_them(tmp_path):
    told = scene("chart: x\ninitial: a\nevents: {go: {}, back: {}}\nstates: {a: {on: {go: b}}, b: {on: {back: a}}}")
    path = tmp_path / "trace.jsonl"
    path.write_text(step(taken("a", "go")) * 1200, encoding="utf-8")
    count_trace(told, path)
    assert "1,200 transitions taken in 1,200 macrosteps of trace.jsonl" in told.notes[0]
    assert "1200× go" in tree_text(told)
    root = ET.fromstring(svg_text(told))
    widths = {e.get("data-link"): e.get("style") for e in root.iter() if "line" in e.get("class", "").split()}
    assert widths["0"] == "stroke-width: 6.0"
    assert widths["1"] is None
    assert [
        e.get("data-link") for e in root.iter() if "never" in e.get("class", "") and "label" in e.get("class", "")
    ] == ["1"]


# Changes -------------------------------------------------------------------------------------------------------------

OLD = """
chart: x
settings: {wait: {type: duration, default: 30 s}, old: {type: int, default: 1}}
events: {go: {n: int}, stop: {}}
data: {n: {type: int, default: 0}}
initial: a
states:
  a:
    title: 처음
    entry: [{log: here}]
    on: {go: {target: b, when: event.n > 1}, stop: c}
    after: {"${settings.wait}": c}
  b: {on: {stop: a}}
  c: {initial: c1, states: {c1: {on: {go: c2}}, c2: {}}}
"""
NEW = """
chart: x
settings: {wait: {type: duration, default: 45 s}, new: {type: flag, default: true}}
events: {go: {n: int}, stop: {}}
data: {n: {type: int, default: 0}}
initial: a
states:
  a:
    title: 시작
    entry: [{log: there}]
    on: {go: {target: b, when: event.n > 2}, stop: d}
    after: {"${settings.wait}": c}
  b: {on: {stop: a}}
  c: {initial: c1, states: {c1: {}}}
  d: {entry: [{log: new}]}
"""


def compared():
    told = scene_of(chart_of(NEW))
    mark_changes(told, scene_of(chart_of(OLD)))
    return told


def changes(told, state):
    return {(r.event or "", r.targets): r.change for r in told.boxes[state].reactions}


def test_added_removed_and_changed_states_are_marked():
    told = compared()
    assert {state: box.change for state, box in told.boxes.items() if box.change is not Change.NONE} == {
        "a": Change.CHANGED, "c2": Change.REMOVED, "d": Change.ADDED,
    }  # fmt: skip
    assert told.boxes["a"].was == "title: 처음"
    assert list(told.boxes) == ["<chart>", "a", "b", "c", "c1", "c2", "d"]


def test_a_transition_is_changed_when_its_guard_is_and_another_one_when_its_target_is():
    told = compared()
    assert changes(told, "a") == {
        ("go", ("b",)): Change.CHANGED, ("stop", ("d",)): Change.ADDED, ("a/after/0", ("c",)): Change.CHANGED,
        ("stop", ("c",)): Change.REMOVED,
    }  # fmt: skip
    assert changes(told, "b") == {("stop", ("a",)): Change.NONE}
    assert changes(told, "c1") == {("go", ("c2",)): Change.REMOVED}
    assert "if event.n > 1" in told.boxes["a"].reactions[0].was


def test_a_changed_default_is_told_and_marks_what_it_times():
    notes = compared().notes
    assert notes[0] == "compared with x 0 (test.yaml): 3 added, 3 removed, 4 changed"
    assert notes[1:] == ["settings.wait: 30 s → 45 s", "settings.old: removed, was 1", "settings.new: new, true"]


def test_facts_are_compared_too():
    assert [(fact.change, fact.was) for fact in compared().boxes["a"].facts] == [
        (Change.CHANGED, "log there".replace("there", "here"))
    ]


def test_the_same_chart_has_no_changes():
    told = shipped("weighing")
    mark_changes(told, shipped("weighing"))
    assert not told.is_diff
    assert told.notes == [f"compared with weighing {told.version} (machines/weighing.yaml): the same flow"]


def test_a_site_that_removes_a_whole_branch_still_shows_it():
    told = scene("chart: x\ninitial: a\nstates: {a: {}}")
    mark_changes(
        told,
        scene("chart: x\ninitial: a\nstates: {a: {}, b: {initial: c, states: {c: {initial: d, states: {d: {}}}}}}"),
    )
    assert list(told.boxes) == ["<chart>", "a", "b", "c", "d"]
    assert {told.boxes[state].change for state in "bcd"} == {Change.REMOVED}


@needs_graphviz
def test_changes_have_their_colours_in_every_format():
    told = compared()
    root = ET.fromstring(svg_text(told))
    by_change = {
        change: {g.get("data-state") for g in root.iter() if {"state", change} <= set(g.get("class", "").split())}
        - {None}
        for change in ("added", "removed", "changed")
    }
    assert by_change == {"added": {"d"}, "removed": {"c2"}, "changed": {"a"}}
    assert "before:" in svg_text(told)
    text = tree_text(told)
    assert "~ 시작" in text
    assert "was title: 처음" in text
    assert "+ stop → d" in text
    assert "- stop → c" in text
    assert "class d added" in mermaid_text(told)
    assert '#cf222e", penwidth=2' in dot_text(told)
