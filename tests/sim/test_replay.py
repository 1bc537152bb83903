"""A hall recorded through the real service, and played again: the same records, every time."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import structlog

from engine.bindings.shipped import shipped_registry
from engine.cli.main import main
from engine.clock import SystemClock, VirtualClock
from engine.devices.recording import LINK_DOWN, LINK_UP, SENT, RecordingWriter, read_recording
from engine.service.config import load_site
from engine.service.gateway import Gateway
from engine.sim.audit import read_ledger
from engine.sim.boxes import Box
from engine.sim.hall import MAC_ADDRESS, Hall
from engine.sim.playback import play
from engine.sim.server import ReferenceServer
from engine.testing.replay import Replayed, replay
from parsers import make_parser

SITE = """\
server: {url: "http://127.0.0.1:9"}
lines:
  - name: dock-1
    devices:
      scale: {port: /dev/ttyUSB0, protocol: cas-22}
      rfid: {port: /dev/ttyUSB1, protocol: rdm6300}
"""
CARD = b"\x02" + b"0A006091E1" + b"1A" + b"\x03"


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with site.yaml, what two lines weighed (ledger.sqlite), and its recording (rec)."""
    folder = tmp_path_factory.mktemp("hall")
    asyncio.run(_record(folder))
    structlog.reset_defaults()
    yield folder
    for ballast in folder.glob("**/*.ballast"):
        ballast.unlink()


async def _record(folder: Path) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
    async with ReferenceServer() as server, Hall(lines=2, seed=4) as hall:
        site = hall.site_yaml(server.url) + "\nrecord: {dir: rec, max_size: 50 MB, min_free: 1 kB}\n"
        (folder / "site.yaml").write_text(site, encoding="utf-8")
        gateway = Gateway(load_site(folder / "site.yaml", os.environ))

        async def committed(box: Box) -> None:
            while box.card not in {row.card for row in read_ledger(folder / "ledger.sqlite")}:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

        async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
            tasks.create_task(gateway.run())
            await server.wait_until(lambda: MAC_ADDRESS in server.gateways, timeout=30)
            server.approve(MAC_ADDRESS)
            ready = {"ready"}
            while not all(set(status.states) <= ready for status in gateway.status().machines[3:]):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            assert await hall.run_boxes(4, committed) == []
            gateway.stop()


def records_of(folder: Path) -> list[tuple[str, Decimal, str]]:
    return [(row.card, row.weight, row.line) for row in read_ledger(folder / "ledger.sqlite")]


def played(folder: Path, into: Path) -> Replayed:
    into.mkdir()
    registry = shipped_registry()
    site = load_site(folder / "site.yaml", os.environ, registry=registry)
    result = replay(read_recording([folder / "rec"]), site, registry, into)
    for ballast in into.glob("*.ballast"):
        ballast.unlink()
    return result


def test_a_recorded_hall_replayed_into_the_charts_gives_the_same_records(hall: Path, tmp_path: Path) -> None:
    began = time.monotonic()
    result = played(hall, tmp_path / "one")
    took = time.monotonic() - began
    weighed = records_of(hall)
    assert len(weighed) == 4
    assert [(record.rfid_uid, record.weight, record.line) for record in result.records] == weighed
    assert records_of(tmp_path / "one") == weighed
    assert (result.torn, result.passed_over, set(result.faults.values())) == ([], {}, {0})
    assert took < result.seconds


def test_the_same_recording_gives_the_same_records_to_the_last_digit_of_their_ids(hall: Path, tmp_path: Path) -> None:
    assert played(hall, tmp_path / "one").records == played(hall, tmp_path / "two").records


