"""Stricter checks than the kit that ships (``engine.testing.protocols``), for the protocols that have a reference.

Every second frame after noise is read, whatever is thrown away is counted at once, and 64 bytes are enough to hold.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from engine.testing.protocols import bare, read
from parsers import CardReading, Parser, Reading

__all__ = ["CHECKS", "HELD_AT_MOST", "Case", "bare", "held_bytes", "read"]

# More than any frame here; a parser that holds more between two calls is hoarding.
HELD_AT_MOST = 64


@dataclass(frozen=True)
class Case:
    """A protocol under test."""

    name: str
    make: Callable[[], Parser]
    frames: tuple[tuple[bytes, Reading], ...]  # whole frames, and exactly what each must give
    is_checked: bool  # a checksum stands guard over the value


def held_bytes(thing: object) -> int:
    """How many bytes a parser keeps, in whatever attribute or container it keeps them."""
    if isinstance(thing, bytes | bytearray | str):
        return len(thing)
    if isinstance(thing, list | tuple | set | dict):
        return sum(held_bytes(item) for item in thing)
    if not type(thing).__module__.startswith("parsers"):
        return 0
    return sum(held_bytes(value) for value in attributes(thing))


def attributes(thing: object) -> Iterator[object]:
    yield from vars(thing).values() if hasattr(thing, "__dict__") else ()
    for slot in getattr(type(thing), "__slots__", ()):
        yield getattr(thing, slot)


def check_whole(case: Case) -> None:
    for frame, reading in case.frames:
        parser = case.make()
        assert parser.feed(frame) == [reading], frame
        assert parser.rejected == 0, frame
        assert reading.raw == frame


def check_byte_by_byte(case: Case) -> None:
    for frame, reading in case.frames:
        parser = case.make()
        got = [parser.feed(frame[i : i + 1]) for i in range(len(frame))]
        assert got == [[]] * (len(frame) - 1) + [[reading]], frame


def check_every_split(case: Case) -> None:
    for frame, reading in case.frames:
        for i in range(1, len(frame)):
            for j in range(i, len(frame)):
                assert read(case.make(), (frame[:i], frame[i:j], frame[j:])) == [reading], (frame, i, j)


def check_two_frames_glued(case: Case) -> None:
    for first, one in case.frames:
        for second, two in case.frames:
            parser = case.make()
            assert parser.feed(first + second) == [one, two], (first, second)
            assert parser.rejected == 0


def check_start_in_the_middle_of_a_frame(case: Case) -> None:
    for frame, reading in case.frames:
        for i in range(1, len(frame)):
            parser = case.make()
            assert parser.feed(frame[i:] + frame) in ([reading], []), (frame, i)
            assert parser.feed(frame) == [reading], (frame, i)
            assert parser.rejected >= 1


def check_rubbish_before(case: Case) -> None:
    noise = random.Random(22)
    rubbish = [
        b"\x00" * 5,
        b"\x00\x00\x7f\x7f",
        b"\xff" * 300,
        b"\r",
        b"\n",
        b"\x02",
        b"\x02\x02",
        b"0",
        b" ",
        b"-",
        b",",
    ]
    rubbish += [noise.randbytes(noise.randrange(1, 80)) for _ in range(50)]
    for frame, reading in case.frames:
        for before in rubbish:
            parser = case.make()
            assert parser.feed(before + frame) in ([reading], []), (before, frame)
            assert parser.feed(frame) == [reading], (before, frame)
            assert parser.rejected >= 1, (before, frame)


def check_every_bit_flip(case: Case) -> None:
    """A flip never changes a checked value, never turns a status, a unit or a sign, and is recovered from at once."""
    for frame, reading in case.frames:
        for bit in range(len(frame) * 8):
            flipped = bytearray(frame)
            flipped[bit // 8] ^= 1 << bit % 8
            parser = case.make()
            got = parser.feed(bytes(flipped))
            assert len(got) <= 1
            for other in got:
                assert is_same_but_for_its_digits(other, reading, exactly=case.is_checked), (bytes(flipped), other)
            assert not (got and parser.rejected), bytes(flipped)
            assert parser.feed(frame * 2)[-1] == reading, bytes(flipped)


def is_same_but_for_its_digits(other: Reading, reading: Reading, *, exactly: bool) -> bool:
    if exactly or isinstance(reading, CardReading) or isinstance(other, CardReading):
        return bare(other) == bare(reading)
    if other.value is None or reading.value is None or not other.value or not reading.value:
        return bare(replace(other, value=None)) == bare(replace(reading, value=None))
    return (other.unit, other.is_stable, other.status, other.mode, other.value.is_signed()) == (
        reading.unit,
        reading.is_stable,
        reading.status,
        reading.mode,
        reading.value.is_signed(),
    )


def check_noise(case: Case) -> None:
    """Eight-bit noise at line rate, frames in between: no exception, nothing hoarded, every second frame read."""
    noise = random.Random(19200)
    parser = case.make()
    for _ in range(200):
        for _ in range(10):
            parser.feed(noise.randbytes(noise.randrange(1, 40)))
            assert held_bytes(parser) <= HELD_AT_MOST + len(parser.protocol)
        frame, reading = noise.choice(case.frames)
        assert read(parser, (frame, frame))[-1] == reading
    assert parser.rejected >= 200


def check_endless_line(case: Case) -> None:
    """Bytes that end no frame are counted again and again, not hoarded."""
    for byte in (b"\x00", b"0", b"\xff", b"\x02", b"\r"):
        parser = case.make()
        before = -1
        for _ in range(20):
            assert parser.feed(byte * 100) == []
            assert held_bytes(parser) <= HELD_AT_MOST + len(parser.protocol)
            assert parser.rejected > before
            before = parser.rejected
        frame, reading = case.frames[0]
        assert parser.feed(frame * 2)[-1] == reading


def check_reset(case: Case) -> None:
    """A port that was reopened begins anew: the half frame from before is no part of the next."""
    for frame, reading in case.frames:
        for i in range(1, len(frame)):
            parser = case.make()
            parser.feed(frame[:i])
            parser.reset()
            assert parser.feed(frame[i:]) == [], (frame, i)
            parser.reset()
            assert parser.feed(frame) == [reading], (frame, i)


CHECKS: tuple[Callable[[Case], None], ...] = (
    check_whole,
    check_byte_by_byte,
    check_every_split,
    check_two_frames_glued,
    check_start_in_the_middle_of_a_frame,
    check_rubbish_before,
    check_every_bit_flip,
    check_noise,
    check_endless_line,
    check_reset,
)
