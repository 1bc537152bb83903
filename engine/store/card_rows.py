"""The rows of the card table. Each function is a part of a transaction that the ledger has open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import structlog

from engine.ports import Card, CardChanges
from engine.store.cards import extra_text, from_row, make_plan, names_of

log = structlog.get_logger(__name__)

_UPSERT: Final = """INSERT INTO cards (uid, name, active, kind, extra, updated_at)
    VALUES ($uid, $name, $active, $kind, $extra, $now)
    ON CONFLICT (uid) DO UPDATE SET name = excluded.name, active = excluded.active, kind = excluded.kind,
        extra = excluded.extra, updated_at = excluded.updated_at"""


def find(database: Any, uid: str) -> Card | None:
    """The card that was read as ``uid``, by its whole number or by the part that is printed on it."""
    for name in names_of(uid):
        rows = database.select("SELECT * FROM cards WHERE uid = $name", {}, {"name": name})
        if rows:
            return from_row(rows[0])
    return None


def some(database: Any, after: str, limit: int) -> list[Card]:
    """At most ``limit`` cards in the order of their numbers, those behind ``after``."""
    values = {"after": after, "limit": max(0, limit)}
    return _readable(database.select("SELECT * FROM cards WHERE uid > $after ORDER BY uid LIMIT $limit", {}, values))


def save(database: Any, given: Sequence[Card], now: str, *, replace: bool, dry_run: bool) -> CardChanges:
    """Make the table say what is given, and tell what that changed. Raises StoreError before anything is written."""
    known = {card.uid: card for card in _readable(database.select("SELECT * FROM cards", {}, {}))}
    plan = make_plan(known, given, replace=replace)
    if dry_run:
        return plan.changes
    for card in plan.write:
        values = {"uid": card.uid, "name": card.name, "active": card.is_active, "kind": card.kind}
        database.execute(_UPSERT, {}, {**values, "extra": extra_text(card), "now": now})
    for uid in plan.remove:
        database.execute("DELETE FROM cards WHERE uid = $uid", {}, {"uid": uid})
    return plan.changes


def _readable(rows: Iterable[Any]) -> list[Card]:
    """The cards of rows; one that a foreign hand made senseless is as if it were not there."""
    cards = []
    for row in rows:
        try:
            cards.append(from_row(row))
        except ValueError as error:
            log.error("store.card.unreadable", uid=row.uid, reason=repr(error))  # noqa: TRY400 - no bug of ours
    return cards
