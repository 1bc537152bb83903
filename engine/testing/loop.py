"""An asyncio loop on virtual time: when nothing is ready, the clock jumps to the next timer instead of waiting for it.

The same service code runs on it as in a hall: a day passes in a second, and the same input gives the same output. Only
for what stays inside the process: a socket or a thread knows nothing of virtual time.
"""

from __future__ import annotations

import asyncio
import math
import selectors
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, Final, TypeVar, TypeVarTuple

from engine.clock import VirtualClock

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")

_NS: Final = 1_000_000_000


class _JumpingSelector(selectors.DefaultSelector):
    """Never blocks: the time it was asked to wait passes on the clock at once."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("the virtual loop waits for ever: no timer is set and nothing is ready")
        if not ready and timeout is not None and timeout > 0:
            self._clock.advance(timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop; ``clock`` is what the code on it is handed as its Clock."""

    def __init__(self, clock: VirtualClock | None = None) -> None:
        self.clock = clock or VirtualClock()
        super().__init__(_JumpingSelector(self.clock))
        # Clock and timers stand on whole nanoseconds (call_at): a timer is due exactly when the clock has reached it.
        self._clock_resolution = 0.5 / _NS

    def time(self) -> float:
        """The virtual monotonic time."""
        return self.clock.monotonic()

    def call_at(
        self, when: float, callback: Callable[[*Arguments], object], *args: *Arguments, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Plan a call, at the next whole nanosecond.

        Never a hair early: whoever looks at the clock and plans the rest of the wait again would do so for ever.
        """
        return super().call_at(math.ceil(when * _NS) / _NS, callback, *args, context=context)

    def run(self, main: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine to its end on virtual time."""
        return self.run_until_complete(main)

    def advance(self, seconds: float) -> None:
        """Let so much virtual time pass, and everything happen that falls due in it."""
        self.run_until_complete(asyncio.sleep(seconds))
