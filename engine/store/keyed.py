"""Rows that outlive a machine: what a chart remembers under a key, and the snapshots of machines.

Each function is a part of a transaction that the ledger has open; ``now`` is the time of that transaction, as stored.
"""

from __future__ import annotations

from typing import Any

from engine.ports import Remembered
from engine.store.entities import Entities
from engine.store.fields import from_text
from engine.store.texts import parse_utc


def put(database: Any, tables: Entities, key: str, fields: str, expires_at: str | None, now: str) -> None:
    """Keep fields under a key. What has expired, under any key, is removed on the way."""
    database.execute("DELETE FROM remembered WHERE expires_at <= $now", {}, {"now": now})
    row = tables.remembered.get(key=key)
    if row is None:
        tables.remembered(key=key, fields=fields, expires_at=expires_at, saved_at=now)
    else:
        row.set(fields=fields, expires_at=expires_at, saved_at=now)


def get(tables: Entities, key: str, now: str) -> Remembered | None:
    """What is kept under a key and has not expired. Raises ValueError for a row of other hands."""
    row = _living(tables, key, now)
    return None if row is None else Remembered(from_text(row.fields), parse_utc(row.saved_at))


def take(tables: Entities, key: str, now: str) -> bool:
    """Remove what is kept under a key; False when there is nothing, or it has expired."""
    row = _living(tables, key, now)
    if row is None:
        return False
    row.delete()
    return True


def drop(tables: Entities, key: str) -> None:
    """Remove what is kept under a key, if there is anything."""
    row = tables.remembered.get(key=key)
    if row is not None:
        row.delete()


def put_snapshot(tables: Entities, machine: str, document: str, now: str) -> None:
    """Keep a machine's snapshot in place of its last one."""
    row = tables.snapshot.get(machine=machine)
    if row is None:
        tables.snapshot(machine=machine, document=document, saved_at=now)
    else:
        row.set(document=document, saved_at=now)


def get_snapshot(tables: Entities, machine: str) -> str | None:
    """A machine's last snapshot, or None."""
    row = tables.snapshot.get(machine=machine)
    return None if row is None else str(row.document)


def drop_snapshot(tables: Entities, machine: str) -> None:
    """Remove a machine's snapshot, if there is one."""
    row = tables.snapshot.get(machine=machine)
    if row is not None:
        row.delete()


def _living(tables: Entities, key: str, now: str) -> Any:
    row = tables.remembered.get(key=key)
    return None if row is None or (row.expires_at is not None and row.expires_at <= now) else row
