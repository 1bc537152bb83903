"""A serial link on real pseudo-terminals."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
import sys
import time

import pytest
from device_support import CLOCK, Heard, Pty, Socket, linked, run, serial_threads
from serial.tools import list_ports
from structlog.testing import capture_logs

from engine.devices import link as link_module
from engine.devices.link import SerialLink
from engine.devices.port import PortSettings

FRAME = b"ST,GS,1\xe4,000013.5 kg\r\n"


@pytest.fixture
def quick_retry(monkeypatch):
    monkeypatch.setattr(link_module, "RETRY_S", 0.01)


async def until_logged(logs, event, times=1):
    while sum(entry["event"] == event for entry in logs) < times:  # noqa: ASYNC110 - the port's thread writes them
        await asyncio.sleep(0.002)


def lines(logs, *, above="debug"):
    return [entry["event"] for entry in logs if entry["log_level"] != above]


def test_what_a_device_sends_arrives_complete_and_in_order():
    async def scenario():
        device, heard = Pty(), Heard()
        sent = b"".join(b"%06d\r\n" % number for number in range(400))
        async with linked(device.path, heard):
            await heard.until_up()
            for start in range(0, len(sent), 7):
                device.send(sent[start : start + 7])
            await heard.until(lambda: len(heard.data) >= len(sent))
        assert bytes(heard.data) == sent
        assert heard.links == [(True, "")]
        device.unplug()

    run(scenario)


def test_a_frame_that_arrives_in_pieces_is_handed_over_whole():
    async def scenario():
        device, heard = Pty(), Heard()
        async with linked(device.path, heard, baudrate=19200):
            await heard.until_up()
            device.send(FRAME)
            await heard.until(lambda: heard.data)
            whole = 0
            for _ in range(5):
                heard.pieces.clear()
                for byte in FRAME:
                    device.send(bytes((byte,)))
                await heard.until(lambda: sum(map(len, heard.pieces)) == len(FRAME))
                whole += heard.pieces == [FRAME]
                await asyncio.sleep(0.005)
            assert whole >= 3  # a busy machine may hold the sender up in the middle of one
        device.unplug()

    run(scenario)


def test_what_is_written_reaches_the_device():
    async def scenario():
        device, heard = Pty(), Heard()
        async with linked(device.path, heard) as link:
            await heard.until_up()
            assert link.write(b"\xa0\x01\x01\xa2")
            assert await asyncio.to_thread(device.receive, 4) == b"\xa0\x01\x01\xa2"
        device.unplug()

    run(scenario)


def test_what_is_queued_when_the_service_stops_is_still_sent():
    async def scenario():
        device, heard = Pty(), Heard()
        async with linked(device.path, heard) as link:
            await heard.until_up()
            assert link.write(b"off")
        assert device.receive(3) == b"off"
        device.unplug()

    run(scenario)


def test_what_is_queued_while_a_frame_arrives_is_sent_before_the_stop():
    async def scenario():
        device, heard = Pty(), Heard()
        async with linked(device.path, heard, baudrate=1200) as link:
            await heard.until_up()
            device.send(FRAME * 2)
            await heard.until(lambda: len(heard.data) == 2 * len(FRAME))
            device.send(FRAME[:1])
            while link.counters.wakeups < 2:  # noqa: ASYNC110 - the thread lets the rest of the frame arrive
                await asyncio.sleep(0.001)
            assert link.write(b"off")
        assert device.receive(3) == b"off"
        device.unplug()

    run(scenario)


def test_nothing_is_queued_for_a_port_that_is_not_open(tmp_path):
    async def scenario():
        heard = Heard()
        async with linked(tmp_path / "ttyUSB0", heard) as link:
            await heard.until(lambda: heard.links)
            assert not link.write(b"on")

    run(scenario)


def test_a_device_that_takes_nothing_fills_a_bounded_queue_and_blocks_nobody(quick_retry):
    async def scenario():
        device, heard = Pty(), Heard()
        async with linked(device.path, heard) as link:
            await heard.until_up()
            began = time.monotonic()
            queued = [number for number in range(200) if link.write(b"%03d|" % number * 1024)]
            assert time.monotonic() - began < 0.5
            assert len(queued) < 200
            await heard.until(lambda: len(heard.links) == 2)  # the write timed out: that link is lost
            assert heard.links[1][0] is False
            while not link.write(b"now"):  # noqa: ASYNC110 - until the port is open again
                await asyncio.sleep(0.005)
            written = b""
            while not written.endswith(b"now"):
                written += device.receive(1)
            assert b"%03d|" % queued[-1] not in written  # what waited when the link was lost is not sent later
        device.unplug()

    run(scenario)


def test_a_port_comes_back_within_two_seconds_of_reappearing(tmp_path):
    async def scenario():
        port, heard = Socket(tmp_path), Heard()
        async with linked(port.path, heard):
            await heard.until(lambda: heard.links)
            device = port.plug_in()
            began = time.monotonic()
            await heard.until_up()
            device.send(FRAME)
            await heard.until(lambda: heard.data)
            assert time.monotonic() - began < 2.0
        port.unplug(device)

    run(scenario)


@pytest.mark.parametrize("times", [20, pytest.param(500, marks=pytest.mark.torture)])
def test_a_port_may_be_unplugged_and_plugged_in_again_and_again(tmp_path, quick_retry, times):
    """Each time: one line in the log each way, readings again, and no thread or descriptor more than before."""

    async def scenario():
        port, heard = Socket(tmp_path), Heard()
        device = port.plug_in()
        async with linked(port.path, heard) as link:
            for time_number in range(1, times + 1):
                await heard.until_up(time_number)
                heard.data.clear()
                device.send(FRAME)
                await heard.until(lambda: heard.data == FRAME)
                port.unplug(device)
                await heard.until(lambda n=time_number: len(heard.links) == 2 * n)
                device = port.plug_in()
            await heard.until_up(times + 1)
            assert serial_threads() == ["serial-scale"]
            assert link.counters.opens == times + 1
        assert [up for up, _ in heard.links] == [True, False] * times + [True]
        port.unplug(device)

    with capture_logs() as logs:
        run(scenario, within=60)
    assert lines(logs) == ["serial.link.opened", "serial.link.lost"] * times + ["serial.link.opened"]


def test_a_port_that_stays_away_is_told_once(tmp_path, quick_retry):
    async def scenario():
        heard = Heard()
        async with linked(tmp_path / "ttyUSB0", heard):
            await until_logged(logs, "serial.port.still_closed", 5)
        assert [up for up, _ in heard.links] == [False]

    with capture_logs() as logs:
        run(scenario)
    assert lines(logs) == ["serial.port.not_found"]


def test_a_port_that_was_lost_and_stays_away_is_told_once(tmp_path, quick_retry):
    async def scenario():
        port, heard = Socket(tmp_path), Heard()
        device = port.plug_in()
        async with linked(port.path, heard):
            await heard.until_up()
            port.unplug(device)
            await until_logged(logs, "serial.port.still_closed", 5)
        assert len(heard.links) == 2

    with capture_logs() as logs:
        run(scenario)
    assert lines(logs) == ["serial.link.opened", "serial.link.lost"]


def test_a_misspelt_port_is_answered_with_the_ports_that_exist(tmp_path, monkeypatch):
    here = [type("Port", (), {"device": name}) for name in ("/dev/ttyUSB0", "/dev/ttyS4")]
    monkeypatch.setattr(list_ports, "comports", lambda: here)

    async def scenario():
        heard = Heard()
        async with linked("/dev/ttyUSBO", heard):
            await heard.until(lambda: heard.links)
        assert heard.links == [
            (
                False,
                "port '/dev/ttyUSBO' does not exist; did you mean '/dev/ttyUSB0'? ports here: /dev/ttyS4, /dev/ttyUSB0",
            )
        ]

    with capture_logs() as logs:
        run(scenario)
    assert logs[0]["ports"] == ("/dev/ttyS4", "/dev/ttyUSB0")
    assert logs[0]["did_you_mean"] == "/dev/ttyUSB0"


def test_a_file_or_a_directory_is_no_port(tmp_path):
    file = tmp_path / "scale.txt"
    file.write_text("12.340 kg")

    async def scenario():
        for path in (file, tmp_path):
            heard = Heard()
            async with linked(path, heard):
                await heard.until(lambda h=heard: h.links)
            assert heard.links == [(False, f"'{path}' is not a serial port")]

    run(scenario)
    assert file.read_text() == "12.340 kg"


HOLD_PORT = """
import fcntl, os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
fcntl.flock(fd, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def test_a_port_that_another_program_holds_is_named_as_such_and_taken_once_it_is_free(quick_retry):
    async def scenario():
        device, heard = Pty(), Heard()
        with subprocess.Popen(  # noqa: ASYNC220 - it answers at once
            [sys.executable, "-c", HOLD_PORT, device.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as other:
            assert other.stdout.readline() == b"held\n"
            async with linked(device.path, heard):
                await heard.until(lambda: heard.links)
                assert re.search(r"in use by (.+ \(pid \d+\)|another program); close it", heard.links[0][1])
                other.communicate()
                await heard.until_up()
        device.unplug()

    with capture_logs() as logs:
        run(scenario)
    assert lines(logs) == ["serial.port.refused", "serial.link.opened"]


def test_a_second_link_of_our_own_cannot_share_a_port():
    async def scenario():
        device, first, second = Pty(), Heard(), Heard()
        async with linked(device.path, first):
            await first.until_up()
            async with linked(device.path, second):
                await second.until(lambda: second.links)
                assert "in use" in second.links[0][1]
        device.unplug()

    run(scenario)


def test_a_reason_that_someone_can_mend_is_told_even_within_an_outage(tmp_path, quick_retry):
    async def scenario():
        port, heard = Socket(tmp_path), Heard()
        async with linked(port.path, heard):
            await heard.until(lambda: heard.links)
            port.path.mkdir()
            await until_logged(logs, "serial.port.refused")
            await until_logged(logs, "serial.port.still_closed", 5)
        assert len(heard.links) == 1

    with capture_logs() as logs:
        run(scenario)
    assert lines(logs) == ["serial.port.not_found", "serial.port.refused"]


@pytest.mark.parametrize(("setting", "value"), [("parity", "X"), ("data_bits", 9), ("baudrate", -1)])
def test_a_line_setting_that_does_not_exist_is_a_reason_not_a_crash(setting, value):
    async def scenario():
        device, heard = Pty(), Heard()
        async with linked(device.path, heard, **{setting: value}):
            await heard.until(lambda: heard.links)
            assert heard.links[0][0] is False
            assert str(value) in heard.links[0][1]
        device.unplug()

    run(scenario)


@pytest.mark.parametrize("flood", [os.urandom(1 << 16), b"\n" * (1 << 16), FRAME * 3000])
def test_a_device_that_floods_neither_starves_its_neighbour_nor_the_stop(flood):
    async def scenario():
        loud, quiet, from_loud, from_quiet = Pty(), Pty(), Heard(), Heard()
        os.set_blocking(loud.master, False)
        loop = asyncio.get_running_loop()

        def pour():
            with contextlib.suppress(BlockingIOError):
                os.write(loud.master, flood)

        loop.add_writer(loud.master, pour)
        async with linked(loud.path, from_loud), linked(quiet.path, from_quiet):
            await from_loud.until(lambda: len(from_loud.data) > 10_000)
            for _ in range(5):
                quiet.send(FRAME)
                before, began = len(from_quiet.data), time.monotonic()
                await from_quiet.until(lambda n=before: len(from_quiet.data) >= n + len(FRAME))
                assert time.monotonic() - began < 0.25
            began, amount = time.monotonic(), len(from_loud.data)
            await asyncio.sleep(0.1)
            rate = (len(from_loud.data) - amount) / (time.monotonic() - began)
            assert rate < 2_000_000
        loop.remove_writer(loud.master)
        loud.unplug()
        quiet.unplug()

    run(scenario)


def test_a_busy_loop_leaves_the_bytes_in_the_kernel(monkeypatch):
    monkeypatch.setattr(link_module, "_MOST_BACKLOG", 2000)

    async def scenario():
        device, heard = Pty(), Heard()
        async with linked(device.path, heard) as link:
            await heard.until_up()
            os.set_blocking(device.master, False)
            end = time.monotonic() + 0.2
            while time.monotonic() < end:  # the loop does nothing else meanwhile
                try:
                    device.send(b"x" * 512)
                except BlockingIOError:
                    time.sleep(0.005)  # noqa: ASYNC251 - that is the point
            assert 2000 <= link.counters.bytes_received <= 2000 + 2 * 1024
            waiting = link.counters.bytes_received
            await heard.until(lambda: len(heard.data) > waiting)
        device.unplug()

    run(scenario)


def test_nothing_is_told_after_the_stop():
    async def scenario():
        device, heard = Pty(), Heard()
        async with linked(device.path, heard) as link:
            await heard.until_up()
            device.send(FRAME)
            while not link.counters.bytes_received:
                time.sleep(0.001)  # noqa: ASYNC251 - it is handed over, and the loop has not seen it
            link.stop()
            await asyncio.sleep(0.01)
            assert not heard.data
        assert heard.links == [(True, "")]
        device.unplug()

    run(scenario)


def test_a_link_that_waits_costs_no_wake_ups():
    async def scenario():
        device, heard = Pty(), Heard()
        async with linked(device.path, heard) as link:
            await heard.until_up()
            await asyncio.sleep(0.05)
            assert link.counters.wakeups == 0
        device.unplug()

    run(scenario)


def test_a_loop_that_closes_without_a_word_ends_the_thread(monkeypatch):
    """A service that dies on its way up must not hang for ever at its exit."""
    monkeypatch.setattr(link_module, "_LOOK_AROUND_S", 0.02)
    device = Pty()
    made = []

    async def scenario():
        heard = Heard()
        link = SerialLink(
            "scale",
            PortSettings(device.path),
            loop=asyncio.get_running_loop(),
            on_bytes=heard.on_bytes,
            on_link=heard.on_link,
            clock=CLOCK,
        )
        link.start()
        made.append(link)
        await heard.until_up()

    asyncio.run(scenario())
    assert made[0].join()
    device.unplug()


def test_a_link_never_started_can_be_stopped():
    async def scenario():
        link = SerialLink(
            "scale",
            PortSettings("/dev/ttyUSB0"),
            loop=asyncio.get_running_loop(),
            on_bytes=print,
            on_link=print,
            clock=CLOCK,
        )
        link.stop()
        await link.wait_closed()
        assert link.join()

    run(scenario)
