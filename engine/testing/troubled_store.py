"""A store that is slow, fails or falls silent when it is told to: around any other store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, Protocol, TypeVar

from engine.ports import (
    Card,
    CardChanges,
    Delivery,
    GatewayIdentity,
    Remembered,
    SaveResult,
    Secret,
    Snapshots,
    Store,
    StoreCounts,
    StoredGateway,
    StoreError,
    StoreFullError,
    WeighingRecord,
)

Result = TypeVar("Result")
Operation = Literal[
    "load_gateway", "save_token", "save_status", "forget_token", "save_heartbeat", "save_record", "pending_records",
    "last_record", "save_deliveries", "remember", "recall", "forget", "save_snapshot", "load_snapshot",
    "drop_snapshot", "find_card",
]  # fmt: skip


@dataclass(slots=True)
class _Trouble:
    operation: Operation
    times: int | None
    before: float
    after: float
    error: StoreError | None


class WholeStore(Store, Snapshots, Protocol):
    """All that a local store does."""


class TroubledStore:
    """A store that passes everything on to ``inner``, with the trouble that was ordered."""

    def __init__(self, inner: WholeStore) -> None:
        self.inner = inner
        self.saved: list[str] = []  # the uuid of every attempt to save a record, the failed ones too
        self._troubles: list[_Trouble] = []
        self._doubtful: frozenset[str] = frozenset()

    def slow(self, operation: Operation, *, before: float = 0.0, after: float = 0.0, times: int | None = 1) -> None:
        """Let the next ``times`` calls (None: all, until :meth:`clear`) wait: before the work is done, or after it."""
        self._troubles.append(_Trouble(operation, times, before, after, None))

    def fail(self, operation: Operation, *, times: int | None = 1, is_full: bool = False) -> None:
        """Let the next ``times`` calls fail, with nothing done; ``is_full``: because the disk is full."""
        error = StoreFullError("the disk is full") if is_full else StoreError("the disk does not answer")
        self._troubles.append(_Trouble(operation, times, 0.0, 0.0, error))

    def clear(self) -> None:
        """No more trouble."""
        self._troubles.clear()

    async def reopen(self) -> None:
        """What the next process finds: as the real store does, it takes what still waits as perhaps sent already."""
        waiting = await self.inner.pending_records((await self.counts()).waiting)
        self._doubtful = frozenset(record.uuid for record in waiting)

    # engine.ports.Store ----------------------------------------------------------------------------------------------

    async def load_gateway(self) -> StoredGateway | None:
        """The gateway row, or None."""
        return await self._pass("load_gateway", self.inner.load_gateway)

    async def save_identity(self, identity: GatewayIdentity) -> StoredGateway:
        """Insert or update mac, hostname and address."""
        return await self.inner.save_identity(identity)

    async def save_token(self, token: Secret, gateway_id: str | None, status: str) -> None:
        """The gateway is approved."""
        await self._pass("save_token", lambda: self.inner.save_token(token, gateway_id, status))

    async def save_status(self, status: str) -> None:
        """What the server last said."""
        await self._pass("save_status", lambda: self.inner.save_status(status))

    async def forget_token(self, reason: str) -> None:
        """Drop the token."""
        await self._pass("forget_token", lambda: self.inner.forget_token(reason))

    async def save_heartbeat(self) -> None:
        """The server answered a heartbeat."""
        await self._pass("save_heartbeat", self.inner.save_heartbeat)

    async def save_record(self, record: WeighingRecord, take: str | None = None) -> SaveResult:
        """Commit a record."""
        self.saved.append(record.uuid)
        return await self._pass("save_record", lambda: self.inner.save_record(record, take))

    async def pending_records(self, limit: int, *, least_tried: bool = False) -> Sequence[WeighingRecord]:
        """The oldest records neither sent nor parked."""
        found = await self._pass("pending_records", lambda: self.inner.pending_records(limit, least_tried=least_tried))
        return [replace(record, may_have_arrived=True) if record.uuid in self._doubtful else record for record in found]

    async def last_record(self, line: str) -> WeighingRecord | None:
        """The newest record of a line, or None."""
        return await self._pass("last_record", lambda: self.inner.last_record(line))

    async def save_deliveries(self, deliveries: Collection[Delivery]) -> None:
        """Note a batch of attempts."""
        await self._pass("save_deliveries", lambda: self.inner.save_deliveries(deliveries))

    async def counts(self) -> StoreCounts:
        """How many records there are."""
        return await self.inner.counts()

    async def remember(self, key: str, fields: Mapping[str, object], expires_at: datetime | None = None) -> None:
        """Keep typed values under a key."""
        await self._pass("remember", lambda: self.inner.remember(key, fields, expires_at))

    async def recall(self, key: str) -> Remembered | None:
        """What is kept under a key."""
        return await self._pass("recall", lambda: self.inner.recall(key))

    async def forget(self, key: str) -> None:
        """Keep nothing under this key."""
        await self._pass("forget", lambda: self.inner.forget(key))

    async def find_card(self, uid: str) -> Card | None:
        """The card that was read as ``uid``."""
        return await self._pass("find_card", lambda: self.inner.find_card(uid))

    async def save_cards(self, cards: Sequence[Card], *, replace: bool = False, dry_run: bool = False) -> CardChanges:
        """Add or change cards."""
        return await self.inner.save_cards(cards, replace=replace, dry_run=dry_run)

    async def list_cards(self, after: str = "", limit: int = 1000) -> Sequence[Card]:
        """Cards in the order of their numbers."""
        return await self.inner.list_cards(after, limit)

    async def save_snapshot(self, machine: str, document: str) -> None:
        """Keep a machine's snapshot."""
        await self._pass("save_snapshot", lambda: self.inner.save_snapshot(machine, document))

    async def load_snapshot(self, machine: str) -> str | None:
        """The last snapshot of a machine."""
        return await self._pass("load_snapshot", lambda: self.inner.load_snapshot(machine))

    async def drop_snapshot(self, machine: str) -> None:
        """The machine has nothing to survive any more."""
        await self._pass("drop_snapshot", lambda: self.inner.drop_snapshot(machine))

    async def _pass(self, operation: Operation, work: Callable[[], Awaitable[Result]]) -> Result:
        trouble = self._take(operation)
        # A real store hands its work to a thread: the caller is never answered within the same turn of the loop.
        await asyncio.sleep(trouble.before if trouble else 0)
        if trouble is not None and trouble.error is not None:
            raise trouble.error
        result = await work()
        await asyncio.sleep(trouble.after if trouble else 0)
        return result

    def _take(self, operation: Operation) -> _Trouble | None:
        for trouble in self._troubles:
            if trouble.operation == operation:
                if trouble.times is not None:
                    trouble.times -= 1
                    if trouble.times == 0:
                        self._troubles.remove(trouble)
                return trouble
        return None
