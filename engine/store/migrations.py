"""The tables, as numbered steps. A database says which step it is at; what is missing is done in one transaction.

The steps are written once, in the SQL that SQLite and PostgreSQL share, with SQLite's type names; a step that was
shipped never changes. SQLite keeps the number in ``PRAGMA user_version``, PostgreSQL in the table ``schema_version``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

import structlog

from engine.ports import StoreError

log = structlog.get_logger(__name__)

_REQUIRED_TABLES: Final = (  # 4.1 and 4.2 of the requirements, to the letter
    """CREATE TABLE gateway (
        mac_address VARCHAR(17) NOT NULL PRIMARY KEY,
        hostname VARCHAR(255) NOT NULL,
        ip_address VARCHAR(15) NOT NULL,
        access_token VARCHAR(64),
        status VARCHAR(10) NOT NULL DEFAULT '',
        last_heartbeat DATETIME,
        created_at DATETIME NOT NULL,
        updated_at DATETIME NOT NULL
    )""",
    """CREATE TABLE weighing_records (
        uuid CHAR(36) NOT NULL PRIMARY KEY,
        rfid_uid VARCHAR(50) NOT NULL,
        weight FLOAT NOT NULL,
        measured_at DATETIME NOT NULL,
        is_sent BOOLEAN NOT NULL DEFAULT FALSE
    )""",
    "CREATE INDEX idx_weighing_records__is_sent ON weighing_records (is_sent)",
)

_EVIDENCE_AND_OUTBOX: Final = (
    "ALTER TABLE gateway ADD COLUMN gateway_id VARCHAR(255)",
    "ALTER TABLE gateway ADD COLUMN approved_at DATETIME",
    "UPDATE gateway SET approved_at = updated_at WHERE access_token IS NOT NULL",
    "ALTER TABLE weighing_records ADD COLUMN weight_text VARCHAR(50) NOT NULL DEFAULT ''",
    # Step 1 knew one unit.
    "ALTER TABLE weighing_records ADD COLUMN unit VARCHAR(10) NOT NULL DEFAULT 'kg'",
    "ALTER TABLE weighing_records ADD COLUMN line VARCHAR(255) NOT NULL DEFAULT ''",
    "ALTER TABLE weighing_records ADD COLUMN raw_frame BLOB",
    "ALTER TABLE weighing_records ADD COLUMN chart VARCHAR(255) NOT NULL DEFAULT ''",
    "ALTER TABLE weighing_records ADD COLUMN chart_version VARCHAR(255) NOT NULL DEFAULT ''",
    "ALTER TABLE weighing_records ADD COLUMN sequence BIGINT",
    "ALTER TABLE weighing_records ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE weighing_records ADD COLUMN may_have_arrived BOOLEAN NOT NULL DEFAULT FALSE",
    "ALTER TABLE weighing_records ADD COLUMN last_error TEXT",
    "ALTER TABLE weighing_records ADD COLUMN rejected_reason TEXT",
    "ALTER TABLE weighing_records ADD COLUMN rejected_at DATETIME",
    "ALTER TABLE weighing_records ADD COLUMN sent_at DATETIME",
    "ALTER TABLE weighing_records ADD COLUMN created_at DATETIME NOT NULL DEFAULT ''",
    """UPDATE weighing_records SET
        weight_text = CAST(weight AS TEXT),
        created_at = measured_at,
        sequence = numbered.place
    FROM (SELECT uuid, row_number() OVER (ORDER BY measured_at, uuid) AS place FROM weighing_records) AS numbered
    WHERE numbered.uuid = weighing_records.uuid""",
    "CREATE UNIQUE INDEX unq_weighing_records__sequence ON weighing_records (sequence)",
    # The outbox is asked for what is unsent and not parked, oldest first: one index answers without sorting.
    "DROP INDEX idx_weighing_records__is_sent",
    "CREATE INDEX idx_weighing_records__is_sent ON weighing_records (is_sent, rejected_at, sequence)",
    # The highest sequence number ever given, so that none is given twice even if the newest record were pruned.
    "CREATE TABLE store_counters (name VARCHAR(50) NOT NULL PRIMARY KEY, value BIGINT NOT NULL)",
    "INSERT INTO store_counters SELECT 'weighing_records', COALESCE(MAX(sequence), 0) FROM weighing_records",
)

_WHAT_OUTLIVES_A_MACHINE: Final = (
    """CREATE TABLE machine_snapshots (
        machine VARCHAR(255) NOT NULL PRIMARY KEY,
        document TEXT NOT NULL,
        saved_at DATETIME NOT NULL
    )""",
    """CREATE TABLE remembered (
        key VARCHAR(255) NOT NULL PRIMARY KEY,
        fields TEXT NOT NULL,
        expires_at DATETIME,
        saved_at DATETIME NOT NULL
    )""",
    "ALTER TABLE weighing_records ADD COLUMN extra TEXT NOT NULL DEFAULT '{}'",
    "ALTER TABLE weighing_records ADD COLUMN took VARCHAR(255)",
)

_CARDS: Final = (
    """CREATE TABLE cards (
        uid VARCHAR(50) NOT NULL PRIMARY KEY,
        name VARCHAR(255) NOT NULL DEFAULT '',
        active BOOLEAN NOT NULL DEFAULT TRUE,
        kind VARCHAR(255) NOT NULL DEFAULT '',
        extra TEXT NOT NULL DEFAULT '{}',
        updated_at DATETIME NOT NULL
    )""",
)

MIGRATIONS: Final = (_REQUIRED_TABLES, _EVIDENCE_AND_OUTBOX, _WHAT_OUTLIVES_A_MACHINE, _CARDS)
LATEST: Final = len(MIGRATIONS)

Migrations = Sequence[Sequence[str]]


def check_version(version: int, place: str, latest: int = LATEST) -> None:
    """Raise StoreError when a database is newer than this program."""
    if version > latest:
        raise StoreError(
            f"{place}: the database was written by a newer version of this program (tables of step {version}, this one "
            f"knows {latest}); nothing was touched: install that version again, or use another database"
        )


def upgrade_sqlite(connection: Any, place: str, migrations: Migrations = MIGRATIONS) -> None:
    """Bring a connection in autocommit mode to the latest step. Raises StoreError or sqlite3.Error; never half done."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    latest = len(migrations)
    check_version(version, place, latest)
    if version == latest:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in migrations[version:]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {latest}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    log.info("store.database.migrated", place=place, was=version, now=latest)


def upgrade_postgres(connection: Any, place: str) -> None:
    """Bring a psycopg2 connection to the latest step and commit. Raises StoreError or psycopg2.Error."""
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)")
    cursor.execute("SELECT max(version) FROM schema_version")
    version = cursor.fetchone()[0] or 0
    check_version(version, place)
    if version != LATEST:
        for statement in chain.from_iterable(MIGRATIONS[version:]):
            cursor.execute(_postgres_types(statement))
        cursor.execute("DELETE FROM schema_version")
        cursor.execute("INSERT INTO schema_version VALUES (%s)", (LATEST,))
        log.info("store.database.migrated", place=place, was=version, now=LATEST)
    connection.commit()


def _postgres_types(statement: str) -> str:
    # PostgreSQL enforces lengths, SQLite does not: a long token or status of the server must not fail on either.
    statement = re.sub(r"VARCHAR\(\d+\)|DATETIME", "TEXT", statement)
    return statement.replace("BLOB", "BYTEA")
