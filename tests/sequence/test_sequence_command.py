"""``engine sequence run``: one run in the terminal; 0 for a pass, 1 for anything else, 2 for misuse."""

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from sequence_kit import write_package

from engine.cli.main import main
from engine.cli.sequence_view import SequenceView
from engine.cli.sequence_watch import watched
from engine.cli.validation.run import validate
from engine.render.build import scene_of
from engine.render.formats import written
from engine.sequence.junit import junit_xml, shortened
from engine.sequence.package import check_package, load_package
from engine.sequence.records import ExecutionRecord, ExecutionStatus, StepRecord, StepStatus, Verdict
from machines import shipped_sequences


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    monkeypatch.setenv("LANG", "en_US.UTF-8")
    with Path(os.devnull).open(encoding="utf-8") as nobody:
        monkeypatch.setattr("sys.stdin", nobody)
        yield


@pytest.mark.parametrize("name", sorted(shipped_sequences()))
def test_every_sequence_that_ships_is_clean_can_be_drawn_and_passes_in_simulation(name, capsys, tmp_path):
    assert check_package(name).findings == []
    assert name in written(scene_of(load_package(name).chart), "text")
    junit = tmp_path / "result" / "junit.xml"
    assert main(["sequence", "run", name, "--simulate", "--junit", str(junit)]) == 0
    assert "PASS" in capsys.readouterr().out
    suite = ET.parse(junit).getroot()[0]
    assert suite.get("name") == name
    assert int(suite.get("tests")) == len(suite.findall("testcase")) >= 2
    assert suite.get("failures") == suite.get("errors") == "0"


def test_what_went_wrong_is_seen_in_the_exit_code_the_progress_and_the_json(capsys):
    wrong = ["sequence", "run", "power_board", "--simulate", "--fault", "dmm.read=drift:0.2"]
    assert main(wrong) == 1
    assert "FAIL" in capsys.readouterr().out
    assert main([*wrong, "--json"]) == 1
    result = json.loads(capsys.readouterr().out)
    assert (result["verdict"], result["status"], result["sequence_name"]) == ("fail", "completed", "power_board")
    rail = next(step for step in result["steps"] if step["name"] == "rail_3v3")
    assert rail["measurements"][0]["verdict"] == "fail"
    assert result["steps"][-1]["name"] == "power_off"


def test_an_answer_can_be_given_beforehand(capsys):
    assert main(["sequence", "run", "power_board", "--simulate", "--answer", "look=아니오"]) == 1
    assert "look" in capsys.readouterr().out


def test_without_anybody_to_ask_a_question_is_an_error(tmp_path, capsys):
    package = write_package(tmp_path, "- {name: look, prompt: {text: LED?, choices: [예, 아니오]}}")
    assert main(["sequence", "run", str(package)]) == 1
    assert "nobody is here to answer" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--param", "vin=20"], "outside the range of 'vin'"),
        (["--param", "vin=12 A"], "is not in 'V'"),
        (["--param", "vin=12000mA"], "is not in 'V'"),
        (["--param", "vin=nan"], "vin: expected a number"),
        (["--param", "vin=-inf"], "vin: expected a number"),
        (["--param", "vin=１２"], "vin: expected a number"),
        (["--param", "burn_in=1_0"], "burn_in: expected a whole number"),
        (["--param", "volts=12"], "no setting or parameter is called 'volts'"),
        (["--fault", "psu.on=hang"], "simulated hardware only"),
        (["--simulate", "--fault", "psu=hang"], "is no fault"),
        (["--simulate", "--config", "pus.port=x"], "no hardware 'pus'"),
        (["--config", "port=x"], "is no HARDWARE.NAME=VALUE"),
        (["--config", "psu.prot=x"], "takes no value 'prot'; did you mean 'port'?"),
        (["--simulate", "--fault", "psu.onn=hang"], "no such command; there is: off, on, read"),
        (["--simulate", "--answer", "lok=예"], "no question 'lok'; did you mean 'look'?"),
        (["--simulate", "--answer", "look=yes"], "is no answer to 'look'; answers are: 예, 아니오"),
        (["--simulate", "--junit", os.devnull + "/x/junit.xml"], "cannot be written"),
        (["--param", "vin"], "is no NAME=VALUE"),
    ],
)
def test_misuse_is_told_and_nothing_runs(arguments, said, capsys):
    try:
        code = main(["sequence", "run", "power_board", *arguments])
    except SystemExit as error:
        code = error.code
    assert code == 2
    assert said in capsys.readouterr().err


