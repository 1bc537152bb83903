"""A station's database as its master sees it: awaitable methods over one thread that owns the one connection."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.clock import Clock
from engine.sequence.records import Record
from engine.store.own_thread import OwnThread
from engine.store.station_ports import AuditEntry, Page, QueuedResult, ResultFilter, StoredExecution, SyncAttempt

if TYPE_CHECKING:
    from engine.store.station_ledger import StationLedger


async def open_station_store(path: Path, *, clock: Clock, queues: bool = False) -> StationStore:
    """Open the database of a station, an SQLite file; ``queues``: there is a backend that wants the results.

    Creates or upgrades the tables. Use as ``async with await open_station_store(...) as store``. Raises
    StoreLockedError when another master has it open, StoreFullError, and StoreError for everything else that keeps it
    from opening.
    """

    def make() -> StationLedger:  # in the thread: Pony's import takes a while
        from engine.store.sqlite import SqliteBackend
        from engine.store.station_ledger import StationLedger
        from engine.store.station_tables import STATION_MIGRATIONS

        backend = SqliteBackend(path, clock, migrations=STATION_MIGRATIONS, setting="paths.data", has_journal=False)
        return StationLedger(backend, clock, queues=queues)

    store = StationStore(make)
    try:
        await store._run(lambda ledger: ledger.open())  # noqa: SLF001 - the one factory
    except BaseException:
        await store.close()
        raise
    return store


class StationStore(OwnThread["StationLedger"]):
    """Executions, steps, what waits for the backend, and the audit log. Every method returns once it is durable."""

    async def commit(self, records: Sequence[Record]) -> None:
        """Keep records, all or none; those that are kept already (by execution and ``seq``) change nothing."""
        await self._run(lambda ledger: ledger.commit(records))

    async def interrupt(self, execution_id: str, reason: str, *, needs_cleanup: bool) -> bool:
        """Its process died: say so of a running execution and its running steps. False when it runs no more."""
        return await self._run(lambda ledger: ledger.interrupt(execution_id, reason, needs_cleanup=needs_cleanup))

    async def waive_cleanup(self, execution_id: str) -> None:
        """Nobody will clean up after this execution: its result is finished as it stands."""
        await self._run(lambda ledger: ledger.waive_cleanup(execution_id))

    async def unfinished(self) -> Sequence[StoredExecution]:
        """Executions that run, or whose cleanup is still to come: what a master finds when it starts."""
        return await self._run(lambda ledger: ledger.unfinished())

    async def find(self, execution_id: str) -> StoredExecution | None:
        """One execution with its steps."""
        return await self._run(lambda ledger: ledger.find(execution_id))

    async def page(self, wanted: ResultFilter, offset: int = 0, limit: int = 50) -> Page:
        """The newest executions first, without their steps, and how many there are in all."""
        return await self._run(lambda ledger: ledger.page(wanted, offset, limit))

    async def queued(self, limit: int) -> Sequence[QueuedResult]:
        """At most ``limit`` results that are neither delivered nor parked: the least tried, then the oldest first."""
        return await self._run(lambda ledger: ledger.queued(limit))

    async def save_attempts(self, attempts: Collection[SyncAttempt]) -> None:
        """Note a batch of deliveries in one transaction."""
        await self._run(lambda ledger: ledger.save_attempts(attempts))

    async def queue_counts(self) -> tuple[int, int]:
        """How many results wait, and how many are parked because the backend will never take them."""
        return await self._run(lambda ledger: ledger.queue_counts())

    async def add_audit(self, entry: AuditEntry) -> None:
        """Note what somebody did."""
        await self._run(lambda ledger: ledger.add_audit(entry))

    async def audit(
        self, batch_id: str | None = None, offset: int = 0, limit: int = 50
    ) -> tuple[Sequence[AuditEntry], int]:
        """The newest entries first, of one batch or of all, and how many there are."""
        return await self._run(lambda ledger: ledger.audit(batch_id, offset, limit))
