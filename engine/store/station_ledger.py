"""A station's results in its database. Synchronous, for the one thread that owns the connection.

Records come as a run makes them, numbered within their execution: what was committed already is known by its number
and changes nothing, so that whoever lost an answer may send again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any, Final

import structlog

from engine.clock import Clock
from engine.ports import StoreError
from engine.sequence.records import (
    ExecutionRecord,
    ExecutionStatus,
    Record,
    StepRecord,
    StepStatus,
    Verdict,
)
from engine.store import station_rows
from engine.store.backend import Backend
from engine.store.station_filters import condition
from engine.store.station_ports import AuditEntry, Page, QueuedResult, ResultFilter, StoredExecution, SyncAttempt
from engine.store.station_tables import StationEntities, define_station
from engine.store.texts import clean_text, parse_utc, utc_text
from engine.store.transactions import Transactions

log = structlog.get_logger(__name__)


# As station_rows.step_columns names the values; ``pass`` is no name for one.
_STEP: Final = (
    "execution_id", "step_order", "name", "path", "title", "status", "passed", "verdict", "started_at", "completed_at",
    "duration", "result", "measurements", "error", "attempts", "is_cleanup",
)  # fmt: skip
_COLUMNS: Final = tuple({"passed": "pass"}.get(name, name) for name in _STEP)
_UPDATES: Final = ", ".join(f"{one} = excluded.{one}" for one in _COLUMNS[2:])
_KEEP_STEP: Final = (
    f"INSERT INTO step_results ({', '.join(_COLUMNS)}) VALUES ({', '.join(f':{name}' for name in _STEP)}) "  # noqa: S608 - constants
    f"ON CONFLICT (execution_id, step_order) DO UPDATE SET {_UPDATES}"
)


class StationLedger(Transactions):
    """Every method is one transaction. All raise StoreError; a failed one has changed nothing.

    ``queues``: there is a backend, and every finished execution waits for it from the commit that finished it.
    """

    def __init__(self, backend: Backend, clock: Clock, *, queues: bool) -> None:
        super().__init__(backend, clock)
        self._queues = queues
        self._tables: StationEntities

    def open(self) -> None:
        """Claim the database and create or upgrade its tables; queue what finished while there was no backend."""
        self._claim()
        if self._queues:
            self._write(self._queue_all)
        self._backend.keep_room()
        log.info("store.station.opened", place=self._backend.place)

    def close(self) -> None:
        """Close the database and give its lock back. Harmless a second time."""
        self._release()

    def _define(self, database: Any) -> None:
        self._tables = define_station(database)

    # -- results ------------------------------------------------------------------------------------------------------

    def commit(self, records: Sequence[Record]) -> None:
        """Keep records, all or none; those that are kept already change nothing."""
        if records:
            self._write(partial(self._keep_all, records))

    def _keep_all(self, records: Sequence[Record]) -> None:
        """Keep what is new. Steps go past Pony: a step of a run waits for this, and that took half of it."""
        seqs: dict[str, int] = {}  # the newest number of each execution that steps were kept of
        for record in records:
            if isinstance(record, ExecutionRecord):
                self._note_seqs(seqs)
                self._keep_execution(record)
            else:
                newest = seqs.get(record.execution_id)
                if record.seq > (self._last_seq(record) if newest is None else newest):
                    self._keep_step(record)
                    seqs[record.execution_id] = record.seq
        self._note_seqs(seqs)

    def _last_seq(self, record: Record) -> int:
        asked = self._connection().execute("SELECT last_seq FROM executions WHERE id = ?", (record.execution_id,))
        found = asked.fetchone()
        if found is None:
            raise StoreError(f"a step of execution {record.execution_id} came before the execution itself")
        return int(found[0])

    def _note_seqs(self, seqs: dict[str, int]) -> None:
        for execution_id, seq in seqs.items():
            self._connection().execute("UPDATE executions SET last_seq = ? WHERE id = ?", (seq, execution_id))
        seqs.clear()

    def _keep_execution(self, record: ExecutionRecord) -> None:
        row = self._tables.execution.get(id=record.execution_id)
        if row is None:
            columns = station_rows.execution_columns(record)
            self._tables.execution(id=record.execution_id, last_seq=record.seq, **columns)
        elif record.seq <= row.last_seq:
            return
        else:
            row.set(last_seq=record.seq, **station_rows.execution_columns(record))
        self._database.flush()
        if record.status is not ExecutionStatus.RUNNING:
            self._finish(record.execution_id)

    def _keep_step(self, record: StepRecord) -> None:
        columns = station_rows.step_columns(record)
        values = {"execution_id": record.execution_id, "step_order": record.order, **columns}
        self._connection().execute(_KEEP_STEP, values)

    def _connection(self) -> sqlite3.Connection:
        """The connection itself, within the transaction that is open: Pony takes longer than the database."""
        connection: sqlite3.Connection = self._database.get_connection()
        return connection

    def _finish(self, execution_id: str) -> None:
        if self._queues and self._tables.queued.get(execution_id=execution_id) is None:
            self._tables.queued(execution_id=execution_id, created_at=self._now())

    def _queue_all(self) -> None:
        self._database.execute(
            "INSERT INTO sync_queue (execution_id, created_at) SELECT id, $now FROM executions "
            "WHERE status <> 'running' AND NOT needs_cleanup AND synced_at IS NULL "
            "AND id NOT IN (SELECT execution_id FROM sync_queue) ORDER BY started_at",
            {},
            {"now": self._now()},
        )

    def interrupt(self, execution_id: str, reason: str, *, needs_cleanup: bool) -> bool:
        """Its process died: say so of a running execution and of its running steps. False when it runs no more.

        ``needs_cleanup``: its cleanup is still to come, and the result is not finished before.
        """
        return self._write(partial(self._interrupt, execution_id, clean_text(reason), needs_cleanup))

    def _interrupt(self, execution_id: str, reason: str, needs_cleanup: bool) -> bool:  # noqa: FBT001 - private
        row = self._tables.execution.get(id=execution_id)
        if row is None or row.status != ExecutionStatus.RUNNING.value:
            return False
        now = self._clock.now()
        row.set(
            status=ExecutionStatus.INTERRUPTED.value,
            verdict=Verdict.ABORTED.value,
            overall_pass=False,
            reason=reason,
            completed_at=utc_text(now),
            duration=station_rows.seconds_since(row.started_at, now),
            last_seq=row.last_seq + 1,
            needs_cleanup=needs_cleanup,
        )
        for step in self._steps_of(execution_id):
            if step.status == StepStatus.RUNNING.value:
                step.set(
                    status=StepStatus.FAILED.value,
                    verdict=Verdict.ABORTED.value,
                    error=reason,
                    completed_at=utc_text(now),
                    duration=station_rows.seconds_since(step.started_at, now),
                )
        if not needs_cleanup:
            self._finish(execution_id)
        return True

    def waive_cleanup(self, execution_id: str) -> None:
        """Nobody will clean up after this execution: its result is finished as it stands."""
        self._write(partial(self._waive_cleanup, execution_id))

    def _waive_cleanup(self, execution_id: str) -> None:
        row = self._tables.execution.get(id=execution_id)
        if row is not None and row.needs_cleanup:
            row.needs_cleanup = False
            self._finish(execution_id)

    def unfinished(self) -> Sequence[StoredExecution]:
        """Executions that run, or whose cleanup is still to come: what a master finds when it starts."""
        return self._read(
            lambda: self._load("status = 'running' OR needs_cleanup ORDER BY started_at", {}, with_steps=True)
        )

    def find(self, execution_id: str) -> StoredExecution | None:
        """One execution with its steps."""
        found = self._read(lambda: self._load("id = $id", {"id": execution_id}, with_steps=True))
        return found[0] if found else None

    def page(self, wanted: ResultFilter, offset: int, limit: int) -> Page:
        """The newest executions first, without their steps, and how many there are in all."""
        which, values = condition(wanted)
        newest = "ORDER BY started_at DESC, rowid DESC"
        chosen = f"SELECT rowid FROM executions WHERE {which} {newest} LIMIT $limit OFFSET $offset"  # noqa: S608 - constants; values are bound
        order = f"rowid IN ({chosen}) {newest}"
        return self._read(
            lambda: Page(
                tuple(self._load(order, {**values, "limit": limit, "offset": offset}, with_steps=False)),
                self._count("executions", which, values),
            )
        )

    def _load(self, condition: str, values: Mapping[str, object], *, with_steps: bool) -> list[StoredExecution]:
        return [
            StoredExecution(
                station_rows.execution(row),
                tuple(map(station_rows.step, self._step_rows(row.id))) if with_steps else (),
                parse_utc(row.synced_at) if row.synced_at else None,
                needs_cleanup=bool(row.needs_cleanup),
            )
            for row in self._rows("executions", condition, values)
        ]

    def _step_rows(self, execution_id: str) -> list[Any]:
        return self._rows("step_results", "execution_id = $id ORDER BY step_order", {"id": execution_id})

    def _steps_of(self, execution_id: str) -> list[Any]:
        return [self._tables.step.get(id=row.id) for row in self._step_rows(execution_id)]

    # -- what the backend has not got ---------------------------------------------------------------------------------

    def queued(self, limit: int) -> Sequence[QueuedResult]:
        """At most ``limit`` results that are neither delivered nor parked: the least tried, then the oldest first."""
        return self._read(
            lambda: [
                station_rows.queued(row)
                for row in self._rows(
                    "sync_queue", "rejected_at IS NULL ORDER BY retry_count, id LIMIT $limit", {"limit": limit}
                )
            ]
        )

    def save_attempts(self, attempts: Collection[SyncAttempt]) -> None:
        """Note a batch of deliveries in one transaction."""
        if attempts:
            self._write(partial(self._note_all, attempts, self._now()))

    def _note_all(self, attempts: Collection[SyncAttempt], now: str) -> None:
        for attempt in attempts:
            self._note(attempt, now)

    def _note(self, attempt: SyncAttempt, now: str) -> None:
        row = self._tables.queued.get(execution_id=attempt.execution_id)
        if row is None:
            return
        if attempt.is_delivered:
            row.delete()
            self._tables.execution[attempt.execution_id].synced_at = now
            return
        reason = clean_text(attempt.reason)
        row.set(
            retry_count=row.retry_count + 1,
            last_error=reason,
            may_have_arrived=row.may_have_arrived or attempt.may_have_arrived,
        )
        if attempt.is_rejected:
            row.set(rejected_reason=reason, rejected_at=now)

    def queue_counts(self) -> tuple[int, int]:
        """How many results wait, and how many are parked because the backend will never take them."""
        return self._read(
            lambda: (
                self._count("sync_queue", "rejected_at IS NULL", {}),
                self._count("sync_queue", "rejected_at IS NOT NULL", {}),
            )
        )

    # -- who did what -------------------------------------------------------------------------------------------------

    def add_audit(self, entry: AuditEntry) -> None:
        """Note what somebody did."""
        columns = {
            "at": utc_text(entry.at),
            "actor": clean_text(entry.actor),
            "action": clean_text(entry.action),
            "batch_id": clean_text(entry.batch_id),
            "detail": station_rows.to_json(entry.detail),
            "outcome": clean_text(entry.outcome),
        }
        self._write(lambda: self._tables.audit(**columns))

    def audit(self, batch_id: str | None, offset: int, limit: int) -> tuple[Sequence[AuditEntry], int]:
        """The newest entries first, of one batch or of all, and how many there are."""
        condition, values = ("TRUE", {}) if batch_id is None else ("batch_id = $batch_id", {"batch_id": batch_id})
        page = {**values, "limit": limit, "offset": offset}

        def read() -> tuple[Sequence[AuditEntry], int]:
            rows = self._rows("audit_log", f"{condition} ORDER BY id DESC LIMIT $limit OFFSET $offset", page)
            return [station_rows.entry(row) for row in rows], self._count("audit_log", condition, values)

        return self._read(read)

    # -- rows ---------------------------------------------------------------------------------------------------------

    def _rows(self, table: str, condition: str, values: Mapping[str, object]) -> list[Any]:
        # Raw SQL: Pony's generator queries read Python's bytecode, and its entities take long to load.
        return list(self._database.select(f"SELECT * FROM {table} WHERE {condition}", {}, dict(values)))  # noqa: S608 - constants; values are bound

    def _count(self, table: str, condition: str, values: Mapping[str, object]) -> int:
        return int(self._database.get(f"SELECT count(*) FROM {table} WHERE {condition}", {}, dict(values)))  # noqa: S608 - constants; values are bound
