"""What earlier processes have left: their records in the spool, their locks, and executions that nobody ended."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Final

import structlog

from engine.clock import Clock
from engine.ports import StoreError
from engine.sequence.records import ExecutionStatus
from engine.station.leftovers import end_left
from engine.station.locks import batch_lock, forget_holder, holder_of, is_held
from engine.station.orders import locks_folder, spool_folder
from engine.station.process import WorkerProcess
from engine.station.spool import SpoolError, put_aside, read_spool, spooled
from engine.store.station import StationStore
from engine.store.station_ports import StoredExecution

log = structlog.get_logger(__name__)

_POLL_S: Final = 0.05
_LONGEST_WAIT_S: Final = 120.0  # for a process that an earlier master left to clean up


class Arrivals:
    """``batches`` are the ids that the station has now."""

    def __init__(self, data: Path, store: StationStore, clock: Clock, batches: Collection[str]) -> None:
        self._locks, self._spool = locks_folder(data), spool_folder(data)
        self._store = store
        self._clock = clock
        self._batches = batches
        self._taking = asyncio.Lock()

    async def take_in_all(self) -> None:
        """Keep what the spool holds; records that are kept already change nothing."""
        async with self._taking:
            for file in spooled(self._spool):
                await self._take_in(file)

    async def _take_in(self, file: Path) -> None:
        try:
            records = read_spool(file)
            await self._store.commit(records)
        except SpoolError as error:
            log.error("station.spool.unreadable", file=str(file), reason=str(error))  # noqa: TRY400
            put_aside(file)
            return
        except StoreError as error:
            log.error("station.spool.not_taken", file=str(file), reason=str(error))  # noqa: TRY400
            return
        file.unlink()  # noqa: ASYNC240 - one name of a small folder
        log.info("station.spool.taken", file=str(file), records=len(records))

    async def wait_for_process(self, batch_id: str, ours: Iterable[WorkerProcess]) -> None:
        """Wait for a process of this batch that another master started; one that does not end is killed."""
        name = batch_lock(batch_id)
        holder = holder_of(self._locks, name)
        if holder is None or any(one.pid == holder.pid and one.is_alive for one in ours):
            return
        waited = 0.0
        while is_held(self._locks, name) and waited < _LONGEST_WAIT_S:
            if not waited:
                log.warning("station.batch.waits_for_old_process", batch=batch_id, pid=holder.pid)
            await asyncio.sleep(_POLL_S)
            waited += _POLL_S
        if is_held(self._locks, name):
            log.error("station.old_process.killed", batch=batch_id, pid=holder.pid, waited_s=waited)
            end_left(holder.pid, holder.mark)
        else:
            end_left(0, holder.mark)  # it is dead; what its drivers have started may not be
        forget_holder(self._locks, name)

    async def settle(self, batch_id: str, reason: str) -> bool:
        """Record a batch's running executions as interrupted; whether any is owed a cleanup."""
        for stored in await self._of(batch_id):
            if stored.record.status is ExecutionStatus.RUNNING:
                await self._store.interrupt(stored.record.execution_id, reason, needs_cleanup=True)
                log.warning("station.execution.interrupted", execution=stored.record.execution_id, reason=reason)
        return bool(await self._of(batch_id))

    async def owed(self, batch_id: str) -> Sequence[StoredExecution]:
        """The executions of a batch that are owed a cleanup."""
        return [stored for stored in await self._of(batch_id) if stored.needs_cleanup]

    async def give_up_strangers(self) -> None:
        """Executions of batches that the station no longer has: nobody can clean up after them."""
        for stored in await self._store.unfinished():
            record = stored.record
            if record.batch_id not in self._batches:
                await self.wait_for_process(record.batch_id, ())
                await self.take_in_all()
                reason = "its batch is not in station.yaml any more; nobody has cleaned up after it"
                await self._store.interrupt(record.execution_id, reason, needs_cleanup=False)
                await self._store.waive_cleanup(record.execution_id)
                log.error("station.execution.abandoned", execution=record.execution_id, batch=record.batch_id)

    async def _of(self, batch_id: str) -> list[StoredExecution]:
        return [one for one in await self._store.unfinished() if one.record.batch_id == batch_id]
