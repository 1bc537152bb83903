"""Whatever is written in a package: it is told with its place, and never as a traceback."""

import shutil
from pathlib import Path
from random import Random

from sequence_kit import problem, write_package

import machines
from engine.documents.render import render
from engine.sequence.package import check_package

SHIPPED = Path(machines.__path__[0]) / "sequences" / "power_board"
VALUES = ["null", "3", "[1, 2]", "{a: 1}", "true", "x", "''", "-1 s", "${parameters.vin}", '"${results.look.answer}"']


def spoilt(lines, random):
    """The text with a few slips of the pen in it."""
    lines = list(lines)
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(lines))
        match random.randrange(5):
            case 0:
                lines.pop(at)
            case 1:
                lines[at] = lines[at].replace(
                    random.choice([" ", ":", "{", "[", "name"]), random.choice(["", "x", "[]"]), 1
                )
            case 2:
                lines.insert(at, random.choice(lines))
            case 3:
                lines[at] += random.choice([" x", ": 3", " [1]", "}"])
            case _:
                key, colon, _ = lines[at].partition(": ")
                lines[at] = f"{key}: {random.choice(VALUES)}" if colon else lines[at]
    return "\n".join(lines)


def test_every_slip_in_a_package_is_told_at_a_place_in_it(tmp_path):
    shutil.copytree(SHIPPED / "drivers", tmp_path / "drivers")
    lines = (SHIPPED / "sequence.yaml").read_text(encoding="utf-8").split("\n")
    random = Random(7)
    wrong = 0
    for _ in range(80):
        text = spoilt(lines, random)
        (tmp_path / "sequence.yaml").write_text(text, encoding="utf-8")
        checked = check_package(tmp_path)
        for found in checked.findings:
            wrong += 1
            assert found.position.file == str(tmp_path / "sequence.yaml")
            assert 1 <= found.position.line <= text.count("\n") + 1
            for language in ("en", "ko"):
                assert found.code in render(found, None, language)
        assert (checked.package is None) == any(found.severity == "error" for found in checked.findings)
    assert wrong > 50


def test_a_sequence_that_includes_itself_is_told_once(tmp_path):
    found = problem(write_package(tmp_path, "- {include: sequence.yaml}"))
    assert (found.code, found.params["cycle"]) == ("include-cycle", "sequence.yaml -> sequence.yaml")
