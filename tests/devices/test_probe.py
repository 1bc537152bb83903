"""What is on a port: found by listening and, only where that is allowed, by asking; never guessed, never disturbed."""

from __future__ import annotations

import asyncio
import fcntl
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
from device_support import Pty, open_files
from hypothesis import given
from hypothesis import strategies as st
from serial.tools import list_ports

from engine.clock import SystemClock
from engine.devices import probe as probe_module
from engine.devices.looks import as_text, hex_lines, parity_of, text_share, without_parity
from engine.devices.panel import Panel
from engine.devices.probe import Probe, ProbeSettings, baudrates, is_harmless, probe_ports, questions
from engine.sim.talkers import Talker
from engine.sim.waveform import as_read
from parsers import PROTOCOLS, LineSettings

KNOWN = tuple(PROTOCOLS.values())
FEW = tuple(PROTOCOLS[name] for name in ("cas-22", "st-gs"))
TALKING = [info.name for info in KNOWN if any(golden.readings for golden in info.golden)]
CLOCK = SystemClock()
CAS = b"ST,GS,1\xe4,   12.34 kg\r\n"


@pytest.fixture(autouse=True)
def quick(monkeypatch, request):
    """Sure sooner than at a site; the long runs take the time that a site takes."""
    if request.node.get_closest_marker("torture") is None:
        monkeypatch.setattr(probe_module, "_SURE_S", 0.2)
        monkeypatch.setattr(probe_module, "_WRONG_S", 0.6)


def probed(talker_settings, *, name="cas-22", before=None, known=KNOWN, **settings):
    """What a probe says of a simulated device, and the device."""

    async def scenario():
        async with Talker(PROTOCOLS[name], **talker_settings) as talker:
            if before is not None:
                before(talker)
            probe = Probe(talker.port, ProbeSettings(known, **settings), CLOCK)
            return await asyncio.to_thread(probe.run), talker

    before_files = open_files()
    result = asyncio.run(scenario())
    assert open_files() == before_files
    return result


def names(result):
    return [found.info.name for found in result.found]


class TestEveryProtocol:
    @pytest.mark.parametrize("name", ["cas-22", "and-std"])
    def test_a_device_as_it_leaves_the_factory_is_identified(self, name):
        result, _ = probed({}, name=name)
        assert name in names(result)
        assert str(result.found[0].line) == str(PROTOCOLS[name].line)
        assert result.found[0].readings

    @pytest.mark.torture
    @pytest.mark.parametrize("name", TALKING)
    def test_each_is_identified_within_15_seconds(self, name):
        began = time.monotonic()
        result, _ = probed({"every": 0.2}, name=name)
        assert name in names(result)
        assert time.monotonic() - began < 15

    @pytest.mark.torture
    @pytest.mark.parametrize("rate", [1200, 4800, 19200, 38400])
    def test_it_is_identified_at_another_speed_as_well(self, rate):
        result, _ = probed({"line": LineSettings(rate), "every": 0.3})
        assert (names(result), result.found[0].line) == (["cas-22"], LineSettings(rate))

    @pytest.mark.torture
    @pytest.mark.parametrize("name", [info.name for info in KNOWN if info.ask and is_harmless(info.ask)])
    def test_each_that_answers_is_identified_by_its_answer(self, name):
        result, _ = probed({"is_asked": True}, name=name, may_ask=True)
        assert name in names(result)
        assert result.was_asked


def test_a_parity_is_told_from_the_bytes_alone():
    result, _ = probed({"line": LineSettings(9600, data_bits=7, parity="O")}, name="st-gs")
    assert "st-gs" in names(result)
    assert str(result.found[0].line) == "9600 7O1"


@pytest.mark.torture
def test_a_scale_that_sends_once_a_second_is_found_at_the_speed_it_has():
    result, _ = probed({"every": 1.0, "line": LineSettings(19200)})
    assert names(result) == ["cas-22"]


def test_two_protocols_that_both_fit_are_both_reported():
    result, _ = probed({}, name="st-gs")
    assert set(names(result)) >= {"st-gs", "st-gs-7bit"}


def test_a_port_that_carries_weights_and_cards_is_both():
    card = next(golden.frame for golden in PROTOCOLS["rdm6300"].golden if golden.readings)
    result, _ = probed({"frames": [CAS, CAS, card]})
    assert names(result) == ["cas-22", "rdm6300"]


def test_silence_is_called_silence():
    result, _ = probed({}, before=lambda talker: setattr(talker, "is_quiet", True), seconds=0.5)
    assert (result.verdict, result.found, result.was_asked) == ("no_bytes", (), False)


