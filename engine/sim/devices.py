"""The devices of a virtual hall, without I/O: asked for the time ``now``, they give the frames begun until then.

Times are a clock's monotonic seconds. A device draws its randomness once a frame, on a fixed grid, so that the same
seed and the same handling give the same bytes however often it is asked.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Final, Protocol

from engine.sim.boxes import Swing
from parsers.frames import cas22_frame, rdm6300_frame

SCALE_INTERVAL_S: Final = 0.02  # 50 Hz
READER_INTERVAL_S: Final = 0.1
_MOST_OVERDUE_S: Final = 0.5  # after a longer sleep of the whole machine, what would have been sent meanwhile is lost
_AT_REST: Final = 0.4  # a swing below this share of a division is not seen
_HANDS_OFF_S: Final = 0.15  # an indicator goes on saying motion for a moment after the weight stopped changing


class Device(Protocol):
    """What is at the other end of a serial line."""

    def frames(self, now: float) -> Iterator[tuple[float, bytes]]:
        """The frames whose sending began after the last call and until ``now``, each with that time."""
        ...


@dataclass(frozen=True, slots=True)
class Display:
    """What a scale shows."""

    weight: Decimal  # kg, a whole number of divisions
    is_stable: bool


@dataclass(frozen=True, slots=True)
class _Load:
    divisions: int
    at: float
    swing: Swing

    @property
    def rest_at(self) -> float:
        """When the swing is no longer seen."""
        return self.at + self.swing.decay * math.log(self.divisions / _AT_REST) + _HANDS_OFF_S


@dataclass(frozen=True, slots=True)
class _Lift:
    divisions: int
    at: float
    duration: float


class SimulatedScale:
    """A platform with a CAS 22-byte indicator at 50 Hz. Empty, it flickers within a division of zero."""

    def __init__(self, division: Decimal, rng: Random, now: float) -> None:
        self.division = division
        self._rng = rng
        self._load: _Load | _Lift | None = None
        self._first = now
        self._sent = 0

    def put_down(self, weight: Decimal, swing: Swing, now: float) -> float:
        """Put a box of ``weight`` kg, a whole number of divisions, on the platform; when it will be at rest."""
        load = _Load(int(weight / self.division), now, swing)
        self._load = load
        return load.rest_at

    def lift(self, duration: float, now: float) -> float:
        """Take the box off within ``duration`` seconds; when the empty platform will be at rest."""
        divisions = self._load.divisions if isinstance(self._load, _Load) else 0
        self._load = _Lift(divisions, now, duration)
        return now + duration + _HANDS_OFF_S

    def display(self, now: float) -> Display:
        """What the indicator shows at ``now``; draws from the scale's randomness."""
        flicker = self._rng.choice((-1, 0, 0, 0, 0, 1))
        match self._load:
            case _Load(divisions, at, swing) as load if now >= at:
                if now >= load.rest_at:
                    return self._shown(divisions, is_stable=True)
                envelope = math.exp((at - now) / swing.decay)
                swung = divisions * (1 - envelope * math.cos(math.tau * swing.frequency * (now - at)))
                return self._shown(round(swung) + flicker, is_stable=False)
            case _Lift(divisions, at, duration) if now < at + duration + _HANDS_OFF_S:
                left = max(0.0, 1 - max(0.0, now - at) / duration)
                return self._shown(round(divisions * left) + flicker, is_stable=False)
        return self._shown(flicker, is_stable=True)

    def frames(self, now: float) -> Iterator[tuple[float, bytes]]:
        """A frame every 20 ms."""
        overdue = now - _MOST_OVERDUE_S - self._next_at
        if overdue > 0:
            self._sent += math.ceil(overdue / SCALE_INTERVAL_S)
        while self._next_at <= now:
            at = self._next_at
            self._sent += 1
            shown = self.display(at)
            yield at, cas22_frame(shown.weight, "kg", stable=shown.is_stable)

    @property
    def _next_at(self) -> float:
        return self._first + self._sent * SCALE_INTERVAL_S

    def _shown(self, divisions: int, *, is_stable: bool) -> Display:
        return Display(divisions * self.division, is_stable)


class SimulatedReader:
    """An RDM6300 reader: repeats a card about every 100 ms while it is in the field."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._frame: bytes | None = None
        self._next_at = 0.0

    def touch(self, card: str, now: float) -> None:
        """A card comes into the field."""
        self._frame = rdm6300_frame(card)
        self._next_at = now

    def take_away(self) -> None:
        """The field is empty."""
        self._frame = None

    def frames(self, now: float) -> Iterator[tuple[float, bytes]]:
        """The card's frame, again and again."""
        if self._frame is None:
            return
        self._next_at = max(self._next_at, now - _MOST_OVERDUE_S)
        while self._next_at <= now:
            yield self._next_at, self._frame
            self._next_at += READER_INTERVAL_S * self._rng.uniform(0.95, 1.05)
