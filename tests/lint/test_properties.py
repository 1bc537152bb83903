"""Whatever becomes of a chart's text, it is told in diagnostics: nothing is ever raised."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lint_kit import REGISTRY, check_text, shipped_text

from engine.chart.lint.check import check_document
from engine.documents import catalog
from engine.documents.render import render
from engine.documents.source import load_yaml
from engine.errors import DiagnosticError
from machines import shipped_charts

TEXTS = [shipped_text(name) for name in sorted(shipped_charts())]
LINES = [line for text in TEXTS for line in text.split("\n")]
PIECES = [
    "",
    "null",
    "[]",
    "{}",
    "a",
    "${",
    "}",
    "when: ",
    "type: final",
    "type: parallel",
    "type: history",
    "- ",
    "1",
    "true",
]


@st.composite
def edited_charts(draw):
    lines = draw(st.sampled_from(TEXTS)).split("\n")
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        match draw(st.integers(0, 4)):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, draw(st.sampled_from(LINES)))
            case 2:
                lines[at] = draw(st.sampled_from(LINES))
            case 3:
                lines[at : at + 2] = lines[at : at + 2][::-1]
            case _:
                cut = draw(st.integers(0, len(lines[at])))
                lines[at] = lines[at][:cut] + draw(st.sampled_from(PIECES)) + lines[at][cut + draw(st.integers(0, 3)) :]
        lines = lines or [""]
    return "\n".join(lines)


def assert_told_well(found):
    assert found.code in catalog.codes()
    assert found.position.line >= 1
    assert found.position.column >= 1


@settings(max_examples=80, deadline=None)
@given(edited_charts())
def test_an_edited_chart_is_never_more_than_wrong(text):
    for found in check_text(text):
        assert_told_well(found)
        for language in ("en", "ko"):
            assert found.code in render(found, text.split("\n"), language)


_NAMES = st.sampled_from(["a", "b", "c", "d"])


def _transitions():
    transition = st.fixed_dictionaries(
        {},
        optional={
            "target": _NAMES | st.lists(_NAMES, min_size=1, max_size=2),
            "when": st.sampled_from([True, False, "data.n > 1", "In('a')"]),
            "actions": st.just([{"assign": {"n": 1}}]),
            "internal": st.booleans(),
        },
    ).filter(bool)
    return _NAMES | transition | st.lists(_NAMES | transition, min_size=1, max_size=3)


@st.composite
def small_charts(draw, depth=0, names=("a", "b", "c", "d")):
    states = {}
    for name in names:
        body = {}
        kind = draw(
            st.sampled_from(
                ["atomic", "atomic", "compound", "parallel", "final", "history"] if depth < 2 else ["atomic", "final"]
            )
        )
        if kind in {"compound", "parallel"}:
            inner = [f"{name}{letter}" for letter in "xy"]
            body["states"] = draw(small_charts(depth + 1, inner))
            if kind == "compound":
                body["initial"] = draw(st.sampled_from(inner))
        if kind != "atomic":
            body["type"] = kind
        if kind == "history":
            body["default"] = draw(_NAMES)
        for key in draw(st.sets(st.sampled_from(["always", "on", "after"]), max_size=2)):
            value = draw(_transitions())
            body[key] = value if key == "always" else {"go" if key == "on" else "1 s": value}
        states[name] = body
    return states


@settings(max_examples=50, deadline=None)
@given(small_charts())
def test_any_shape_of_chart_can_be_looked_at(states):
    root = {
        "chart": "x",
        "initial": "a",
        "data": {"n": {"type": "int", "default": 0}},
        "events": {"go": {}},
        "states": states,
    }
    document = load_yaml(json.dumps(root, indent=1), "x.yaml")
    for found in check_document(document, REGISTRY)[0]:
        assert_told_well(found)


@pytest.mark.parametrize("name", sorted(shipped_charts()))
def test_every_line_of_a_shipped_chart_can_be_missing(name):
    lines = shipped_text(name).split("\n")
    for at in range(0, len(lines), 12):
        try:
            document = load_yaml("\n".join(lines[:at] + lines[at + 1 :]), "x.yaml")
        except DiagnosticError:
            continue
        check_document(document, REGISTRY)
