"""Every protocol passes the kit that third parties get, and the kit finds parsers that are bad."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import replace
from decimal import Decimal

import pytest

from engine.testing.protocols import (
    CHECKS,
    Check,
    ProtocolCheckError,
    case_of,
    check_everything,
    held_bytes,
)
from parsers import PROTOCOLS, Golden, LineSettings, ProtocolInfo, Reading, WeightReading

_WITH_GOLDEN = [name for name, info in PROTOCOLS.items() if info.golden]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_protocol_has_golden_frames_to_read_and_one_to_refuse(protocol: str) -> None:
    golden = PROTOCOLS[protocol].golden
    assert any(frame.readings for frame in golden)
    assert any(not frame.readings for frame in golden)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
@pytest.mark.parametrize("protocol", _WITH_GOLDEN)
def test_a_protocol_passes_the_kit(protocol: str, check: Check) -> None:
    check(case_of(PROTOCOLS[protocol]))


# The kit itself -------------------------------------------------------------------------------------------------------

_FRAME = b"ST,12.5kg\r\n"
_READING = WeightReading(Decimal("12.5"), "kg", is_stable=True)


class Lines:
    """A parser that is good enough for the kit; each below has one fault."""

    protocol = "lines"
    pattern = re.compile(rb"ST,(?P<value>[0-9]{2}\.[0-9])kg\r\n")

    def __init__(self) -> None:
        self.rejected = 0
        self.held = b""

    def feed(self, data: bytes) -> list[Reading]:
        *lines, self.held = re.split(rb"(?<=\r\n)", self.held + data)
        self.rejected += len(self.held) // 50
        self.held = self.held[-50:]
        return [reading for line in lines if (reading := self.read(line)) is not None]

    def read(self, line: bytes) -> Reading | None:
        match = self.pattern.search(line)
        if match is None or match.end() - match.start() < len(line):
            self.rejected += 1
        if match is None:
            return None
        return WeightReading(Decimal(match["value"].decode()), "kg", is_stable=True, raw=match[0])

    def reset(self) -> None:
        self.held = b""


class Hoarder(Lines):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[bytes] = []

    def feed(self, data: bytes) -> list[Reading]:
        self.seen.append(data)
        return super().feed(data)


class Impatient(Lines):
    """Reads what one call brings and forgets the rest."""

    def feed(self, data: bytes) -> list[Reading]:
        self.held = b""
        return super().feed(data)


class Gullible(Lines):
    """Takes the first number there is."""

    pattern = re.compile(rb"(?P<value>[0-9]+(\.[0-9]+)?)")

    def read(self, line: bytes) -> Reading | None:
        reading = super().read(line)
        return None if reading is None else replace(reading, raw=_FRAME)


class Silent(Lines):
    """Does not count what it throws away."""

    def feed(self, data: bytes) -> list[Reading]:
        readings = super().feed(data)
        self.rejected = 0
        return readings


class Deaf(Lines):
    """Never gets over a line that was no frame."""

    def feed(self, data: bytes) -> list[Reading]:
        return [] if self.rejected else super().feed(data)


class LastOnly(Lines):
    def feed(self, data: bytes) -> list[Reading]:
        return super().feed(data)[-1:]


def _info(parser: type[Lines], *golden: Golden, check_bits: int = 0) -> ProtocolInfo:
    golden = golden or (Golden(_FRAME, (_READING,)),)
    return ProtocolInfo("lines", "Lines", "scale", LineSettings(), parser, golden, check_bits=check_bits)


def test_a_good_parser_passes() -> None:
    check_everything(_info(Lines, Golden(_FRAME, (_READING,)), Golden(b"ST,12,5kg\r\n", ())))


@pytest.mark.parametrize(
    ("parser", "found_by"),
    [
        (Hoarder, "check_endless_line: lines: 1"),
        (Impatient, "check_every_split: lines: is not read byte by byte"),
        (Gullible, "check_start_in_the_middle"),
        (Silent, "check_noise: lines: nothing of the noise was counted"),
        (Deaf, "check_rubbish_before"),
        (LastOnly, "check_two_frames_glued"),
    ],
)
def test_the_kit_finds_a_bad_parser(parser: type[Lines], found_by: str) -> None:
    with pytest.raises(ProtocolCheckError, match=re.escape(found_by)):
        check_everything(_info(parser))


def test_the_kit_finds_a_value_that_got_past_what_is_called_a_checksum() -> None:
    with pytest.raises(ProtocolCheckError, match=r"check_every_bit_flip: .*came past the checksum"):
        check_everything(_info(Lines, check_bits=8))


@pytest.mark.parametrize(
    "readings",
    [
        (replace(_READING, value=Decimal("12.6")),),
        (replace(_READING, value=Decimal("12.50")),),  # another number of places is another reading
        (replace(_READING, is_stable=None),),
        (_READING, _READING),
    ],
)
def test_a_golden_frame_that_does_not_give_its_reading_is_found(readings: tuple[Reading, ...]) -> None:
    with pytest.raises(ProtocolCheckError, match="check_whole: lines: gives"):
        check_everything(_info(Lines, Golden(_FRAME, readings)))


def test_a_frame_that_must_be_refused_and_is_read_is_found() -> None:
    with pytest.raises(ProtocolCheckError, match=r"check_refused: .*must give nothing"):
        check_everything(_info(Lines, Golden(_FRAME, (_READING,)), Golden(b"ST,99.9kg\r\n", ())))


def test_a_protocol_without_a_golden_frame_cannot_be_checked() -> None:
    with pytest.raises(ProtocolCheckError, match="'lines' has no golden frame"):
        check_everything(_info(Lines, Golden(b"ST,12,5kg\r\n", ())))


def test_whatever_a_parser_keeps_is_counted() -> None:
    class Keeper:
        __slots__ = ("buffer", "more")

        def __init__(self) -> None:
            self.buffer = bytearray(b"12345")
            self.more = {"a": deque([b"123", memoryview(b"12")]), "b": [self, {"x": ("1", None, 7)}]}

    assert held_bytes(Keeper()) == 5 + 1 + 5 + 1 + 1 + 1
