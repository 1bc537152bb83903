"""Ports by what they are known by, wherever they are plugged in, and what is told of those that are here."""

from __future__ import annotations

import asyncio
import fcntl
import os
from types import SimpleNamespace

import pytest
from device_support import Heard, Pty, linked, open_files, run
from hypothesis import given
from hypothesis import strategies as st
from serial.tools import list_ports

from engine.devices import link as link_module
from engine.devices.inventory import (
    AmbiguousPortError,
    FoundPort,
    PortNotFoundError,
    found_ports,
    port_locker,
    port_user,
    resolve_port,
    site_name,
)
from engine.devices.port_names import BadPortNameError, UsbId, UsbLocation, parse_port_name

FRAME = b"ST,GS,1\xe4,000013.5 kg\r\n"


def adapter(device, vid=0x0403, pid=0x6001, serial_number=None, location=None):
    """As pyserial describes a port."""
    return SimpleNamespace(
        device=device,
        vid=vid,
        pid=pid,
        serial_number=serial_number,
        location=location,
        manufacturer="FTDI",
        product="FT232R",
    )


@pytest.fixture
def here(monkeypatch):
    """What is plugged in; a test changes the list."""
    ports = []
    monkeypatch.setattr(list_ports, "comports", lambda: list(ports))
    return ports


class TestNames:
    @pytest.mark.parametrize(
        ("name", "meaning"),
        [
            ("usb:0403:6001", UsbId(0x0403, 0x6001)),
            ("USB:1A86:7523", UsbId(0x1A86, 0x7523)),
            ("usb:0403:6001:A10KQ5F2", UsbId(0x0403, 0x6001, "A10KQ5F2")),
            ("usb:0403:6001:12:34", UsbId(0x0403, 0x6001, "12:34")),
            ("usb-location:1-1.4", UsbLocation("1-1.4")),
            ("usb-location:1-1.4:1.2", UsbLocation("1-1.4:1.2")),
            ("usb-location:1-4:x.0", UsbLocation("1-4:x.0")),
            ("/dev/ttyUSB0", None),
            ("COM3", None),
            ("socket://10.0.0.2:4001", None),
        ],
    )
    def test_a_name_says_an_adapter_a_socket_or_just_a_port(self, name, meaning):
        assert parse_port_name(name) == meaning

    @pytest.mark.parametrize(
        "name",
        ["usb:", "usb:403:6001", "usb:0403", "usb:0403:600g", "usb:0403:6001:", "usb-location:", "usb-location:left"],
    )
    def test_what_only_begins_as_one_is_refused_with_an_example(self, name):
        with pytest.raises(BadPortNameError, match=r"usb(-location)?:(0403:6001|1-1\.4)"):
            parse_port_name(name)

    @given(st.text(max_size=30))
    def test_any_text_is_a_name_or_is_refused(self, text):
        for head in ("", "usb:", "usb-location:"):
            try:
                meaning = parse_port_name(head + text)
            except BadPortNameError:
                continue
            assert meaning is None or parse_port_name(str(meaning)) == meaning


