"""A bounded window of readings with their times: what a chart remembers of a weight while it settles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from engine.units import Quantity

MAX_READINGS: Final = 2048  # 40 s at 50 Hz; what is older than that no stability rule asks for


class Sample(NamedTuple):
    """One reading: when it was taken (monotonic seconds), its weight (None for overload), and its evidence."""

    at: float
    weight: Quantity | None
    is_stable: bool | None
    status: str
    raw: bytes = b""


class Window:
    """Immutable from the outside: ``add`` and ``cleared`` give the next window and leave this one as it was.

    That makes undoing a failed macrostep free. Windows share one growing list and differ in where they begin and end.
    """

    __slots__ = ("_end", "_log", "_start")

    def __init__(self, log: list[Sample] | None = None, start: int = 0, end: int = 0) -> None:
        self._log: list[Sample] = [] if log is None else log
        self._start = start
        self._end = end

    def add(self, sample: Sample) -> Window:
        """This window and one more sample; the oldest goes when there are more than MAX_READINGS."""
        log, start, end = self._log, self._start, self._end
        if end != len(log) or start > MAX_READINGS:  # another window grew from here, or much is dead: begin anew
            log = log[start:end]
            start, end = 0, len(log)
        log.append(sample)
        end += 1
        return Window(log, max(start, end - MAX_READINGS), end)

    def cleared(self) -> Window:
        """An empty window."""
        return Window()

    def __len__(self) -> int:
        return self._end - self._start

    def __iter__(self) -> Iterator[Sample]:
        return iter(self._log[self._start : self._end])

    def newest_first(self) -> Iterator[Sample]:
        """The samples from the newest to the oldest."""
        log = self._log
        return (log[index] for index in range(self._end - 1, self._start - 1, -1))

    @property
    def newest(self) -> Sample | None:
        """The last sample, or None."""
        return self._log[self._end - 1] if self._end > self._start else None

    @property
    def last(self) -> Quantity | None:
        """The last weight that was displayed, or None when there is none (empty, or overloaded)."""
        sample = self.newest
        return None if sample is None else sample.weight

    @property
    def count(self) -> int:
        """How many samples it holds."""
        return len(self)

    @property
    def span(self) -> float:
        """Seconds between its first and its last sample."""
        if self._end <= self._start:
            return 0.0
        return self._log[self._end - 1].at - self._log[self._start].at

    @property
    def frame(self) -> str:
        """The last sample's own bytes as hexadecimal digits: the evidence beside a record."""
        sample = self.newest
        return "" if sample is None else sample.raw.hex()
