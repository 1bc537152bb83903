"""Recordings: what is written is read back, whatever becomes of the file; and recording costs nothing but itself."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import FileIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from engine.clock import SystemClock, VirtualClock
from engine.devices.device import SerialDevice
from engine.devices.port import PortSettings
from engine.devices.record_settings import RecordSettings
from engine.devices.recorder import Recorder
from engine.devices.recording import (
    LINK_DOWN,
    LINK_UP,
    RECEIVED,
    SENT,
    Entry,
    RecordingError,
    RecordingWriter,
    read_recording,
)
from engine.devices.settings import DeviceSettings
from engine.devices.signal import SignalDevice, relay_frame

CARD = b"\x020A006091E1\x03"
FRAME = b"ST,GS,1\xe4,0009.360 kg\r\n"


def write(path: Path, clock: VirtualClock, count: int = 100) -> list[Entry]:
    """A scale at 50 Hz, and a card now and then."""
    writer = RecordingWriter(path, clock)
    expected = []
    for index in range(count):
        at = index * 0.02
        clock.advance_to(at)
        port, data = ("dock-1/scale", FRAME) if index % 10 else ("dock-1/reader", CARD)
        writer.write(port, data, at)
        expected.append(Entry(round(at * 1e6), port, RECEIVED, data))
    writer.close()
    return expected


def test_every_byte_is_read_back_with_its_time_port_and_direction(tmp_path: Path) -> None:
    clock = VirtualClock(datetime(2026, 1, 31, 5, 30, tzinfo=UTC))
    clock.advance(100)
    path = tmp_path / "a.rec.gz"
    with_about = {"dock-1/scale": {"address": "/dev/ttyUSB0"}}
    writer = RecordingWriter(path, clock, with_about)
    writer.write("dock-1/scale", b"port open", 99.5, LINK_UP)
    writer.write("dock-1/scale", bytes(range(256)), 100.0)
    writer.write("등급/리더", b"\x05", 100.000_123, SENT)
    writer.write("dock-1/scale", "빠졌다".encode(), 103.25, LINK_DOWN)
    writer.close()
    writer.close()
    recording = read_recording([path])
    assert list(recording) == [
        Entry(0, "dock-1/scale", LINK_UP, b"port open"),
        Entry(500_000, "dock-1/scale", RECEIVED, bytes(range(256))),
        Entry(500_123, "등급/리더", SENT, b"\x05"),
        Entry(3_750_000, "dock-1/scale", LINK_DOWN, "빠졌다".encode()),
    ]
    assert recording.started_at == datetime(2026, 1, 31, 5, 31, 39, 500_000, tzinfo=UTC)
    assert recording.ports["dock-1/scale"]["address"] == "/dev/ttyUSB0"
    assert recording.torn == []


def test_people_can_read_a_recording_with_zcat(tmp_path: Path) -> None:
    write(tmp_path / "a.rec.gz", VirtualClock(), 3)
    head, reader, first, scale, second, _ = gzip.decompress((tmp_path / "a.rec.gz").read_bytes()).decode().splitlines()
    assert json.loads(head) == {
        "format": "scaleledger-recording",
        "version": 1,
        "started_at": "2026-01-01T00:00:00+00:00",
    }
    assert json.loads(reader) == {"port": 1, "name": "dock-1/reader"}
    assert json.loads(scale) == {"port": 2, "name": "dock-1/scale"}
    assert (first, second) == (f"0 1 < {CARD.hex()}", f"20000 2 < {FRAME.hex()}")


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(0, 1e6), st.sampled_from(["a", "b/c", 'd "가"']), st.binary(max_size=40), st.sampled_from("<>+-")
        ),
        min_size=1,
        max_size=30,
    )
)
def test_whatever_is_written_comes_back_in_order(
    tmp_path_factory: pytest.TempPathFactory, given_entries: list[Any]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.rec.gz"
    path.unlink(missing_ok=True)
    writer = RecordingWriter(path, VirtualClock())
    for at, port, data, direction in given_entries:
        writer.write(port, data, at, direction)
    writer.close()
    found = list(read_recording([path]))
    assert [(e.port, e.data, e.direction) for e in found] == [(p, d, way) for _, p, d, way in given_entries]
    times = [entry.at_us for entry in found]
    assert times == sorted(times)


def test_a_torn_file_is_read_as_far_as_it_goes_wherever_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.rec.gz"
    expected = write(path, VirtualClock(), 300)
    whole = path.read_bytes()
    most = 0
    for end in range(0, len(whole), 37):
        path.write_bytes(whole[:end])
        recording = read_recording([path])
        found = list(recording)
        assert found == expected[: len(found)]
        assert len(recording.torn) == 1
        most = max(most, len(found))
    assert most > 250


@settings(max_examples=80, deadline=None)
@given(place=st.floats(0, 1), value=st.integers(1, 255))
def test_a_damaged_file_is_told_and_never_a_crash(
    tmp_path_factory: pytest.TempPathFactory, place: float, value: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.rec.gz"
    path.unlink(missing_ok=True)
    expected = write(path, VirtualClock(), 60)
    data = bytearray(path.read_bytes())
    data[int(place * (len(data) - 1))] ^= value
    path.write_bytes(data)
    try:
        recording = read_recording([path])
        found = list(recording)
    except RecordingError:
        return  # its head is damaged
    assert recording.torn or len(found) == len(expected)


def test_files_are_read_one_after_the_other_as_one_day(tmp_path: Path) -> None:
    clock = VirtualClock()
    for number in range(3):
        writer = RecordingWriter(tmp_path / f"2026-{number}.rec.gz", clock)
        writer.write("scale", b"%d" % number, clock.monotonic())
        clock.advance(60)
        writer.close()
    assert [(e.at_us, e.data) for e in read_recording([tmp_path])] == [(n * 60_000_000, b"%d" % n) for n in range(3)]
    joined = tmp_path / "joined.rec.gz"
    joined.write_bytes(b"".join(path.read_bytes() for path in sorted(tmp_path.glob("2026-*"))))
    recording = read_recording([joined])
    assert [entry.at_us for entry in recording] == [0, 60_000_000, 120_000_000]
    assert recording.torn == []


@pytest.mark.parametrize(
    "data",
    [b"no recording", gzip.compress(b"1 1 < 00\n"), gzip.compress(b'{"format": "x"}\n')],
    ids=["text", "headless", "foreign"],  # a compressed text carries the time, and names must not
)
def test_what_is_no_recording_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.rec.gz"
    path.write_bytes(data)
    with pytest.raises(RecordingError, match="no recording"):
        list(read_recording([path]))


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "a.rec.gz"):
        with pytest.raises(RecordingError, match="there is no"):
            read_recording([path])


def test_an_older_recording_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.rec.gz").write_bytes(b"old")
    with pytest.raises(FileExistsError):
        RecordingWriter(tmp_path / "a.rec.gz", VirtualClock())


_KILLED = """
import sys, time
from pathlib import Path
import structlog
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
from engine.clock import SystemClock
from engine.devices.record_settings import RecordSettings
from engine.devices.recorder import Recorder
recorder = Recorder(RecordSettings(Path(sys.argv[1]), min_free=0), SystemClock())
tap = recorder.tap("scale")
recorder.start()
clock = SystemClock()
while True:
    at = clock.monotonic()
    tap("<", b"%.6f" % at, at)
    print("%.6f" % at, flush=True)
    time.sleep(0.005)
