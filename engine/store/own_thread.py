"""A database as the event loop sees it: awaitable calls, done one after the other by the thread that owns it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

from engine.call_thread import CallThread
from engine.ports import StoreError


class Closable(Protocol):
    """What a thread owns."""

    def close(self) -> None:
        """Finish and let go. Harmless a second time."""
        ...


L = TypeVar("L", bound=Closable)
T = TypeVar("T")


class OwnThread(Generic[L]):
    """Owns what ``make`` makes, in a thread of its own. Safe to call from any task.

    A call that is cancelled still happens, before the store is closed: every one of them is safe to repeat.
    """

    def __init__(self, make: Callable[[], L]) -> None:
        self._make = make
        self._owned: L | None = None
        self._thread: CallThread | None = None
        self._is_closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Finish what was asked, close the database and end the thread. Harmless a second time."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._thread is None:
            return
        closing = self._thread.call(self._close)
        self._thread.end()
        try:
            await closing
        finally:
            # Also when we are cancelled here: no thread outlives the store. The thread is at its last job.
            self._thread.join()

    async def _run(self, work: Callable[[L], T]) -> T:
        if self._is_closed:
            raise StoreError("the store is closed")
        if self._thread is None:
            self._thread = CallThread("store", daemon=False)
        # A record that was handed over is committed, also when its line is being stopped at this moment.
        result: T = await self._thread.call(partial(self._work, work))
        return result

    def _work(self, work: Callable[[L], T]) -> T:
        if self._owned is None:
            self._owned = self._make()
        try:
            return work(self._owned)
        finally:
            self._worked(self._owned)

    def _worked(self, owned: L) -> None:
        """A call is done: what a subclass has to follow it with, in the thread."""

    def _close(self) -> None:
        if self._owned is not None:
            self._owned.close()
