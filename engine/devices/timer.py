"""A deadline that moves with every reading, for the price of one timer each time it is nearly due."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from engine.clock import Clock


class TimerHandle(Protocol):
    """What a scheduler gives for a planned call (``asyncio.TimerHandle``)."""

    def cancel(self) -> None:
        """Do not call."""
        ...


CallLater = Callable[[float, Callable[[], None]], TimerHandle]
"""Plans a call so many seconds from now: ``loop.call_later``, or a virtual one."""


class LazyTimer:
    """Calls back once when its deadline has passed. Moving the deadline forward touches no scheduler."""

    def __init__(self, clock: Clock, call_later: CallLater, callback: Callable[[], None]) -> None:
        self._clock = clock
        self._call_later = call_later
        self._callback = callback
        self._deadline: float | None = None
        self._handle: TimerHandle | None = None

    def set(self, deadline: float) -> None:
        """Call back at ``deadline`` (the clock's monotonic seconds) instead of at an earlier one."""
        self._deadline = deadline
        if self._handle is None:
            self._plan(deadline)

    def clear(self) -> None:
        """Do not call back."""
        self._deadline = None
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _plan(self, deadline: float) -> None:
        self._handle = self._call_later(max(0.0, deadline - self._clock.monotonic()), self._is_due)

    def _is_due(self) -> None:
        self._handle = None
        if self._deadline is None:
            return
        if self._clock.monotonic() < self._deadline:
            self._plan(self._deadline)
        else:
            self._deadline = None
            self._callback()
