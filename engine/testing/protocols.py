"""What every protocol must withstand, checked on its golden frames alone: for shipped protocols, a site's and yours.

A protocol that somebody adds is proven by its own golden frames. In a test file::

    import pytest
    from engine.testing.protocols import CHECKS, case_of
    from my_scale import MY_SCALE  # a parsers.ProtocolInfo

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_my_scale(check):
        check(case_of(MY_SCALE))

or, without pytest, ``check_everything(MY_SCALE)``. Both raise :class:`ProtocolCheckError`, which is an AssertionError.

What is asked of a reading that came out of damaged bytes: its ``raw`` bytes were in the stream, and a fresh parser
makes the same reading of them again (what passes is a valid frame); and where ``check_bits`` says that a checksum
stands guard, it is a golden one. How often chance defeats a checksum is measured in
``engine.testing.protocol_torture``.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from operator import attrgetter
from typing import Final, NoReturn

from engine.errors import EngineError
from parsers import CardReading, Golden, Parser, ProtocolInfo, Reading, WeightReading

HELD_AT_MOST: Final = 1024  # bytes between two calls: several times the longest frame of any device
_RECOVERS_WITHIN: Final = 3  # whole frames after damage, until one of them is read
_CLAIMS: Final = {
    kind: attrgetter(*(field.name for field in fields(kind) if field.name != "raw"))
    for kind in (WeightReading, CardReading)
}
_TWO_CUTS_UP_TO: Final = 24  # bytes of a frame that is cut at every two places, not only at every one


class ProtocolCheckError(EngineError, AssertionError):
    """A parser did not withstand a check."""


@dataclass(frozen=True, slots=True)
class ProtocolCase:
    """A protocol under test: how to make its parser, frames with their readings, and frames that must give none."""

    name: str
    make: Callable[[], Parser]
    frames: tuple[Golden, ...]
    refused: tuple[bytes, ...] = ()
    check_bits: int = 0

    @property
    def known(self) -> frozenset[Claim]:
        """What the golden readings claim."""
        return frozenset(claim(reading) for golden in self.frames for reading in golden.readings)


Claim = tuple[object, ...]
Check = Callable[[ProtocolCase], None]


def case_of(info: ProtocolInfo) -> ProtocolCase:
    """A protocol with its golden frames. Raises ProtocolCheckError when none of them gives a reading."""
    frames = tuple(golden for golden in info.golden if golden.readings)
    if not frames:
        raise ProtocolCheckError(f"protocol '{info.name}' has no golden frame that gives a reading")
    refused = tuple(golden.frame for golden in info.golden if not golden.readings)
    return ProtocolCase(info.name, info.factory, frames, refused, info.check_bits)


def check_everything(info: ProtocolInfo) -> None:
    """All of ``CHECKS``. Raises ProtocolCheckError with everything that failed, a line each."""
    case = case_of(info)
    complaints = []
    for check in CHECKS:
        try:
            check(case)
        except ProtocolCheckError as error:
            complaints.append(f"{check.__name__}: {error}")
    if complaints:
        raise ProtocolCheckError("\n".join(complaints))


# What the checks are made of ------------------------------------------------------------------------------------------


def bare(reading: Reading) -> Reading:
    """The reading without its raw bytes: what it claims, not where it came from."""
    return replace(reading, raw=b"")


def claim(reading: Reading) -> Claim:
    """What a reading claims, places and all: 12.50 is another claim than 12.5, which Decimal calls equal."""
    claims = _CLAIMS[type(reading)](reading)
    return tuple(value.as_tuple() if isinstance(value, Decimal) else value for value in claims)


def read(parser: Parser, chunks: Iterable[bytes]) -> list[Reading]:
    """The readings of a stream that comes in chunks."""
    return [reading for chunk in chunks for reading in parser.feed(chunk)]


def held_bytes(thing: object) -> int:
    """How many bytes an object keeps, in whatever attribute or container it keeps them."""
    return _held(thing, set())


def _held(thing: object, seen: set[int]) -> int:
    if isinstance(thing, bytes | bytearray | str):
        return len(thing)
    if isinstance(thing, memoryview):
        return thing.nbytes
    if thing is None or isinstance(thing, int | float | type) or id(thing) in seen:
        return 0
    seen.add(id(thing))
    if isinstance(thing, dict):
        return sum(_held(item, seen) for pair in thing.items() for item in pair)
    if isinstance(thing, list | tuple | set | frozenset | deque):
        return sum(_held(item, seen) for item in thing)
    return sum(_held(value, seen) for value in _attributes(thing))


def _attributes(thing: object) -> Iterator[object]:
    yield from getattr(thing, "__dict__", {}).values()
    for kind in type(thing).__mro__:
        slots = getattr(kind, "__slots__", ())
        for slot in (slots,) if isinstance(slots, str) else slots:
            yield getattr(thing, slot, None)


class HeldLimit:
    """Watches that a parser hoards nothing. What a fresh one holds (its tables) does not count."""

    def __init__(self, case: ProtocolCase, parser: Parser) -> None:
        self._case = case
        self._parser = parser
        self._fresh = held_bytes(parser)

    def check(self) -> None:
        """Raises ProtocolCheckError when the parser holds more than ``HELD_AT_MOST`` bytes."""
        held = held_bytes(self._parser) - self._fresh
        if held > HELD_AT_MOST:
            fail(self._case, f"{held} bytes are held between two calls; {HELD_AT_MOST} are enough for any frame")


def fail(case: ProtocolCase, what: str, stream: bytes = b"") -> NoReturn:
    """Raise ProtocolCheckError, with the bytes that did it."""
    shown = f": {stream[:200]!r}{' ...' if len(stream) > 200 else ''}" if stream else ""  # noqa: PLR2004 - a few lines
    raise ProtocolCheckError(f"{case.name}: {what}{shown}")


def check_sound(case: ProtocolCase, stream: bytes, readings: Iterable[Reading]) -> None:
    """Readings out of damaged bytes are of valid frames, and with a checksum they are golden ones."""
    for reading in readings:
        if not reading.raw or reading.raw not in stream:
            fail(case, f"{reading} has raw bytes {reading.raw!r} that did not come", stream)
        if claim(reading) not in map(claim, case.make().feed(reading.raw)):
            fail(case, f"{reading} does not come out of its own raw bytes {reading.raw!r} again", stream)
        if case.check_bits and claim(reading) not in case.known:
            fail(case, f"{reading} came past the checksum", stream)


def check_recovered(case: ProtocolCase, parser: Parser, golden: Golden, before: bytes) -> None:
    """A few whole frames after the damage all is well again."""
    for _ in range(_RECOVERS_WITHIN):
        if not _differ(parser.feed(golden.frame), golden):
            return
    fail(case, f"{golden.frame!r} is not read, {_RECOVERS_WITHIN - 1} whole frames after", before)


def _differ(readings: Iterable[Reading], *goldens: Golden) -> bool:
    wanted = [claim(reading) for golden in goldens for reading in golden.readings]
    return [claim(reading) for reading in readings] != wanted


# The checks -----------------------------------------------------------------------------------------------------------


def check_whole(case: ProtocolCase) -> None:
    """A golden frame gives its readings at once, and nothing of it is thrown away."""
    for golden in case.frames:
        parser = case.make()
        readings = parser.feed(golden.frame)
        if _differ(readings, golden):
            fail(case, f"gives {readings} and not {list(golden.readings)}", golden.frame)
        check_sound(case, golden.frame, readings)
        covers = golden.frame in (readings[0].raw, b"".join(reading.raw for reading in readings))
        if covers and parser.rejected:
            fail(case, f"{parser.rejected} counted as rejected in a frame that was read", golden.frame)


def check_refused(case: ProtocolCase) -> None:
    """A golden frame without readings gives none, is counted, and is recovered from."""
    for frame in case.refused:
        parser = case.make()
        readings = parser.feed(frame)
        if readings:
            fail(case, f"gives {readings} and must give nothing", frame)
        check_recovered(case, parser, case.frames[0], frame)
        if not parser.rejected:
            fail(case, "a refused frame was not counted as rejected", frame)


def check_every_split(case: ProtocolCase) -> None:
    """A frame may come byte by byte, or in parts that are cut anywhere."""
    for golden in case.frames:
        frame = golden.frame
        parser = case.make()
        if _differ(read(parser, (frame[i : i + 1] for i in range(len(frame)))), golden):
            fail(case, "is not read byte by byte", frame)
        for i in range(1, len(frame)):
            for j in range(i, len(frame)) if len(frame) <= _TWO_CUTS_UP_TO else (i,):
                parser.reset()
                if _differ(read(parser, (frame[:i], frame[i:j], frame[j:])), golden):
                    fail(case, f"is not read when cut at {i} and {j}", frame)


def check_two_frames_glued(case: ProtocolCase) -> None:
    """Two frames in one chunk are both read."""
    for first in case.frames:
        for second in case.frames:
            parser = case.make()
            if _differ(parser.feed(first.frame + second.frame), first, second):
                fail(case, "two frames in one chunk are not both read", first.frame + second.frame)


def check_start_in_the_middle(case: ProtocolCase) -> None:
    """A port that is opened in the middle of a frame reads what comes after it."""
    for golden in case.frames:
        for i in range(1, len(golden.frame)):
            _after(case, golden, golden.frame[i:])


def check_rubbish_before(case: ProtocolCase) -> None:
    """NULs, lone control characters and noise in front of a frame do not change it, and do not cost many."""
    chance = random.Random(22)  # noqa: S311 - noise, no secret
    rubbish = [b"\x00" * 5, b"\x00\x00\x7f\x7f", b"\xff" * 300]
    rubbish += [bytes((byte,)) for byte in b"\r\n\x02\x02\x030 -,"]
    rubbish += [chance.randbytes(chance.randrange(1, 80)) for _ in range(20)]
    for golden in case.frames:
        for before in rubbish:
            _after(case, golden, before)


def _after(case: ProtocolCase, golden: Golden, before: bytes) -> None:
    parser = case.make()
    stream = before + golden.frame
    check_sound(case, stream, parser.feed(stream))
    check_recovered(case, parser, golden, before)


def check_every_bit_flip(case: ProtocolCase) -> None:
    """A single flip never changes a value that a checksum guards; elsewhere only what is a valid frame passes."""
    parser = case.make()
    for golden in case.frames:
        for bit in range(len(golden.frame) * 8):
            flipped = bytearray(golden.frame)
            flipped[bit // 8] ^= 1 << bit % 8
            stream = bytes(flipped)
            parser.reset()
            readings = parser.feed(stream)
            if case.check_bits and len(readings) > len(golden.readings):
                fail(case, "a flipped bit made more readings", stream)
            check_sound(case, stream, readings)
            check_recovered(case, parser, golden, stream)


def check_noise(case: ProtocolCase) -> None:
    """Noise at line rate, of all bytes and of the frames' own, frames in between: they are read, nothing is held."""
    chance = random.Random(19200)  # noqa: S311 - noise, no secret
    own = b"".join(golden.frame for golden in case.frames)
    parser = case.make()
    limit = HeldLimit(case, parser)
    for turn in range(60):
        size = chance.randrange(100, 400)
        stream = chance.randbytes(size) if turn % 3 else bytes(chance.choices(own, k=size))
        parser.reset()
        readings = read(parser, (stream[i : i + 20] for i in range(0, size, 20)))
        check_sound(replace(case, check_bits=0), stream, readings)
        limit.check()
        check_recovered(case, parser, chance.choice(case.frames), stream)
    if not parser.rejected:
        fail(case, "nothing of the noise was counted as rejected")


