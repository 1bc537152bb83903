"""``engine run`` as a process, beside a hall in another one."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from engine.cli.main import main

WITHIN_S = 40.0


@contextmanager
def process(*arguments: str, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    running = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1", "PYTHONPATH": os.pathsep.join(sys.path), "LANG": "C.UTF-8"},
    )
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


def _drawn_from_its_trace(folder: Path, line: str) -> None:
    trace, picture = folder / "traces" / f"{line}.jsonl", folder / f"{line}.mmd"
    assert main(["graph", "weighing", "--format", "mermaid", "--trace", str(trace), "-o", str(picture)]) == 0
    told = picture.read_text(encoding="utf-8")
    assert re.search(r"[1-9][0-9]* transitions taken in [1-9][0-9]* macrosteps", told)


def test_a_service_weighs_in_a_hall_of_another_process_and_ends_at_once_when_told(tmp_path: Path) -> None:
    with process("engine.sim.hall", "--boxes", "2", "--lines", "2", "--site", "site.yaml", cwd=tmp_path) as hall:
        assert hall.stdout is not None
        ready: dict[str, Any] = json.loads(hall.stdout.readline())
        assert ready["event"] == "ready"
        assert [line["name"] for line in ready["lines"]] == ["dock-1", "dock-2"]
        with process("engine", "run", "--trace", "traces", cwd=tmp_path) as service:
            out, err = hall.communicate(timeout=WITHIN_S)
            assert (hall.returncode, err) == (0, "")
            asked = time.monotonic()
            service.send_signal(signal.SIGTERM)
            logged, complaints = service.communicate(timeout=WITHIN_S)
            assert time.monotonic() - asked < 2.0
            assert (service.returncode, complaints) == (0, "")
    ended = json.loads(out.splitlines()[-1])
    assert ended["event"] == "ended"
    assert ended["missed"] == []
    truth = sorted((box["card"], float(box["weight"])) for box in ended["boxes"])
    assert len(truth) == 2
    for line in ("dock-1", "dock-2"):
        _drawn_from_its_trace(tmp_path, line)
    assert sorted((record["card"], float(record["weight"])) for record in ended["records"]) == truth
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as database:
        assert sorted(database.execute("SELECT rfid_uid, weight FROM weighing_records")) == truth
    events = [json.loads(line)["event"] for line in logged.splitlines()]
    assert events.count("weighing.record.committed") == 2
    assert events[-1] == "gateway.service.stopped"


def test_a_hall_that_is_told_to_stop_does(tmp_path: Path) -> None:
    with process("engine.sim.hall", "--seconds", "60", cwd=tmp_path) as hall:
        assert hall.stdout is not None
        assert json.loads(hall.stdout.readline())["event"] == "ready"
        hall.send_signal(signal.SIGTERM)
        assert hall.wait(WITHIN_S) == 130


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "error[no-site]"),
        ("site: x\nserverr: {url: 'http://127.0.0.1:1'}\nlines: []\n", "did you mean 'server'?"),
    ],
)
def test_a_site_that_cannot_be_used_is_diagnosed_with_1(
    tmp_path: Path,
    text: str | None,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS"):
        monkeypatch.setenv(name, str(tmp_path / "nowhere"))
    if text is not None:
        (tmp_path / "site.yaml").write_text(text, encoding="utf-8")
    assert main(["run"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "site.yaml" in err
    assert said in err
