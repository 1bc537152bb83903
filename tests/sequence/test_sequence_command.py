"""``engine sequence run``: one run in the terminal; 0 for a pass, 1 for anything else, 2 for misuse."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from sequence_kit import write_package

from engine.cli.main import main
from engine.cli.validation.run import validate
from engine.render.build import scene_of
from engine.render.formats import written
from engine.sequence.junit import junit_xml
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
        (["--param", "volts=12"], "no setting 'volts'"),
        (["--fault", "psu.on=hang"], "simulated hardware only"),
        (["--simulate", "--fault", "psu=hang"], "is no fault"),
        (["--simulate", "--config", "pus.port=x"], "no hardware 'pus'"),
        (["--config", "port=x"], "is no HARDWARE.NAME=VALUE"),
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
