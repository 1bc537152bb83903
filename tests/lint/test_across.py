"""Charts of a site are checked together: what one sends, another one handles."""

# ruff: noqa: E501 - charts on one line are easier to compare

import pytest

from engine.cli.validation.run import validate

SENDER = """\
chart: sender
initial: a
states:
  a:
    entry: [{send: {to: "TO", event: "EVENT", with: {FIELD: 1}}}]
    after: {2 s: b}
  b: {type: final}
"""
RECEIVER = """\
chart: receiver
events: {box.done: {weight: int}, other.first: {}}
initial: a
states:
  a: {on: {box.done: a, 'other.*': b}}
  b: {type: final}
"""
SITE = """\
server: {url: "http://127.0.0.1:8000"}
lines:
  - {name: dock-1, chart: ./sender.yaml, devices: {scale: {port: COM3, protocol: cas-22}}}
  - {name: dock-2, chart: ./receiver.yaml, devices: {scale: {port: COM4, protocol: cas-22}}}
"""


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "site.yaml").write_text(SITE)
    (tmp_path / "receiver.yaml").write_text(RECEIVER)

    def told(to, event, field="weight"):
        text = SENDER.replace("TO", to).replace("EVENT", event).replace("FIELD", field)
        (tmp_path / "sender.yaml").write_text(text)
        return [(found.code, found.position.file) for found in validate(["site.yaml"], None).findings]

    return told


@pytest.mark.parametrize("to", ["dock-2", "lines", "everyone"])
def test_what_is_handled_there_is_well(site, to):
    assert site(to, "box.done") == []


@pytest.mark.parametrize("to", ["dock-2", "lines", "everyone", "upload", "self"])
def test_what_nobody_handles_is_told(site, to):
    assert site(to, "box.gone") == [("unhandled-send", "sender.yaml")]


def test_a_wildcard_handles_whatever_it_carries(site):
    assert site("dock-2", "other.thing", "anything") == []


def test_what_an_event_carries_is_declared_where_it_is_handled(site):
    assert site("dock-2", "box.done", "wieght") == [("unknown-field", "sender.yaml")]


def test_a_machine_that_the_site_does_not_have(site):
    assert site("dock-3", "box.done") == [("unknown-machine", "sender.yaml")]


def test_what_is_worked_out_while_running_cannot_be_judged(site):
    assert site("${'dock-' + '9'}", "box.done") == []
    assert site("dock-2", "${'box.' + 'gone'}") == []


def test_without_a_site_other_machines_may_exist(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = SENDER.replace("TO", "dock-9").replace("EVENT", "box.done").replace("FIELD", "weight")
    (tmp_path / "sender.yaml").write_text(text)
    assert [found.code for found in validate(["sender.yaml"], None).findings] == []


def test_a_chart_that_cannot_be_built_may_handle_anything(site, tmp_path):
    (tmp_path / "receiver.yaml").write_text(RECEIVER.replace("box.done: a,", "box.done: a, nothing: a,"))
    assert ("unhandled-send", "sender.yaml") not in site("dock-2", "box.gone")


def test_an_unknown_name_that_another_chart_declares_names_the_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.yaml").write_text(
        "chart: x\ninitial: a\nstates:\n  a: {on: {record.committed: b}}\n  b: {type: final}\n"
    )
    (found,) = validate(["x.yaml"], None).findings
    assert found.code == "unknown-event"
    assert [(place.file, note) for place, note in found.related] == [("machines/upload.yaml", "declared-here")]


class TestInvokedCharts:
    PARENT = "chart: x\ninitial: a\nstates:\n  a: {invoke: {chart: CHILD, with: {WITH: 1}, on: {done: b, error: b}}}\n  b: {type: final}\n"

    @pytest.fixture
    def told(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "child.yaml").write_text(
            "chart: child\nsettings: {size: {type: int, default: 1}}\ninitial: a\n"
            "states:\n  a: {always: {when: settings.size > 1, target: b}, after: {1 s: b}}\n  b: {type: final}\n"
        )

        def run(child, given):
            (tmp_path / "x.yaml").write_text(self.PARENT.replace("CHILD", child).replace("WITH", given))
            return [found.code for found in validate(["x.yaml", "child.yaml"], None).findings]

        return run

    def test_the_settings_that_a_child_has_can_be_given(self, told):
        assert told("./child.yaml", "size") == []

    def test_others_cannot(self, told):
        assert told("./child.yaml", "sise") == ["unknown-setting"]

    def test_a_child_has_to_exist(self, told):
        assert told("./kid.yaml", "size") == ["referenced-file-missing"]
        assert told("weihging", "min_weight") == ["unknown-chart"]

    @pytest.mark.parametrize(
        ("given", "found"),
        [
            ("min_weight: 80 g, give_up_after: 10 s, require_empty: false, min_readings: 4", []),
            ("min_weight: '${q(''1 s'')}'", []),  # known while running
            ("give_up_after: 30", [("needs-unit", "30")]),
            ("min_weight: 3 s, give_up_after: 1.5", [("unknown-unit", "3 s"), ("needs-unit", "1.5")]),
            ("min_readings: 1", [("out-of-range", "1")]),
            ("min_readings: 2.5", [("wrong-type", "2.5")]),
            ("second_card: newest", [("wrong-value", "newest")]),
            ("require_empty: [true]", [("wrong-type", "[true]")]),
            ("min_wieght: '${1}'", [("unknown-setting", "min_wieght")]),
        ],
    )
    def test_their_values_fit_what_the_child_declares(self, tmp_path, given, found):
        line = f"      {{chart: weighing, with: {{{given}}}, on: {{done: b, error: b}}}}"
        (tmp_path / "x.yaml").write_text(
            f"chart: x\ninitial: a\nstates:\n  a:\n    after: {{1 s: b}}\n    invoke:\n{line}\n  b: {{type: final}}\n"
        )
        places = [(code, line.index(value) + 1) for code, value in found]
        for cache in (None, tmp_path / "cache", tmp_path / "cache"):  # not asked, filled, asked
            told = validate([str(tmp_path / "x.yaml")], cache).findings
            assert [(one.code, one.position.column) for one in told] == places
