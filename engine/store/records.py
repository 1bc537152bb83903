"""What the store makes of a weighing record, without any database: checks, comparison, columns, deliveries.

The in-memory twin (``engine.testing``) uses the same rules, so that it accepts and refuses what the real store does.
"""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from engine.ports import Delivery, DeliveryKind, StoreError, WeighingRecord
from engine.store.fields import from_text, plain, to_text, typed
from engine.store.texts import clean_text, parse_utc, utc_text

MAX_RFID: Final = 50  # VARCHAR(50), 4.2 of the requirements; the server's column is as long
MAX_REASON: Final = 1_000  # characters of a server's words that are kept
_MAX_PLACES: Final = 20  # decimal places, and digits before the point: more than any indicator shows
_TEXT_FIELDS: Final = ("rfid_uid", "unit", "line", "chart", "chart_version")


def check_record(record: WeighingRecord) -> None:
    """Refuse what no table, journal or server could hold. Raises StoreError saying which field and why."""
    try:
        canonical = str(UUID(record.uuid))
    except ValueError:
        canonical = ""
    if canonical != record.uuid:
        raise StoreError(f"'{record.uuid}' is not a uuid of 36 lower-case characters")
    if len(record.rfid_uid) > MAX_RFID:
        raise StoreError(f"record {record.uuid}: rfid_uid has {len(record.rfid_uid)} characters; at most {MAX_RFID}")
    for name in _TEXT_FIELDS:
        value: str = getattr(record, name)
        if clean_text(value) != value:
            raise StoreError(f"record {record.uuid}: {name} {value!r} holds characters that cannot be stored")
    exponent = record.weight.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -_MAX_PLACES or record.weight.adjusted() > _MAX_PLACES:
        raise StoreError(f"record {record.uuid}: {record.weight!s:.60} is not a weight that can be stored")
    utc_text(record.measured_at)
    try:
        plain(record.extra)
    except StoreError as error:
        raise StoreError(f"record {record.uuid}: extra: {error}") from error


def same_content(known: WeighingRecord, other: WeighingRecord) -> bool:
    """Whether two records with one uuid say the same; what the outbox noted meanwhile does not count."""
    return _content(known) == _content(other)


def _content(record: WeighingRecord) -> tuple[object, ...]:
    return (
        record.uuid,
        record.weight,
        record.measured_at.astimezone(UTC),
        record.raw_frame,
        typed(plain(record.extra)),
        *(getattr(record, name) for name in _TEXT_FIELDS),
    )


def to_columns(record: WeighingRecord, sequence: int, created_at: str) -> dict[str, object]:
    """The columns of a new row: unsent, never tried, with its exact weight text beside the FLOAT."""
    return {
        "uuid": record.uuid,
        "rfid_uid": record.rfid_uid,
        "weight": float(record.weight),
        "measured_at": utc_text(record.measured_at),
        "weight_text": f"{record.weight:f}",
        "unit": record.unit,
        "line": record.line,
        "raw_frame": record.raw_frame,
        "chart": record.chart,
        "chart_version": record.chart_version,
        "extra": to_text(record.extra),
        "took": record.took,
        "sequence": sequence,
        "created_at": created_at,
    }


def from_row(row: Any) -> WeighingRecord:
    """A row of ``weighing_records`` (anything with its columns as attributes) as the port's record."""
    return WeighingRecord(
        uuid=row.uuid,
        rfid_uid=row.rfid_uid,
        weight=Decimal(row.weight_text),
        unit=row.unit,
        measured_at=parse_utc(row.measured_at),
        line=row.line,
        raw_frame=bytes(row.raw_frame or b""),
        chart=row.chart,
        chart_version=row.chart_version,
        extra=from_text(row.extra),
        took=row.took,
        is_sent=bool(row.is_sent),
        sequence=row.sequence,
        attempts=row.attempts,
        may_have_arrived=bool(row.may_have_arrived),
        last_error=row.last_error,
        rejected_reason=row.rejected_reason,
    )


def delivery_changes(record: WeighingRecord, delivery: Delivery, now: str) -> dict[str, object]:
    """The columns that one attempt changes. A record that was delivered stays delivered, whatever comes late."""
    if record.is_sent:
        return {}
    reason = clean_text(delivery.reason)[:MAX_REASON]
    if delivery.kind is DeliveryKind.DELIVERED:
        # The server has it after all: a record parked by an earlier answer is parked no more.
        return {"is_sent": True, "sent_at": now, "rejected_reason": None, "rejected_at": None}
    if delivery.kind is DeliveryKind.REJECTED:
        return {"rejected_reason": reason, "rejected_at": now}
    return {
        "attempts": record.attempts + 1,
        "last_error": reason,
        "may_have_arrived": record.may_have_arrived or delivery.may_have_arrived,
    }
