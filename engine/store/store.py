"""The store as the service sees it: awaitable methods over one thread that owns the one connection."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from engine.clock import Clock
from engine.ports import (
    Card,
    CardChanges,
    Delivery,
    GatewayIdentity,
    Remembered,
    SaveResult,
    Secret,
    StoreCounts,
    StoredGateway,
    WeighingRecord,
)
from engine.store.own_thread import OwnThread
from engine.store.urls import SqliteTarget, parse_url

if TYPE_CHECKING:
    from engine.store.ledger import Ledger


async def open_store(url: str, *, base_dir: Path, clock: Clock) -> LedgerStore:
    """Open the store that ``store.url`` names; a relative SQLite path counts from ``base_dir``.

    Creates or upgrades the tables. Use as ``async with await open_store(...) as store``, or ``await store.close()``.
    Raises StoreLockedError when another service has it open, StoreFullError, and StoreError for everything else that
    keeps it from opening (bad URL, missing folder, no permission, damaged file, newer tables, no driver, no server).
    """
    store = LedgerStore(ledger_maker(url, base_dir, clock))
    try:
        await store._run(lambda ledger: ledger.open())  # noqa: SLF001 - the one factory
    except BaseException:
        await store.close()
        raise
    return store


def ledger_maker(url: str, base_dir: Path, clock: Clock) -> Callable[[], Ledger]:
    """What makes the ledger of a URL, not opened yet, on the thread that will use it. Raises StoreError."""
    target = parse_url(url, base_dir)

    def make_ledger() -> Ledger:  # in the thread: Pony's import takes a while
        from engine.store.ledger import Ledger

        if isinstance(target, SqliteTarget):
            from engine.store.sqlite import SqliteBackend

            return Ledger(SqliteBackend(target.path, clock), clock)
        from engine.store.postgres import PostgresBackend

        return Ledger(PostgresBackend(target), clock)

    return make_ledger


class LedgerStore(OwnThread["Ledger"]):
    """``engine.ports.Store`` and ``Snapshots`` on Pony. Safe to call from any task; calls are done one after the other.

    A call that is cancelled still happens, before the store is closed: every one of them is safe to repeat.
    """

    def __init__(self, make_ledger: Callable[[], Ledger]) -> None:
        super().__init__(make_ledger)
        self._is_completing = False  # the thread's own

    async def load_gateway(self) -> StoredGateway | None:
        """The gateway row, or None when this database has never had one."""
        return await self._run(lambda ledger: ledger.load_gateway())

    async def save_identity(self, identity: GatewayIdentity) -> StoredGateway:
        """Insert or update mac, hostname and address; an existing token, status and approval stay.

        Another mac address is another gateway: its row takes the place of the old one and is not approved.
        """
        return await self._run(lambda ledger: ledger.save_identity(identity))

    async def save_token(self, token: Secret, gateway_id: str | None, status: str) -> None:
        """The gateway is approved: keep its token; ``approved_at`` is set the first time only."""
        await self._run(lambda ledger: ledger.save_token(token, gateway_id, status))

    async def save_status(self, status: str) -> None:
        """What the server last said of this gateway (``pending``, ``active`` ...)."""
        await self._run(lambda ledger: ledger.save_status(status))

    async def forget_token(self, reason: str) -> None:
        """Drop the local token. Weighing records are untouched."""
        await self._run(lambda ledger: ledger.forget_token(reason))

    async def save_heartbeat(self) -> None:
        """The server answered a heartbeat now."""
        await self._run(lambda ledger: ledger.save_heartbeat())

    async def save_record(self, record: WeighingRecord, take: str | None = None) -> SaveResult:
        """Commit a record and its place in the outbox in one transaction, then journal it.

        ``take``: the row remembered under that key is consumed in the same transaction; MISSING when it is not there.
        What the outbox knows of a record (sent, attempts ...) is not taken from ``record``: a new one starts unsent.
        Raises StoreFullError when the disk is full, StoreError when the uuid exists with other content.
        """
        return await self._run(lambda ledger: ledger.save_record(record, take))

    async def pending_records(self, limit: int, *, least_tried: bool = False) -> Sequence[WeighingRecord]:
        """At most ``limit`` records neither sent nor parked: oldest sequence first, or the least tried first."""
        return await self._run(lambda ledger: ledger.pending_records(limit, least_tried=least_tried))

    async def last_record(self, line: str) -> WeighingRecord | None:
        """The newest record of a line, or None when it has never had one."""
        return await self._run(lambda ledger: ledger.last_record(line))

    async def records_after(self, sequence: int, limit: int) -> Sequence[WeighingRecord]:
        """At most ``limit`` records of any standing whose sequence number is higher, oldest first."""
        return await self._run(lambda ledger: ledger.records_after(sequence, limit))

    async def save_deliveries(self, deliveries: Collection[Delivery]) -> None:
        """Note a batch of attempts in one transaction: sent, parked with a reason, or one more failed attempt.

        ``attempts`` counts the failed ones. A delivered record stays delivered; an unknown uuid is logged.
        """
        await self._run(lambda ledger: ledger.save_deliveries(deliveries))

    async def counts(self) -> StoreCounts:
        """How many records there are, and where they stand."""
        return await self._run(lambda ledger: ledger.counts())

    async def remember(self, key: str, fields: Mapping[str, object], expires_at: datetime | None = None) -> None:
        """Keep typed values under a key, in place of what was there. Raises StoreError for what cannot be kept."""
        await self._run(lambda ledger: ledger.remember(key, fields, expires_at))

    async def recall(self, key: str) -> Remembered | None:
        """What is kept under a key; None when there is nothing, or it has expired."""
        return await self._run(lambda ledger: ledger.recall(key))

    async def forget(self, key: str) -> None:
        """Keep nothing under this key any more."""
        await self._run(lambda ledger: ledger.forget(key))

    async def find_card(self, uid: str) -> Card | None:
        """The card that was read as ``uid``; one that is not active is found as well."""
        return await self._run(lambda ledger: ledger.find_card(uid))

    async def save_cards(self, cards: Sequence[Card], *, replace: bool = False, dry_run: bool = False) -> CardChanges:
        """Add or change cards in one transaction; ``replace`` removes the others, ``dry_run`` only counts.

        Raises StoreError for a card that cannot be stored or is given twice.
        """
        return await self._run(lambda ledger: ledger.save_cards(cards, replace=replace, dry_run=dry_run))

    async def list_cards(self, after: str = "", limit: int = 1000) -> Sequence[Card]:
        """At most ``limit`` cards in the order of their numbers, those behind ``after``."""
        return await self._run(lambda ledger: ledger.list_cards(after, limit))

    async def save_snapshot(self, machine: str, document: str) -> None:
        """Keep a machine's snapshot, in place of its last one."""
        await self._run(lambda ledger: ledger.save_snapshot(machine, document))

    async def load_snapshot(self, machine: str) -> str | None:
        """A machine's last snapshot, or None."""
        return await self._run(lambda ledger: ledger.load_snapshot(machine))

    async def drop_snapshot(self, machine: str) -> None:
        """The machine has nothing to survive any more."""
        await self._run(lambda ledger: ledger.drop_snapshot(machine))

    def _worked(self, owned: Ledger) -> None:
        self._complete_journal(owned)

    def _complete_journal(self, ledger: Ledger) -> None:
        """Bring an incomplete journal up to date, a batch at a time and everybody's calls in between."""
        if not ledger.is_behind or self._is_completing or self._is_closed:
            return
        self._is_completing = True
        assert self._thread is not None  # we are in it; closed this very moment, the next start goes on
        self._thread.post(partial(self._complete_a_batch, ledger))

    def _complete_a_batch(self, ledger: Ledger) -> None:
        self._is_completing = False
        if not self._is_closed and ledger.catch_up():
            self._complete_journal(ledger)
