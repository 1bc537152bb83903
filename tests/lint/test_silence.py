"""A finding can be silenced at its place, with a reason; a silencing that is not right is a finding itself."""

import pytest
from lint_kit import check_file

DEAD_END = "chart: x\ninitial: a\nstates:\n  a: {title: one}\n"


def codes(tmp_path, text):
    return [found.code for found in check_file(tmp_path / "x.yaml", text)]


@pytest.mark.parametrize(
    "text",
    [
        DEAD_END.replace("one}", "one}  # engine: ignore[dead-end] it stays"),
        DEAD_END.replace("  a:", "  # engine: ignore[dead-end] it stays\n  a:"),
        DEAD_END.replace("  a:", "  # engine: ignore[dead-end] it stays\n\n  # more words\n  a:"),
        DEAD_END.replace("  a:", "  #   engine:  ignore [ dead-end ]   it stays\n  a:"),
    ],
)
def test_the_comment_stands_on_the_line_or_above_it(tmp_path, text):
    assert codes(tmp_path, text) == []


def test_one_comment_may_silence_several(tmp_path):
    text = (
        "chart: x\ninitial: a\nstates:\n  a: {type: final}\n  # engine: ignore[unreachable-state, dead-end] for later\n"
    )
    assert codes(tmp_path, text + "  b: {}\n") == ["ignore-needless"]  # an unreachable state is no dead end as well
    assert codes(tmp_path, text.replace(", dead-end", "") + "  b: {}\n") == []


@pytest.mark.parametrize(
    "comment",
    ["ignore[dead-end] why", "ignore[unreachable-state] why"],
)
def test_elsewhere_it_silences_nothing(tmp_path, comment):
    text = DEAD_END.replace("initial", f"# engine: {comment}\ninitial")
    assert codes(tmp_path, text) == ["ignore-needless", "dead-end"]


def test_what_keeps_a_chart_from_running_cannot_be_silenced(tmp_path):
    text = "chart: x\ninitial: b  # engine: ignore[unknown-target] later\nstates:\n  a: {type: final}\n"
    assert codes(tmp_path, text) == ["unknown-target", "ignore-impossible"]


@pytest.mark.parametrize(
    "comment", ["ignore dead-end why", "ignore[] why", "ignore[dead-end,] why", "silence[dead-end]"]
)
def test_a_comment_that_cannot_be_read_is_told(tmp_path, comment):
    assert "ignore-unreadable" in codes(tmp_path, DEAD_END.replace("initial", f"# engine: {comment}\ninitial"))


def test_text_in_quotes_and_other_comments_are_left_alone(tmp_path):
    text = "chart: x\ntitle: 'search engine: ignore'\n# the engine: a Diesel\ninitial: a\nstates:\n  a: {type: final}\n"
    assert codes(tmp_path, text) == []


def test_nothing_is_needless_while_the_chart_is_too_broken_for_its_rule_to_be_asked(tmp_path):
    text = DEAD_END.replace("one}", "one}  # engine: ignore[dead-end] it stays")
    assert codes(tmp_path, text.replace("initial: a", "initial: b")) == ["unknown-target"]
    assert codes(tmp_path, text.replace("title", "titel")) == ["unknown-key"]
    assert codes(tmp_path, text.replace(" it stays", "").replace("title", "titel")) == [
        "unknown-key",
        "ignore-without-reason",
    ]


def test_what_only_a_site_can_show_is_not_needless_without_one(tmp_path):
    sending = (
        "chart: x\nevents: {go: {}}\ninitial: a\nstates:\n  a:\n    on: {go: b}\n"
        "    entry: [send: {to: two, event: go}]  # engine: ignore[unknown-machine, unhandled-send] a site has it\n"
        "  b: {after: {1 s: a}}\n"
    )
    assert codes(tmp_path, sending) == []


class TestOfAnExtendedChart:
    BASE = "chart: base\nevents: {go: {}}\ninitial: a\nstates:\n  a: {on: {go: b}}\n  b: {after: {1 s: a}}\n"
    PATCH = "extends: base.yaml\nstates:\n  a: {type: final, on: null}\n"

    @pytest.fixture(autouse=True)
    def base(self, tmp_path):
        (tmp_path / "base.yaml").write_text(self.BASE)

    def test_a_finding_is_told_where_it_stands(self, tmp_path):
        found = check_file(tmp_path / "x.yaml", self.PATCH)
        places = [(one.code, one.position.file.rpartition("/")[2], one.position.line) for one in found]
        assert places == [("unused-event", "base.yaml", 2), ("unreachable-state", "base.yaml", 6)]

    def test_what_the_extended_chart_brings_is_silenced_at_extends(self, tmp_path):
        comment = "  # engine: ignore[unreachable-state, unused-event] here nothing opens"
        assert codes(tmp_path, self.PATCH.replace("base.yaml", "base.yaml" + comment)) == []

    def test_silencings_of_the_extended_chart_hold_and_are_not_judged(self, tmp_path):
        base = self.BASE.replace("  b:", "  # engine: ignore[unreachable-state, dead-end] sites drop it\n  b:")
        (tmp_path / "base.yaml").write_text(base)
        assert codes(tmp_path, self.PATCH) == ["unused-event"]
