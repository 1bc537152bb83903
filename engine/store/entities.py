"""The tables as Pony entities. Made anew for every store, because Pony ties an entity to one database."""

from __future__ import annotations

from typing import Any, NamedTuple

from pony.orm import Database, Optional, PrimaryKey, Required

from engine.store.columns import maybe, text

RECORD_COUNTER = "weighing_records"


class Entities(NamedTuple):
    """The entities of one database."""

    gateway: Any
    record: Any
    counter: Any
    snapshot: Any
    remembered: Any


def define_entities(database: Database) -> Entities:
    """Declare the entities on an unbound database; the tables themselves come from ``migrations``.

    Texts are never stripped (Pony's default), and times are ISO 8601 texts in UTC.
    """

    class Gateway(database.Entity):  # type: ignore[misc]  # Pony is untyped
        _table_ = "gateway"
        mac_address = PrimaryKey(str, autostrip=False)
        hostname = text()
        ip_address = text()
        access_token = maybe()
        status = text()
        last_heartbeat = maybe()
        created_at = text()
        updated_at = text()
        gateway_id = maybe()
        approved_at = maybe()

    class WeighingRecordRow(database.Entity):  # type: ignore[misc]  # Pony is untyped
        _table_ = "weighing_records"
        uuid = PrimaryKey(str, autostrip=False)
        rfid_uid = text()
        weight = Required(float)
        measured_at = text()
        is_sent = Required(bool, default=False)
        weight_text = text()
        unit = text()
        line = text()
        raw_frame = Optional(bytes)
        chart = text()
        chart_version = text()
        extra = text()
        took = maybe()
        sequence = Required(int, size=64)
        attempts = Required(int, default=0)
        may_have_arrived = Required(bool, default=False)
        last_error = maybe()
        rejected_reason = maybe()
        rejected_at = maybe()
        sent_at = maybe()
        created_at = text()

    class StoreCounter(database.Entity):  # type: ignore[misc]  # Pony is untyped
        _table_ = "store_counters"
        name = PrimaryKey(str, autostrip=False)
        value = Required(int, size=64)

    class MachineSnapshot(database.Entity):  # type: ignore[misc]  # Pony is untyped
        _table_ = "machine_snapshots"
        machine = PrimaryKey(str, autostrip=False)
        document = text()
        saved_at = text()

    class RememberedRow(database.Entity):  # type: ignore[misc]  # Pony is untyped
        _table_ = "remembered"
        key = PrimaryKey(str, autostrip=False)
        fields = text()
        expires_at = maybe()
        saved_at = text()

    return Entities(Gateway, WeighingRecordRow, StoreCounter, MachineSnapshot, RememberedRow)
