"""SQLite beneath the ledger: one file, write-ahead log, every commit on the disk before it is answered."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any, Final

import structlog

from engine.clock import Clock
from engine.ports import StoreError, StoreFullError
from engine.store.backend import causes
from engine.store.ballast import Ballast
from engine.store.files import sync_directory
from engine.store.lock import HolderLock
from engine.store.migrations import MIGRATIONS, Migrations, check_version, upgrade_sqlite

log = structlog.get_logger(__name__)

_BUSY_S: Final = 5.0  # how long a reader from outside (sqlite3, a backup tool) may hold us up
_WAL_BYTES: Final = 3 << 20  # checkpoints are then rarer than one commit in a hundred
_PAGE: Final = 4_096
BALLAST_BYTES: Final = 2 * _WAL_BYTES  # room for some four thousand records
_CHECKED_BYTES: Final = 32 << 20  # a larger file is not read through at every start
_FULL_BYTES: Final = 64 << 10  # less than this free: an I/O error means a full disk


class SqliteBackend:
    """A database file with its lock, its reserve of room and its single connection."""

    failures: tuple[type[Exception], ...] = (sqlite3.Error, OSError)

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        migrations: Migrations = MIGRATIONS,
        setting: str = "store.url",
        has_journal: bool = True,
    ) -> None:
        self._path = path
        self._migrations = migrations
        self._has_journal = has_journal  # of what was saved, beside it
        self._setting = setting  # where a person says which database it is
        self.place = str(path)
        self.journal_directory = path.with_name(path.name + ".journal")
        self._lock = HolderLock(path, setting)
        self._ballast = Ballast(path.with_name(path.name + ".ballast"), BALLAST_BYTES, clock)
        self._connection: sqlite3.Connection | None = None

    def claim(self) -> None:
        """Take the lock. Raises StoreLockedError, StoreError."""
        parent = self._path.parent
        if not parent.is_dir():
            raise StoreError(
                f"{self._path}: the folder '{parent}' does not exist; create it, or change {self._setting}"
            )
        if self._path.exists() and not self._path.is_file():
            raise StoreError(f"{self._path}: this is not a file; change {self._setting}")
        try:
            self._lock.acquire()
        except OSError as error:
            raise self.explain(error) from error

    def bind(self, database: Any) -> None:
        """Look at the file without touching it, then open it through Pony and bring the tables up to date."""
        self._disconnect()
        self._inspect()
        if not self._path.exists():
            # Ours alone to read: it holds the access token. WAL and shared memory inherit the mode.
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
            sync_directory(self._path.parent)

        @database.on_connect(provider="sqlite")  # type: ignore[untyped-decorator]  # inside a db_session WAL would fail
        def prepare(_database: Any, connection: sqlite3.Connection) -> None:
            self._connection = connection
            self._prepare(connection)

        database.bind("sqlite", filename=str(self._path), create_db=False, timeout=_BUSY_S)

    def explain(self, error: Exception) -> StoreError:
        """An sqlite3 or operating-system error as one that says what, where and how to mend."""
        for cause in causes(error):
            if isinstance(cause, StoreError):
                return cause
            if isinstance(cause, sqlite3.Error):
                return self._explain_sqlite(cause)
            if isinstance(cause, OSError):
                return self._explain_os(cause)
        return StoreError(f"{self._path}: the database refused: {error}")

    def make_room(self) -> bool:
        """Give up the ballast; the next commit also empties the write-ahead log, which failed until now."""
        return self._ballast.free()

    def keep_room(self) -> None:
        """Lay the ballast again when there is room."""
        self._ballast.lay()

    def release(self) -> None:
        """Close the connection (which empties and removes the write-ahead log) and unlock."""
        self._disconnect()
        self._lock.release()

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):  # every commit is in the file or its log already
                connection.close()

    def _inspect(self) -> None:
        if not self._path.exists() or self._path.stat().st_size == 0:
            return
        with contextlib.closing(sqlite3.connect(f"{self._path.as_uri()}?mode=ro", uri=True)) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            check_version(version, self.place, len(self._migrations))
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if version == 0 and tables:
                raise StoreError(f"{self._path}: the database belongs to another program; change {self._setting}")
            if self._path.stat().st_size <= _CHECKED_BYTES:
                (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
                if verdict != "ok":
                    raise self._damaged(verdict)

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute(f"PRAGMA busy_timeout = {int(_BUSY_S * 1000)}")
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise StoreError(
                f"{self._path}: this file system cannot keep a write-ahead log; put the database on a local disk"
            )
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_WAL_BYTES // _PAGE}")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}").fetchone()
        upgrade_sqlite(connection, self.place, self._migrations)

    def _explain_sqlite(self, error: sqlite3.Error) -> StoreError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte is the primary code
        if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and self._is_disk_full()):
            return self._full()
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return self._damaged(str(error))
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
            return StoreError(
                f"{self._path}: the database cannot be written ({error}); "
                f"give this user write permission on the file and its folder, or change {self._setting}"
            )
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return StoreError(
                f"{self._path}: another program kept the database locked for {_BUSY_S:g} s; end it and try again"
            )
        return StoreError(f"{self._path}: the database refused: {error}; look at the disk's health")

    def _explain_os(self, error: OSError) -> StoreError:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return self._full()
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            return StoreError(
                f"{self._path}: the folder cannot be written ({error.strerror}); "
                f"give this user write permission on it, or change {self._setting}"
            )
        return StoreError(f"{self._path}: the file system refused: {error.strerror or error}")

    def _is_disk_full(self) -> bool:
        try:
            return shutil.disk_usage(self._path.parent).free < _FULL_BYTES
        except OSError:
            return False

    def _full(self) -> StoreFullError:
        return StoreFullError(
            f"{self._path}: the disk is full; nothing was saved: free some room on it and the next commit works again"
        )

    def _damaged(self, reason: str) -> StoreError:
        journal = f": what was weighed since is brought back from the journal in '{self.journal_directory}'"
        return StoreError(
            f"{self._path}: the database is damaged or no database at all ({reason}); move it aside and put a backup "
            f"in its place{journal if self._has_journal else ''}"
        )