def test_a_parameter_may_come_with_its_unit(capsys):
    assert main(["sequence", "run", "power_board", "--simulate", "--param", "vin=13.5 V", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["parameters"]["vin"] == 13.5


def test_a_package_that_is_wrong_or_not_there_is_told_with_its_place(tmp_path, capsys):
    package = write_package(tmp_path, "- {name: one, call: psu.onn}")
    assert main(["sequence", "run", str(package)]) == 1
    assert "sequence.yaml:5:23: error[unknown-command]" in capsys.readouterr().err
    assert main(["sequence", "run", "power_bord"]) == 1
    assert "did you mean 'power_board'?" in capsys.readouterr().err


def test_validate_knows_a_package_by_its_folder_its_file_and_its_flow(tmp_path, monkeypatch):
    write_package(tmp_path / "machines" / "sequences" / "one", "- {name: one, call: psu.onn}")
    package = tmp_path / "machines" / "sequences" / "one"
    for path in (package, package / "sequence.yaml", tmp_path):
        assert [found.code for found in validate([str(path)], None).findings] == ["unknown-command"]
    (package / "flow.yaml").write_text("chart: flow\ninitial: a\nstates: {a: {type: final}}\n", encoding="utf-8")
    assert [found.code for found in validate([str(package / "flow.yaml")], None).findings] == ["unknown-command"]


TALKATIVE = """
import os, sys
print("IMPORTED")
class Psu:
    def on(self) -> None:
        print("ON")
        os.chdir(os.path.dirname(os.getcwd()))
class PsuSim(Psu): ...
"""


def test_neither_what_a_driver_prints_nor_where_it_goes_gets_into_the_results(tmp_path, monkeypatch, capsys):
    package = write_package(tmp_path / "package", "- {name: one, call: psu.on}", driver=TALKATIVE, cleanup="")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert main(["sequence", "run", str(package), "--simulate", "--json", "--junit", "junit.xml"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["verdict"] == "pass"
    assert "IMPORTED" in said.err
    assert "ON" in said.err
    assert ET.parse(tmp_path / "here" / "junit.xml").getroot()[0].get("tests") == "1"


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("def g():\n    1 / 0\n\ng()\n", "ZeroDivisionError: division by zero (drivers/psu.py:2)"),
        ("\n\ndef f(:\n", "SyntaxError: invalid syntax (drivers/psu.py:3)"),
        ("raise GeneratorExit\n", "(drivers/psu.py:1)"),
        ("raise BaseException('odd')\n", "BaseException: odd (drivers/psu.py:1)"),
    ],
)
def test_a_driver_that_cannot_be_loaded_is_told_with_its_line(tmp_path, capsys, module, said):
    package = write_package(tmp_path, "- {name: one, call: psu.on}", driver=module)
    assert main(["sequence", "run", str(package)]) == 1
    assert said in capsys.readouterr().err


PROGRAM = """
from __future__ import annotations
import time
class Psu:
    def slow(self) -> None:
        print("SLOW", flush=True)
        time.sleep(0.5)
    def off(self) -> None:
        print("OFF", flush=True)
        time.sleep(1.0)
        print("IS OFF", flush=True)
class PsuSim(Psu): ...
"""


@pytest.mark.skipif(os.name != "posix", reason="sends signals as a terminal does")
def test_ctrl_c_goes_through_the_cleanup_and_a_second_one_does_not_skip_it(tmp_path):
    steps = "- {name: loop, repeat: {times: 1000}, steps: [{name: slow, call: psu.slow}]}"
    package = write_package(tmp_path, steps, driver=PROGRAM, cleanup="cleanup:\n  - {name: power_off, call: psu.off}\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "engine", "sequence", "run", str(package), "--simulate"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, bufsize=1,
        env={**os.environ, "LANG": "en_US.UTF-8", "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    seen = []
    with process.stdout:
        for line in process.stdout:
            seen.append(line.strip())
            if seen[-1] == "SLOW" and seen.count("SLOW") == 1:
                process.send_signal(signal.SIGINT)
            if seen[-1] == "OFF":
                process.send_signal(signal.SIGINT)
    assert process.wait(30) == 1
    assert seen.count("OFF") == seen.count("IS OFF") == 1
    assert "SLOW" not in seen[seen.index("OFF") :]
    assert "ABORTED" in seen[-1]


LOGGING = """
from pathlib import Path
class Psu:
    def on(self) -> None: ...
    def off(self) -> None:
        Path(__file__).with_name("off").touch()
class PsuSim(Psu): ...
"""


@pytest.mark.parametrize("screen", ["closed", "full"])
def test_nobody_who_looks_is_no_reason_to_skip_the_cleanup(tmp_path, screen):
    if screen == "full" and not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    steps = "- {name: loop, repeat: {times: 20}, steps: [{name: one, call: psu.on}]}"
    package = write_package(tmp_path, steps, driver=LOGGING)
    reader, writer = os.pipe()
    os.close(reader)  # as behind "| head -1", which has gone
    with os.fdopen(writer, "wb") as closed, Path("/dev/full" if screen == "full" else os.devnull).open("wb") as full:
        subprocess.run(
            [sys.executable, "-m", "engine", "sequence", "run", str(package)], check=False,
            stdout=full if screen == "full" else closed, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=60,
        )  # fmt: skip
    assert (package / "drivers" / "off").exists()


BLOCKING = """
import signal, time
class Psu:
    async def block(self) -> None:
        for _ in range(200):
            time.sleep(0.1)
    async def change(self) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    async def off(self) -> None: ...
class PsuSim(Psu): ...
"""


@pytest.mark.skipif(os.name != "posix", reason="interrupts a call by a signal")
def test_a_coroutine_that_blocks_the_loop_is_interrupted_and_the_cleanup_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("engine.cli.sequence_run.watched", partial(watched, still_s=0.3))
    package = write_package(tmp_path, "- {name: one, call: psu.block}", driver=BLOCKING)
    before = signal.getsignal(signal.SIGINT)
    assert main(["sequence", "run", str(package)]) == 1
    said = capsys.readouterr().out
    assert "blocked everything" in said
    assert "psu.py:6 in block" in said
    assert "✔ power_off" in said
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.skipif(os.name != "posix", reason="sends itself a signal")
def test_a_driver_that_changes_what_signals_do_is_put_right(tmp_path, monkeypatch, capsys):
    class Alert(SequenceView):
        """Presses Ctrl-C as soon as it hears that it works again."""

        def note(self, text):
            super().note(text)
            if "SIGTERM" in text:
                signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("engine.cli.sequence_run.SequenceView", Alert)
    package = write_package(tmp_path, "- {name: one, call: psu.change}\n- {name: two, wait: 60 s}", driver=BLOCKING)
    assert main(["sequence", "run", str(package)]) == 1
    said = capsys.readouterr().out
    assert "✔ power_off" in said
    assert "ABORTED" in said


def test_junit_says_what_failed_and_holds_only_what_xml_can():
    execution = ExecutionRecord(
        "e1", 9, "b1", "test", "1", ExecutionStatus.FAILED, verdict=Verdict.ERROR, reason="bell \a", duration=1.5
    )
    done = StepStatus.COMPLETED
    steps = [
        StepRecord("e1", 1, 1, "a", "a", done, verdict=Verdict.PASS, duration=0.5),
        StepRecord("e1", 2, 2, "b", "b[1]/b", done, verdict=Verdict.FAIL, result={"answer": "<no & \x00>"}),
        StepRecord("e1", 3, 3, "c", "c", StepStatus.FAILED, verdict=Verdict.ERROR, error="OSError: gone"),
        StepRecord("e1", 4, 4, "d", "d", StepStatus.SKIPPED),
        StepRecord("e1", 5, 5, "e", "e", done, verdict=Verdict.INCONCLUSIVE),
    ]
    suite = ET.fromstring(junit_xml(execution, steps))[0]
    assert [suite.get(key) for key in ("tests", "failures", "errors", "skipped")] == ["5", "2", "1", "1"]
    cases = suite.findall("testcase")
    assert [[child.tag for child in case] for case in cases] == [[], ["failure"], ["error"], ["skipped"], ["failure"]]
    assert cases[1][0].get("message") == "answered '<no & \ufffd>'"
    assert cases[2][0].get("message") == "OSError: gone"


HOSTILE = """
class Odd(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")
class Psu:
    def surrogate(self):
        return {"\\udc80": "\\udcff"}
    def large(self):
        return 10**5000
    def endless(self):
        found = []
        found.append(found)
        return found
    def loud(self):
        raise ValueError("\\x1b[2J [bold]<b>& \\udcff \\x00")
    def odd(self):
        raise Odd
class PsuSim(Psu): ...
"""


def test_whatever_a_driver_gives_or_says_the_results_can_be_read(tmp_path, capsys):
    steps = "\n".join(
        f"- {{name: {one}, title: '[red] <한글>', call: psu.{one}, on_fail: continue}}"
        for one in ("surrogate", "large", "endless", "loud", "odd")
    )
    package = write_package(tmp_path / "package", steps, driver=HOSTILE, cleanup="")
    junit = tmp_path / "junit.xml"
    assert main(["sequence", "run", str(package), "--simulate", "--junit", str(junit)]) == 1
    screen = capsys.readouterr().out
    assert "\x1b" not in screen
    assert "[bold]<b>&" in screen
    assert int(ET.parse(junit).getroot()[0].get("errors")) == 3
    assert main(["sequence", "run", str(package), "--simulate", "--json"]) == 1
    found = {step["name"]: step for step in json.loads(capsys.readouterr().out)["steps"]}
    assert [name for name, step in found.items() if step["verdict"] == "pass"] == ["surrogate", "large"]
    assert found["odd"]["error"] == "Odd"
    assert found["surrogate"]["result"]["value"] == {"\\udc80": "\\udcff"}


def test_a_process_that_dies_leaves_no_result_that_could_be_read_as_one(tmp_path):
    junit = tmp_path / "junit.xml"
    done = subprocess.run(
        [sys.executable, "-m", "engine", "sequence", "run", "power_board", "--simulate", "--fault", "psu.on=crash",
         "--junit", str(junit)],
        check=False, capture_output=True, stdin=subprocess.DEVNULL, timeout=60,
    )  # fmt: skip
    assert done.returncode == 70
    assert not junit.exists()


def test_a_long_value_is_shortened_where_people_read_it():
    assert shortened(3.3) == "3.3"
    assert shortened("x" * 5000) == "x" * 200 + "… (5000 characters)"


def test_a_run_that_no_step_tells_of_is_no_pass_for_a_reader_of_junit():
    execution = ExecutionRecord(
        "e1",
        9,
        "b1",
        "test",
        "1",
        ExecutionStatus.STOPPED,
        verdict=Verdict.ABORTED,
        reason="door",
        parameters={"f": True},
    )
    suite = ET.fromstring(junit_xml(execution, [StepRecord("e1", 4, 4, "d", "d", StepStatus.SKIPPED)]))[0]
    assert [suite.get(key) for key in ("tests", "failures", "errors", "skipped")] == ["2", "0", "1", "1"]
    assert suite.findall("testcase")[1][0].get("message") == "door"
    assert suite.find("properties/property[@name='parameter.f']").get("value") == "true"


def test_what_was_checked_is_remembered_until_a_driver_or_an_included_file_changes(tmp_path):
    package = write_package(
        tmp_path / "package", "- {include: more.yaml}", **{"more.yaml": "steps:\n- {name: a, call: psu.on}\n"}
    )
    cache = tmp_path / "cache"

    def told():
        return [found.code for found in validate([str(package)], cache).findings]

    assert told() == told() == []
    driver = package / "drivers" / "psu.py"
    text = driver.read_text(encoding="utf-8")
    driver.write_text(text.replace("def on(", "def onn("), encoding="utf-8")
    assert told() == told() == ["unknown-command"]
    driver.write_text(text, encoding="utf-8")
    (package / "more.yaml").write_text("steps:\n- {name: a, call: psu.of}\n", encoding="utf-8")
    assert told() == told() == ["unknown-command"]
