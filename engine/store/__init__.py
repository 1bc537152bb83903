"""The local store: every weighing record and its place in the outbox, on SQLite (or PostgreSQL by URL).

Nothing heavy is imported until a store is opened.
"""

from __future__ import annotations

from engine.store.journal import read_journal
from engine.store.store import LedgerStore, open_store

__all__ = ["LedgerStore", "open_store", "read_journal"]
