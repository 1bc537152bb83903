"""Where the local store is: ``store.url`` of site.yaml, taken apart."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from engine.ports import StoreError

_POSSIBLE = (
    "possible are sqlite:///ledger.sqlite (beside site.yaml), sqlite:////absolute/path/ledger.sqlite "
    "and postgresql://user:password@host:5432/database"
)


@dataclass(frozen=True, slots=True)
class SqliteTarget:
    """One SQLite file; ``path`` is absolute and free of links, so that two names of one file are one store."""

    path: Path


@dataclass(frozen=True, slots=True)
class PostgresTarget:
    """One PostgreSQL database. ``place`` is the URL without user and password, fit to be shown."""

    dsn: str
    place: str
    database: str
    journal_parent: Path


def parse_url(url: str, base_dir: Path) -> SqliteTarget | PostgresTarget:
    """Take ``store.url`` apart; a relative path counts from ``base_dir``. Raises StoreError naming what is possible."""
    scheme, separator, rest = url.partition("://")
    if separator and scheme == "sqlite":
        return _sqlite(url, rest, base_dir)
    if separator and scheme == "postgresql":
        return _postgres(url, base_dir)
    # A URL with an @ may hold a password: show its scheme only.
    shown = f"{scheme}://…" if "@" in url else url
    raise StoreError(f"store.url '{shown}' is not a store this program knows; {_POSSIBLE}")


def _sqlite(url: str, rest: str, base_dir: Path) -> SqliteTarget:
    if not rest.startswith("/"):
        raise StoreError(f"store.url '{url}' lacks a slash; write 'sqlite:///{rest or 'ledger.sqlite'}'")
    name = rest[1:]
    if not name or name.endswith("/"):
        raise StoreError(f"store.url '{url}' names no file; {_POSSIBLE}")
    if name == ":memory:":
        raise StoreError(f"store.url '{url}' would lose every record when the service ends; {_POSSIBLE}")
    if "?" in name or "\0" in name:
        raise StoreError(f"store.url '{url}' has something after the file's name; {_POSSIBLE}")
    return SqliteTarget((base_dir / name).resolve())


def _postgres(url: str, base_dir: Path) -> PostgresTarget:
    try:
        parts = urlsplit(url)
        port = parts.port or 5432
    except ValueError as error:
        raise StoreError(f"store.url 'postgresql://…' is malformed ({error}); {_POSSIBLE}") from error
    database = unquote(parts.path.removeprefix("/"))
    if not database or "/" in database:
        raise StoreError(f"store.url 'postgresql://{parts.hostname or '…'}' names no database; {_POSSIBLE}")
    place = f"postgresql://{parts.hostname or 'local socket'}:{port}/{database}"
    return PostgresTarget(url, place, database, base_dir.resolve())
