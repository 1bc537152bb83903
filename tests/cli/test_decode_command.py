"""``engine decode``: bytes into readings, a line each; what was thrown away is told, and nothing else is."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from engine.cli.decoding import Decoder, HexError, hex_chunks
from engine.cli.main import main
from parsers import PROTOCOLS, CardReading, Reading, make_parser

FRAME = b"ST,GS,1\xe4,000013.5 kg\r\n"
TWO_TAGS = "20000103020c0000000000000000000003130c0000000000000000000003149ac9"


class Outcome:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.err = code, err
        self.readings: list[dict[str, Any]] = [json.loads(line) for line in out.splitlines()]


@pytest.fixture
def decode(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(protocol: str, content: bytes, *options: str) -> Outcome:
        file = tmp_path / "bytes"
        file.write_bytes(content)
        code = main(["decode", "--protocol", protocol, *options, str(file)])
        told = capsys.readouterr()
        return Outcome(code, told.out, told.err)

    return run


class TestReadings:
    def test_a_weight_is_told_exactly_as_it_was_displayed(self, decode: Any) -> None:
        outcome = decode("cas-22", b"US,NT,1\x0d,   -12.0 lb\r\n")
        assert outcome.readings == [
            {
                "kind": "weight", "value": "-12.0", "unit": "lb", "stable": False, "status": "ok", "mode": "net",
                "raw": b"US,NT,1\x0d,   -12.0 lb\r\n".hex(),
            }
        ]  # fmt: skip
        assert (outcome.code, outcome.err) == (0, "")

    def test_what_a_frame_does_not_say_is_null(self, decode: Any) -> None:
        (bare,) = decode("cas-10", b"  000050\r\n").readings
        assert (bare["value"], bare["unit"], bare["stable"], bare["mode"]) == ("50", None, None, None)
        (overload,) = decode("cas-22", b"OL,GS,1\x84,-        kg\r\n").readings
        assert (overload["value"], overload["status"]) == (None, "overload")

    def test_a_tare_that_was_sent_is_told(self, decode: Any) -> None:
        (reading,) = decode("toledo-continuous", bytes.fromhex("022d31202031323334352020203530300d5f")).readings
        assert (reading["value"], reading["tare"], reading["mode"]) == ("12.345", "0.500", "net")
        assert "zero" not in reading

    def test_a_frame_with_several_tags_gives_a_line_for_each(self, decode: Any) -> None:
        outcome = decode("chafon-18", bytes.fromhex(TWO_TAGS) * 2)
        assert [reading["value"][-3:] for reading in outcome.readings] == ["313", "314", "313", "314"]
        assert all(reading["raw"] == TWO_TAGS for reading in outcome.readings)
        assert outcome.err == ""

    def test_antenna_and_signal_strength_are_told_when_sent(self, decode: Any) -> None:
        (reading,) = decode("chafon-288", bytes.fromhex("1500010304010c49440000000000000a0003346425c0")).readings
        assert (reading["kind"], reading["antenna"], reading["rssi"]) == ("rfid", 3, 100)

    def test_a_reader_without_a_card_says_so(self, decode: Any) -> None:
        (reading,) = decode("r200", bytes.fromhex("bb01ff000115167e")).readings
        assert (reading["value"], reading["status"]) == (None, "no_tag")

    def test_an_indicator_that_sends_cards_too_is_read_with_both_protocols(self, decode: Any) -> None:
        outcome = decode("cas-22+rdm6300", FRAME + b"\x0201001293D858\x03" + FRAME)
        assert [reading["kind"] for reading in outcome.readings] == ["weight", "rfid", "weight"]
        assert outcome.err == ""


class TestThrownAway:
    def test_every_byte_that_is_in_no_reading_is_told_with_its_place(self, decode: Any) -> None:
        outcome = decode("cas-22", b"xx\r\n" + FRAME + FRAME + b"abc")
        assert outcome.err.splitlines() == [
            "thrown away: 7 of 51 bytes, in 2 places",
            "  at byte 0: 78 78 0d 0a",
            "  at byte 48: 61 62 63",
        ]
        assert outcome.code == 0

    def test_much_is_told_in_short(self, decode: Any) -> None:
        outcome = decode("cas-22", b"".join(b"%d\r\n" % i + FRAME for i in range(30)) + b"z" * 300_000)
        lines = outcome.err.splitlines()
        assert len(lines) == 22
        assert lines[0].startswith("thrown away: 300110 of ")
        assert lines[-1].startswith("  ... and in ")

    def test_bytes_without_a_reading_are_a_failure(self, decode: Any) -> None:
        outcome = decode("cas-22", b"\x00" * 40)
        assert outcome.code == 1
        assert outcome.readings == []
        assert "00 00 ... (40 bytes)" in outcome.err
        assert outcome.err.endswith("no reading in 40 bytes\n")

    def test_nothing_is_no_failure(self, decode: Any) -> None:
        outcome = decode("cas-22", b"")
        assert (outcome.code, outcome.err) == (0, "")

    def test_the_same_is_told_however_the_bytes_came(self) -> None:
        stream = b"\x00\x00" + FRAME * 2 + b"??" + FRAME
        at_once, in_bytes = Decoder(make_parser("cas-22")), Decoder(make_parser("cas-22"))
        at_once.feed(stream)
        for i in range(len(stream)):
            in_bytes.feed(stream[i : i + 1])
        for decoder in (at_once, in_bytes):
            decoder.end()
        assert list(at_once.thrown_away()) == list(in_bytes.thrown_away())
        assert next(at_once.thrown_away()) == "thrown away: 4 of 70 bytes, in 2 places"

    def test_hours_of_noise_are_not_held(self) -> None:
        decoder = Decoder(make_parser("cas-22"))
        for _ in range(100):
            decoder.feed(b"\x55" * 50_000)
        assert len(decoder._undecided) <= 200_000
        decoder.end()
        assert list(decoder.thrown_away()) == [
            "thrown away: 5000000 of 5000000 bytes, in 1 place",
            f"  at byte 0: {'55 ' * 32}... (5000000 bytes)",
        ]


class TestHexText:
    @pytest.mark.parametrize(
        "text",
        [
            FRAME.hex(),
            FRAME.hex(" ").upper(),
            "\n".join(f"0x{byte:02X}" for byte in FRAME),
            f"0x{FRAME.hex()}\r\n",
            f"\t{FRAME[:5].hex()}\n\n   {FRAME[5:].hex(' ')}",
        ],
    )
    def test_blanks_line_ends_and_prefixes_are_passed_over(self, decode: Any, text: str) -> None:
        outcome = decode("cas-22", text.encode(), "--hex")
        assert [reading["value"] for reading in outcome.readings] == ["13.5"]
        assert outcome.err == ""

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            (b"53 54\n5g", "error: line 2, column 2: 'g' is not a hexadecimal digit"),
            (b"53, 54", "error: line 1, column 3: ',' is not a hexadecimal digit"),
            (b"53\n\n0x54 5", "error: line 3, column 6: half a byte; '5' has an odd number of digits"),
            (b"\xff", "error: line 1, column 1: 'ÿ' is not a hexadecimal digit"),
            (b"0x", "no reading"),
        ],
    )
    def test_what_is_no_hexadecimal_is_told_with_its_place(self, decode: Any, text: bytes, said: str) -> None:
        outcome = decode("cas-22", text, "--hex")
        assert outcome.code == (0 if said == "no reading" else 1)
        assert said in outcome.err or said == "no reading"

    def test_what_came_before_a_bad_digit_is_read(self, decode: Any) -> None:
        outcome = decode("cas-22", FRAME.hex().encode() + b"\nzz", "--hex")
        assert len(outcome.readings) == 1
        assert outcome.code == 1

    @pytest.mark.parametrize("gap", ["", " ", "  "])
    def test_a_line_of_any_length_is_read_in_pieces(self, gap: str) -> None:
        data = bytes(range(256)) * 1000
        text = data.hex(gap) if gap == " " else gap.join(f"{byte:02x}" for byte in data)
        assert b"".join(hex_chunks(io.BytesIO(text.encode()))) == data

    def test_the_column_in_a_long_line_is_right(self) -> None:
        text = b"00" * 100_000 + b"0g"
        with pytest.raises(HexError, match="line 1, column 200002: 'g'"):
            list(hex_chunks(io.BytesIO(text)))


class TestMisuse:
    def test_a_misspelt_protocol_is_guessed(self, decode: Any) -> None:
        outcome = decode("cas22", FRAME)
        assert outcome.code == 2
        assert "no protocol is called 'cas22'; did you mean 'cas-22'?" in outcome.err

    def test_protocols_that_cannot_share_a_port_are_told(self, decode: Any) -> None:
        outcome = decode("cas-22+cas-10", FRAME)
        assert outcome.code == 2
        assert "cannot share a port" in outcome.err

    def test_a_file_that_is_not_there_is_told(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["decode", "--protocol", "cas-22", "missing.bin"]) == 2
        assert "'missing.bin' cannot be read: " in capsys.readouterr().err

    def test_a_site_that_is_not_there_is_told(self, decode: Any) -> None:
        outcome = decode("cas-22", FRAME, "--config", "missing.yaml")
        assert outcome.code == 1
        assert "'missing.yaml' is no file" in outcome.err

    def test_a_protocol_must_be_named(self) -> None:
        with pytest.raises(SystemExit) as ended:
            main(["decode"])
        assert ended.value.code == 2


BINDINGS = """
from dataclasses import replace
from parsers import PROTOCOLS

