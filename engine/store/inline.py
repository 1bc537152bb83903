"""The store without its thread, for virtual time: a loop that jumps to its next timer must not wait for anybody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from engine.clock import Clock
from engine.ports import StoreError
from engine.store.store import LedgerStore, ledger_maker

if TYPE_CHECKING:
    from engine.store.ledger import Ledger

T = TypeVar("T")


async def open_inline_store(url: str, *, base_dir: Path, clock: Clock) -> LedgerStore:
    """As ``engine.store.open_store``, on the caller's thread: every call blocks, and takes no virtual time."""
    store = _InlineStore(ledger_maker(url, base_dir, clock))
    try:
        await store._run(lambda ledger: ledger.open())  # noqa: SLF001 - the one factory
    except BaseException:
        await store.close()
        raise
    return store


class _InlineStore(LedgerStore):
    async def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._close()

    async def _run(self, work: Callable[[Ledger], T]) -> T:
        # Nobody is ever answered within the same turn of the loop; from a thread, that cannot be.
        await asyncio.sleep(0)
        if self._is_closed:
            raise StoreError("the store is closed")
        return self._work(work)

    def _worked(self, owned: Ledger) -> None:
        while owned.catch_up():
            pass
