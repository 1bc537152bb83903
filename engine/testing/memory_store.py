"""The store's twin in memory: the same answers and refusals, nothing on a disk. For tests of what stands above it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

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
from engine.store.cards import make_plan, names_of
from engine.store.fields import check_key, from_text, to_text
from engine.store.records import check_record, delivery_changes, same_content
from engine.store.texts import clean_text, parse_utc, utc_text

_NOTED: Final = frozenset({"is_sent", "attempts", "may_have_arrived", "last_error", "rejected_reason"})


@dataclass(slots=True)
class _Row:
    record: WeighingRecord
    is_parked: bool = False

    @property
    def is_waiting(self) -> bool:
        return not self.record.is_sent and not self.is_parked


@dataclass(frozen=True, slots=True)
class _Kept:
    fields: str
    expires_at: str | None
    saved_at: str


class MemoryStore:
    """``engine.ports.Store`` and ``Snapshots`` without a database. Times come from the clock it is given."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._gateway: StoredGateway | None = None
        self._rows: dict[str, _Row] = {}  # by uuid, in the order of their sequence numbers
        self._kept: dict[str, _Kept] = {}
        self._snapshots: dict[str, str] = {}
        self._cards: dict[str, Card] = {}

    async def load_gateway(self) -> StoredGateway | None:
        """The gateway row, or None when there has never been one."""
        return self._gateway

    async def save_identity(self, identity: GatewayIdentity) -> StoredGateway:
        """Insert or update mac, hostname and address; another mac address is another gateway."""
        known = self._gateway
        if known is None or known.mac_address != identity.mac_address:
            known = StoredGateway(identity.mac_address, "", "", None, "")
        self._gateway = replace(known, hostname=identity.hostname, ip_address=identity.ip_address)
        return self._gateway

    async def save_token(self, token: Secret, gateway_id: str | None, status: str) -> None:
        """Keep the token; ``approved_at`` is set the first time only."""
        row = self._require_gateway()
        if clean_text(token) != token:
            raise StoreError("memory: the token holds characters that cannot be stored")
        self._gateway = replace(
            row,
            access_token=Secret(token) if token else None,
            gateway_id=None if gateway_id is None else clean_text(gateway_id),
            status=clean_text(status),
            approved_at=row.approved_at or self._clock.now(),
        )

    async def save_status(self, status: str) -> None:
        """What the server last said of this gateway."""
        self._gateway = replace(self._require_gateway(), status=clean_text(status))

    async def forget_token(self, reason: str) -> None:  # noqa: ARG002 - the port's; there is no log to put it in
        """Drop the token and nothing else."""
        self._gateway = replace(self._require_gateway(), access_token=None)

    async def save_heartbeat(self) -> None:
        """The server answered a heartbeat now."""
        self._gateway = replace(self._require_gateway(), last_heartbeat=self._clock.now())

    async def save_record(self, record: WeighingRecord, take: str | None = None) -> SaveResult:
        """Keep a record, and consume what is remembered under ``take``. Raises StoreError as the real store does."""
        check_record(record)
        if take is not None:
            check_key(take)
            record = replace(record, took=take)
        known = self._rows.get(record.uuid)
        if known is not None:
            if not same_content(known.record, record):
                raise StoreError(f"record {record.uuid} is there already, with other content")
            return SaveResult.KNOWN
        if take is not None and self._living(take) is None:
            return SaveResult.MISSING
        self._kept.pop(take or "", None)
        self._rows[record.uuid] = _Row(
            replace(
                record,
                measured_at=record.measured_at.astimezone(UTC),
                extra=from_text(to_text(record.extra)),
                sequence=len(self._rows) + 1,
                is_sent=False,
                attempts=0,
                may_have_arrived=False,
                last_error=None,
                rejected_reason=None,
            )
        )
        return SaveResult.SAVED

    async def pending_records(self, limit: int, *, least_tried: bool = False) -> Sequence[WeighingRecord]:
        """At most ``limit`` records that are neither sent nor parked: oldest first, or the least tried first."""
        waiting = [row.record for row in self._rows.values() if row.is_waiting]
        if least_tried:
            waiting.sort(key=lambda record: (record.attempts, record.sequence))
        return waiting[: max(0, limit)]

    async def last_record(self, line: str) -> WeighingRecord | None:
        """The newest record of a line, or None."""
        return next((row.record for row in reversed(self._rows.values()) if row.record.line == line), None)

    async def records_after(self, sequence: int, limit: int) -> Sequence[WeighingRecord]:
        """At most ``limit`` records of any standing whose sequence number is higher, oldest first."""
        records = [row.record for row in self._rows.values()]
        return [record for record in records if (record.sequence or 0) > sequence][: max(0, limit)]

    async def save_deliveries(self, deliveries: Collection[Delivery]) -> None:
        """Note a batch of attempts; an unknown uuid changes nothing."""
        now = utc_text(self._clock.now())
        for delivery in deliveries:
            row = self._rows.get(delivery.uuid)
            if row is None:
                continue
            changes = delivery_changes(row.record, delivery, now)
            if "rejected_at" in changes:
                row.is_parked = changes["rejected_at"] is not None
            noted: dict[str, Any] = {name: changes[name] for name in _NOTED & changes.keys()}
            row.record = replace(row.record, **noted)

    async def counts(self) -> StoreCounts:
        """How many records there are, and where they stand."""
        rows = self._rows.values()
        return StoreCounts(
            total=len(rows),
            sent=sum(row.record.is_sent for row in rows),
            waiting=sum(row.is_waiting for row in rows),
            rejected=sum(row.is_parked for row in rows),
        )

    async def remember(self, key: str, fields: Mapping[str, object], expires_at: datetime | None = None) -> None:
        """Keep typed values under a key."""
        check_key(key)
        expires = None if expires_at is None else utc_text(expires_at)
        self._kept[key] = _Kept(to_text(fields), expires, utc_text(self._clock.now()))

    async def recall(self, key: str) -> Remembered | None:
        """What is kept under a key and has not expired."""
        check_key(key)
        kept = self._living(key)
        return None if kept is None else Remembered(from_text(kept.fields), parse_utc(kept.saved_at))

    async def forget(self, key: str) -> None:
        """Keep nothing under this key any more."""
        check_key(key)
        self._kept.pop(key, None)

    async def find_card(self, uid: str) -> Card | None:
        """The card that was read as ``uid``."""
        return next((self._cards[name] for name in names_of(uid) if name in self._cards), None)

    async def save_cards(self, cards: Sequence[Card], *, replace: bool = False, dry_run: bool = False) -> CardChanges:
        """Make the card table say what is given; a dry run only tells what that would change."""
        plan = make_plan(self._cards, cards, replace=replace)
        if not dry_run:
            self._cards.update((card.uid, card) for card in plan.write)
            for uid in plan.remove:
                del self._cards[uid]
        return plan.changes

    async def list_cards(self, after: str = "", limit: int = 1000) -> Sequence[Card]:
        """At most ``limit`` cards in the order of their numbers, those behind ``after``."""
        return [self._cards[uid] for uid in sorted(self._cards) if uid > after][: max(0, limit)]

    async def save_snapshot(self, machine: str, document: str) -> None:
        """Keep a machine's snapshot."""
        self._snapshots[machine] = document

    async def load_snapshot(self, machine: str) -> str | None:
        """The last snapshot of a machine, or None."""
        return self._snapshots.get(machine)

    async def drop_snapshot(self, machine: str) -> None:
        """The machine has nothing to survive any more."""
        self._snapshots.pop(machine, None)

    def _living(self, key: str) -> _Kept | None:
        kept = self._kept.get(key)
        if kept is None or kept.expires_at is None or kept.expires_at > utc_text(self._clock.now()):
            return kept
        return None

    def _require_gateway(self) -> StoredGateway:
        if self._gateway is None:
            raise StoreError("memory: there is no gateway row yet; save_identity comes first")
        return self._gateway
