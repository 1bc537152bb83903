"""docs/station.md keeps its word: its files are written, its commands given, and what comes back is what it shows."""

from __future__ import annotations

import contextlib
import doctest
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from engine.cli.main import main

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "station.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ALIKE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
WITHIN_S = 20.0


class Reader:
    """Somebody who does what the page says, on a port of their own, and keeps in mind which run is which."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = str(free.getsockname()[1])
        self.runs: dict[str, str] = {}
        self.station: subprocess.Popen[bytes] | None = None

    def write(self, text: str) -> None:
        """A file whose first line says where it is; no other block is one."""
        first, _, _ = text.partition("\n")
        path = self.folder / first.removeprefix("# ").strip()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("8080", self.port), encoding="utf-8")

    def give(self, command: str, shown: str) -> None:
        """Give a command until it shows what it should: what a request began may need a moment."""
        for mine, theirs in {**self.runs, "8080": self.port}.items():
            command, shown = command.replace(mine, theirs), shown.replace(mine, theirs)
        words, until = shlex.split(command), time.monotonic() + WITHIN_S
        while not self._fits(shown, got := self._output(words)):
            is_harmless = "POST" not in words or "prompts/answer" in command or '"wrong-state"' in got
            is_patient = words[0] == "curl" and is_harmless
            is_over = not is_patient or time.monotonic() > until
            assert not is_over, f"{command}\n{shown}\n--- instead of that:\n{got}"
            time.sleep(0.02)

    def _fits(self, shown: str, got: str) -> bool:
        named, found = UUID.findall(shown), UUID.findall(got)
        if named and found and named[0] not in self.runs.values():
            shown = shown.replace(named[0], found[0])
            self.runs[named[0]] = found[0]
        return doctest.OutputChecker().check_output(shown, got, ALIKE)

    def _output(self, words: list[str]) -> str:
        if words[0] == "curl":
            return self._asked(words[1:])
        if words == ["engine", "station", "&"]:
            self._start()
            return ""
        if words[:2] == ["cp", "-r"]:
            shutil.copytree(words[2], words[3])
            return ""
        if words[0] == "python":
            return subprocess.run([sys.executable, *words[1:]], check=True, capture_output=True, text=True).stdout
        assert words[0] == "engine", words
        main(words[1:])
        return self.capsys.readouterr().out

    def _asked(self, words: list[str]) -> str:
        method, headers, body, url, file = "GET", {}, None, "", None
        rest = iter(words)
        for word in rest:
            match word:
                case "-X":
                    method = next(rest)
                case "-H":
                    name, _, value = next(rest).partition(": ")
                    headers[name] = value
                case "-d":
                    body = next(rest)
                case "-o":
                    file = Path(next(rest))
                case "-s":
                    pass
                case _:
                    url = word
        answer = httpx.request(method, url, headers=headers, content=body, timeout=WITHIN_S)
        if file is None:
            return answer.text
        file.write_bytes(answer.content)
        return ""

    def _start(self) -> None:
        with Path("station.out").open("wb") as out:
            self.station = subprocess.Popen([sys.executable, "-m", "engine", "station"], stdout=out)
        until = time.monotonic() + WITHIN_S
        while b"station.ready" not in Path("station.out").read_bytes():
            assert self.station.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)

    def leave(self) -> None:
        """End the station that was started."""
        if self.station is not None:
            self.station.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.station.wait(WITHIN_S)
            self.station.kill()
            self.station.wait()


@pytest.fixture
def reader(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LANG", "en_US.UTF-8")
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    reader = Reader(tmp_path, capsys)
    yield reader
    reader.leave()


def test_who_follows_the_guide_word_by_word_gets_what_it_shows(reader: Reader) -> None:
    done = 0
    for kind, text in BLOCK.findall(GUIDE.read_text(encoding="utf-8")):
        if kind in {"yaml", "python"}:
            reader.write(text)
        else:
            assert kind == "console"
            for command, shown in COMMAND.findall(text):
                reader.give(command, shown)
                done += 1
    assert done > 20
    assert Path("lamp.svg").read_text(encoding="utf-8").startswith("<svg")
    assert 'message="injected fault: lamp.read failed"' in Path("result.xml").read_text(encoding="utf-8")
    assert ",SN-0042," in Path("SN-0042.csv").read_text(encoding="utf-8")
    assert Path("backup.db").stat().st_size > 0
