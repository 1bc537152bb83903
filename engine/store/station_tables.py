"""The tables of a station as numbered steps, and as Pony entities."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from pony.orm import Database, Optional, PrimaryKey, Required

from engine.store.columns import maybe, text

_RESULTS: Final = (
    """CREATE TABLE executions (
        id VARCHAR(64) NOT NULL PRIMARY KEY,
        batch_id VARCHAR(255) NOT NULL,
        sequence_name VARCHAR(255) NOT NULL,
        sequence_version VARCHAR(64) NOT NULL,
        status VARCHAR(16) NOT NULL,
        verdict VARCHAR(16),
        overall_pass BOOLEAN NOT NULL DEFAULT FALSE,
        parameters TEXT NOT NULL DEFAULT '{}',
        started_at DATETIME,
        completed_at DATETIME,
        duration FLOAT,
        synced_at DATETIME,
        reason TEXT,
        is_simulated BOOLEAN NOT NULL DEFAULT FALSE,
        package_hash VARCHAR(64) NOT NULL DEFAULT '',
        serial VARCHAR(255) NOT NULL DEFAULT '',
        operator VARCHAR(255) NOT NULL DEFAULT '',
        last_seq INTEGER NOT NULL,
        needs_cleanup BOOLEAN NOT NULL DEFAULT FALSE
    )""",
    # Each ends in the row's number, so that a page far down a list is found in the index alone.
    "CREATE INDEX idx_executions__started_at ON executions (started_at)",
    "CREATE INDEX idx_executions__batch_id ON executions (batch_id, started_at)",
    "CREATE INDEX idx_executions__sequence_name ON executions (sequence_name, started_at)",
    "CREATE INDEX idx_executions__serial ON executions (serial, started_at)",
    "CREATE INDEX idx_executions__status ON executions (status, started_at)",
    "CREATE INDEX idx_executions__overall_pass ON executions (overall_pass, started_at)",
    """CREATE TABLE step_results (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        execution_id VARCHAR(64) NOT NULL REFERENCES executions (id),
        step_order INTEGER NOT NULL,
        name VARCHAR(255) NOT NULL,
        path TEXT NOT NULL,
        title TEXT NOT NULL DEFAULT '',
        status VARCHAR(16) NOT NULL,
        pass BOOLEAN NOT NULL DEFAULT FALSE,
        verdict VARCHAR(16),
        started_at DATETIME,
        completed_at DATETIME,
        duration FLOAT,
        result TEXT NOT NULL DEFAULT '{}',
        measurements TEXT NOT NULL DEFAULT '[]',
        error TEXT,
        attempts INTEGER NOT NULL DEFAULT 1,
        is_cleanup BOOLEAN NOT NULL DEFAULT FALSE
    )""",
    "CREATE UNIQUE INDEX unq_step_results__order ON step_results (execution_id, step_order)",
    # What the backend has not got yet: a row here and the result it names are one commit.
    """CREATE TABLE sync_queue (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        execution_id VARCHAR(64) NOT NULL UNIQUE REFERENCES executions (id),
        created_at DATETIME NOT NULL,
        retry_count INTEGER NOT NULL DEFAULT 0,
        last_error TEXT,
        may_have_arrived BOOLEAN NOT NULL DEFAULT FALSE,
        rejected_reason TEXT,
        rejected_at DATETIME
    )""",
    """CREATE TABLE audit_log (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        at DATETIME NOT NULL,
        actor VARCHAR(255) NOT NULL,
        action VARCHAR(64) NOT NULL,
        batch_id VARCHAR(255) NOT NULL DEFAULT '',
        detail TEXT NOT NULL DEFAULT '{}',
        outcome TEXT NOT NULL DEFAULT ''
    )""",
    "CREATE INDEX idx_audit_log__at ON audit_log (at)",
)

STATION_MIGRATIONS: Final = (_RESULTS,)


class StationEntities(NamedTuple):
    """The entities of one station's database."""

    execution: Any
    step: Any
    queued: Any
    audit: Any


def define_station(database: Database) -> StationEntities:
    """Declare the entities on an unbound database; texts are never stripped, times are ISO 8601 texts in UTC."""

    class Execution(database.Entity):  # type: ignore[misc]  # Pony is untyped
        _table_ = "executions"
        id = PrimaryKey(str, autostrip=False)
        batch_id = text()
        sequence_name = text()
        sequence_version = text()
        status = text()
        verdict = maybe()
        overall_pass = Required(bool, default=False)
        parameters = text()
        started_at = maybe()
        completed_at = maybe()
        duration = Optional(float)
        synced_at = maybe()
        reason = maybe()
        is_simulated = Required(bool, default=False)
        package_hash = text()
        serial = text()
        operator = text()
        last_seq = Required(int)
        needs_cleanup = Required(bool, default=False)

    class Step(database.Entity):  # type: ignore[misc]  # Pony is untyped
        _table_ = "step_results"
        execution_id = text()
        step_order = Required(int)
        name = text()
        path = text()
        title = text()
        status = text()
        passed = Required(bool, default=False, column="pass")
        verdict = maybe()
        started_at = maybe()
        completed_at = maybe()
        duration = Optional(float)
        result = text()
        measurements = text()
        error = maybe()
        attempts = Required(int, default=1)
        is_cleanup = Required(bool, default=False)

    class Queued(database.Entity):  # type: ignore[misc]  # Pony is untyped
        _table_ = "sync_queue"
        execution_id = text()
        created_at = text()
        retry_count = Required(int, default=0)
        last_error = maybe()
        may_have_arrived = Required(bool, default=False)
        rejected_reason = maybe()
        rejected_at = maybe()

    class Audit(database.Entity):  # type: ignore[misc]  # Pony is untyped
        _table_ = "audit_log"
        at = text()
        actor = text()
        action = text()
        batch_id = text()
        detail = text()
        outcome = text()

    return StationEntities(Execution, Step, Queued, Audit)
