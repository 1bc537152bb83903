"""Ctrl-C, and a loop that stands still, while a sequence runs in the terminal: both lead to the cleanup.

A driver's coroutine that blocks (``time.sleep`` in an ``async def``) stops the loop, and with it every time-out and the
answer to Ctrl-C. A station kills such a process and cleans up in a fresh one; here a thread sees it, and interrupts
the call where it stands. A driver that changes what signals do is put right as well.
"""

from __future__ import annotations

import _thread
import asyncio
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final

from engine.clock import SystemClock
from engine.sequence.bench import BlockedCallError
from engine.sequence.drivers import is_driver_module
from engine.sequence.model import CANCEL_S

_STILL_S: Final = 5.0  # as a station waits for a heartbeat
_LOOK_S: Final = 0.25
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def watched(stop: Callable[[], None], tell: Callable[[str], None], still_s: float = _STILL_S) -> Iterator[None]:
    """Have ``stop`` called on the loop by Ctrl-C and SIGTERM, and calls interrupted that block it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    watch = _Watch(stop, tell, still_s)
    watch.begin()
    try:
        yield
    finally:
        watch.end()


class _Watch:
    def __init__(self, stop: Callable[[], None], tell: Callable[[str], None], still_s: float) -> None:
        self._stop, self._tell, self._still_s = stop, tell, still_s
        self._loop = asyncio.get_running_loop()
        self._main = threading.get_ident()
        self._clock = SystemClock()
        self._beat = self._clock.monotonic()
        self._is_over = threading.Event()
        self._is_interrupting = False
        self._before: dict[signal.Signals, Any] = {}
        self._thread = threading.Thread(target=self._look, name="watch", daemon=True)

    def begin(self) -> None:
        self._before = {one: signal.signal(one, self._handle) for one in _SIGNALS}
        self._thread.start()

    def end(self) -> None:
        self._is_over.set()
        self._thread.join()
        for one, before in self._before.items():
            signal.signal(one, before)

    # On the main thread ----------------------------------------------------------------------------------------------

    def _handle(self, _signal: int, frame: FrameType | None) -> None:
        was_asked, self._is_interrupting = not self._is_interrupting, False
        if was_asked:
            self._loop.call_soon_threadsafe(self._stop)
        still = self._clock.monotonic() - self._beat
        place = _place_in_driver(frame)
        if place is not None and still > (CANCEL_S if was_asked else self._still_s):
            text = (
                f"a driver's coroutine blocked everything for {still:.0f} s, at {place}: "
                "it must await what takes time; make it 'def' where the driver blocks"
            )
            self._loop.call_soon_threadsafe(self._tell, text)  # the call may be over for another reason
            raise BlockedCallError(text)

    def _pulse(self) -> None:
        self._beat = self._clock.monotonic()
        if self._is_over.is_set():
            return
        for one in _SIGNALS:
            # Bound methods are made anew at each look: equal, not the same.
            if signal.getsignal(one) != self._handle:
                signal.signal(one, self._handle)
                self._tell(f"a driver has changed what {one.name} does; it stops the run again")

    # On the watch's own ----------------------------------------------------------------------------------------------

    def _look(self) -> None:
        while not self._is_over.wait(_LOOK_S):
            try:
                self._loop.call_soon_threadsafe(self._pulse)
            except RuntimeError:  # the loop has ended
                return
            frame = sys._current_frames().get(self._main)  # noqa: SLF001 - the documented way to another thread's frame
            if self._clock.monotonic() - self._beat > self._still_s and _place_in_driver(frame) is not None:
                self._is_interrupting = True
                self._interrupt()

    def _interrupt(self) -> None:
        """Have the handler run there now: a signal ends what waits in the system, too."""
        if sys.platform == "win32":
            _thread.interrupt_main()
        else:
            signal.pthread_kill(self._main, signal.SIGINT)


def _place_in_driver(frame: FrameType | None) -> str | None:
    """Where in a package's driver a thread is; None when it is not in one."""
    while frame is not None:
        if is_driver_module(str(frame.f_globals.get("__name__", ""))):
            return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno} in {frame.f_code.co_name}"
        frame = frame.f_back
    return None
