"""What a step that does nothing costs in OpenHTF and in HardPy: the time from one step's body to the next one's.

Each runs in a process of its own, so that what it prints and keeps is its own. OpenHTF comes with ``make install``.
HardPy does not: it wants pinned versions of much of what is used here. It is measured where it has been installed, and
keeps a JSON file of its own there, so that no CouchDB is needed::

    python -m venv build/hardpy && build/hardpy/bin/pip install hardpy==0.25.2
"""

from __future__ import annotations

import itertools
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from tests.bench.report import Figure, Options, Report

HARDPY: Final = Path(__file__).parents[2] / "build" / "hardpy" / ("Scripts" if os.name == "nt" else "bin")
INSTALL: Final = "python -m venv build/hardpy && build/hardpy/bin/pip install hardpy==0.25.2"
# HardPy writes its whole file at every case, which therefore costs the more the more there are.
_HARDPY_STEPS: Final = 100
_LONGEST_S: Final = 180.0
_TIMES: Final = "times.json"

_OPENHTF: Final = """\
import json, time
import openhtf

times = []

def nothing(test):
    times.append(time.perf_counter())

phases = [openhtf.PhaseDescriptor.wrap_or_copy(nothing) for _ in range({steps})]
assert openhtf.Test(*phases).execute(test_start=lambda: "unit")
open("times.json", "w").write(json.dumps(times))
"""
_CASES: Final = """\
import json, time
import pytest

times = []

@pytest.mark.parametrize("number", range({steps}))
def test_nothing(number):
    times.append(time.perf_counter())
    if number == {steps} - 1:
        open("times.json", "w").write(json.dumps(times))
"""
_HARDPY_TOML: Final = '[database]\nstorage_type = "json"\n'


@dataclass(frozen=True, slots=True)
class _Peer:
    name: str
    note: str
    steps: int
    files: dict[str, str]
    command: list[str]


def add_peers(options: Options, report: Report, steps: int) -> None:
    """Their figures, or a note of why there is none."""
    peers = []
    if find_spec("openhtf") is None:
        report.notes.append("OpenHTF is not installed: nothing of it to compare a step with")
    else:
        command = [sys.executable, "phases.py"]
        peers.append(_Peer("OpenHTF: a phase", "kept nowhere", steps, {"phases.py": _OPENHTF}, command))
    python = _hardpy()
    if python is None:
        report.notes.append(f"HardPy is not installed: nothing of it to compare a step with. To install it: {INSTALL}")
    else:
        files = {"test_cases.py": _CASES, "hardpy.toml": _HARDPY_TOML}
        command = [str(python), "-m", "pytest", "--hardpy-pt", "-q", "-p", "no:cacheprovider", "."]
        peers.append(_Peer("HardPy: a case", f"of {_HARDPY_STEPS}, into a JSON file", _HARDPY_STEPS, files, command))
    for peer in peers:
        options.tell(f"{peer.name} that does nothing, {peer.steps} times ...")
        each = _measure(peer, report)
        report.figures.append(Figure(f"{peer.name} that does nothing", each * 1000, "ms", places=2, note=peer.note))


def _hardpy() -> Path | None:
    python = HARDPY / ("python.exe" if os.name == "nt" else "python")
    return python if python.exists() else None


def _measure(peer: _Peer, report: Report) -> float:
    """The median in seconds from step to step; nan, and a note, where it does not run."""
    with tempfile.TemporaryDirectory(prefix="station-peer-") as folder:
        for name, text in peer.files.items():
            Path(folder, name).write_text(text.replace("{steps}", str(peer.steps)), encoding="utf-8")
        try:
            subprocess.run(peer.command, cwd=folder, capture_output=True, text=True, timeout=_LONGEST_S, check=True)
            times = json.loads(Path(folder, _TIMES).read_text(encoding="utf-8"))
        except (OSError, subprocess.SubprocessError) as error:
            said = f"{getattr(error, 'stdout', '') or ''}{getattr(error, 'stderr', '') or ''}".strip()
            report.notes.append(f"{peer.name}: not measured: {error}: {said[-300:]}")
            return math.nan
    return float(statistics.median(after - before for before, after in itertools.pairwise(times)))
