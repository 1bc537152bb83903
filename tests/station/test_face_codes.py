"""The codes of problems are promised to programs: each is in the guide, and the guide names none that there is not."""

import re
from pathlib import Path

import engine.station.web
from engine.station import batch_base, batch_work, worker_life

GUIDE = Path(__file__).parents[2] / "docs" / "station.md"
WEB = Path(engine.station.web.__file__ or "").parent
MADE = re.compile(
    r'(?:(?:ProblemError|Refusal|problem_response)\(\s*[\w.]+,\s*|conflict\(|\b404: |\b405: |\b413: )"([a-z-]+)"'
)
NOT_FOUND = re.compile(r'not_found\("([a-z]+)"')
ASKED_OF_A_PROCESS = re.compile(r'(?:CommandError|RefusedError)\("([a-z_]+)"')
ROW = re.compile(r"^\| (\d{3}) \| (.+?) \|", re.MULTILINE)


def made():
    """Every code that an answer can have, by the source."""
    web = "".join(file.read_text(encoding="utf-8") for file in WEB.glob("*.py"))
    processes = "".join(Path(one.__file__).read_text(encoding="utf-8") for one in (batch_base, batch_work, worker_life))
    codes = {*MADE.findall(web), *(f"unknown-{what}" for what in NOT_FOUND.findall(web))}
    codes |= {code.replace("_", "-") for code in ASKED_OF_A_PROCESS.findall(processes)}
    return codes | {"no-answer", "failed", "refused"}  # of a process that is gone, of one that fails, of the framework


def test_the_guide_names_every_code_and_no_other():
    cells = "".join(row[1] for row in ROW.findall(GUIDE.read_text(encoding="utf-8")))
    assert set(re.findall(r"`([a-z-]+)`", cells)) == made()
