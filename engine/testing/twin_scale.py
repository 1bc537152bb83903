"""What an indicator displays: a box that wobbles and settles, a load that moves, an overload."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from engine.clock import Clock
from engine.units import Quantity
from parsers.reading import Status, WeightReading

_SHOWN_KEPT: Final = 10_000  # readings: 200 s at 50 Hz
_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Shown:
    """One reading that a scale displayed, at a monotonic time."""

    at: float
    reading: WeightReading

    @property
    def weight(self) -> Quantity | None:
        """What was displayed, or None for overload and the like."""
        value, unit = self.reading.value, self.reading.unit
        return None if value is None or unit is None else Quantity(value, unit)


class TwinScale:
    """A scale with a display of ``division`` and ``unit``. Nothing happens by itself: :meth:`read` is asked at a time.

    Unless ``tells_motion``, it is an indicator whose frames carry no status: stable or not is for others to find out.
    """

    def __init__(
        self,
        clock: Clock,
        seed: int,
        *,
        division: Decimal = Decimal("0.005"),
        unit: str = "kg",
        tells_motion: bool = False,
    ) -> None:
        self.division = division
        self.unit = unit
        self.tells_motion = tells_motion
        self.shown: deque[Shown] = deque(maxlen=_SHOWN_KEPT)
        self._clock = clock
        self._random = random.Random(seed)  # noqa: S311 - a wobble, not a secret
        self._load = self._before = _ZERO
        self._changed_at = 0.0
        self._settle = 0.0
        self._shake = _ZERO
        self._status: Status = "ok"
        self._is_moving = False
        self._steady: WeightReading | None = None  # what is displayed until the next change

    # What people do --------------------------------------------------------------------------------------------------

    def put(self, weight: Quantity, *, settle: float = 0.5) -> None:
        """Lay ``weight`` on it, instead of what lay there. The display rises and wobbles for ``settle`` seconds."""
        self._before, self._load = self._load, weight.to(self.unit).value
        self._changed_at, self._settle = self._clock.monotonic(), settle
        self._shake, self._status, self._is_moving = _ZERO, "ok", False
        self._steady = None

    def remove(self) -> None:
        """Take everything off it: the display shows zero at once."""
        self.put(Quantity(_ZERO, self.unit), settle=0.0)

    def shake(self, amplitude: Quantity) -> None:
        """Let the display jump this far up and down around the load, from reading to reading, until the next change."""
        self._shake = amplitude.to(self.unit).value
        self._steady = None

    def say_motion(self) -> None:
        """Let the indicator itself say 'motion', however steady its display is, until the next change."""
        self._is_moving = True
        self._steady = None

    def say(self, status: Status) -> None:
        """Show ``overload``, ``underload`` or ``error``, and no weight, until the next change."""
        self._status = status

    # What comes over the wire ----------------------------------------------------------------------------------------

    def read(self) -> WeightReading:
        """The reading of this moment. It is remembered in ``shown``."""
        reading = self._reading()
        self.shown.append(Shown(self._clock.monotonic(), reading))
        return reading

    def _reading(self) -> WeightReading:
        if self._status != "ok":
            return WeightReading(None, None, None, self._status, raw=self._status.encode())
        if self._steady is not None:
            return self._steady
        settling = self._clock.monotonic() - self._changed_at < self._settle
        value = self._wobbling() if settling else self._load + self._shaken()
        value = (value / self.division).quantize(Decimal(1), ROUND_HALF_EVEN) * self.division
        is_stable: bool | None = None
        if self.tells_motion or self._is_moving:
            is_stable = not (settling or self._shake or self._is_moving)
        reading = WeightReading(value, self.unit, is_stable, raw=f"{value:f} {self.unit}".encode())
        self._steady = None if settling or self._shake else reading
        return reading

    def _wobbling(self) -> Decimal:
        share = Decimal(repr((self._clock.monotonic() - self._changed_at) / self._settle))
        rise = self._load - self._before
        swing = Decimal(repr(self._random.uniform(-0.3, 0.3))) * (1 - share)
        return self._before + rise * share + rise * swing

    def _shaken(self) -> Decimal:
        if not self._shake:
            return _ZERO
        last = self.shown[-1].weight if self.shown else None
        return -self._shake if last is not None and last.value > self._load else self._shake
