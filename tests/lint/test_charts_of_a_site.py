"""A chart that is named by itself is checked with what its site gives it: bindings, paths and neighbours."""

import json
from pathlib import Path

import pytest

from engine.cli.main import main
from engine.cli.validation.run import validate

BINDINGS = """
from engine.bindings.registry import Help

def register(registry):
    registry.action("lamp.blink", help=Help("Blink.", "깜박인다."), source=__file__)
"""
SITE = """
site: hall
server: {url: "http://127.0.0.1:1"}
bindings: [bindings/lamp.py]
lines:
  - {name: one, chart: ./charts/own.yaml, devices: {rfid: {port: "socket://127.0.0.1:2", protocol: id-12}}}
  - {name: two, chart: ./charts/other.yaml, devices: {rfid: {port: "socket://127.0.0.1:3", protocol: id-12}}}
"""
OWN = """chart: own
initial: a
events: {go: {}}
states:
  a: {on: {go: {target: b, actions: [lamp.blink, {send: {to: two, event: help.me}}]}}}
  b:
    after: {1 min: a}
    invoke: {chart: ./charts/child.yaml, timeout: 3 s, on: {done: a, error: a, timeout: a}}
"""
OTHER = "chart: other\ninitial: a\nevents: {help.me: {}}\nstates:\n  a: {on: {help.me: b}}\n  b: {after: {1 s: a}}\n"
CHILD = "chart: child\ninitial: a\nstates:\n  a: {after: {1 s: b}}\n  b: {type: final}\n"


