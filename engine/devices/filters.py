"""The noise filter of a scale (FR-02): a single impossible jump is dropped; a median passes only what was displayed.

It never computes a weight: what comes out is a weight that the scale has shown, and what is not a weight (an overload,
an error) comes out untouched and at once.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from engine.errors import EngineError
from engine.units import Quantity


@dataclass(frozen=True, slots=True)
class Displayed:
    """What a scale showed at one moment. ``value`` is None when that was no weight; ``status`` then says why."""

    value: Quantity | None
    is_stable: bool | None
    status: str
    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class FilterSettings:
    """``spike``: the largest jump between two readings that is believed at once; ``median``: over how many readings.

    Raises EngineError when the median is not over an odd number of readings, or the spike is not positive.
    """

    spike: Quantity | None = None
    median: int = 1

    def __post_init__(self) -> None:
        if self.median < 1 or self.median % 2 == 0:
            raise EngineError(f"median: {self.median} must be odd, so that one of the displayed weights is the median")
        if self.spike is not None and self.spike.base <= 0:
            raise EngineError(f"spike: {self.spike} must be more than zero")


class NoiseFilter:
    """Both filters in a row, spikes first. ``spikes`` counts what was dropped."""

    def __init__(self, settings: FilterSettings) -> None:
        self.spikes = 0
        self._spike = settings.spike
        self._accepted: Quantity | None = None
        self._suspect: Quantity | None = None
        self._recent: deque[Displayed] = deque(maxlen=settings.median)

    def feed(self, shown: Displayed) -> Displayed | None:
        """What passes in place of ``shown``; None while a jump waits for the next reading to confirm it."""
        if shown.value is None:
            self._recent.clear()  # a weight from before an overload is not shown after it
            return shown
        if self._spike is not None and not self._is_believed(shown.value, self._spike):
            return None
        return shown if self._recent.maxlen == 1 else self._median_with(shown)

    def reset(self) -> None:
        """Forget every reading: the port was lost, and anything may have been put on the scale since."""
        self._accepted = None
        self._suspect = None
        self._recent.clear()

    def _is_believed(self, value: Quantity, spike: Quantity) -> bool:
        if self._accepted is None or _is_near(value, self._accepted, spike):
            self.spikes += self._suspect is not None  # the jump before this reading stands alone
        elif self._suspect is None or not _is_near(value, self._suspect, spike):
            self.spikes += self._suspect is not None
            self._suspect = value
            return False
        self._suspect = None
        self._accepted = value
        return True

    def _median_with(self, shown: Displayed) -> Displayed:
        recent = self._recent
        if recent and recent[-1].value is not None and recent[-1].value.dimension != _dimension(shown):
            recent.clear()  # a count of pieces after a weight
        recent.append(shown)
        # While the window fills, over as many as make an odd number.
        window = list(recent)[-(len(recent) - (len(recent) + 1) % 2) :]
        middle = sorted(window, key=_weight)[len(window) // 2]
        if middle is shown:
            return shown
        # The older weight must not carry an older "stable" past the motion that the indicator reports now.
        is_worse = shown.is_stable is not True
        return replace(middle, is_stable=shown.is_stable, status=shown.status) if is_worse else middle


def _is_near(one: Quantity, other: Quantity, spike: Quantity) -> bool:
    # Only masses are compared with a mass: a scale that turns to counting pieces has not jumped.
    if not one.dimension == other.dimension == spike.dimension:
        return True
    return abs(one.base - other.base) <= spike.base


def _dimension(shown: Displayed) -> str | None:
    return shown.value.dimension if shown.value is not None else None


def _weight(shown: Displayed) -> Quantity:
    assert shown.value is not None  # feed() lets nothing else into the window
    return shown.value
