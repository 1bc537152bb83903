"""Records of all batches that wait at the same moment share a commit: the disk is waited for once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from engine.ports import StoreError
from engine.sequence.records import Record

Commit = Callable[[Sequence[Record]], Awaitable[None]]


class SharedCommits:
    """Keeps records by ``commit``, those of several callers together while it is busy; each hears of its own."""

    def __init__(self, commit: Commit) -> None:
        self._commit = commit
        self._waiting: list[tuple[Sequence[Record], asyncio.Future[None]]] = []
        self._turn = asyncio.Lock()

    async def keep(self, records: Sequence[Record]) -> None:
        """Durable when it returns. Raises StoreError; then nothing of these records is kept."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((records, done))
        async with self._turn:
            if not done.done():
                await self._keep_all()
        done.result()

    async def _keep_all(self) -> None:
        together, self._waiting = self._waiting, []
        try:
            await self._commit([record for records, _ in together for record in records])
        except StoreError as error:
            if len(together) == 1:
                _settle(together[0][1], error)
                return
            for records, done in together:  # one that cannot be kept must not take the others with it
                await self._keep_one(records, done)
            return
        except BaseException:
            # Who had the turn is stopped: the others' records are theirs to commit, once more if they are kept already.
            self._waiting[:0] = together
            raise
        for _, done in together:
            _settle(done, None)

    async def _keep_one(self, records: Sequence[Record], done: asyncio.Future[None]) -> None:
        try:
            await self._commit(records)
        except StoreError as error:
            _settle(done, error)
        else:
            _settle(done, None)


def _settle(done: asyncio.Future[None], error: Exception | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)
        done.exception()  # also when nobody asks any more
