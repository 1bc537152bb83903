"""PostgreSQL beneath the ledger: one connection, held for as long as the store is open, with an advisory lock on it."""

from __future__ import annotations

import contextlib
import os
from typing import Any, Final

from engine.ports import StoreError, StoreFullError, StoreLockedError
from engine.store.backend import causes
from engine.store.migrations import upgrade_postgres
from engine.store.urls import PostgresTarget

_LOCK_KEY: Final = 0x5CA1_E1ED  # one ledger in one database; advisory locks are per database
_DISK_FULL: Final = "53100"
_LOGIN_REFUSED: Final = ("28000", "28P01")
_CONNECTION: Final = {
    "connect_timeout": 10,
    # A peer that vanished is noticed within two minutes, on both ends of the lock.
    "keepalives_idle": 60,
    "keepalives_interval": 20,
    "keepalives_count": 3,
}


class PostgresBackend:
    """One PostgreSQL database. The lock is on the one connection: it ends with it, and with the process."""

    def __init__(self, target: PostgresTarget) -> None:
        self.place = target.place
        self.journal_directory = target.journal_parent / f"{target.database}.journal"
        self.failures: tuple[type[Exception], ...] = (OSError,)
        self._target = target
        self._pool: Any = None

    def claim(self) -> None:
        """Look whether the driver is there; the lock itself is taken with the connection."""
        if not self.journal_directory.parent.is_dir():
            raise StoreError(f"the folder '{self.journal_directory.parent}' for the journal does not exist; create it")
        try:
            import pony.orm.dbproviders.postgres as provider
        except ImportError:
            raise StoreError(
                f"{self.place}: PostgreSQL needs the driver psycopg2; "
                "install it with 'pip install psycopg2-binary', or use sqlite:///ledger.sqlite"
            ) from None
        self.failures = (OSError, provider.psycopg2.Error)

    def bind(self, database: Any) -> None:
        """Connect through Pony, take the lock and bring the tables up to date."""
        import pony.orm.dbproviders.postgres as provider

        backend = self

        class Pool(provider.PGPool):  # type: ignore[misc]  # Pony is untyped
            """Pony's pool, but its DISCARD ALL after every session would give the advisory lock away."""

            def _connect(self) -> None:
                super()._connect()
                try:
                    backend.prepare(self.con)
                except BaseException:
                    self.disconnect()  # a connection without the lock must not be used later
                    raise

            def release(self, con: Any) -> None:
                try:
                    con.rollback()
                    con.autocommit = False
                except BaseException:
                    self.drop(con)
                    raise

        class Provider(provider.PGProvider):  # type: ignore[misc]  # Pony is untyped
            def get_pool(self, *args: Any, **options: Any) -> Any:
                backend._pool = Pool(self.dbapi_module, *args, **options)
                return backend._pool

        name = f"scaleledger-engine process {os.getpid()}"
        database.bind(Provider, self._target.dsn, application_name=name, **_CONNECTION)

    def prepare(self, connection: Any) -> None:
        """Lock, durable commits, tables: for a new connection, and after a lost one. Raises StoreLockedError."""
        cursor = connection.cursor()
        cursor.execute("SET synchronous_commit TO on")
        cursor.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK_KEY,))
        if not cursor.fetchone()[0]:
            cursor.execute(
                "SELECT coalesce(nullif(a.application_name, ''), 'a program'),"
                " coalesce(host(a.client_addr), 'this host')"
                " FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid"
                " WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 0 AND l.objid = %s"
                " AND a.datname = current_database()",
                (_LOCK_KEY,),
            )
            name, host = cursor.fetchone() or ("a program", "an unknown host")
            raise StoreLockedError(
                f"{self.place}: another service has this database open ({name} on {host}); "
                "stop it first, or give this one a store.url of its own"
            )
        upgrade_postgres(connection, self.place)

    def explain(self, error: Exception) -> StoreError:
        """A psycopg2 error as one that says what, where and how to mend."""
        for cause in causes(error):
            if isinstance(cause, StoreError):
                return cause
            if hasattr(cause, "pgcode"):
                return self._explain(cause.pgcode, str(cause).strip())
        return StoreError(f"{self.place}: the database refused: {error}")

    def make_room(self) -> bool:
        """The disk is the server's: nothing to free from here."""
        return False

    def keep_room(self) -> None:
        """The disk is the server's: nothing to keep on it."""

    def release(self) -> None:
        """Close the connection, and the lock with it."""
        pool, self._pool = self._pool, None
        if pool is not None:
            with contextlib.suppress(*self.failures):  # a connection that is dead already
                pool.disconnect()

    def _explain(self, code: str | None, message: str) -> StoreError:
        if code == _DISK_FULL:
            return StoreFullError(f"{self.place}: the server's disk is full; nothing was saved: free some room on it")
        if code is None:  # no answer of a server: it is gone, or was never there
            return StoreError(f"{self.place}: the server cannot be used: {message}; start it, or look at store.url")
        if code in _LOGIN_REFUSED:
            return StoreError(f"{self.place}: the server refuses the login: {message}; look at store.url's user")
        return StoreError(f"{self.place}: the database refused: {message} (SQLSTATE {code})")
