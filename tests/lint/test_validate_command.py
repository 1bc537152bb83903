"""``engine validate`` as people and machines use it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from engine.cli.main import main
from engine.cli.validation.charts import check_charts
from engine.documents.source import load_yaml

ROOT = Path(__file__).parents[2]
CHART = "chart: x\ninitial: a\nstates:\n  a: {after: {1 s: b}}\n  b: {type: final}\n"
SITE = """\
site: hall
server: {url: "http://127.0.0.1:8000"}
lines:
  - name: dock-1
    chart: ./x.yaml
    settings: {min_weight: 100 g}
    devices: {scale: {port: COM3, protocol: cas-22}}
  - name: dock-2
    devices: {scale: {port: COM4, protocol: cas-22}}
    settings: {min_weight: 100, stable_fro: 2 s}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LANG", "en_US.UTF-8")
    monkeypatch.delenv("LC_ALL", raising=False)
    monkeypatch.delenv("LC_MESSAGES", raising=False)
    return tmp_path


@pytest.fixture
def run(capsys):
    def run(*arguments):
        code = main(["validate", *map(str, arguments)])
        return code, capsys.readouterr().out

    return run


class TestEnding:
    def test_with_0_when_nothing_is_wrong(self, folder, run):
        (folder / "x.yaml").write_text(CHART)
        assert run("x.yaml") == (0, "1 file checked, no problems\n")

    def test_with_1_when_something_is(self, folder, run):
        (folder / "x.yaml").write_text(CHART.replace("b}}", "c}}"))
        assert run("x.yaml")[0] == 1

    @pytest.mark.parametrize("text", ["batches: []\n", "server: {port: 0}\n", "# nothing yet\n"])
    def test_with_1_for_a_station_s_file_that_lacks_what_makes_it_one(self, folder, run, text):
        (folder / "station.yaml").write_text(text)
        code, out = run()
        assert code == 1
        assert "station.yaml:1:1" in out
        assert "'station' is missing" in out or "empty" in out

    def test_with_1_for_a_warning_too(self, folder, run):
        (folder / "x.yaml").write_text(CHART.replace("{type: final}", "{}"))
        code, text = run("x.yaml")
        assert (code, "warning[dead-end]" in text) == (1, True)

    def test_with_0_for_what_is_only_worth_knowing(self, folder, run, monkeypatch):
        monkeypatch.delenv("HALL", raising=False)
        (folder / "x.yaml").write_text(CHART)
        (folder / "site.yaml").write_text(
            SITE.replace("127.0.0.1", "${HALL}").partition("    settings")[0]
            + "    devices: {scale: {port: COM3, protocol: cas-22}}\n"
        )
        code, text = run()
        assert (code, "info[environment-missing]" in text) == (0, True)

    @pytest.mark.parametrize("arguments", [["--format", "xml"], ["--lang", "fr"], ["--colour"]])
    def test_with_2_when_misused(self, folder, arguments):
        with pytest.raises(SystemExit) as ended:
            main(["validate", *arguments])
        assert ended.value.code == 2


class TestFinding:
    def test_everything_of_the_site_in_the_current_folder(self, folder, run):
        (folder / "site.yaml").write_text(SITE)
        (folder / "x.yaml").write_text(CHART)
        (folder / "y.yml").write_text(CHART)
        (folder / "compose.yaml").write_text("services: {}\n")
        (folder / "machines").mkdir()
        (folder / "machines" / "z.yaml").write_text(CHART)
        _, text = run("--format", "json")
        assert sorted(json.loads(text)["files"]) == ["machines/z.yaml", "site.yaml", "x.yaml", "y.yml"]

    def test_the_charts_that_a_site_names_wherever_they_are(self, folder, run):
        (folder / "elsewhere").mkdir()
        (folder / "elsewhere" / "x.yaml").write_text(CHART.replace("b}}", "c}}"))
        (folder / "site.yaml").write_text(SITE.replace("./x.yaml", "elsewhere/x.yaml"))
        _, text = run("--format", "json")
        assert ("elsewhere/x.yaml", "unknown-target") in {(p["file"], p["code"]) for p in json.loads(text)["problems"]}

    def test_a_file_that_is_named_twice_is_checked_once(self, folder, run):
        (folder / "x.yaml").write_text(CHART)
        assert run("x.yaml", "./x.yaml", folder / "x.yaml") == (0, "1 file checked, no problems\n")

    def test_a_site_is_known_by_its_keys_or_its_name(self, folder, run):
        (folder / "hall.yaml").write_text(SITE.replace("cas-22", "cas22x"))
        (folder / "x.yaml").write_text(CHART)
        assert "unknown-protocol" in run("hall.yaml")[1]
        (folder / "site.yaml").write_text("sever: {}\n")
        assert "unknown-key" in run("site.yaml")[1]

    def test_a_chart_written_on_one_line(self, folder, run):
        (folder / "x.yaml").write_text("{chart: x, initial: a, states: {a: {type: final}}}\n")
        assert run("x.yaml")[0] == 0

    def test_the_charts_of_this_project(self, folder, run, monkeypatch):
        monkeypatch.chdir(ROOT)
        assert run()[0] == 0


