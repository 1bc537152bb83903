"""The formats that are text: Mermaid, DOT and the tree."""

import re

import pytest
from render_kit import SHIPPED, everything, scene, shipped

from engine.render.dot import dot_text
from engine.render.mermaid import mermaid_text
from engine.render.scene import Titles
from engine.render.tree import tree_text


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("write", [mermaid_text, dot_text, tree_text])
def test_one_chart_always_gives_the_same_text_with_every_state_in_it(name, write):
    text = write(shipped(name))
    assert text == write(shipped(name))
    for state, box in shipped(name).boxes.items():
        assert state.startswith("<") or box.name in text
        assert box.title in text


# Mermaid -------------------------------------------------------------------------------------------------------------


def test_mermaid_nests_states_and_parts_regions():
    text = mermaid_text(everything())
    assert text.startswith('---\ntitle: "모든 기능 (everything 2.1.0)"\n---\nstateDiagram-v2\n')
    assert text.count("{\n") == text.count("}\n") == 6
    assert re.search(r'state "왼쪽 · left" as left_ \{.*\n +\}\n +--\n +state "오른쪽', text, re.DOTALL)
    assert "    [*] --> idle\n" in text
    assert "    ended --> [*]\n" in text
    assert 'state "H*" as memory\n            memory --> right_b' in text
    assert "working --> paused : registered, unregistered" in text
    assert "live_leaving --> discharge" in text


def test_mermaid_has_no_character_that_it_would_read_as_its_own():
    for line in mermaid_text(everything()).split("stateDiagram-v2\n")[1].splitlines():
        label = line.split(" : ", 1)[1] if " : " in line else ""
        plain = re.sub(r"#(\d+|quot);|<br/>", "", label)
        assert not set(plain) & set('#;:<>{}%`"'), line


def test_states_with_mermaids_keywords_for_names_get_other_ids():
    text = mermaid_text(
        scene("chart: x\ninitial: state\nevents: {go: {}}\nstates: {state: {on: {go: end}}, end: {}, End: {}}")
    )
    assert 'state "state" as state_\n' in text
    assert "state_ --> end_ : go" in text
    assert 'state "End" as End__\n' in text


# DOT -----------------------------------------------------------------------------------------------------------------


def test_dot_draws_a_transition_as_a_label_between_two_lines():
    text = dot_text(scene("chart: x\ninitial: a\nevents: {go: {}}\nstates: {a: {on: {go: b}}, b: {}}"))
    assert '"transition 0" [label="go\\l"' in text
    assert '"a" -> "transition 0" [id="0 from", dir=none];' in text
    assert '"transition 0" -> "b" [id="0 to 0", dir=forward];' in text
    assert '"initial of <chart>" -> "a"' in text


def test_dot_ends_lines_at_the_border_of_a_compound_state_and_draws_its_kinds():
    text = dot_text(everything())
    assert 'ltail="cluster working"' in text
    assert 'lhead="cluster working"' in text
    assert re.search(r'subgraph "cluster left" \{\n +graph \[.*style="dashed,rounded"', text)
    assert re.search(r'"memory" \[label="H\*", shape=circle', text)
    assert re.search(r'"ended" \[.*peripheries=2', text)
    assert re.search(r'"leaving live" -> "discharge" \[.*style=dashed', text)
    assert '\\"for' in text


def test_a_transition_to_two_regions_has_two_arrows():
    assert re.findall(r'"transition \d+" -> "(?:left|right)_b" \[id="\d+ to \d"', dot_text(everything()))[1:]


# Tree ----------------------------------------------------------------------------------------------------------------


def test_the_tree_shows_kinds_marks_guards_timers_and_outcomes():
    text = tree_text(everything())
    for line in (
        "├─● 대기  idle  (quiet, safe, persist)",
        "│     go [(event.count > 3 and not settings.strict (true))] → working",
        "│     go [event.count == 2 and settings.mode (careful) == 'careful'] → left_b, right_b",
        "│     card.* / signal.show saved (leaves and enters again)",
        "│     after 30 s (settings.give_up_after) → ended",
        "├─  두 갈래 작업  working  (parallel)",
        "│  │  error, timeout 10 s → ended",
        "│     └─  memory  (history H* → right_b)",
        "│  │     invoke chart upload, given 2 s to end",
        "│  └─  방전  discharge  (finally)",
        "└─  종료  ended  (final)",
    ):
        assert f"\n{line}\n" in text


def test_the_tree_of_a_narrow_terminal_breaks_long_lines():
    lines = tree_text(shipped("weighing"), width=80).splitlines()
    from engine.render.measure import columns

    assert max(map(columns, lines)) <= 84
    assert len(lines) > len(tree_text(shipped("weighing")).splitlines())


@pytest.mark.parametrize(
    ("titles", "shown", "hidden"),
    [(Titles.KO, "├─● 대기  (", "idle"), (Titles.EN, "├─● idle  (", "대기"), (Titles.BOTH, "├─● 대기  idle  (", "\0")],
)
def test_states_are_named_by_title_by_id_or_by_both(titles, shown, hidden):
    told = everything()
    told.titles = titles
    text = tree_text(told)
    assert shown in text
    assert hidden not in next(line for line in text.splitlines() if "persist" in line)
