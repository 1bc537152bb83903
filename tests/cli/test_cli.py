"""The command line: what each misuse says, and which exit code each ending has."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.cli.failures import guarded
from engine.cli.main import COMMANDS, main
from engine.errors import Diagnostic, DiagnosticError, EngineError, Position


def misuse(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert isinstance(ended.value.code, int)
    return ended.value.code


class TestUsage:
    def test_help_names_every_command(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert misuse("--help") == 0
        shown = " ".join(capsys.readouterr().out.split())  # a narrow terminal breaks lines
        assert all(command.name in shown and command.help in shown for command in COMMANDS)

    def test_help_imports_nothing_heavy(self) -> None:
        code = "import sys\nfrom engine.cli.main import main\ntry: main(['--help'])\nfinally: print(*sys.modules)"
        shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        imported = set(shown.splitlines()[-1].split())
        assert "engine.cli.commands.demo" in imported
        assert not imported & {"asyncio", "rich", "structlog", "httpx", "pony", "serial", "statemachine", "jsonschema"}

    def test_without_a_command_the_help_is_shown(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main([]) == 2
        assert "usage: engine" in capsys.readouterr().err

    def test_a_misspelt_command_is_guessed(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert misuse("demmo") == 2
        assert "no command is called 'demmo'; did you mean 'demo'?" in capsys.readouterr().err

    def test_an_unknown_command_is_answered_with_those_there_are(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert misuse("xyzzy") == 2
        assert "commands are demo, run" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--offline", "10"], "--offline: '10' has no unit; for seconds write 10s"),
            (["--offline", "2.5"], "for seconds write 2.5s"),
            (["--offline", "10 sec"], "'10 sec' is not a duration; units are ms, s, min, h, d, as in '30 s'"),
            (["--offline=-1s"], "'-1s' is negative"),
            (["--boxes", "0"], "--boxes: '0' is not a whole number from 1 to 10000"),
            (["--boxes", "many"], "--boxes: 'many' is not a whole number from 1 to 10000"),
            (["--lines", "17"], "--lines: '17' is not a whole number from 1 to 16"),
            (["--seed", "1.5"], "--seed: '1.5' is not a whole number"),
            (["--transport", "pigeon"], "invalid choice: 'pigeon'"),
            (["8"], "unrecognized arguments: 8"),
        ],
    )
    def test_a_wrong_argument_is_named_with_its_mend(
        self, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert misuse("demo", *arguments) == 2
        assert said in capsys.readouterr().err


class TestEndings:
    def test_what_a_command_returns_is_the_exit_code(self) -> None:
        assert guarded(lambda: 0) == 0
        assert guarded(lambda: 1) == 1

    def test_an_expected_problem_is_a_sentence_and_1(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert guarded(raising(EngineError("the database is in use"))) == 1
        assert capsys.readouterr().err == "error: the database is in use\n"

    def test_a_diagnostic_shows_its_place_in_the_file(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        site = tmp_path / "site.yaml"
        site.write_text("site: 노량진\nserverr: {url: x}\n", encoding="utf-8")
        place = Position(str(site), 2, 1)
        assert guarded(raising(DiagnosticError([Diagnostic("unknown-key", place, {"key": "serverr"})]))) == 1
        shown = capsys.readouterr().err
        assert f"{site}:2:1: error[unknown-key]" in shown
        assert "serverr: {url: x}" in shown
        assert "Traceback" not in shown

    def test_a_diagnostic_of_a_file_that_is_gone_is_shown_without_its_line(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        place = Position(str(tmp_path / "site.yaml"))
        assert guarded(raising(DiagnosticError([Diagnostic("file-missing", place)]))) == 1
        assert "error[file-missing]" in capsys.readouterr().err

    def test_problems_of_several_tasks_are_all_told(self, capsys: pytest.CaptureFixture[str]) -> None:
        group = ExceptionGroup("tasks", [EngineError("one"), ExceptionGroup("more", [EngineError("two")])])
        assert guarded(raising(group)) == 1
        assert capsys.readouterr().err == "error: one\nerror: two\n"

    def test_a_bug_is_3_and_its_traceback_is_in_a_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
        assert guarded(raising(ExceptionGroup("tasks", [EngineError("one"), KeyError("ours")]))) == 3
        shown = capsys.readouterr().err
        assert "Traceback" not in shown
        path = Path(shown.splitlines()[-1].removeprefix("details: "))
        assert "KeyError: 'ours'" in path.read_text(encoding="utf-8")

    def test_a_bug_without_a_place_for_its_file_is_told_on_the_screen(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        in_the_way = tmp_path / "file"
        in_the_way.touch()
        monkeypatch.setenv("XDG_STATE_HOME", str(in_the_way))
        assert guarded(raising(KeyError("ours"))) == 3
        assert "KeyError: 'ours'" in capsys.readouterr().err

    def test_an_interrupt_is_130(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert guarded(raising(KeyboardInterrupt())) == 130
        assert capsys.readouterr().err == "interrupted\n"


def raising(error: BaseException) -> Callable[[], int]:
    def run() -> int:
        raise error

    return run


@pytest.mark.skipif(sys.platform == "win32", reason="pipes break differently there")
@pytest.mark.parametrize("arguments", [["explain"], ["validate", "--help"], ["graph", "weighing"]])
def test_whoever_reads_the_output_may_stop_at_any_time(arguments: list[str], tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(
        [sys.executable, "-m", "engine", *arguments],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        env={**os.environ, "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)},
    )
    os.close(writer)
    assert (ended.stderr, ended.returncode) == ("", 141)
    assert list(tmp_path.rglob("*.log")) == []  # it is no bug of ours
