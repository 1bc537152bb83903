"""What a station's store is asked and answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime

from engine.events import NO_DATA
from engine.sequence.records import ExecutionRecord, StepRecord
from engine.store.texts import utc_text


@dataclass(frozen=True, slots=True)
class StoredExecution:
    """An execution as it stands, with its steps in their order (empty in lists)."""

    record: ExecutionRecord
    steps: tuple[StepRecord, ...]
    synced_at: datetime | None  # when the backend had it
    needs_cleanup: bool = False  # its process died, and nobody has cleaned up after it yet


@dataclass(frozen=True, slots=True)
class Page:
    """Some executions of a list, and how many the whole list has."""

    items: tuple[StoredExecution, ...]
    total: int


@dataclass(frozen=True, slots=True)
class ResultFilter:
    """Which executions are wanted; None: any. ``since`` is included, ``until`` is not; both are of the start.

    ``status``: one of the requirements (4.3); those that were interrupted are found as ``failed``.
    """

    batch_id: str | None = None
    sequence_name: str | None = None
    status: str | None = None
    overall_pass: bool | None = None
    serial: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def values(self) -> dict[str, object]:
        """The conditions that are given, by name, as the database keeps them."""
        given = {one.name: getattr(self, one.name) for one in fields(self)}
        return {
            name: utc_text(value) if isinstance(value, datetime) else value
            for name, value in given.items()
            if value is not None
        }


@dataclass(frozen=True, slots=True)
class QueuedResult:
    """An execution that the backend has not got yet."""

    execution_id: str
    created_at: datetime
    retry_count: int
    last_error: str | None
    may_have_arrived: bool  # an earlier attempt left us without a clear answer


@dataclass(frozen=True, slots=True)
class SyncAttempt:
    """What one attempt to deliver a result came to; neither delivered nor rejected: it is tried again."""

    execution_id: str
    is_delivered: bool = False
    is_rejected: bool = False  # the backend will never take it
    reason: str = ""
    may_have_arrived: bool = False


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what, when, to which batch, and what came of it."""

    at: datetime
    actor: str
    action: str
    batch_id: str = ""
    detail: Mapping[str, object] = field(default_factory=lambda: NO_DATA, hash=False)
    outcome: str = ""