"""


def test_a_process_that_is_killed_loses_no_more_than_the_last_moment(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", _KILLED, tmp_path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told: list[float] = []
        while not told or told[-1] - told[0] < 3.2:
            told.append(float(process.stdout.readline()))
        process.send_signal(signal.SIGKILL)
    recording = read_recording([tmp_path])
    found = [float(entry.data) for entry in recording]
    assert found == told[: len(found)] or found[: len(told)] == told
    assert told[-1] - found[-1] < 3.0  # a second, and what a busy machine adds
    assert len(recording.torn) == 1


# The recorder --------------------------------------------------------------------------------------------------------


class Desk:
    """A recorder in a folder, whose clock is the test's."""

    def __init__(self, folder: Path, **bounds: int) -> None:
        self.folder = folder
        self.clock = VirtualClock()
        self.recorder = Recorder(RecordSettings(folder, **{"min_free": 0, **bounds}), self.clock)
        self.tap = self.recorder.tap("scale", address="/dev/x")

    def turn(self, data: bytes = FRAME, seconds: float = 1.0) -> None:
        """What the thread does once a second."""
        self.tap(RECEIVED, data, self.clock.monotonic())
        self.clock.advance(seconds)
        self.recorder._write_waiting()

    @property
    def files(self) -> list[Path]:
        return sorted(self.folder.glob("*.rec.gz"))


