"""What the ledger asks of a database beneath it; SQLite and PostgreSQL answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from engine.ports import StoreError


class Backend(Protocol):
    """One database, used by one thread: claimed, bound to Pony, and released."""

    place: str  # what a message calls it; holds no password
    journal_directory: Path
    failures: tuple[type[Exception], ...]  # what the driver raises beneath Pony's own exceptions

    def claim(self) -> None:
        """Make sure that nobody else has it. Raises StoreLockedError, StoreError."""
        ...

    def bind(self, database: Any) -> None:
        """Connect a ``pony.orm.Database`` and bring the tables up to date. Raises StoreError or a driver's error."""
        ...

    def explain(self, error: Exception) -> StoreError:
        """A driver's or Pony's error as one that says what, where and how to mend."""
        ...

    def make_room(self) -> bool:
        """Free what is kept in reserve on a full disk; False when there is nothing to free."""
        ...

    def keep_room(self) -> None:
        """Put the reserve back if it is gone and there is room. Never raises."""
        ...

    def release(self) -> None:
        """Close the connection and give the claim back. Harmless when it was never claimed."""
        ...


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what lies beneath it: Pony wraps the driver's, once or twice."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        current = waiting.pop(0)
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        wrapped = getattr(current, "exceptions", ())  # CommitException holds sys.exc_info() triples
        waiting += [getattr(current, "original_exc", None), current.__cause__, *(item[1] for item in wrapped)]
