"""``extends``: what a patch changes, and that all else stays as it was, with every value's own file and line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from machine_kit import Machine, registry

from engine.chart.load import build_checked, read_chart
from engine.chart.model import Chart
from engine.errors import DiagnosticError

BASE = """\
chart: base
version: "1"
title: Base
settings: {limit: {type: int, default: 3, min: 1, help: how many}}
events: {a: {n: int}, b: {}, c: {}}
data: {n: {type: int, default: 0}}
initial: s
states:
  s:
    title: Start
    tags: [safe, quiet]
    entry: [{log: one}, {log: two}]
    on:
      a:
        - {id: much, target: t, when: event.n > 10}
        - {id: some, target: u, when: event.n > settings.limit}
        - {actions: [{log: few}]}
      b: t
      c: {id: only, target: t}
  t: {on: {b: s}}
  u: {}
"""

Patch = Callable[..., Chart]


@pytest.fixture
def patched(tmp_path: Path) -> Patch:
    (tmp_path / "base.yaml").write_text(BASE, encoding="utf-8")

    def patch(text: str, name: str = "site.yaml") -> Chart:
        (tmp_path / name).write_text(text, encoding="utf-8")
        document = read_chart(tmp_path / name)
        if document.problems:
            raise DiagnosticError(document.problems)
        return build_checked(document, registry())

    return patch


def started(chart: Chart) -> Machine:
    machine = Machine(chart)
    machine.start()
    return machine


def targets(chart: Chart, event: str) -> list[tuple[str, ...]]:
    return [t.targets for t in chart.states["s"].transitions if t.event == event]


def test_maps_merge_and_all_else_stays(patched: Patch) -> None:
    chart = patched("extends: ./base.yaml\nsettings: {limit: {default: 5}}\nstates: {s: {title: Site}}\n")
    assert (chart.name, chart.title, chart.states["s"].title) == ("base", "Base", "Site")
    limit = chart.settings["limit"]
    assert (limit.default, limit.minimum, limit.help) == (5, 1, "how many")
    assert list(chart.states) == ["s", "t", "u"]
    assert started(chart).send("a", n=4) == ["few"]


def test_null_deletes(patched: Patch) -> None:
    chart = patched("extends: ./base.yaml\nstates: {s: {title: null, entry: null, on: {b: null}}}\n")
    assert Machine(chart).start() == []
    assert targets(chart, "b") == []
    assert len(targets(chart, "a")) == 3


def test_lists_replace(patched: Patch) -> None:
    chart = patched("extends: ./base.yaml\nstates: {s: {tags: [busy], entry: [{log: three}], on: {a: [u]}}}\n")
    assert chart.states["s"].tags == {"busy"}
    assert Machine(chart).start() == ["three"]
    assert targets(chart, "a") == [("u",)]


def test_a_new_state_stands_behind_the_others(patched: Patch) -> None:
    chart = patched("extends: ./base.yaml\nstates: {s: {on: {b: tare}}, tare: {after: {2 s: t}}}\n")
    assert list(chart.states) == ["s", "t", "u", "tare"]
    machine = started(chart)
    machine.send("b")
    machine.wait(2.0)
    assert machine.states == ("t",)


def test_a_transition_is_changed_by_its_id_and_keeps_its_place(patched: Patch) -> None:
    chart = patched("extends: ./base.yaml\nstates: {s: {on: {a: [{id: some, target: s}]}}}\n")
    assert targets(chart, "a") == [("t",), ("s",), ()]
    guard = chart.states["s"].transitions[1].guard
    assert guard is not None
    assert guard.text == "event.n > settings.limit"


def test_a_transition_stands_before_or_after_another(patched: Patch) -> None:
    chart = patched("""\
extends: ./base.yaml
states: {s: {on: {a: [{before: some, target: s, when: event.n == 7}, {after: much, id: new, target: u}]}}}
""")
    assert targets(chart, "a") == [("t",), ("u",), ("s",), ("u",), ()]


def test_a_single_transition_can_be_stood_before(patched: Patch) -> None:
    chart = patched("extends: ./base.yaml\nstates: {s: {on: {c: [{before: only, target: u, when: data.n > 0}]}}}\n")
    assert targets(chart, "c") == [("u",), ("t",)]


def test_a_patch_can_be_patched(patched: Patch) -> None:
    patched("extends: ./base.yaml\nstates: {s: {on: {a: [{id: some, target: s}]}}}\n", "hall.yaml")
    chart = patched("extends: ./hall.yaml\nstates: {s: {on: {a: [{id: much, target: u}]}}}\n")
    assert targets(chart, "a") == [("u",), ("s",), ()]


def test_what_stands_where_is_told_by_its_own_file(patched: Patch) -> None:
    chart = patched("extends: ./base.yaml\nstates:\n  s:\n    on:\n      a: [{id: some, when: event.n > 4}]\n")
    much, some, _ = (t for t in chart.states["s"].transitions if t.event == "a")
    assert some.guard is not None
    assert much.position.file.endswith("base.yaml")
    assert some.guard.position.file.endswith("site.yaml")
    assert (much.position.line, some.guard.position.line) == (15, 5)


def test_its_hash_changes_with_either_file(patched: Patch) -> None:
    first = patched("extends: ./base.yaml\n").content_hash
    assert patched("extends: ./base.yaml\ntitle: Site\n").content_hash != first
    assert patched("extends: ./base.yaml\n").content_hash == first


@pytest.mark.parametrize(
    ("patch", "code"),
    [
        ("extends: ./base.yaml\nstates: {s: {on: {a: [{id: smoe, target: s}]}}}\n", "unknown-id"),
        ("extends: ./base.yaml\nstates: {s: {on: {a: [{before: nothing, target: s}]}}}\n", "unknown-id"),
        ("extends: ./site.yaml\n", "extends-cycle"),
        ("extends: ./absent.yaml\n", "referenced-file-missing"),
        ("extends: wieghing\n", "unknown-chart"),
        ("extends: ./base.yaml\nstates: {t: null}\n", "unknown-target"),
        ("extends: ./base.yaml\nsettings: {limit: null}\n", "unknown-name"),
    ],
)
def test_a_patch_that_does_not_fit_is_refused(patched: Patch, patch: str, code: str) -> None:
    with pytest.raises(DiagnosticError) as caught:
        patched(patch)
    assert code in {problem.code for problem in caught.value.diagnostics}