@pytest.mark.parametrize("every", [0.2, 0.01], ids=["with pauses", "without a pause"])
def test_text_of_no_known_protocol_is_shown_with_the_setting_at_which_it_reads(monkeypatch, every):
    monkeypatch.setattr(probe_module, "_COMMON", (9600, 4800))
    frames = [b"weight 12.3 of something\r\n", b"weight 12.4 of something\r\n"]
    device = {"frames": frames, "line": LineSettings(4800, data_bits=7, parity="E"), "every": every}
    result, _ = probed(device, known=FEW)
    assert (result.verdict, str(result.guess)) == ("no_frames", "4800 7E1")
    assert b"weight" in without_parity(result.data)
    assert "something" in "".join(line.split("  ")[-1] for line in result.hex_view)


def test_bytes_that_are_no_text_anywhere_are_shown_without_a_guess(monkeypatch):
    monkeypatch.setattr(probe_module, "_COMMON", (9600, 4800))
    noise = bytes(range(0x80, 0x100)) * 2
    result, _ = probed({"frames": [noise], "every": 0.1}, known=FEW)
    assert (result.verdict, result.guess) == ("no_frames", None)
    assert result.hex_view[0].startswith("0000  ")


class TestAsking:
    def test_nothing_is_ever_sent_unless_it_was_allowed(self):
        asked = next(info for info in KNOWN if info.ask is not None and is_harmless(info.ask))
        result, talker = probed({"is_asked": True}, name=asked.name, seconds=1)
        assert result.verdict == "no_bytes"
        assert talker.heard == b""

    def test_a_device_that_talks_is_not_asked_even_then(self):
        result, talker = probed({}, may_ask=True)
        assert (names(result), result.was_asked) == (["cas-22"], False)
        assert talker.heard == b""

    @pytest.mark.parametrize(
        "question", [b"Z\r\n", b"t\r\n", b"\x1bf3_", b"PRT\r\n", b"\x0201R\x03", b"\xd4\r", b"SIR\r\n"]
    )
    def test_no_question_may_hold_what_zeroes_tares_or_prints(self, question):
        assert not is_harmless(question)
        harmful = replace(PROTOCOLS["cas-22"], ask=question)
        assert questions([harmful], [9600, 19200]) == {}

    @pytest.mark.parametrize("question", [b"S\r\n", b"SI\r\n", b"W\r", b"Q\r\n", b"\x05", b"\x11"])
    def test_the_usual_questions_for_a_weight_are_harmless(self, question):
        assert is_harmless(question)

    def test_each_question_is_asked_on_its_own_line_first(self):
        slow = replace(PROTOCOLS["cas-22"], ask=b"Q\r\n", line=LineSettings(2400, 7, "E"))
        other = replace(PROTOCOLS["cas-22"], ask=b"W\r")
        asked = [(question, str(line)) for question, line in questions([slow, other], [9600, 2400])]
        assert asked == [
            (b"Q\r\n", "2400 7E1"), (b"W\r", "9600 8N1"), (b"Q\r\n", "9600 7E1"), (b"W\r", "2400 8N1"),
        ]  # fmt: skip

    def test_a_device_that_only_answers_is_identified_by_its_answers(self):
        asked = replace(PROTOCOLS["and-std"], ask=b"Q\r\n", line=LineSettings(4800, 7, "E"))

        async def scenario():
            async with Talker(asked, is_asked=True) as talker:
                probe = Probe(talker.port, ProbeSettings((asked,), may_ask=True), CLOCK)
                return await asyncio.to_thread(probe.run)

        result = asyncio.run(scenario())
        assert (result.verdict, result.was_asked, str(result.found[0].line)) == ("frames", True, "4800 7E1")