class TestWhichPortItIs:
    def test_the_only_adapter_of_its_make_is_found(self, here):
        here += [adapter("/dev/ttyUSB0", vid=0x1A86, pid=0x7523), adapter("/dev/ttyUSB1")]
        assert resolve_port("usb:0403:6001") == "/dev/ttyUSB1"

    def test_a_serial_number_tells_two_of_one_make_apart(self, here):
        here += [adapter("/dev/ttyUSB0", serial_number="A1"), adapter("/dev/ttyUSB1", serial_number="b2")]
        assert resolve_port("usb:0403:6001:B2") == "/dev/ttyUSB1"

    def test_a_location_holds_whatever_hangs_there(self, here):
        here += [adapter("/dev/ttyUSB0", location="1-1.3"), adapter("/dev/ttyUSB1", location="1-1.4")]
        assert resolve_port("usb-location:1-1.4") == "/dev/ttyUSB1"

    def test_two_that_fit_are_both_named_with_what_tells_them_apart(self, here):
        here += [adapter("/dev/ttyUSB0", location="1-1.3"), adapter("/dev/ttyUSB1", location="1-1.4")]
        with pytest.raises(AmbiguousPortError) as refused:
            resolve_port("usb:0403:6001")
        assert str(refused.value) == (
            "port 'usb:0403:6001' is 2 ports here: /dev/ttyUSB0 (usb-location:1-1.3), "
            "/dev/ttyUSB1 (usb-location:1-1.4); write the one that is meant"
        )

    def test_an_adapter_with_several_ports_is_named_with_each(self, here):
        here += [adapter("/dev/ttyUSB0", location="1-1.4:1.0"), adapter("/dev/ttyUSB1", location="1-1.4:1.1")]
        with pytest.raises(AmbiguousPortError, match=r"usb-location:1-1\.4:1\.0"):
            resolve_port("usb-location:1-1.4")
        assert resolve_port("usb-location:1-1.4:1.1") == "/dev/ttyUSB1"

    def test_none_that_fits_is_answered_with_what_is_here(self, here):
        with pytest.raises(PortNotFoundError, match="no serial port is connected to this machine"):
            resolve_port("usb:0403:6001")
        here.append(adapter("/dev/ttyUSB0", vid=0x1A86, pid=0x7523))
        with pytest.raises(PortNotFoundError, match=r"ports here: /dev/ttyUSB0 \(usb:1a86:7523\)"):
            resolve_port("usb:0403:6001")

    def test_a_plain_port_is_itself_whether_it_is_there_or_not(self, here):
        assert [resolve_port(name) for name in ("COM3", "socket://h:1")] == ["COM3", "socket://h:1"]


class TestWhatIsHere:
    def test_ports_come_in_the_order_of_their_numbers(self, here):
        here += [adapter(name) for name in ("COM10", "COM3", "COM1")]
        assert [port.device for port in found_ports()] == ["COM1", "COM3", "COM10"]

    def test_a_port_carries_its_link_by_id(self, here, tmp_path):
        device = tmp_path / "ttyUSB0"
        device.touch()
        links = tmp_path / "by-id"
        links.mkdir()
        (links / "usb-FTDI_A1-if00-port0").symlink_to(device)
        here.append(adapter(str(device)))
        (port,) = found_ports(links)
        assert port.by_id == str(links / "usb-FTDI_A1-if00-port0")
        assert site_name(port, [port]) == port.by_id

    def test_the_name_to_write_is_the_best_that_is_this_ports_alone(self):
        first = FoundPort("/dev/ttyUSB0", vid=1, pid=2, serial_number="A", location="1-7")
        twins = [FoundPort(f"/dev/ttyUSB{n}", vid=1, pid=2, location=f"1-{n}") for n in (1, 2)]
        lone, plain = FoundPort("/dev/ttyUSB3", vid=1, pid=3), FoundPort("/dev/ttyS0")
        here = [first, *twins, lone, plain]
        assert [site_name(port, here) for port in here] == [
            "usb:0001:0002:A", "usb-location:1-1", "usb-location:1-2", "usb:0001:0003", "/dev/ttyS0",
        ]  # fmt: skip

    def test_whoever_locked_a_port_is_named(self):
        device = Pty()
        other = os.open(device.path, os.O_RDWR | os.O_NOCTTY)
        assert port_locker(device.path) is None
        fcntl.flock(other, fcntl.LOCK_EX)
        assert f"pid {os.getpid()}" in port_locker(device.path)
        assert port_user(device.path) is None  # it is we
        os.close(other)
        device.unplug()

    def test_locks_are_read_as_the_kernel_writes_them(self, tmp_path):
        there = tmp_path / "ttyUSB0"
        there.touch()
        at = there.stat()
        place = f"{os.major(at.st_dev):02x}:{os.minor(at.st_dev):02x}:{at.st_ino}"
        (tmp_path / "812").mkdir()
        (tmp_path / "812" / "comm").write_text("engine\n")
        locks = tmp_path / "locks"
        for line, user in [
            (f"1: FLOCK  ADVISORY  WRITE 812 {place} 0 EOF", "engine (pid 812)"),
            (f"1: POSIX  ADVISORY  WRITE 813 {place} 0 EOF", "pid 813"),
            (f"1: FLOCK  ADVISORY  WRITE 0 {place} 0 EOF", "another program"),
            ("1: FLOCK  ADVISORY  WRITE 812 00:01:1 0 EOF", None),
            ("garbage", None),
        ]:
            locks.write_text(line + "\n")
            assert port_user(str(there), tmp_path) == user

    def test_whoever_only_has_it_open_is_named_too(self, tmp_path):
        there = tmp_path / "ttyUSB0"
        there.touch()
        (tmp_path / "locks").touch()
        folder = tmp_path / "814" / "fd"
        folder.mkdir(parents=True)
        (folder / "3").symlink_to(there)
        assert port_user(str(there), tmp_path) == "pid 814"


