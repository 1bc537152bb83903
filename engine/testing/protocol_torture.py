"""Endurance: long random streams through a parser, and how many wrong readings chance may make of them.

What chance may do is computed from the protocol itself:

- In noise of all 256 bytes a frame must come about byte by byte. ``noise_rate`` counts, for every byte of every golden
  frame, how many of the 256 values could stand there; the product over a frame is the share of places at which noise
  reads as such a frame. A frame with a checksum comes out as next to nothing, since no single byte may change.
- Of frames in which a burst of noise replaced some bytes, a sum, XOR or CRC of n bits lets through one in 2**n at
  most (``burst_rate``): the burst's bytes are random, so what they add to the checksum is too. Fewer pass in fact,
  since the other rules of the frame refuse most. A protocol without a checksum has no such bound.

``allowed`` is the most that chance may make of an expected number: six standard deviations above it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from engine.testing.protocols import HeldLimit, ProtocolCase, check_sound, claim, fail, read

_CHUNK: Final = 4096
_BATCH: Final = 40  # frames in one stream
_BURST: Final = 6  # bytes that a burst replaces, at most


@dataclass(frozen=True, slots=True)
class Endured:
    """What came out: ``readings`` in all, those that are ``wrong``, and how many of those were expected of chance."""

    readings: int
    wrong: int
    expected: float

    @property
    def is_chance(self) -> bool:
        """Whether chance alone explains the wrong ones."""
        return self.wrong <= allowed(self.expected)


def allowed(expected: float) -> int:
    """The most of something rare that is still chance when ``expected`` are."""
    return int(expected + 6 * math.sqrt(expected))


def noise_rate(case: ProtocolCase) -> float:
    """The share of places in uniform noise at which a frame like one of the golden ones begins."""
    return sum(math.prod(count / 256 for count in _free_values(case, golden.frame)) for golden in case.frames)


def _free_values(case: ProtocolCase, frame: bytes) -> Iterator[int]:
    for i in range(len(frame)):
        others = (frame[:i] + bytes((value,)) + frame[i + 1 :] for value in range(256))
        yield sum(1 for other in others if case.make().feed(other))


def burst_rate(case: ProtocolCase) -> float:
    """The share of frames hit by a burst that a checksum lets through, at most; 1 without a checksum."""
    return 2.0**-case.check_bits


def endure_noise(case: ProtocolCase, size: int, seed: int = 0) -> Endured:
    """Feed ``size`` uniform random bytes. Raises ProtocolCheckError for hoarding or an unsound reading."""
    chance = random.Random(f"{case.name} {size} {seed}")  # noqa: S311 - noise, no secret
    parser = case.make()
    limit = HeldLimit(case, parser)
    unchecked = replace(case, check_bits=0)  # whatever is read here is counted, checksum or not
    readings = 0
    before = b""
    for start in range(0, size, _CHUNK):
        chunk = chance.randbytes(min(_CHUNK, size - start))
        got = parser.feed(chunk)
        if got:
            check_sound(unchecked, before + chunk, got)
            readings += len(got)
        limit.check()
        before = chunk
    if size >= _CHUNK and not parser.rejected:
        fail(case, f"nothing of {size} bytes of noise was counted as rejected")
    return Endured(readings, readings, size * noise_rate(case) if readings else 0.0)  # nothing needs no explaining


def endure_torn_frames(case: ProtocolCase, count: int, seed: int = 0) -> None:
    """Feed ``count`` frames, most of them torn by one to three faults of the wire, in streams that are cut anywhere.

    Raises ProtocolCheckError for hoarding or a reading that is no valid frame's. Two faults may cancel out in a sum or
    an XOR, and a device may be believed then; what is random is measured by :func:`endure_bursts`.
    """
    chance = random.Random(f"{case.name} torn {count} {seed}")  # noqa: S311 - faults, no secret
    parser = case.make()
    limit = HeldLimit(case, parser)
    unchecked = replace(case, check_bits=0)
    for _ in range(-(-count // _BATCH)):
        frames = [chance.choice(case.frames).frame for _ in range(_BATCH)]
        stream = b"".join(_torn(chance, frame) if chance.random() < 0.8 else frame for frame in frames)  # noqa: PLR2004
        cuts = sorted(chance.randrange(len(stream) + 1) for _ in range(chance.randrange(12)))
        parser.reset()
        readings = read(parser, (stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)))
        check_sound(unchecked, stream, (reading for reading in readings if claim(reading) not in case.known))
        limit.check()
    if not parser.rejected:
        fail(case, f"nothing of {count} torn frames was counted as rejected")


def _torn(chance: random.Random, frame: bytes) -> bytes:
    """The frame after one to three faults: bits, bytes lost, doubled or put in, pieces cut off."""
    wire = bytearray(frame)
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(wire) + 1)
        fault = chance.randrange(6)
        if fault == 0 and at < len(wire):
            wire[at] ^= 1 << chance.randrange(8)
        elif fault == 1 and at < len(wire):
            wire[at] = chance.choice(frame)
        elif fault == 2:  # noqa: PLR2004 - the third kind of fault
            del wire[at : at + 1]
        elif fault == 3:  # noqa: PLR2004 - the fourth
            wire.insert(at, chance.randrange(256))
        elif fault == 4:  # noqa: PLR2004 - the fifth
            wire[at:at] = wire[at : at + chance.randrange(8)]
        else:
            del wire[at : at + chance.randrange(len(frame))]
    return bytes(wire)


def endure_bursts(case: ProtocolCase, count: int, seed: int = 0) -> Endured:
    """Feed ``count`` frames in which a burst of noise replaced up to six bytes in a row; count the wrong readings."""
    chance = random.Random(f"{case.name} bursts {count} {seed}")  # noqa: S311 - noise, no secret
    parser = case.make()
    limit = HeldLimit(case, parser)
    known = case.known
    readings = wrong = 0
    for turn in range(count):
        frame = bytearray(chance.choice(case.frames).frame)
        at = chance.randrange(len(frame))
        length = min(chance.randrange(1, _BURST + 1), len(frame) - at)
        frame[at : at + length] = chance.randbytes(length)
        parser.reset()
        got = parser.feed(bytes(frame))
        readings += len(got)
        wrong += sum(1 for reading in got if claim(reading) not in known)
        if turn % _BATCH == 0:
            limit.check()
    return Endured(readings, wrong, count * burst_rate(case))