def test_the_recording_of_a_service_that_was_killed_is_told_as_torn_and_played(
    hall: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    [path] = (hall / "rec").iterdir()
    whole = path.read_bytes()
    torn = tmp_path / "torn.rec.gz"
    torn.write_bytes(whole[: len(whole) * 2 // 3])
    monkeypatch.chdir(hall)
    assert main(["replay", str(torn), "--into", "chart"]) == 0
    told = capsys.readouterr()
    found = [json.loads(line) for line in told.out.splitlines()]
    expected = records_of(hall)
    assert [(record["rfid_uid"], Decimal(record["weight"]), record["line"]) for record in found] == expected[
        : len(found)
    ]
    assert 1 <= len(found) < 4
    assert "torn.rec.gz: ends too early" in told.err
    assert main(["replay", str(torn), "--into", "chart"]) == 0
    assert capsys.readouterr().out == told.out


# Small recordings ----------------------------------------------------------------------------------------------------


def frame(weight: str, *, is_stable: bool = True) -> bytes:
    return b"%s,GS,1\xe4,%s kg\r\n" % (b"ST" if is_stable else b"US", weight.rjust(8, "0").encode())


class Tape:
    """Writes a recording as one would tell it."""

    def __init__(self, folder: Path) -> None:
        (folder / "site.yaml").write_text(SITE, encoding="utf-8")
        self.folder = folder
        self.path = folder / "tape.rec.gz"
        self.writer = RecordingWriter(self.path, VirtualClock())
        self.at = 0.0

    def link(self, direction: Any, reason: bytes = b"") -> None:
        self.writer.write("dock-1/scale", reason, self.at, direction)

    def show(self, weight: str, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.writer.write("dock-1/scale", frame(weight), self.at)
            self.at += 0.1

    def touch(self, port: str = "dock-1/rfid") -> None:
        self.writer.write(port, CARD, self.at)

    def box(self, weight: str) -> None:
        self.touch()
        self.show(weight, 3)
        self.show("0.000", 3)

    def play(self) -> Replayed:
        self.writer.close()
        registry = shipped_registry()
        site = load_site(self.folder / "site.yaml", {}, registry=registry)
        try:
            return replay(read_recording([self.path]), site, registry, self.folder)
        finally:
            for ballast in self.folder.glob("*.ballast"):
                ballast.unlink()


def test_times_are_those_of_the_recording(tmp_path: Path) -> None:
    tape = Tape(tmp_path)
    tape.show("0.000", 2)
    tape.at += 3600
    tape.box("12.340")
    result = tape.play()
    [record] = result.records
    assert (record.rfid_uid, str(record.weight)) == ("0A006091E1", "12.340")
    assert 3602 < (record.measured_at - VirtualClock().now()).total_seconds() < 3606
    assert result.seconds == pytest.approx(3607.9, abs=0.2)


def test_a_scale_that_was_lost_is_lost_in_the_replay(tmp_path: Path) -> None:
    tape = Tape(tmp_path)
    tape.link(LINK_UP)
    tape.show("0.000", 1)
    tape.touch()
    tape.show("5.000", 0.8)
    tape.link(LINK_DOWN, b"the device hung up")
    tape.at += 0.01
    tape.link(LINK_UP)
    tape.show("5.000", 3)
    tape.show("0.000", 3)
    tape.box("6.000")
    assert [str(record.weight) for record in tape.play().records] == ["6.000"]


def test_ports_that_the_site_has_not_and_bytes_that_were_sent_are_passed_over(tmp_path: Path) -> None:
    tape = Tape(tmp_path)
    tape.show("0.000", 1)
    tape.writer.write("dock-9/scale", b"x", tape.at)
    tape.writer.write("dock-1/rfid", CARD, tape.at, SENT)
    tape.show("5.000", 3)
    result = tape.play()
    assert result.records == []
    assert result.passed_over == {"dock-9/scale": 1}


def test_where_the_service_was_started_anew_its_machines_are(tmp_path: Path) -> None:
    clock, at = VirtualClock(), 0.0
    for number, run_of_file in enumerate(("a", "a", "b")):
        tape = Tape(tmp_path)
        tape.writer.close()
        tape.path.unlink()
        tape.writer = RecordingWriter(tmp_path / f"{number}.rec.gz", clock, run=run_of_file)
        tape.at = at
        if number != 0:
            # The weight of the card that was touched in the file before: only a machine that lived on knows of it.
            tape.show("7.000" if number == 1 else "8.000", 3)
            tape.show("0.000", 3)
        else:
            tape.show("0.000", 1)
        tape.touch()
        tape.writer.close()
        at = tape.at + 2
    tape.path = tmp_path
    assert [str(record.weight) for record in tape.play().records] == ["7.000"]


def test_what_was_sniffed_at_a_port_is_played_into_the_device_at_that_port(tmp_path: Path) -> None:
    tape = Tape(tmp_path)
    tape.show("0.000", 1)
    tape.touch("/dev/ttyUSB1")
    tape.show("5.000", 3)
    assert [record.rfid_uid for record in tape.play().records] == ["0A006091E1"]


def test_many_hours_pass_quickly(tmp_path: Path) -> None:
    tape = Tape(tmp_path)
    for _ in range(100):
        tape.box("12.340")
        tape.at += 300
    began = time.monotonic()
    result = tape.play()
    assert len(result.records) == 100
    assert result.seconds > 8 * 3600
    assert time.monotonic() - began < 20


# The command ---------------------------------------------------------------------------------------------------------


def test_the_command_keeps_the_ledger_where_it_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tape = Tape(tmp_path)
    tape.show("0.000", 1)
    tape.box("12.340")
    tape.writer.close()
    Path("cards.csv").write_text("uid,name\n0A006091E1,김철수\n", encoding="utf-8")
    assert main(["replay", "tape.rec.gz", "--into", "chart", "--keep", "kept", "--cards", "cards.csv"]) == 0
    for ballast in tmp_path.glob("kept/*.ballast"):
        ballast.unlink()
    told = capsys.readouterr()
    assert json.loads(told.out)["weight"] == "12.340"
    assert "1 records of 71 entries" in told.err
    assert records_of(tmp_path / "kept") == [("0A006091E1", Decimal("12.340"), "dock-1")]
    assert main(["replay", "tape.rec.gz", "--into", "chart", "--keep", "kept"]) == 1
    assert "is not empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["none.rec.gz", "--into", "chart"], 1, "there is no such recording"),
        (["site.yaml", "--into", "pty"], 1, "this is no recording"),
        (["tape.rec.gz", "--into", "chart", "--speed", "2"], 2, "--speed means nothing with --into chart"),
        (["tape.rec.gz", "--into", "chart", "--after", "2s"], 2, "--after means nothing with --into chart"),
        (["tape.rec.gz", "--into", "pty", "--keep", "x"], 2, "--keep means nothing with --into pty"),
    ],
)
def test_what_cannot_be_played_is_told(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    code: int,
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Tape(tmp_path).writer.close()
    assert main(["replay", *words]) == code
    assert told in capsys.readouterr().err


def test_a_recording_without_entries_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Tape(tmp_path).writer.close()
    assert main(["replay", "tape.rec.gz", "--into", "chart"]) == 1
    assert "there is nothing in this recording" in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs pseudo-terminals")
@pytest.mark.parametrize("speed", [None, 4.0])
def test_a_recording_is_played_into_terminals_whole_and_in_its_time(tmp_path: Path, speed: float | None) -> None:
    tape = Tape(tmp_path)
    tape.show("1.000", 1)
    tape.touch()
    tape.show("2.000", 1)
    tape.writer.close()
    recording = read_recording([tape.path])
    heard: dict[str, bytearray] = {}
    tasks: list[asyncio.Task[None]] = []
    over = asyncio.Event()

    async def scenario() -> float:
        async def listen(name: str, terminal: str) -> None:
            descriptor = os.open(terminal, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
            heard[name] = bytearray()
            while not over.is_set():
                try:
                    heard[name] += os.read(descriptor, 4096)
                except BlockingIOError:
                    await asyncio.sleep(0.002)
            os.close(descriptor)

        result = await play(
            recording,
            recording.find_ports(),
            SystemClock(),
            speed=speed,
            after=0.2,
            opened=lambda name, terminal: tasks.append(asyncio.create_task(listen(name, terminal))),
            waiting=lambda _name: None,
        )
        over.set()
        await asyncio.gather(*tasks)
        return result.seconds

    took = asyncio.run(scenario())
    assert heard.keys() == {"dock-1/scale", "dock-1/rfid"}
    assert bytes(heard["dock-1/rfid"]) == CARD
    readings = make_parser(("cas-22",)).feed(bytes(heard["dock-1/scale"]))
    assert len(readings) == 20
    if speed is not None:
        assert took >= 1.9 / speed


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs pseudo-terminals")
def test_the_command_says_which_terminal_is_which_port(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tape = Tape(tmp_path)
    tape.link(LINK_UP, b"open")
    tape.writer.close()
    assert main(["replay", "tape.rec.gz", "--into", "pty", "--speed", "max", "--after", "10ms"]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("dock-1/scale: /dev/")
    assert "played 0 bytes" in told.err


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs pseudo-terminals")
def test_nothing_is_thrown_away_while_nobody_reads(tmp_path: Path) -> None:
    tape = Tape(tmp_path)
    tape.show("1.000", 30)  # 6600 bytes, more than a terminal holds
    tape.writer.close()

    async def scenario() -> int:
        places: list[str] = []
        recording = read_recording([tape.path])
        playing = asyncio.create_task(
            play(
                recording,
                recording.find_ports(),
                SystemClock(),
                speed=None,
                opened=lambda _name, terminal: places.append(terminal),
                waiting=lambda _name: None,
            )
        )
        await asyncio.sleep(0.2)
        assert not playing.done()
        descriptor = os.open(places[0], os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
        count = 0
        while not playing.done():
            try:
                count += len(os.read(descriptor, 4096))
            except BlockingIOError:
                await asyncio.sleep(0.002)
        os.close(descriptor)
        assert playing.result().bytes_played == 6600
        return count

    assert asyncio.run(scenario()) == 6600
