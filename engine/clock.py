"""The only module that reads the time. Everything else is handed a :class:`Clock`."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

_NS = 1_000_000_000
DEFAULT_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Two times: one that only goes forward, for durations, and the calendar, for what is stored."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; never goes back, not even when the wall clock is set."""
        ...

    def now(self) -> datetime:
        """The calendar time, aware and in UTC."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def monotonic(self) -> float:
        """Seconds of the operating system's monotonic clock (also what asyncio's loop uses)."""
        return time.monotonic()

    def now(self) -> datetime:
        """The calendar time, aware and in UTC."""
        return datetime.now(UTC)


class VirtualClock:
    """A clock that moves only when told to. Kept in whole nanoseconds, so that ten steps of 0.1 s are one second."""

    def __init__(self, start: datetime = DEFAULT_EPOCH) -> None:
        self._start = start
        self._elapsed_ns = 0

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._elapsed_ns / _NS

    def now(self) -> datetime:
        """The start plus what has elapsed, to the microsecond."""
        return self._start + timedelta(microseconds=self._elapsed_ns // 1_000)

    def advance(self, seconds: float) -> None:
        """Move forward by ``seconds``. Raises ValueError when that is negative."""
        if seconds < 0:
            raise ValueError("a clock does not go back")
        self._elapsed_ns += round(seconds * _NS)

    def advance_to(self, monotonic: float) -> None:
        """Move forward to a value of :meth:`monotonic`; a time already past changes nothing."""
        self._elapsed_ns = max(self._elapsed_ns, round(monotonic * _NS))