def register(registry):
    registry.protocol(replace(PROTOCOLS["cas-10"], name="decode-test-scale", aliases=()))
"""


PROFILE = """
protocol: decode-test-profile
title: A scale of this site
line: {baudrate: 9600}
frame: {end: "\\r\\n"}
shapes:
  - length: 10
    fields:
      value: {at: 1-8}
golden:
  - {frame: "  000050\\r\\n", value: "50"}
  - {frame: "  0000x0\\r\\n", refused: true}
"""


def _site(folder: Path) -> Path:
    (folder / "bindings.py").write_text(BINDINGS, encoding="utf-8")
    site = folder / "site.yaml"
    site.write_text("bindings: [bindings.py]\n", encoding="utf-8")
    return site


def _engine(*arguments: str, stdin: bytes, cwd: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "engine", "decode", *arguments],
        input=stdin, capture_output=True, cwd=cwd, check=False, timeout=60,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip


class TestAsAProgram:
    def test_a_sites_own_protocol_is_known_beside_its_site(self, tmp_path: Path) -> None:
        _site(tmp_path)
        ended = _engine("--protocol", "decode-test-scale", stdin=b"  000050\r\n", cwd=tmp_path)
        assert (ended.returncode, ended.stderr) == (0, b"")
        assert json.loads(ended.stdout)["value"] == "50"

    def test_a_site_can_be_named(self, tmp_path: Path) -> None:
        site = _site(tmp_path)
        (tmp_path / "elsewhere").mkdir()
        arguments = ("--protocol", "decode-test-scale")
        elsewhere = tmp_path / "elsewhere"
        assert _engine(*arguments, stdin=b"  000050\r\n", cwd=elsewhere).returncode == 2
        assert _engine(*arguments, "--config", str(site), stdin=b"  000050\r\n", cwd=elsewhere).returncode == 0

    def test_a_profile_beside_the_site_is_known(self, tmp_path: Path) -> None:
        _site(tmp_path)
        (tmp_path / "own.yaml").write_text(PROFILE, encoding="utf-8")
        ended = _engine("--protocol", "decode-test-profile", stdin=b"  000050\r\n", cwd=tmp_path)
        assert (ended.returncode, ended.stderr) == (0, b"")
        assert json.loads(ended.stdout)["value"] == "50"

    def test_what_is_wrong_with_the_profile_that_was_named_is_told(self, tmp_path: Path) -> None:
        _site(tmp_path)
        (tmp_path / "own.yaml").write_text(PROFILE.replace('value: "50"', 'value: "51"'), encoding="utf-8")
        ended = _engine("--protocol", "decode-test-profile", stdin=b"  000050\r\n", cwd=tmp_path)
        assert ended.returncode == 1
        assert b"own.yaml:11:" in ended.stderr

    def test_readings_come_while_the_pipe_is_open_and_a_closed_one_ends_it_quietly(self, tmp_path: Path) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "engine", "decode", "--protocol", "cas-22", "-"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
        )  # fmt: skip
        with process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdin.write(FRAME)
            assert json.loads(process.stdout.readline())["value"] == "13.5"
            process.stdout.close()
            with suppress(BrokenPipeError):
                process.stdin.write(b"rubbish" + FRAME * 2_000)
            process.stdin.close()
            assert process.stderr.read() == b""
            assert process.wait(60) == 0


def shown(reading: Reading) -> str | None:
    if isinstance(reading, CardReading):
        return reading.uid
    return None if reading.value is None else f"{reading.value:f}"


def test_every_golden_frame_of_every_protocol_is_told(decode: Any) -> None:
    for name, info in PROTOCOLS.items():
        golden = next(golden for golden in info.golden if golden.readings)
        told = decode(name, golden.frame).readings
        assert [reading["value"] for reading in told] == list(map(shown, golden.readings)), name
