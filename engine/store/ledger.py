"""The ledger itself: gateway row, records, outbox. Synchronous, for the one thread that owns the connection.

No Pony entity leaves this module, and no session outlives a method.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Final

import structlog

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
    StoreError,
    WeighingRecord,
)
from engine.store import card_rows, keyed
from engine.store.backend import Backend
from engine.store.entities import RECORD_COUNTER, Entities, define_entities
from engine.store.fields import check_key, to_text
from engine.store.journal import Journal, encode_line
from engine.store.records import check_record, delivery_changes, from_row, same_content, to_columns
from engine.store.texts import clean_text, parse_utc, utc_text
from engine.store.transactions import Transactions

log = structlog.get_logger(__name__)

_BATCH: Final = 100  # journal lines written at a time: about 5 ms, in which a commit has to wait
_WAITING: Final = "is_sent = FALSE AND rejected_at IS NULL"


class Ledger(Transactions):
    """Every method is one transaction. All raise StoreError; a failed one has changed nothing."""

    def __init__(self, backend: Backend, clock: Clock) -> None:
        super().__init__(backend, clock)
        self._journal = Journal(backend.journal_directory, clock)
        self._tables: Entities
        self._newest = 0  # the highest sequence number that is committed

    # -- life ---------------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Claim the database, create or upgrade its tables, and settle what an earlier process left behind."""
        self._claim()
        self._journal.open()
        self._bring_back_lost_records()
        self._newest = self._write(self._align_counter)
        doubtful = self._write(self._doubt_waiting_records)
        self.catch_up()
        self._backend.keep_room()
        log.info("store.database.opened", place=self._backend.place, newest=self._newest, doubtful=doubtful)

    def close(self) -> None:
        """Write what the journal still lacks, close everything, give the lock back. Harmless a second time."""
        try:
            if self._database is not None:
                self.catch_up()
                log.info("store.database.closed", place=self._backend.place)
        finally:
            self._journal.close()
            self._release()

    def _define(self, database: Any) -> None:
        self._tables = define_entities(database)

    def _bring_back_lost_records(self) -> None:
        """Insert what was committed and journalled once, and then lost by the disk or by going back to a backup."""
        known = self._read(lambda: int(self._tables.counter[RECORD_COUNTER].value))
        if known == 0 or self._journal.last_sequence <= known:  # a new database beside an old journal is left to people
            return
        try:
            lost = self._journal.read_after(known)
        except StoreError as error:
            log.error("store.journal.unreadable", reason=str(error))  # noqa: TRY400 - expected, no traceback
            return
        for start in range(0, len(lost), _BATCH):
            self._write(partial(self._insert_again, lost[start : start + _BATCH], self._now()))
        log.warning("store.records.brought_back", place=self._backend.place, count=len(lost), after=known)

    def _insert_again(self, records: Sequence[WeighingRecord], now: str) -> None:
        counter = self._tables.counter[RECORD_COUNTER]
        for record in records:
            if self._tables.record.get(uuid=record.uuid) is None:
                counter.value = max(counter.value + 1, record.sequence or 0)
                self._tables.record(**to_columns(record, counter.value, now))
                if record.took is not None:  # an older database may still have what this record consumed
                    keyed.drop(self._tables, record.took)

    def _align_counter(self) -> int:
        """Go on counting after the highest number ever given, also in a new database beside an old journal."""
        counter = self._tables.counter[RECORD_COUNTER]
        written = self._journal.last_sequence
        if written > counter.value:
            log.error(
                "store.journal.ahead",
                place=self._backend.place,
                journal=str(self._backend.journal_directory),
                database_sequence=counter.value,
                journal_sequence=written,
            )
            counter.value = written
        return int(counter.value)

    def _doubt_waiting_records(self) -> int:
        """An earlier process may have died between a POST and its note: what waits may be at the server already."""
        cursor = self._database.execute(
            f"UPDATE weighing_records SET may_have_arrived = TRUE WHERE {_WAITING} AND may_have_arrived = FALSE",  # noqa: S608 - a constant
            {},
            {},
        )
        return int(cursor.rowcount)

    # -- gateway ------------------------------------------------------------------------------------------------------

    def load_gateway(self) -> StoredGateway | None:
        """The gateway row, or None when there has never been one."""
        return self._read(self._load_gateway)

    def _load_gateway(self) -> StoredGateway | None:
        row = self._tables.gateway.get()
        return None if row is None else _gateway(row)

    def save_identity(self, identity: GatewayIdentity) -> StoredGateway:
        """Insert or update mac, hostname and address; with another mac it is another gateway, not yet approved."""
        return self._write(partial(self._save_identity, identity, self._now()))

    def _save_identity(self, identity: GatewayIdentity, now: str) -> StoredGateway:
        changes = {"hostname": identity.hostname, "ip_address": identity.ip_address, "updated_at": now}
        row = self._tables.gateway.get()
        if row is not None and row.mac_address != identity.mac_address:
            log.warning("store.gateway.replaced", was=row.mac_address, now=identity.mac_address)
            row.delete()
            row = None
        if row is None:
            row = self._tables.gateway(mac_address=identity.mac_address, created_at=now, **changes)
        else:
            row.set(**changes)
        return _gateway(row)

    def save_token(self, token: Secret, gateway_id: str | None, status: str) -> None:
        """Keep the token; the first approval's time stays for ever."""
        now = self._now()
        if clean_text(token) != token:
            raise StoreError(f"{self._backend.place}: the token holds characters that cannot be stored")
        changes: dict[str, object] = {
            "access_token": str(token),
            "gateway_id": None if gateway_id is None else clean_text(gateway_id),
            "status": clean_text(status),
        }
        self._write(partial(self._change_gateway, changes, now, approved_at=now))
        log.info("store.token.saved", token=repr(Secret(token)), gateway_id=gateway_id, status=status)

    def save_status(self, status: str) -> None:
        """What the server last said of this gateway."""
        self._write(partial(self._change_gateway, {"status": clean_text(status)}, self._now()))

    def save_heartbeat(self) -> None:
        """The server answered a heartbeat now."""
        now = self._now()
        self._write(partial(self._change_gateway, {"last_heartbeat": now}, now))

    def forget_token(self, reason: str) -> None:
        """Drop the token and nothing else."""
        self._write(partial(self._change_gateway, {"access_token": None}, self._now()))
        log.warning("store.token.forgotten", reason=reason)

    def _change_gateway(self, changes: dict[str, object], now: str, approved_at: str | None = None) -> None:
        row = self._tables.gateway.get()
        if row is None:
            raise StoreError(f"{self._backend.place}: there is no gateway row yet; save_identity comes first")
        row.set(**changes, updated_at=now, approved_at=row.approved_at or approved_at)

    # -- records ------------------------------------------------------------------------------------------------------

    def save_record(self, record: WeighingRecord, take: str | None = None) -> SaveResult:
        """Commit a record, then journal it. A repeat of the same record is KNOWN; other content is a StoreError.

        The remembered row ``take`` is consumed in the same transaction; MISSING when it is not there.
        """
        check_record(record)
        if take is not None:
            check_key(take)
            record = replace(record, took=take)
        now = self._now()
        result, sequence = self._write(partial(self._insert, record, take, now))
        if result is SaveResult.MISSING:
            return result
        self._newest = max(self._newest, sequence)
        if result is SaveResult.SAVED and self._journal.last_sequence == sequence - 1:  # mostly: nothing to look up
            self._journal.append([encode_line(replace(record, sequence=sequence), now)])
        log.debug("store.record.committed", uuid=record.uuid, sequence=sequence, result=result.value)
        return result

    def _insert(self, record: WeighingRecord, take: str | None, now: str) -> tuple[SaveResult, int]:
        known = self._tables.record.get(uuid=record.uuid)
        if known is not None:
            if not same_content(from_row(known), record):
                raise StoreError(f"record {record.uuid} is in {self._backend.place} already, with other content")
            return SaveResult.KNOWN, known.sequence
        if take is not None and not keyed.take(self._tables, take, now):
            return SaveResult.MISSING, 0
        counter = self._tables.counter[RECORD_COUNTER]
        counter.value += 1
        self._tables.record(**to_columns(record, counter.value, now))
        return SaveResult.SAVED, counter.value

    def pending_records(self, limit: int, *, least_tried: bool = False) -> Sequence[WeighingRecord]:
        """At most ``limit`` records that are neither sent nor parked: oldest first, or the least tried first."""
        order = "attempts, sequence" if least_tried else "sequence"
        return [record for record, _ in self._select(f"{_WAITING} ORDER BY {order} LIMIT $limit", limit=max(0, limit))]

    def last_record(self, line: str) -> WeighingRecord | None:
        """The newest record of a line."""
        found = self._select("line = $line ORDER BY sequence DESC LIMIT 1", line=line)
        return next((record for record, _ in found), None)

    def records_after(self, sequence: int, limit: int) -> Sequence[WeighingRecord]:
        """At most ``limit`` records of any standing with a higher sequence number, oldest first."""
        return [record for record, _ in self._after(sequence, limit)]

    def save_deliveries(self, deliveries: Collection[Delivery]) -> None:
        """Note a batch of attempts in one transaction."""
        if deliveries:
            self._write(partial(self._note, deliveries, self._now()))

    def _note(self, deliveries: Collection[Delivery], now: str) -> None:
        for delivery in deliveries:
            row = self._tables.record.get(uuid=delivery.uuid)
            if row is None:
                log.error("store.delivery.unknown", uuid=delivery.uuid, kind=delivery.kind.value)
            elif changes := delivery_changes(from_row(row), delivery, now):
                row.set(**changes)

    def counts(self) -> StoreCounts:
        """How many records there are, and where they stand."""
        return self._read(self._count)

    def _count(self) -> StoreCounts:
        # What waits and what is parked are short ranges of the outbox's index; the rest is sent.
        total, waiting, unsent = (
            self._database.get(f"SELECT count(*) FROM weighing_records{where}", {}, {})  # noqa: S608 - constants
            for where in ("", f" WHERE {_WAITING}", " WHERE is_sent = FALSE")
        )
        return StoreCounts(total=total, sent=total - unsent, waiting=waiting, rejected=unsent - waiting)

    # -- what outlives a machine --------------------------------------------------------------------------------------

    def remember(self, key: str, fields: Mapping[str, object], expires_at: datetime | None = None) -> None:
        """Keep typed values under a key, in place of what was there."""
        check_key(key)
        text, expires, now = to_text(fields), None if expires_at is None else utc_text(expires_at), self._now()
        self._write(lambda: keyed.put(self._database, self._tables, key, text, expires, now))

    def recall(self, key: str) -> Remembered | None:
        """What is kept under a key and has not expired."""
        check_key(key)
        now = self._now()
        try:
            return self._read(lambda: keyed.get(self._tables, key, now))
        except ValueError as error:
            raise StoreError(f"{self._backend.place}: what is remembered under '{key}' is damaged: {error}") from error

    def forget(self, key: str) -> None:
        """Keep nothing under this key any more."""
        check_key(key)
        self._write(lambda: keyed.drop(self._tables, key))

    def save_snapshot(self, machine: str, document: str) -> None:
        """Keep a machine's snapshot, in place of its last one."""
        now = self._now()
        self._write(lambda: keyed.put_snapshot(self._tables, machine, document, now))

    def load_snapshot(self, machine: str) -> str | None:
        """A machine's last snapshot, or None."""
        return self._read(lambda: keyed.get_snapshot(self._tables, machine))

    def drop_snapshot(self, machine: str) -> None:
        """The machine has nothing to survive any more."""
        self._write(lambda: keyed.drop_snapshot(self._tables, machine))

    # -- cards --------------------------------------------------------------------------------------------------------

    def find_card(self, uid: str) -> Card | None:
        """The card that was read as ``uid``."""
        try:
            return self._read(lambda: card_rows.find(self._database, uid))
        except ValueError as error:
            raise StoreError(f"{self._backend.place}: the row of card {uid} is damaged: {error}") from error

    def save_cards(self, cards: Sequence[Card], *, replace: bool, dry_run: bool) -> CardChanges:
        """Make the card table say what is given; a dry run only tells what that would change."""
        now, run = self._now(), self._read if dry_run else self._write
        return run(lambda: card_rows.save(self._database, cards, now, replace=replace, dry_run=dry_run))

    def list_cards(self, after: str, limit: int) -> Sequence[Card]:
        """At most ``limit`` cards in the order of their numbers."""
        return self._read(lambda: card_rows.some(self._database, after, limit))

    # -- journal ------------------------------------------------------------------------------------------------------

    @property
    def is_behind(self) -> bool:
        """Whether the journal lacks records that are committed."""
        return self._journal.last_sequence < self._newest

    def catch_up(self) -> bool:
        """Append to the journal a batch of what it lacks; True when there is more, and the disk takes it.

        Never raises: the records are safe, and their lines follow later.
        """
        if not self.is_behind:
            return False
        try:
            missing = self._after(self._journal.last_sequence, _BATCH)
        except StoreError as error:
            log.error("store.journal.postponed", reason=str(error))  # noqa: TRY400 - expected, no traceback
            return False
        is_written = bool(missing) and self._journal.append([encode_line(*item) for item in missing])
        return is_written and self.is_behind

    def _after(self, sequence: int, limit: int) -> list[tuple[WeighingRecord, str]]:
        return self._select("sequence > $sequence ORDER BY sequence LIMIT $limit", sequence=sequence, limit=limit)

    def _select(self, condition: str, **values: object) -> list[tuple[WeighingRecord, str]]:
        """Records with the time of their commit."""
        # Raw SQL: Pony's generator queries read Python's bytecode, and its entities take long to load.
        sql = f"SELECT * FROM weighing_records WHERE {condition}"  # noqa: S608 - constants; values are bound
        return list(_readable(self._read(lambda: self._database.select(sql, {}, values))))


def _readable(rows: Iterable[Any]) -> Iterator[tuple[WeighingRecord, str]]:
    """The records of rows. One that a foreign hand or a bad sector made senseless must not hold up all the others."""
    for row in rows:
        try:
            yield from_row(row), row.created_at
        except (ArithmeticError, TypeError, ValueError) as error:
            log.error("store.record.unreadable", uuid=row.uuid, reason=repr(error))  # noqa: TRY400 - no bug of ours


def _gateway(row: Any) -> StoredGateway:
    return StoredGateway(
        mac_address=row.mac_address,
        hostname=row.hostname,
        ip_address=row.ip_address,
        access_token=Secret(row.access_token) if row.access_token else None,
        status=row.status,
        gateway_id=row.gateway_id,
        approved_at=parse_utc(row.approved_at) if row.approved_at else None,
        last_heartbeat=parse_utc(row.last_heartbeat) if row.last_heartbeat else None,
    )