@pytest.fixture
def site(tmp_path):
    for name, text in {
        "site.yaml": SITE,
        "bindings/lamp.py": BINDINGS,
        "charts/own.yaml": OWN,
        "charts/other.yaml": OTHER,
        "charts/child.yaml": CHILD,
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def told(*paths):
    return [(found.code, Path(found.position.file).name) for found in validate(list(map(str, paths)), None).findings]


@pytest.mark.parametrize(
    ("folder", "named"),
    [
        (".", "charts/own.yaml"),
        (".", "./charts/own.yaml"),
        (".", "charts"),
        ("charts", "own.yaml"),
        ("charts", "."),
        ("bindings", "../charts/own.yaml"),
    ],
)
def test_its_site_is_found_wherever_the_command_is_run(site, monkeypatch, folder, named):
    monkeypatch.chdir(site / folder)
    assert told(named) == []
    assert main(["graph", named if named.endswith("yaml") else f"{named}/own.yaml"]) == 0


def test_its_neighbours_are_asked_what_they_handle(site):
    (site / "charts/other.yaml").write_text(OTHER.replace("help.me", "help.us"), encoding="utf-8")
    assert told(site / "charts/own.yaml") == [("unhandled-send", "own.yaml")]


def test_what_is_wrong_with_the_site_or_its_other_charts_is_not_told(site):
    (site / "charts/other.yaml").write_text("chart: other\ninitial: nowhere\nstates: {a: {}}\n", encoding="utf-8")
    (site / "site.yaml").write_text(SITE + "colour: red\n", encoding="utf-8")
    assert told(site / "charts/own.yaml") == []
    assert ("unknown-key", "site.yaml") in told(site)


def test_bindings_that_cannot_be_loaded_are_told_at_the_site(site):
    (site / "bindings/lamp.py").write_text("import nothing_of_that_name", encoding="utf-8")
    for paths in ([site], [site / "charts/own.yaml"]):
        (found,) = validate(list(map(str, paths)), None).findings  # and not that nothing of it is known
        assert (found.code, found.position.line, found.position.column) == ("bindings-failed", 4, 12)


@pytest.mark.parametrize(
    "text",
    [
        "raise SystemExit(0)",
        "def register(registry): exit(3)",
        "def register(registry): 1 / 0",
        "def register(): pass",
        "x = (",
        "",
    ],
)
def test_bindings_may_do_what_they_like_and_are_told(site, capsys, text):
    (site / "bindings/lamp.py").write_text(text, encoding="utf-8")
    assert [code for code, _ in told(site)] == ["bindings-failed"]
    assert main(["graph", str(site / "charts/own.yaml")]) == 1
    assert "lamp.py" in capsys.readouterr().err


def test_a_name_that_two_bindings_give_is_an_error_that_names_both(site):
    (site / "bindings/again.py").write_text(BINDINGS, encoding="utf-8")
    (site / "site.yaml").write_text(SITE.replace("[bindings/lamp.py]", "[bindings/lamp.py, bindings/again.py]"))
    (found,) = validate([str(site)], None).findings
    assert found.position.column == 30  # the later one
    assert "bindings/lamp.py" in str(found.params["detail"])
    assert "bindings/again.py" in str(found.params["detail"])


def test_only_what_was_named_counts_as_checked(site, capsys):
    assert main(["validate", "--format", "json", str(site / "charts/own.yaml")]) == 0
    assert json.loads(capsys.readouterr().out)["files"] == [str(site / "charts/own.yaml")]


@pytest.mark.parametrize("place", ["lone.yaml", "deep/down/lone.yaml"])
def test_a_chart_far_from_any_site_is_checked_alone(tmp_path, place):
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(CHILD.replace("after: {1 s: b}", "after: {1 s: b}, entry: [lamp.blink]"), encoding="utf-8")
    (tmp_path.parent / "site.txt").write_text(SITE, encoding="utf-8")
    assert told(path) == [("unknown-action", "lone.yaml")]


def test_a_silencing_across_charts_is_needless_when_the_whole_site_was_asked(site):
    text = OWN.replace("  b:\n", "  b:   # the next line is right\n").replace(
        "  a: {on", "  # engine: ignore[unhandled-send] nobody listens\n  a: {on"
    )
    (site / "charts/own.yaml").write_text(text, encoding="utf-8")
    assert told(site / "charts/own.yaml") == [("ignore-needless", "own.yaml")]
    (site / "charts/other.yaml").write_text(OTHER.replace("initial: a", "initial: x"), encoding="utf-8")
    assert told(site / "charts/own.yaml") == []


def test_a_guard_that_two_bindings_give_is_told_at_the_later_one(site):
    text = BINDINGS.replace(
        "    registry.action", "    registry.guard('is_dark', help=Help('', ''))(lambda: True)\n    #"
    )
    for name in ("lamp", "again"):
        (site / f"bindings/{name}.py").write_text(text, encoding="utf-8")
    (site / "site.yaml").write_text(SITE.replace("[bindings/lamp.py]", "[bindings/lamp.py, bindings/again.py]"))
    (found,) = validate([str(site)], None).findings
    assert (found.code, found.position.line, found.position.column) == ("bindings-failed", 4, 30)


PRINTING = """chart: own
initial: a
events: {go: {}}
states:
  a: {on: {go: b}}
  b:
    invoke:
      {service: printer.print, with: {lines: [x]}, timeout: 40 s, on: {done: a, no_paper: a, busy_too_long: a, error: a,
       timeout: a}}
"""


@pytest.mark.parametrize(
    ("chart", "device", "expected"),
    [
        (PRINTING, "scale: {port: COM3, protocol: cas-22}", [("terminal-needed", "site.yaml")]),
        (PRINTING, "terminal: {port: COM3, protocol: suwol-1000}", []),
        (PRINTING, "terminal: {port: COM3, protocol: [suwol-1000]}", []),
        (CHILD.replace("child", "own"), "scale: {port: COM3, protocol: cas-22}", []),
    ],
)
def test_a_chart_with_orders_for_a_terminal_wants_one_on_its_line(tmp_path, chart, device, expected):
    (tmp_path / "own.yaml").write_text(chart, encoding="utf-8")
    line = f"lines: [{{name: one, chart: ./own.yaml, devices: {{{device}}}}}]\n"
    (tmp_path / "site.yaml").write_text('server: {url: "http://127.0.0.1:1"}\n' + line, encoding="utf-8")
    found = validate([str(tmp_path / "site.yaml")], None).findings
    assert [(one.code, Path(one.position.file).name) for one in found] == expected


PROTOCOL = """
from parsers import LineSettings, ProtocolInfo

class Silent:
    protocol, rejected = "validated-twice", 0
    def feed(self, data): return []
    def reset(self): pass

def register(registry):
    registry.protocol(ProtocolInfo("validated-twice", "A scale of the site's own", "scale", LineSettings(), Silent))
"""


def test_a_protocol_of_the_sites_bindings_may_be_named_however_often_it_is_checked(tmp_path):
    (tmp_path / "mine.py").write_text(PROTOCOL, encoding="utf-8")
    line = "lines: [{name: one, devices: {scale: {port: COM3, protocol: validated-twice}}}]\n"
    site = tmp_path / "site.yaml"
    site.write_text('server: {url: "http://127.0.0.1:1"}\nbindings: [mine.py]\n' + line, encoding="utf-8")
    assert told(site) == told(site) == []
    (tmp_path / "mine.py").write_text(PROTOCOL + PROTOCOL.splitlines()[-1] + "\n", encoding="utf-8")
    assert told(site) == [("bindings-failed", "site.yaml")], "twice in one file"
