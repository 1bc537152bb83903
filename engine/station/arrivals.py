"""What earlier processes have left: records, locks, executions that nobody ended, and hardware driven by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final

import structlog

from engine.clock import Clock
from engine.ports import StoreError
from engine.sequence.records import LOG, ExecutionStatus
from engine.station import by_hand
from engine.station.bus import Bus
from engine.station.leftovers import end_left
from engine.station.locks import batch_lock, forget_holder, holder_of, is_held
from engine.station.orders import by_hand_folder, locks_folder, spool_folder
from engine.station.owed import Owed, resumable_step
from engine.station.process import WorkerProcess
from engine.station.settings import BatchSettings
from engine.station.spool import SpoolError, put_aside, read_spool, spooled
from engine.store.station import StationStore
from engine.store.station_ports import AuditEntry, StoredExecution

log = structlog.get_logger(__name__)

_TIDIED: Final = "cleanup.manual"
_POLL_S: Final = 0.05
_LONGEST_WAIT_S: Final = 120.0  # for a process that an earlier master left to clean up; longer if it has said so


class Arrivals:
    """``batches`` are the ids that the station has now, ``folders`` where their sequences are looked for."""

    def __init__(
        self, data: Path, store: StationStore, bus: Bus, clock: Clock, batches: Collection[str], folders: Iterable[Path]
    ) -> None:
        self._locks, self._spool, self._by_hand = locks_folder(data), spool_folder(data), by_hand_folder(data)
        self._folders = tuple(folders)
        self._store, self._bus = store, bus
        self._clock = clock
        self._batches = batches
        self._taking = asyncio.Lock()

    async def take_in_all(self) -> None:
        """Keep what the spool holds; records that are kept already change nothing."""
        async with self._taking:
            for file in spooled(self._spool):
                await self._take_in(file)
            for batch_id in by_hand.marked(self._by_hand):
                mark = by_hand.find(self._by_hand, batch_id)
                if mark is not None and not mark.is_owed:
                    await self._take_in_mark(mark)

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
        waited, longest = 0.0, max(_LONGEST_WAIT_S, holder.ends_within)
        while is_held(self._locks, name) and waited < longest:
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

    async def settle(self, batch_id: str, reason: str) -> None:
        """Record a batch's running executions as interrupted. They are cleaned up after also where that fails."""
        for stored in await self._of(batch_id):
            if stored.record.status is ExecutionStatus.RUNNING:
                log.warning("station.execution.interrupted", execution=stored.record.execution_id, reason=reason)
                try:
                    await self._store.interrupt(stored.record.execution_id, reason, needs_cleanup=True)
                except StoreError as error:
                    log.error("station.interruption.not_kept", execution=stored.record.execution_id, reason=str(error))  # noqa: TRY400

    async def owed(self, batch: BatchSettings) -> Owed:
        """What is owed to a batch that has no process."""
        executions = tuple(await self._of(batch.id))
        mark = by_hand.find(self._by_hand, batch.id)
        step = (
            await asyncio.to_thread(resumable_step, executions, batch, self._folders)
            if batch.after_crash == "ask"
            else ""
        )
        return Owed(executions, mark if mark is not None and mark.is_owed else None, step)

    async def waive(self, batch_id: str) -> None:
        """Nobody cleans up after a batch: its result stays as it is, and so does its hardware."""
        for stored in await self._of(batch_id):
            await self._store.waive_cleanup(stored.record.execution_id)
        by_hand.drop(self._by_hand, batch_id)

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
        for batch_id in by_hand.marked(self._by_hand):
            if batch_id not in self._batches:
                reason = "its batch is not in station.yaml any more; nobody has cleaned up after manual control"
                await self._store.add_audit(AuditEntry(self._clock.now(), "", _TIDIED, batch_id, outcome=reason))
                by_hand.drop(self._by_hand, batch_id)
                log.error("station.hardware.abandoned", batch=batch_id, reason=reason)

    async def _take_in_mark(self, mark: by_hand.Mark) -> None:
        """Hardware that was driven by hand has been cleaned up after: that is for the audit log, and for everybody."""
        steps = mark.steps or ()
        wrong = "; ".join(f"{one['step']}: {one['error'] or one['verdict']}" for one in steps if not one["is_pass"])
        detail = {"since": mark.since, "command": mark.command, "reason": mark.reason, "steps": list(steps)}
        entry = AuditEntry(self._clock.now(), "", _TIDIED, mark.batch_id, detail, f"failed: {wrong}" if wrong else "ok")
        try:
            await self._store.add_audit(entry)
            by_hand.drop(self._by_hand, mark.batch_id)
        except (StoreError, OSError) as error:
            log.error("station.tidying.not_kept", batch=mark.batch_id, reason=str(error))  # noqa: TRY400
            return
        log.warning("station.hardware.tidied", batch=mark.batch_id, reason=mark.reason, wrong=wrong)
        told = f"cleanup after manual control ({mark.reason}): {wrong or 'done'}"
        self._bus.publish(LOG, mark.batch_id, {"level": "error" if wrong else "warning", "message": told})

    async def _of(self, batch_id: str) -> list[StoredExecution]:
        return [one for one in await self._store.unfinished() if one.record.batch_id == batch_id]
