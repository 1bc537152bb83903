"""What ``engine graph`` shows of a sequence: each step by what it does, not by how it is compiled."""

from sequence_kit import write_package

from engine.cli.main import main

STEPS = """
- {name: read, call: psu.read, measure: {volts: {unit: V, range: [1, 2]}}, when: "1 < 2"}
- {name: pause, wait: 1 s}
- {name: look, prompt: {text: Is it lit?, choices: ["yes", "no"]}}
- {name: alone, call: psu.on, lock: {name: bench}}
- {name: rounds, repeat: {times: 2}, steps: [{name: meet, rendezvous: {name: start, members: 2}, timeout: 9 s}]}
"""


def test_a_step_is_drawn_by_what_it_does(tmp_path, capsys):
    write_package(tmp_path, STEPS)
    assert main(["graph", str(tmp_path), "--format", "text"]) == 0
    shown = capsys.readouterr().out
    invoked = [line.partition("invoke ")[2].partition(",")[0] for line in shown.splitlines() if "invoke " in line]
    assert invoked == [
        "when 1 < 2", "psu.read → volts", "wait", "ask the operator", "lock 'bench'", "psu.on",
        "rendezvous 'start'", "another round", "psu.off",
    ]  # fmt: skip
