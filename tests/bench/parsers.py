"""How many frames a second each parser reads on one core, beside a parser written by hand, in the same run.

Every protocol reads the same number of frames with different values, in pieces of the size that a busy port gives. They
take turns, so that what slows the machine down for a while slows all alike; the best turn of each counts.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

from parsers import PROTOCOLS, Golden, WeightReading, make_parser
from parsers.chafon import crc16_mcrf4xx
from parsers.frames import cas22_frame, rdm6300_frame
from tests.bench import machine
from tests.bench.cas22_by_hand import Cas22ByHand
from tests.bench.report import Figure, Options, Report, Suite

_FRAMES: Final = 10_000
_TURNS: Final = 7
_PIECE: Final = 256
_LEAST: Final = 40_000.0
_TEXT: Final = (
    "cas-22", "cas-10", "st-gs", "and-std", "mt-sics", "ohaus-defender3000", "sartorius-sbi-16", "sma-scp",
    "rinstrum-1", "toledo-8217", "yaohua-a12e", "sewha-si480", "iso14443",
)  # fmt: skip
_BY_HAND: Final = "cas-22, written by hand"

Feed = Callable[[bytes], Sequence[Any]]


def run(options: Options) -> Report:
    """Measure every parser that matters, and the one by hand."""
    report = Report("parsers", f"Parsers: {_FRAMES:,} frames, best of {_TURNS} turns, CPU time of one core")
    report.notes.append(machine.describe())
    options.tell("making frames ...")
    streams = _streams(random.Random(22))
    best = dict.fromkeys(streams, float("inf"))
    for turn in range(_TURNS):
        options.tell(f"reading frames, turn {turn + 1} of {_TURNS} ...")
        for name, (make, frames) in streams.items():
            spent, readings = _spend(make(), b"".join(frames))
            if readings != len(frames):
                report.failures.append(f"{name} gave {readings} readings of {len(frames)} frames")
            best[name] = min(best[name], spent)
    by_hand = _FRAMES / best[_BY_HAND]
    for name, spent in best.items():
        rate = _FRAMES / spent
        if name == _BY_HAND:
            report.figures.append(Figure(name, rate, "frames/s", note="slices and a Decimal, one protocol", places=0))
        else:
            note = f"{_kind(name)}; {rate / by_hand:.0%} of the one by hand"
            report.figures.append(Figure(name, rate, "frames/s", note=note, places=0, least=_LEAST))
    return report


SUITE: Final = Suite("parsers", "frames a second through the profile engine and the programmed parsers", run)


def _spend(feed: Feed, stream: bytes) -> tuple[float, int]:
    pieces = [stream[at : at + _PIECE] for at in range(0, len(stream), _PIECE)]
    started = time.process_time()
    readings = sum(len(feed(piece)) for piece in pieces)
    return time.process_time() - started, readings


def _kind(name: str) -> str:
    return "programmed" if name in _PROGRAMMED or name.startswith("suwol") else "profile"


def _streams(chance: random.Random) -> dict[str, tuple[Callable[[], Feed], list[bytes]]]:
    """What each parser gets to read; the one by hand comes first."""
    cas_22 = [_cas_22(chance) for _ in range(_FRAMES)]
    streams: dict[str, tuple[Callable[[], Feed], list[bytes]]] = {_BY_HAND: (lambda: Cas22ByHand().feed, cas_22)}
    streams["cas-22"] = (_maker("cas-22"), cas_22)
    for name in _TEXT:
        if name not in streams:
            streams[name] = (_maker(name), _varied(name, chance))
    for name, make in {"rdm6300": _rdm6300, **_PROGRAMMED}.items():
        streams[name] = (_maker(name), [make(chance) for _ in range(_FRAMES)])
    return streams


def _maker(name: str) -> Callable[[], Feed]:
    return lambda: make_parser(name).feed


def _varied(name: str, chance: random.Random) -> list[bytes]:
    """The protocol's own frames with other digits, as far as they are still its frames."""
    golden = [frame for frame in PROTOCOLS[name].golden if _is_weighed(frame)]
    frames: list[bytes] = []
    while len(frames) < _FRAMES:
        frame = _other_digits(chance.choice(golden), chance)
        if len(make_parser(name).feed(frame)) == 1:
            frames.append(frame)
    return frames


def _is_weighed(golden: Golden) -> bool:
    readings = golden.readings
    return len(readings) == 1 and (not isinstance(readings[0], WeightReading) or readings[0].value is not None)


def _other_digits(golden: Golden, chance: random.Random) -> bytes:
    """Another digit for every digit but a leading zero: a clone that pads with zeros keeps to it."""
    frame = bytearray(golden.frame)
    reading = golden.readings[0]
    text = f"{abs(reading.value):f}".encode() if isinstance(reading, WeightReading) and reading.value else golden.frame
    at = max(golden.frame.find(text), 0)
    is_behind_the_point = False
    for place in range(at, min(at + len(text), len(frame))):
        is_behind_the_point |= frame[place] == ord(".")
        if is_behind_the_point and frame[place] in b"0123456789":
            frame[place] = chance.choice(b"0123456789")
        elif frame[place] in b"123456789":
            frame[place] = chance.choice(b"123456789")
    return bytes(frame)


def _cas_22(chance: random.Random) -> bytes:
    weight = Decimal(chance.randrange(-99_999, 999_999)).scaleb(-chance.randrange(1, 4))
    return cas22_frame(weight, "kg", stable=chance.random() < 0.5, mode=chance.choice(("gross", "net")))


def _rdm6300(chance: random.Random) -> bytes:
    return rdm6300_frame(f"{chance.getrandbits(40):010X}")


def _toledo(chance: random.Random) -> bytes:
    return b"\x02%c%c\x20%6d%6d\r" % (
        chance.randrange(0x28, 0x30),
        0x30 | chance.randrange(4),
        chance.randrange(10**6),
        chance.randrange(10**3),
    )


def _toledo_checked(chance: random.Random) -> bytes:
    frame = _toledo(chance)
    return frame + bytes((-sum(frame) & 0x7F,))


def _chafon(chance: random.Random, *, tags: int, tail: int) -> bytes:
    data = (b"\x01" if tail else b"") + bytes((tags,))
    data += b"".join(b"\x0c" + chance.randbytes(12 + tail) for _ in range(tags))
    frame = bytes((len(data) + 5, 0, 1, 3)) + data
    return frame + crc16_mcrf4xx(frame).to_bytes(2, "little")


def _m100(chance: random.Random) -> bytes:
    body = b"\x02\x22\x00\x11" + chance.randbytes(1) + b"\x30\x00" + chance.randbytes(14)
    return b"\xbb" + body + bytes((sum(body) & 0xFF, 0x7E))


_PROGRAMMED: Final[dict[str, Callable[[random.Random], bytes]]] = {
    "toledo-continuous": _toledo_checked,
    "toledo-continuous-nochk": _toledo,
    "chafon-18": lambda chance: _chafon(chance, tags=1, tail=0),
    "chafon-288": lambda chance: _chafon(chance, tags=1, tail=1),
    "m100": _m100,
}
