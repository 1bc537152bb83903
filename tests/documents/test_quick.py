"""The quick reader reads what it reads exactly as ruamel does, and leaves everything else alone."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.documents.compose import compose
from engine.documents.quick import read_quickly
from engine.documents.tree import Map, Seq
from engine.errors import DiagnosticError

CHART = """\
# yaml-language-server: $schema=../schemas/chart.schema.json
chart: weighing
title: 계량
settings:                        # what a site tunes
  min_weight:    {type: mass, default: 50 g, min: 0 g, help: 이보다 가벼우면 저울이 비었다고 본다}
  factor: -1.50
events:
  card.read:   {uid: text}
  "quoted: key": 'it''s'
states:
  boot:
  idle:
    tags: [safe, on, yes, 12:30, 0x1F]
    on:
      card.read:
        target: measuring
        actions: [{assign: {uid: "${event.uid}"}}]
      weight.read: {
        actions: [{window.add: samples},   # over
          {log: "a \\"b\\" \\n"}],
      }
    always:
    - target: saving
      when: data.samples.last >= settings.min_weight
    -   guard: {all: [a, b]}
    - - nested
      - deep
    -
    - null
    after:
      "${settings.give_up_after}": {target: idle}
  text: |
    one
      two

    three
  short: |-
    one
  empty: {}
  none: []
last: true
"""


def assert_same(ours, theirs):
    assert type(ours) is type(theirs)
    if isinstance(ours, Map | Seq):
        assert ours == theirs
        assert list(ours) == list(theirs)
        assert (ours.start, ours.marks) == (theirs.start, theirs.marks)
        for one, other in zip(
            ours.values() if isinstance(ours, Map) else ours,
            theirs.values() if isinstance(theirs, Map) else theirs,
            strict=True,
        ):
            assert_same(one, other)
    else:
        assert repr(ours) == repr(theirs)


def assert_reads_alike(text):
    document = read_quickly(text, "x.yaml")
    if document is None:
        return False
    try:
        reference = compose(text, "x.yaml")
    except DiagnosticError as error:
        pytest.fail(f"read {text!r}, which ruamel refuses: {error}")
    assert not reference.problems
    assert_same(document.data, reference.data)
    assert document.start == reference.start
    return True


def test_the_everyday_chart_is_read_quickly_and_alike():
    assert assert_reads_alike(CHART)
    assert assert_reads_alike(CHART.replace("\n", "\r\n"))
    assert assert_reads_alike("---\n" + CHART)


@pytest.mark.parametrize(
    "text",
    [
        "a: &x 1\nb: *x\n",
        "a: !!str 1\n",
        "? a\n: b\n",
        "a: one\n  two\n",
        "a: >\n  folded\n",
        'a: "over\n  lines"\n',
        "a:\tb\n",
        "a: 1\n---\nb: 2\n",
        "a: 1\na: 2\n",
        "{a: 1}: 2\n",
        "[a: 1]\n",
        "a: {b}\n",
        "a: {b: }\n",
        '{"a":1}\n',
        "a: .inf\n",
        'a: "\\x41"\n',
        "a: 1\n b: 2\n",
        "a:\n  b: 1\n c: 2\n",
        "<<: {a: 1}\n",
        "- a\n - b\n",
        "text\n",
        "a: b: c\n",
        "a: [1, 2\n",
        "a: |\n   deeper first\n  b\n",
        "a: |\n  end of file without a line end",
        "[" * 100 + "]" * 100,
        "- " * 100 + "a\n",
        "",
        "# only a comment\n",
    ],
)
def test_anything_unusual_or_wrong_is_left_to_ruamel(text):
    assert read_quickly(text, "x.yaml") is None


_PIECES = (
    *"ab\n:,-#'\"{}[]|>&*!?%@ \t\\=",
    *("\n  ", "\n    ", "\n- ", "\n  - ", ": ", ", ", " #", "- ", "a: ", "b: ", "'x'", '"y"', "{a: 1}", "[1, 2]"),
    *("|\n", ">\n  a", ">-\n  a", "---\n", "...", "<<: ", "\\n", "\r\n", "\u00a0", "\u3000", "계량"),
    *("12", "-1.5", "1e3", "+1", "0o7", "true", "~", "null", ".inf"),
)


@settings(max_examples=250, deadline=None)
@given(st.lists(st.sampled_from(_PIECES), max_size=24).map("".join))
@example("a: - b")
@example("a:\n- b\nc: d")
@example("- a: 1\n  b:\n  - c\n- d")
@example("a: |\n  x\n\n\nb: 1\n")
@example("- |\n x\n-\n")
@example("a: >-\n  b \n  c: d\n  # e\nf: 1\n")
@example("a: >\n  b\n   c\nd: 1\n")
@example("- >-\n  b\n  c\n- >\n  d\n  e\n-\n")
@example("- - |\n   x\n")
@example("a: 'x' #c\n")
@example("a: {b: [1,\n2] ,\n c: d}\n")
def test_random_pieces_of_yaml_are_read_alike(text):
    assert_reads_alike(text)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, len(CHART) - 1),
    st.integers(0, 3),
    st.sampled_from(_PIECES),
    st.integers(0, len(CHART) - 1),
    st.integers(0, 3),
    st.sampled_from(("", *_PIECES)),
)
def test_random_edits_of_a_chart_are_read_alike(at, cut, put, at2, cut2, put2):
    text = CHART[:at] + put + CHART[at + cut :]
    assert_reads_alike(text[:at2] + put2 + text[at2 + cut2 :])