def test_recordings_stay_within_their_bound_and_the_oldest_go_first(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "new" / "folder", max_size=80_000)
    theirs = tmp_path / "new" / "folder" / "important.rec.gz"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"x" * 100_000)
    first: Path | None = None
    for _ in range(100):
        desk.turn(os.urandom(2000))
        own = [path for path in desk.files if path != theirs]
        first = first or own[0]
        assert sum(path.stat().st_size for path in own) <= 80_000 + 5_000
    desk.recorder._close()
    assert len(desk.files) > 5
    assert theirs.is_file()
    assert not first.exists()
    found = [entry.data for path in desk.files if path != theirs for entry in read_recording([path])]
    assert len(found) > 20


def test_a_folder_that_cannot_be_written_costs_the_recording_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    desk = Desk(tmp_path / "file" / "folder")
    with capture_logs() as logs:
        for _ in range(20):
            desk.turn()
    assert [entry["event"] for entry in logs] == ["recording.file.failed"]
    (tmp_path / "file").unlink()
    for _ in range(20):
        desk.turn()
    desk.recorder._close()
    assert len(desk.files) == 1


def test_a_full_disk_costs_the_recording_only_and_it_goes_on_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path)
    desk.turn()
    is_full = [True]
    real = FileIO.write

    def refuse(file: FileIO, data: bytes) -> int:
        if is_full[0]:
            raise OSError(28, "No space left on device")
        return real(file, data)

    class Disk(FileIO):
        write = refuse  # type: ignore[assignment]

    monkeypatch.setattr("engine.devices.recording.FileIO", Disk)
    desk.recorder._close()
    with capture_logs() as logs:
        for _ in range(5):
            desk.turn()
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["recording.file.failed"]
    is_full[0] = False
    for _ in range(40):
        desk.turn(seconds=1)
    desk.recorder._close()
    newest = max(desk.files, key=lambda path: path.stat().st_mtime_ns)
    assert len(list(read_recording([newest]))) > 5


def test_room_that_the_ledger_needs_is_left_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path, min_free=1_000_000)
    free = [10_000_000]
    monkeypatch.setattr("engine.devices.recorder.shutil.disk_usage", lambda _path: type("Usage", (), {"free": free[0]}))
    desk.turn()
    desk.recorder._close()
    desk.turn()
    assert len(desk.files) == 1 or len(desk.files) == 2
    free[0] = 500_000
    with capture_logs() as logs:
        desk.turn()
        desk.turn()
    assert "recording.file.removed" in [entry["event"] for entry in logs]
    assert "recording.file.failed" in [entry["event"] for entry in logs]


def test_a_disk_that_hangs_holds_up_nobody_and_memory_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging, go_on = threading.Event(), threading.Event()
    real = RecordingWriter.flush

    def hang(writer: RecordingWriter) -> None:
        hanging.set()
        go_on.wait(30)
        real(writer)

    monkeypatch.setattr(RecordingWriter, "flush", hang)
    clock = SystemClock()
    recorder = Recorder(RecordSettings(tmp_path, min_free=0), clock)
    tap = recorder.tap("scale")
    recorder.start()
    tap(RECEIVED, FRAME, clock.monotonic())
    assert hanging.wait(30)
    for _ in range(20):
        tap(RECEIVED, bytes(1 << 20), clock.monotonic())
    assert sum(len(item[1]) for item in recorder._waiting) < 10 << 20
    go_on.set()
    with capture_logs() as logs:
        recorder.stop()
    assert any(entry["event"] == "recording.chunks.lost" for entry in logs)


