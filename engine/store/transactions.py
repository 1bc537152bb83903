"""One database through Pony: opened, read and written a transaction at a time, by the one thread that owns it.

What a database holds is a subclass's business: the ledger of a gateway, the results of a station.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from pony import orm
from pony.orm.dbapiprovider import DBException

from engine.clock import Clock
from engine.ports import StoreError, StoreFullError
from engine.store.backend import Backend
from engine.store.texts import utc_text

T = TypeVar("T")


class Transactions:
    """Every method of a subclass is one transaction. All raise StoreError; a failed one has changed nothing."""

    def __init__(self, backend: Backend, clock: Clock) -> None:
        self._backend = backend
        self._clock = clock
        self._database: Any = None

    def _define(self, database: Any) -> None:
        """Declare the entities on an unbound database and remember them."""
        raise NotImplementedError

    def _claim(self) -> None:
        """Take the database, which nobody else has, and connect; on a full disk with the help of its reserve."""
        self._backend.claim()
        try:
            self._connect()
        except StoreFullError:
            if not self._backend.make_room():
                raise
            self._connect()

    def _release(self) -> None:
        self._database = None
        self._backend.release()

    def _connect(self) -> None:
        database = orm.Database()
        self._define(database)
        try:
            self._backend.bind(database)
            # Pony's check of the tables would close the connection, and on PostgreSQL the lock with it; the tables'
            # step number says that they are ours.
            database.generate_mapping(check_tables=False)
        except (orm.OrmError, DBException, *self._backend.failures) as error:
            raise self._backend.explain(error) from error
        self._database = database

    def _read(self, work: Callable[[], T]) -> T:
        return self._in_session(orm.db_session(strict=True), work)

    def _write(self, work: Callable[[], T]) -> T:
        """One transaction; on a full disk the reserve is freed and the work done once more."""
        # Nobody else writes, so that Pony's optimistic checks of what was read have nothing to find.
        session = partial(orm.db_session, immediate=True, optimistic=False, strict=True)
        try:
            result = self._in_session(session(), work)
        except StoreFullError:
            if not self._backend.make_room():
                raise
            result = self._in_session(session(), work)
        self._backend.keep_room()
        return result

    def _in_session(self, session: Any, work: Callable[[], T]) -> T:
        if self._database is None:
            raise StoreError(f"{self._backend.place}: the store is closed")
        try:
            with session:
                return work()
        except StoreError:
            raise
        except (orm.OrmError, DBException, *self._backend.failures) as error:
            raise self._backend.explain(error) from error

    def _now(self) -> str:
        return utc_text(self._clock.now())
