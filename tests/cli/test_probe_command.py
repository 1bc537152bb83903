"""``engine probe`` and ``engine sniff``: what a person and a program are told of a port."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace

import pytest
from serial.tools import list_ports

from engine.cli.main import main
from engine.cli.probe_view import as_object, reading_text, shown, site_entries
from engine.devices.inventory import FoundPort
from engine.devices.probe import Found, ProbeResult
from engine.devices.recording import read_recording
from engine.documents.source import load_yaml
from engine.sim.talkers import Talker
from parsers import PROTOCOLS, CardReading, LineSettings, WeightReading

FRAMES = [b"ST,GS,1\xe4,   12.34 kg\r\n"]
CAS = PROTOCOLS["cas-22"]
STEADY = WeightReading(Decimal("12.340"), "kg", is_stable=True, raw=b"w")
CARD = CardReading("0A006091E1", raw=b"c")


@pytest.fixture
def here(monkeypatch):
    ports = []
    monkeypatch.setattr(list_ports, "comports", lambda: list(ports))
    return ports


def talking(act, **settings):
    """Run ``act(port)`` in a thread while a simulated scale talks."""

    async def scenario():
        async with Talker(CAS, **{"frames": FRAMES, **settings}) as talker:
            return await asyncio.to_thread(act, talker.port)

    return asyncio.run(scenario())


def result_of(*found, **settings):
    return ProbeResult("/dev/ttyUSB0", "frames", found=found, **settings)


class TestProbe:
    def test_a_person_is_told_what_it_is_and_what_to_write(self, here, capsys):
        def act(port):
            here.append(SimpleNamespace(device=port, vid=0x0403, pid=0x6001))
            return main(["probe"])

        assert talking(act) == 0
        told = capsys.readouterr().out
        assert "frames of cas-22" in told
        assert "at 9600 8N1" in told
        assert "100% stable; last 12.34 kg stable" in told
        assert "      scale: {port: usb:0403:6001, protocol: cas-22}" in told

    def test_a_program_gets_an_object_for_each_port(self, here, capsys):
        assert talking(lambda port: main(["probe", "--json", port, "/dev/null"])) == 0
        told = {entry["verdict"]: entry for entry in json.loads(capsys.readouterr().out)}
        assert told["frames"]["found"][0]["last"]["value"] == "12.34"
        assert "'/dev/null' is not a serial port" in told["not_open"]["reason"]

    def test_without_a_port_it_says_so(self, here, capsys):
        assert main(["probe"]) == 1
        assert capsys.readouterr().out == "no serial port is connected to this machine\n"
        assert main(["probe", "--json"]) == 1
        assert json.loads(capsys.readouterr().out) == []

    def test_silence_and_strange_bytes_are_problems_with_a_hint(self, here, capsys):
        silent = ProbeResult("COM3", "no_bytes")
        assert "--ask" in next(shown(silent, ()))
        strange = ProbeResult("COM3", "no_frames", data=b"abc\xff", guess=LineSettings(4800, 7, "E"))
        first, view = shown(strange, ())
        assert "at 4800 7E1 they look like text" in first
        assert view == "    0000  61 62 63 FF" + " " * 38 + "abc."
        assert "binary" in next(shown(replace(strange, guess=None), ()))
        assert as_object(strange, ())["data"] == "616263ff"


class TestWhatToWrite:
    def test_only_what_differs_from_the_factory_is_written(self):
        found = Found(CAS, LineSettings(19200, 7, "E"), 5, (STEADY,))
        (entry,) = site_entries(result_of(found), ())
        assert entry == "scale: {port: /dev/ttyUSB0, protocol: cas-22, baudrate: 19200, data_bits: 7, parity: even}"

    def test_the_name_that_stays_is_written_where_there_is_one(self):
        here = [FoundPort("/dev/ttyUSB0", by_id="/dev/serial/by-id/usb-FTDI-port0")]
        (entry,) = site_entries(result_of(Found(CAS, LineSettings(), 5, (STEADY,))), here)
        assert load_yaml(f"{{{entry}}}".encode()).root.section("scale")["port"] == "/dev/serial/by-id/usb-FTDI-port0"

    def test_weights_and_cards_on_one_port_are_one_device(self):
        reader = Found(PROTOCOLS["rdm6300"], LineSettings(), 2, (CARD,))
        entries = site_entries(result_of(Found(CAS, LineSettings(), 5, (STEADY,)), reader), ())
        assert entries == ["scale: {port: /dev/ttyUSB0, protocol: [cas-22, rdm6300]}"]

    def test_two_that_read_the_same_frames_are_a_choice(self):
        other = Found(PROTOCOLS["st-gs"], LineSettings(), 5, (STEADY,))
        result = result_of(Found(CAS, LineSettings(), 5, (STEADY,)), other)
        assert len(site_entries(result, ())) == 2
        assert "  in site.yaml, whichever of these it is:" in shown(result, ())

    def test_a_unit_is_never_made_up(self):
        bare = Found(PROTOCOLS["cas-10"], LineSettings(), 5, (replace(STEADY, unit=None),))
        (entry,) = site_entries(result_of(bare), ())
        assert "unit:" not in entry
        assert "its frames do not say" in entry

    def test_what_is_unproven_is_marked(self):
        doubtful = Found(replace(CAS, is_proven=False), None, 5, (STEADY,))
        assert "unproven" in "\n".join(shown(result_of(doubtful, was_asked=True), ()))

    @pytest.mark.parametrize(
        ("reading", "words"),
        [
            (STEADY, "12.340 kg stable"),
            (replace(STEADY, is_stable=False, unit=None), "12.340 (no unit) moving"),
            (WeightReading(None, None, None, "overload"), "overload"),
            (CARD, "card 0A006091E1"),
            (CardReading(None, status="no_tag"), "no card"),
        ],
    )
    def test_a_reading_is_a_few_words(self, reading, words):
        assert reading_text(reading) == words


class TestSniff:
    def sniffed(self, port, *arguments):
        with subprocess.Popen(
            [sys.executable, "-m", "engine", "sniff", port, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            told = [process.stdout.readline().decode()]
            while "12.34 kg stable" not in told[-1]:
                told.append(process.stdout.readline().decode())
            process.send_signal(signal.SIGINT)
            rest, errors = process.communicate(timeout=20)
        return process.returncode, [*told, *rest.decode().splitlines()], errors.decode()

    def test_bytes_and_readings_stand_side_by_side_until_it_is_ended_and_are_kept(self, tmp_path):
        kept = tmp_path / "dock.rec.gz"
        code, told, errors = talking(lambda port: self.sniffed(port, "--protocol", "cas-22", "--record", str(kept)))
        assert (code, "Traceback" in errors) == (0, False)
        assert "readings" in errors
        assert "port open" in told[0]
        assert any("cas-22: 12.34 kg stable" in line for line in told)
        assert FRAMES[0] in b"".join(entry.data for entry in read_recording([kept]) if entry.direction == "<")

    def test_a_recording_is_never_written_over(self, tmp_path, capsys):
        kept = tmp_path / "dock.rec.gz"
        kept.write_bytes(b"older")
        assert main(["sniff", "/dev/null", "--record", str(kept)]) == 1
        assert "cannot be written: File exists" in capsys.readouterr().err
        assert kept.read_bytes() == b"older"

    def test_misuse_is_told(self, capsys):
        assert main(["sniff", "COM3", "--protocol", "cas-2"]) == 2
        assert "did you mean 'cas-22'?" in capsys.readouterr().err
        assert main(["sniff", "COM3", "--protocol", "cas-22", "--ask"]) == 2
        assert "--ask needs a --protocol whose devices are asked" in capsys.readouterr().err

    def test_a_device_that_only_answers_is_asked_if_that_is_wanted(self):
        info = next(info for info in PROTOCOLS.values() if info.ask and info.golden)

        def act(port):
            with subprocess.Popen(
                [sys.executable, "-m", "engine", "sniff", port, "--protocol", info.name, "--ask"],
                stdout=subprocess.PIPE,
            ) as process:
                while f"{info.name}:" not in process.stdout.readline().decode():
                    assert process.poll() is None
                process.terminate()
                process.communicate()
            return process.returncode

        async def scenario():
            async with Talker(info, is_asked=True) as talker:
                return await asyncio.to_thread(act, talker.port)

        assert asyncio.run(scenario()) == 0
