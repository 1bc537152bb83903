"""An asyncio loop on virtual time: when nothing is ready, the clock jumps to the next timer instead of waiting for it.

The same service code runs on it as in a hall: a day passes in a second, and the same input gives the same output. Only
for what stays inside the process: a socket or a thread knows nothing of virtual time.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from engine.clock import VirtualClock

Result = TypeVar("Result")

_TURN_S: Final = 1e-9


class _JumpingSelector(selectors.DefaultSelector):
    """Never blocks: the time it was asked to wait passes on the clock at once."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("the virtual loop waits for ever: no timer is set and nothing is ready")
            # A turn of the loop takes a little time even when it waits for nothing. On a clock that stood still,
            # whoever finds its deadline a rounding error away and plans the rest of the wait would do so for ever.
            self._clock.advance(max(timeout, _TURN_S))
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop; ``clock`` is what the code on it is handed as its Clock."""

    def __init__(self, clock: VirtualClock | None = None) -> None:
        self.clock = clock or VirtualClock()
        super().__init__(_JumpingSelector(self.clock))
        # A jump must reach the timer it aims at, however the float subtraction rounds.
        self._clock_resolution = _TURN_S

    def time(self) -> float:
        """The virtual monotonic time."""
        return self.clock.monotonic()

    def run(self, main: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine to its end on virtual time."""
        return self.run_until_complete(main)

    def is_idle_until(self, monotonic: float) -> bool:
        """Whether nothing is ready and no timer falls due before then: the clock may be moved past all of it."""
        timers = self._scheduled  # type: ignore[attr-defined]  # a heap, its first timer on top
        return not self._ready and (not timers or timers[0].when() > monotonic)  # type: ignore[attr-defined]

    def advance(self, seconds: float) -> None:
        """Let so much virtual time pass, and everything happen that falls due in it."""
        self.run_until_complete(asyncio.sleep(seconds))