# What is tapped ------------------------------------------------------------------------------------------------------


async def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < end
        await asyncio.sleep(0.005)


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs pseudo-terminals")
def test_a_device_records_what_it_receives_and_sends_and_how_its_link_is() -> None:
    passed: list[tuple[str, bytes]] = []

    async def scenario() -> None:
        import tty

        master, slave = os.openpty()
        tty.setraw(slave)
        name = os.ttyname(slave)
        loop, clock = asyncio.get_running_loop(), SystemClock()
        scale = SerialDevice(
            "scale", DeviceSettings(name, ("cas-22",)), loop=loop, clock=clock, emit=lambda _event: None
        )
        scale.record(lambda direction, data, _at: passed.append((direction, data)))
        scale.start()
        await until(lambda: bool(passed))
        os.write(master, FRAME)
        await until(lambda: len(passed) > 1)
        scale.stop()
        await scale.wait_closed()
        light = SignalDevice("light", PortSettings(name), loop=loop, clock=clock)
        light.record(lambda direction, data, _at: passed.append((direction, data)))
        light.start()
        await until(lambda: len(passed) > 3)
        light.stop()
        await light.wait_closed()
        os.close(slave)
        os.close(master)

    asyncio.run(scenario())
    assert [direction for direction, _ in passed[:4]] == [LINK_UP, RECEIVED, LINK_UP, SENT]
    assert passed[1] == (RECEIVED, FRAME)
    assert passed[3] == (SENT, relay_frame(1, is_on=False))


def test_times_are_those_of_the_wall_clock_at_the_first_entry(tmp_path: Path) -> None:
    clock = SystemClock()
    before = clock.now()
    writer = RecordingWriter(tmp_path / "a.rec.gz", clock)
    writer.write("a", b"x", clock.monotonic() - 5)
    writer.close()
    recording = read_recording([tmp_path])
    assert len(list(recording)) == 1
    assert recording.started_at is not None
    assert abs(recording.started_at - (before - timedelta(seconds=5))) < timedelta(seconds=5)


HEAD = '{"format": "scaleledger-recording", "version": 1, "started_at": "2026-01-31T05:30:00+00:00"}'
PORT = '{"port": 1, "name": "dock-1/scale"}'


@pytest.mark.parametrize(
    "line",
    [
        "-5 1 < 41",
        "99999999999999999 1 < 41",
        "x 1 < 41",
        "5 2 < 41",
        "5 1 ? 41",
        '{"port": "x", "name": "y"}',
        '{"a": 1}',
    ],
)
def test_what_stands_before_a_line_that_makes_no_sense_is_read(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.rec.gz"
    path.write_bytes(gzip.compress(f"{HEAD}\n{PORT}\n0 1 < 40\n{line}\n0 1 < 42\n".encode()))
    recording = read_recording([path])
    assert list(recording) == [Entry(0, "dock-1/scale", RECEIVED, b"\x40")]
    assert recording.torn == [f"{path}: ends too early (line 4 is damaged); what stands before was read"]


@pytest.mark.parametrize(
    "started_at", ["5", '"soon"', "null", '"9999-12-31T23:59:59+00:00"', '"0001-01-01T00:00:00+00:00"']
)
def test_a_head_that_cannot_be_is_no_recording(tmp_path: Path, started_at: str) -> None:
    path = tmp_path / "a.rec.gz"
    path.write_bytes(gzip.compress(HEAD.replace('"2026-01-31T05:30:00+00:00"', started_at).encode() + b"\n"))
    with pytest.raises(RecordingError, match="began"):
        list(read_recording([path]))