class TestWhatIsNoFreePort:
    def test_a_port_that_someone_has_is_left_alone_and_its_user_is_named(self):
        device = Pty()
        hold = "import fcntl,os,sys; fcntl.flock(os.open(sys.argv[1], os.O_RDWR), 2); print(1, flush=True); input()"
        with subprocess.Popen(
            [sys.executable, "-c", hold, device.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as other:
            other.stdout.readline()
            result = Probe(device.path, ProbeSettings(KNOWN), CLOCK).run()
            other.communicate(b"\n")
        assert result.verdict == "in_use"
        assert "is in use by" in result.reason
        device.unplug()

    def test_a_port_of_our_own_is_in_use_as_well(self):
        device = Pty()
        ours = os.open(device.path, os.O_RDWR | os.O_NOCTTY)
        fcntl.flock(ours, fcntl.LOCK_EX)
        assert Probe(device.path, ProbeSettings(KNOWN), CLOCK).run().verdict == "in_use"
        os.close(ours)
        device.unplug()

    def test_a_file_a_directory_and_nothing_are_no_ports(self, tmp_path, monkeypatch):
        monkeypatch.setattr(list_ports, "comports", list)
        file = tmp_path / "note.txt"
        file.write_text("ST")
        for port, words in [
            (str(file), "is not a serial port"),
            (str(tmp_path), "is not a serial port"),
            ("/dev/ttyUSB99", "no serial port is connected to this machine"),
            ("usb:0403:6001", "is not connected; no serial port is connected to this machine"),
            ("usb:zz", "is no USB adapter"),
        ]:
            result = Probe(port, ProbeSettings(KNOWN), CLOCK).run()
            assert result.verdict == "not_open"
            assert words in result.reason
        assert file.read_text() == "ST"

    def test_a_device_that_is_pulled_out_meanwhile_is_a_reason_not_a_crash(self):
        device = Pty()
        timer = threading.Timer(0.2, device.unplug)
        timer.start()
        result = Probe(device.path, ProbeSettings(KNOWN), CLOCK).run()
        timer.join()
        assert result.verdict == "not_open"
        assert result.reason


def test_several_ports_are_probed_at_once():
    async def scenario():
        async with Talker(PROTOCOLS["cas-22"]) as scale, Talker(PROTOCOLS["rdm6300"]) as reader:
            ports = [scale.port, reader.port]
            return ports, await asyncio.to_thread(lambda: list(probe_ports(ports, ProbeSettings(KNOWN), CLOCK)))

    began = time.monotonic()
    ports, results = asyncio.run(scenario())
    assert time.monotonic() - began < 5
    assert {result.port: names(result) for result in results} == dict(
        zip(ports, [["cas-22"], ["rdm6300"]], strict=True)
    )


def test_whoever_stops_listening_to_results_ends_the_probes():
    silent, file = Pty(), "/dev/null"
    began = time.monotonic()
    results = probe_ports([silent.path, file], ProbeSettings(KNOWN, seconds=30), CLOCK)
    assert next(results).port == file
    results.close()
    assert time.monotonic() - began < 2
    silent.unplug()


def test_speeds_are_tried_in_the_order_of_their_likelihood():
    rates = baudrates(KNOWN)
    assert rates[0] == 9600
    assert len(rates) == len(set(rates))
    assert {info.line.baudrate for info in KNOWN} <= set(rates)


class TestLooks:
    def test_hex_and_text_stand_side_by_side(self):
        assert list(hex_lines(b"ST,GS\r\n")) == ["0000  53 54 2C 47 53 0D 0A" + " " * 29 + "ST,GS.."]
        assert len(list(hex_lines(bytes(33)))) == 3

    @given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=40, max_size=200))
    def test_a_parity_shows_in_bytes_read_with_eight_bits(self, text):
        plain = text.encode()
        for parity in ("E", "O"):
            line = LineSettings(9600, data_bits=7, parity=parity)
            raw = as_read(plain, line, LineSettings())
            assert without_parity(raw) == plain
            if max(raw) >= 0x80:
                assert parity_of(raw) == parity
                assert text_share(raw) == 1
        assert parity_of(plain) is None

    @given(st.binary(max_size=200))
    def test_any_bytes_can_be_looked_at(self, data):
        assert 0 <= text_share(data) <= 1
        assert len(as_text(data)) == len(data)
        panel = Panel(KNOWN)
        for start in range(0, len(data), 7):
            list(panel.feed(data[start : start + 7]))
        panel.fits()


class Changing:
    """A port whose reader opens it at one speed and changes to another when some bytes have come."""

    def __init__(self, speeds, after):
        self.port, self._speeds, self._after = "", speeds, after
        self.heard = dict.fromkeys(speeds, b"")

    @property
    def baudrate(self):
        return self._speeds[len(self.heard[self._speeds[0]]) >= self._after]

    def is_full(self):
        return False

    def write(self, data):
        self.heard[self.baudrate] += data
        return len(data)


def test_what_a_device_still_sends_when_the_speed_is_changed_is_read_at_the_new_one():
    async def scenario():
        talker = Talker(PROTOCOLS["cas-22"], line=LineSettings(1200))
        talker._end = Changing((2400, 1200), after=8)
        await talker._send(CAS)
        return talker._end.heard

    heard = asyncio.run(scenario())
    assert heard[1200]
    assert CAS.endswith(heard[1200])
    assert heard[2400] not in CAS


class TestWaveform:
    @given(st.binary(max_size=100), st.sampled_from([7, 8]), st.sampled_from("NEO"))
    def test_a_port_that_is_set_as_the_device_reads_what_was_sent(self, data, bits, parity):
        line = LineSettings(9600, data_bits=bits, parity=parity)
        mask = 0x7F if bits == 7 else 0xFF
        assert as_read(data, line, line) == bytes(byte & mask for byte in data)

    @given(st.binary(min_size=1, max_size=100), st.sampled_from([1200, 4800, 19200, 115200]))
    def test_at_another_speed_something_else_is_read_and_never_much_more_than_bits(self, data, rate):
        read = as_read(data, LineSettings(9600), LineSettings(rate))
        assert len(read) <= len(data) * 10 * max(1, rate // 9600)
        assert read != data or rate == 9600
