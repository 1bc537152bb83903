"""``engine demo`` as its users run it: a process that ends by itself, with an exit code that can be relied on.

The runs stand side by side, because each takes seconds of real time.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.cli.main import main

WITHIN_S = 60.0

SABOTAGE = """
    import sqlite3, sys
    from engine.cli.main import main
    from engine.service.gateway import Gateway
    from engine.sim.backend import Backend

    add_record, run = Backend.add_record, Gateway.run

    def add_first_twice(self, token, body):
        reply = add_record(self, token, body)
        if len(self.records) == 1:
            self.records.append(self.records[0])
        return reply

    async def run_and_lose_the_last(self):
        await run(self)
        with sqlite3.connect(self.site.base_dir / "ledger.sqlite") as database:
            database.execute("DELETE FROM weighing_records WHERE sequence = 2")

    Backend.add_record, Gateway.run = add_first_twice, run_and_lose_the_last
    sys.exit(main(sys.argv[1:]))
"""


@dataclass(frozen=True)
class Ended:
    """A demo that is over."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[str]:
        return [words[2] for line in self.out.splitlines() if len(words := line.split()) > 2 and words[1] == "s"]


class Runs:
    """Demos under way; each is started when it is named, and waited for when it is asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self._ended: dict[str, Ended] = {}

    def start(self, name: str, *arguments: str, code: str | None = None) -> subprocess.Popen[str]:
        program = ["-m", "engine"] if code is None else ["-c", textwrap.dedent(code)]
        temporary = self.folder / f"tmp-{name}"
        temporary.mkdir()
        process = subprocess.Popen(
            [sys.executable, *program, "demo", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1", "TMPDIR": str(temporary), "COLUMNS": "200"},
        )
        self._processes[name] = process
        return process

    def temporary(self, name: str) -> list[Path]:
        """What a run left in the folder for temporary files."""
        return list((self.folder / f"tmp-{name}").iterdir())

    def end(self, name: str) -> Ended:
        if name not in self._ended:
            process = self._processes[name]
            out, err = process.communicate(timeout=WITHIN_S)
            self._ended[name] = Ended(process.returncode, out, err)
        return self._ended[name]

    def kill(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.communicate()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    running = Runs(tmp_path_factory.mktemp("demos"))
    try:
        running.start("plain", "--boxes", "2", "--lines", "2")
        offline = ("--offline", "1500 ms", "--seed", "4", "--transport", "socket")
        running.start("offline", "--boxes", "2", "--lines", "2", *offline, "--keep", str(running.folder / "kept"))
        running.start("sabotaged", "--boxes", "2", "--lines", "2", code=SABOTAGE)
        yield running
    finally:
        running.kill()


def test_an_interrupt_ends_it_cleanly(runs: Runs) -> None:
    process = runs.start("interrupted")
    assert process.stdout is not None
    assert any("gateway.service.started" in line for line in process.stdout)
    process.send_signal(signal.SIGINT)
    ended = runs.end("interrupted")
    assert ended.code == 130
    assert ended.err.splitlines() == ["interrupted"]
    assert runs.temporary("interrupted") == []


def test_the_whole_story_is_told_in_order(runs: Runs) -> None:
    ended = runs.end("plain")
    assert (ended.code, ended.err) == (0, "")
    story = [
        "gateway.registration.requested",
        "hall.gateway.approved",
        "gateway.approval.stored",
        "stream.command.received",
        "hall.box.placed",
        "weighing.record.committed",
        "upload.record.delivered",
        "gateway.service.stopped",
    ]
    places = [ended.events.index(event) for event in story if event != "stream.command.received"]
    assert places == sorted(places)
    assert ended.events.count("stream.command.received") == 2
    assert ended.events.count("hall.box.placed") == ended.events.count("weighing.record.committed") == 2


def test_it_ends_well_and_leaves_nothing(runs: Runs) -> None:
    ended = runs.end("plain")
    assert ended.out.splitlines()[-1] == "OK: 2 boxes, each recorded once here and once at the server"
    assert "rows: 2 here, 2 at the server" in ended.out
    assert "stream messages: 0" not in ended.out
    assert runs.temporary("plain") == []


def test_records_of_an_outage_arrive_after_it(runs: Runs) -> None:
    ended = runs.end("offline")
    assert (ended.code, ended.err) == (0, "")
    events = ended.events
    assert events.index("hall.server.went_offline") < events.index("hall.box.placed")
    assert events.index("weighing.record.committed") < events.index("upload.record.delivered")
    assert events.index("hall.server.came_online") < events.index("upload.record.delivered")
    assert "the server was down for 1.5 s" in ended.out


def test_keep_leaves_the_database_the_log_and_the_site(runs: Runs) -> None:
    assert runs.end("offline").code == 0
    kept = runs.folder / "kept"
    assert {"ledger.sqlite", "engine.log", "site.yaml"} <= {path.name for path in kept.iterdir()}
    assert "socket://127.0.0.1" in (kept / "site.yaml").read_text(encoding="utf-8")
    with closing(sqlite3.connect(kept / "ledger.sqlite")) as database:
        assert database.execute("SELECT count(*), sum(is_sent) FROM weighing_records").fetchone() == (2, 2)


def test_a_doubled_and_a_missing_row_fail_it_and_are_told(runs: Runs) -> None:
    ended = runs.end("sabotaged")
    assert ended.code == 1
    assert ended.err == ""
    assert "2 rows at the server instead of one" in ended.out
    assert "missing here" in ended.out
    assert ended.out.splitlines()[-1] == "FAILED: 2 problems"
    assert len(runs.temporary("sabotaged")) == 1, "the ledger of a failure is there to be looked into"


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ledger.sqlite").touch()
    assert main(["demo", "--keep", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith(f"error: --keep: {tmp_path} is not empty")


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["demo", "--keep", str(tmp_path / "file" / "folder")]) == 1
    assert "cannot be used as a folder: Not a directory" in capsys.readouterr().err
