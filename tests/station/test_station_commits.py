"""Batches that commit at the same moment share one commit; each hears of its own records."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from engine.ports import StoreError
from engine.sequence.records import Record
from engine.station.commits import SharedCommits


class SlowStore:
    def __init__(self) -> None:
        self.commits: list[list[Any]] = []
        self.go = asyncio.Event()

    async def commit(self, records: Sequence[Record]) -> None:
        await self.go.wait()
        self.commits.append(list(records))
        if "bad" in records:
            raise StoreError("a record that does not fit")


async def waiting(shared: SharedCommits, *records: Any) -> list[asyncio.Task[None]]:
    tasks = [asyncio.create_task(shared.keep([record])) for record in records]
    await asyncio.sleep(0)
    return tasks


def test_what_waits_while_the_disk_is_busy_is_committed_together() -> None:
    async def scenario() -> None:
        store = SlowStore()
        tasks = await waiting(SharedCommits(store.commit), 1, 2, 3)
        assert not any(task.done() for task in tasks)
        store.go.set()
        await asyncio.gather(*tasks)
        assert store.commits == [[1], [2, 3]]

    asyncio.run(scenario())


def test_a_record_that_cannot_be_kept_fails_alone() -> None:
    async def scenario() -> None:
        store = SlowStore()
        tasks = await waiting(SharedCommits(store.commit), 1, "bad", 3)
        store.go.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(one) for one in results] == [type(None), StoreError, type(None)]
        assert store.commits == [[1], ["bad", 3], ["bad"], [3]]
        with pytest.raises(StoreError):
            await SharedCommits(store.commit).keep(["bad"])  # type: ignore[list-item]

    asyncio.run(scenario())


def test_whoever_is_stopped_in_its_turn_leaves_the_others_to_commit() -> None:
    async def scenario() -> None:
        store = SlowStore()
        first, second, third = await waiting(SharedCommits(store.commit), 1, 2, 3)
        first.cancel()
        await asyncio.sleep(0.01)
        second.cancel()
        await asyncio.sleep(0.01)
        store.go.set()
        await asyncio.wait_for(third, 5)
        assert [record for commit in store.commits for record in commit].count(3) == 1
        assert first.cancelled()
        assert second.cancelled()

    asyncio.run(scenario())
