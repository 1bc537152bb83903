"""Ten million random bytes and a million damaged frames a protocol, the short version in CI.

Nothing is raised, nothing is hoarded, whatever passes is a valid frame; noise of all bytes makes no reading where a
checksum stands guard and no more than chance elsewhere; and of frames hit by a burst of noise a checksum of n bits lets
no more than one in 2**n pass: one in 128 for Toledo's seven bits, in 256 for an XOR or a sum, in 65,536 for a CRC.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from decimal import Decimal

import pytest

from engine.testing.protocol_torture import allowed, endure_bursts, endure_noise, endure_torn_frames, noise_rate
from engine.testing.protocols import ProtocolCase, case_of
from parsers import PROTOCOLS, Golden, Reading, WeightReading, make_parser
from parsers.chafon import command

_CASES = [case_of(info) for info in PROTOCOLS.values() if info.golden]
_BY_NAME = pytest.mark.parametrize("case", _CASES, ids=lambda case: case.name)


class Digits:
    """STX, three digits, CR."""

    protocol = "digits"
    rejected = 0

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> list[Reading]:
        raw = self._held + data
        found = list(re.finditer(rb"\x02([0-9]{3})\r", raw))
        rest = raw[found[-1].end() :] if found else raw
        self._held = rest[-4:]
        self.rejected += len(rest) - len(self._held)
        return [WeightReading(Decimal(match[1].decode()), None, None, raw=match[0]) for match in found]

    def reset(self) -> None:
        self._held = b""


def endure(case: ProtocolCase, size: int, torn: int, bursts: int) -> None:
    noise = endure_noise(case, size)
    assert noise.is_chance, f"{noise} of {size} bytes"
    assert not (case.check_bits and noise.readings), f"{noise} past a checksum"
    endure_torn_frames(case, torn)
    burst = endure_bursts(case, bursts)
    assert burst.is_chance, f"{burst} of {bursts} bursts"


@_BY_NAME
def test_a_parser_endures_noise_and_damaged_frames(case: ProtocolCase) -> None:
    endure(case, size=30_000, torn=800, bursts=1_000)


@pytest.mark.torture
@_BY_NAME
def test_a_parser_endures_ten_million_bytes_and_a_million_damaged_frames(case: ProtocolCase) -> None:
    endure(case, size=10_000_000, torn=500_000, bursts=500_000)


@pytest.mark.torture
@_BY_NAME
def test_a_frame_in_noise_is_so_rare_that_none_is_expected_in_a_hundred_thousand_bytes(case: ProtocolCase) -> None:
    """So that no reading from the noise of the short tests is no accident."""
    assert noise_rate(case) * 100_000 < 0.1


def test_how_often_noise_reads_as_a_frame_is_counted_byte_by_byte() -> None:
    """STX, three digits, CR: one value of 256, ten of 256 three times, one of 256."""
    case = ProtocolCase("digits", Digits, (Golden(b"\x02123\r", (WeightReading(Decimal(123), None, None),)),))
    assert noise_rate(case) == pytest.approx((1 / 256) ** 2 * (10 / 256) ** 3)
    endured = endure_noise(case, 2_000_000)
    assert endured.readings == 0 or endured.is_chance


def _toledo(chance: random.Random) -> bytes:
    return b"\x02\x2c\x31\x20%6d%6d\r" % (chance.randrange(10**6), chance.randrange(10**6)) + chance.randbytes(1)


def _m100(chance: random.Random) -> bytes:
    return b"\xbb\x02\x22\x00\x11" + chance.randbytes(18) + b"\x7e"


def _chafon(chance: random.Random) -> bytes:
    return b"\x13\x00\x01\x03\x01\x0c" + chance.randbytes(14)


@pytest.mark.parametrize(
    ("protocol", "forge", "bits", "count"),
    [("toledo-continuous", _toledo, 7, 20_000), ("m100", _m100, 8, 20_000), ("chafon-18", _chafon, 16, 40_000)],
)
def test_of_frames_whose_checksum_is_random_one_in_all_its_values_is_believed(
    protocol: str, forge: Callable[[random.Random], bytes], bits: int, count: int
) -> None:
    chance = random.Random(bits)
    parser = make_parser(protocol)
    believed = sum(len(parser.feed(forge(chance))) for _ in range(count))
    expected = count / 2**bits
    assert max(0, 2 * expected - allowed(expected)) <= believed <= allowed(expected)


def test_a_command_to_a_chafon_reader_is_the_manuals() -> None:
    assert command(0x01).hex() == "04ff011bb4"
    assert command(0x01, address=0).hex() == "040001db4b"
