"""A thread that does, one after the other, what coroutines hand it.

``concurrent.futures`` does this too; waiting for its futures costs a loop two turns more and three times the processor
time, and it holds an interpreter's end up until a blocked call is done.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from engine.errors import EngineError

_Job = tuple[Callable[[], object], "asyncio.Future[Any] | None"]


class CallEndedError(EngineError):
    """What was called wanted to end the process or the loop: ``SystemExit`` and its kind end a call, nothing else."""


class CallThread:
    """One thread, from its making to its end. ``daemon``: a blocked call does not hold the process up."""

    def __init__(self, name: str, *, daemon: bool) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=daemon)
        self._thread.start()

    def call(self, function: Callable[[], object]) -> asyncio.Future[Any]:
        """Have it called; what comes of it. A cancelled future changes nothing: it is called all the same."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._jobs.put((function, future))
        return future

    def post(self, function: Callable[[], object]) -> None:
        """Have it called, from whatever thread; nobody waits for what comes of it. After ``end`` it may not be."""
        self._jobs.put((function, None))

    def end(self) -> None:
        """End once everything that was handed over is done. Does not wait."""
        self._jobs.put(None)

    def join(self) -> None:
        """Wait for its end."""
        self._thread.join()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            function, future = job
            result: object = None
            error: BaseException | None = None
            try:
                result = function()
            except BaseException as raised:  # noqa: BLE001 - whatever it raises is what came of the call
                error = raised
            if future is not None:
                with contextlib.suppress(RuntimeError):  # the loop has ended; nobody waits any more
                    future.get_loop().call_soon_threadsafe(_settle, future, result, error)
            del job, function, future, result, error  # a thread that waits holds nothing


def _settle(future: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    elif isinstance(error, Exception) and not isinstance(error, StopIteration):
        future.set_exception(error)
    else:  # a future takes no StopIteration
        future.set_exception(CallEndedError(f"{type(error).__name__}: {error}"))