def check_endless_line(case: ProtocolCase) -> None:
    """Bytes that end no frame are thrown away and counted again and again, not hoarded."""
    for byte in sorted({0x00, 0xFF, *b"".join(golden.frame for golden in case.frames)}):
        parser = case.make()
        limit = HeldLimit(case, parser)
        for _ in range(20):
            check_sound(case, bytes((byte,)) * 2000, parser.feed(bytes((byte,)) * 100))
            limit.check()
        check_recovered(case, parser, case.frames[0], bytes((byte,)) * 2000)
        if byte == 0xFF and parser.rejected < 2:  # noqa: PLR2004 - again and again
            fail(case, f"2000 bytes of noise counted as {parser.rejected} rejected")


def check_reset(case: ProtocolCase) -> None:
    """A port that was reopened begins anew: the half frame from before is no part of the next."""
    for golden in case.frames:
        for i in range(1, len(golden.frame)):
            parser = case.make()
            parser.feed(golden.frame[:i])
            parser.reset()
            check_sound(case, golden.frame[i:], parser.feed(golden.frame[i:]))
            parser.reset()
            if _differ(parser.feed(golden.frame), golden):
                fail(case, f"is not read after {i} bytes of another and a reset", golden.frame)


CHECKS: Final[tuple[Check, ...]] = (
    check_whole,
    check_refused,
    check_every_split,
    check_two_frames_glued,
    check_start_in_the_middle,
    check_rubbish_before,
    check_every_bit_flip,
    check_noise,
    check_endless_line,
    check_reset,
)