def test_an_adapter_that_comes_back_as_another_device_is_found_there(here, monkeypatch):
    monkeypatch.setattr(link_module, "RETRY_S", 0.01)

    async def scenario():
        heard = Heard()
        first = Pty()
        here.append(adapter(first.path, serial_number="A1"))
        async with linked("usb:0403:6001:A1", heard):
            await heard.until_up()
            here.clear()
            first.unplug()
            await heard.until(lambda: len(heard.links) == 2)
            stranger, second = Pty(), Pty()
            here.extend([adapter(stranger.path, serial_number="B2"), adapter(second.path, serial_number="A1")])
            await heard.until_up(2)
            second.send(FRAME)
            await heard.until(lambda: heard.data == FRAME)
        stranger.unplug()
        second.unplug()

    run(scenario)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("usb:0403:6001", "port 'usb:0403:6001' is not connected; ports here: /dev/ttyUSB7 (usb:1a86:7523)"),
        ("usb:403:6001", "'usb:403:6001' is no USB adapter"),
        ("usb:1a86:7523", "port '/dev/ttyUSB7' does not exist"),
    ],
)
def test_a_name_that_leads_nowhere_is_a_reason_in_words(here, name, words):
    here.append(adapter("/dev/ttyUSB7", vid=0x1A86, pid=0x7523))

    async def scenario():
        heard = Heard()
        async with linked(name, heard):
            await heard.until(lambda: heard.links)
        assert words.replace("'/dev/ttyUSB7'", "'usb:1a86:7523'") in heard.links[0][1]

    run(scenario)


def test_a_port_that_cannot_be_rs_485_says_so_and_leaves_nothing_open():
    async def scenario():
        device = Pty()
        before = open_files()
        for port in (device.path, "loop://"):
            heard = Heard()
            async with linked(port, heard, rs485=True):
                await heard.until(lambda h=heard: h.links)
            is_up, reason = heard.links[0]
            assert not is_up
            assert f"port '{port}' cannot be opened as RS-485" in reason
        await asyncio.sleep(0)
        assert open_files() == before
        device.unplug()

    run(scenario)


def test_a_port_that_can_be_rs_485_is_switched_by_its_driver(monkeypatch):
    device = Pty()
    asked = []
    monkeypatch.setattr("serial.Serial._set_rs485_mode", lambda _, settings: asked.append(settings))

    async def scenario():
        heard = Heard()
        async with linked(device.path, heard, rs485=True):
            await heard.until_up()

    run(scenario)
    (settings,) = asked
    assert settings.rts_level_for_tx
    assert not settings.rts_level_for_rx
    device.unplug()