class TestSites:
    def test_settings_are_checked_against_the_chart_of_their_line(self, folder, run):
        (folder / "site.yaml").write_text(SITE)
        (folder / "x.yaml").write_text(CHART)
        _, text = run("site.yaml", "--format", "json")
        assert [(p["code"], p["line"]) for p in json.loads(text)["problems"]] == [
            ("unknown-setting", 6),
            ("needs-unit", 10),
            ("unknown-setting", 10),
        ]

    def test_a_default_that_is_wrong_is_not_asked_of_the_site(self, folder, run):
        (folder / "site.yaml").write_text(
            SITE.partition("    settings")[0] + "    devices: {scale: {port: COM3, protocol: cas-22}}\n"
        )
        for declared, code in {
            "{type: duration, default: 3}": "needs-unit",
            "{}": "missing-key",
            "7": "wrong-type",
        }.items():
            (folder / "x.yaml").write_text(CHART + f"settings: {{s: {declared}}}\n")
            text = run("site.yaml", "--format", "json")[1]
            assert {p["code"] for p in json.loads(text)["problems"]} - {"unused-setting"} == {code}

    def test_intervals_are_checked_against_the_charts_that_every_gateway_has(self, folder, run):
        (folder / "x.yaml").write_text(CHART)
        (folder / "site.yaml").write_text(
            SITE.partition("    settings: {min")[0]
            + "    devices: {scale: {port: COM3, protocol: cas-22}}\nheartbeat: {interval: 10 ms}\n"
        )
        assert "site.yaml:7:23: error[out-of-range]" in run("site.yaml")[1]

    def test_the_sites_own_bindings_are_known(self, folder, run):
        (folder / "bindings").mkdir()
        (folder / "bindings" / "lamp.py").write_text(
            "from engine.bindings.registry import Help\n\n\ndef register(registry):\n"
            "    registry.action('lamp.light', help=Help('a', 'b'), source='lamp')\n"
        )
        (folder / "x.yaml").write_text(CHART.replace("a: {after", "a: {entry: [lamp.light], after"))
        site = SITE.partition("    settings: {min")[0] + "    devices: {scale: {port: COM3, protocol: cas-22}}\n"
        (folder / "site.yaml").write_text(site)
        assert "unknown-action" in run()[1]
        (folder / "site.yaml").write_text(site + "bindings: [bindings/lamp.py]\n")
        assert run() == (0, "2 files checked, no problems\n")
        (folder / "bindings" / "lamp.py").write_text("1 / 0\n")
        assert "bindings-failed" in run()[1]


class TestShowing:
    @pytest.fixture(autouse=True)
    def broken(self, folder):
        (folder / "x.yaml").write_text(CHART.replace("1 s: b", "1 s: bb"))

    def test_text_with_the_line_and_a_caret(self, run):
        assert run("x.yaml", "--lang", "en")[1].split("\n")[:4] == [
            "x.yaml:4:20: error[unknown-target]: no state is called 'bb'; did you mean 'b'?",
            "    4 |   a: {after: {1 s: bb}}",
            "      |                    ^",
            "   mend: states are: a, b",
        ]

    def test_korean(self, run, monkeypatch):
        assert "'bb'라는 상태가 없습니다" in run("x.yaml", "--lang", "ko")[1].replace("(이)라는", "라는")
        monkeypatch.setenv("LANG", "ko_KR.UTF-8")
        assert "고치기" in run("x.yaml")[1]

    def test_json(self, run):
        (problem,) = json.loads(run("x.yaml", "--format", "json")[1])["problems"]
        assert problem == {
            "file": "x.yaml",
            "line": 4,
            "column": 20,
            "severity": "error",
            "code": "unknown-target",
            "message": "no state is called 'bb'; did you mean 'b'?",
            "cause": "The name is misspelt, or was never declared.",
            "mend": "states are: a, b",
            "related": [],
        }

    def test_github(self, run, folder):
        (folder / "50%,a:b.yaml").write_text((folder / "x.yaml").read_text())
        assert run("50%,a:b.yaml", "--format", "github")[1] == (
            "::error file=50%25%2Ca%3Ab.yaml,line=4,col=20,title=unknown-target::"
            "no state is called 'bb'; did you mean 'b'?%0Astates are: a, b\n"
        )

    def test_the_problem_matcher_reads_the_text(self, run):
        (matcher,) = json.loads((ROOT / ".github/engine-problem-matcher.json").read_text())["problemMatcher"]
        (pattern,) = matcher["pattern"]
        found = re.match(pattern["regexp"], run("x.yaml")[1].split("\n")[0])
        names = ("file", "line", "column", "severity", "code", "message")
        assert [found[pattern[name]] for name in names] == [
            "x.yaml", "4", "20", "error", "unknown-target", "no state is called 'bb'; did you mean 'b'?"
        ]  # fmt: skip


def test_many_charts_are_checked_in_several_processes_and_alike(tmp_path):
    paths = []
    for number in range(60):
        path = tmp_path / f"{number}.yaml"
        path.write_text(CHART if number % 7 else CHART.replace("1 s: b", "1: b"))
        paths.append(path)
    found = check_charts(paths, (), None)
    assert [checked.name for checked in found] == [str(path) for path in paths]
    assert [[f.code for f in checked.findings] for checked in found] == [
        [] if number % 7 else ["needs-unit"] for number in range(60)
    ]


def modules(tmp_path, *arguments):
    """What is imported by a run in this project's folder."""
    script = f"import sys; from engine.cli.main import main; main({['validate', *arguments]!r}); print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path), "LANG": "C"},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(run.stdout.split())


def test_checking_charts_imports_nothing_that_only_running_needs(tmp_path):
    heavy = {"jsonschema", "ruamel", "structlog", "rich", "pony", "httpx", "serial", "statemachine", "asyncio"}
    assert heavy & modules(tmp_path, "--no-cache") == set()


def test_what_is_remembered_is_told_without_knowing_how_to_check(tmp_path):
    modules(tmp_path)
    assert {"engine.chart", "engine.bindings", "engine.documents.render"} & modules(tmp_path) == set()


def test_the_hook_for_pre_commit_runs_the_command():
    (hook,) = load_yaml(ROOT / ".pre-commit-hooks.yaml").data
    assert hook["entry"].split() == ["engine", "validate"]
    assert re.search(hook["files"], "site.yaml")
