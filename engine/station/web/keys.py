"""Keys that callers show: made at random, kept as hashes, compared in constant time. No key itself is ever stored."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from engine.errors import EngineError
from engine.station.durable import write_whole

FILE: Final = "keys.json"
_SECRET_FILE: Final = "session.key"  # noqa: S105 - a file's name
_PREFIX: Final = "slk_"  # so that a key is known for one where it turns up
_BYTES: Final = 32


class KeyRingError(EngineError):
    """A key cannot be made or taken away, or the file of keys cannot be read."""


@dataclass(frozen=True, slots=True)
class StoredKey:
    """What is kept of a key. A SHA-256 is enough: nobody guesses 256 random bits, however fast they try."""

    name: str
    sha256: str
    created_at: str


class KeyRing:
    """The keys of one station, in a file that ``engine station key`` changes while the station runs."""

    def __init__(self, data: Path) -> None:
        self._file = data / FILE
        self._seen: tuple[int, int] | None = None
        self._keys: tuple[StoredKey, ...] = ()

    @property
    def keys(self) -> tuple[StoredKey, ...]:
        """All of them. Raises KeyRingError when the file cannot be read."""
        try:
            facts = self._file.stat()
        except FileNotFoundError:
            self._seen, self._keys = None, ()
            return ()
        seen = (facts.st_mtime_ns, facts.st_ino)
        if seen != self._seen:
            self._keys = _read(self._file)
            self._seen = seen
        return self._keys

    def new(self, name: str, now: datetime) -> str:
        """Make a key; it is shown this once. Raises KeyRingError when the name is taken."""
        if any(one.name == name for one in self.keys):
            raise KeyRingError(f"there is a key called '{name}' already; take it away first, or choose another name")
        key = _PREFIX + secrets.token_urlsafe(_BYTES)
        self._write((*self.keys, StoredKey(name, _hash(key), now.isoformat(timespec="seconds"))))
        return key

    def revoke(self, name: str) -> None:
        """Take a key away. Raises KeyRingError when there is none of this name."""
        if all(one.name != name for one in self.keys):
            known = ", ".join(one.name for one in self.keys) or "none"
            raise KeyRingError(f"no key is called '{name}'; there are {known}")
        self._write(tuple(one for one in self.keys if one.name != name))

    def owner(self, key: str) -> str | None:
        """Whose key this is. Takes the same time for every wrong one."""
        given, found = _hash(key), None
        for one in self.keys:
            if hmac.compare_digest(one.sha256, given):
                found = one.name
        return found

    def mark(self, name: str) -> str | None:
        """What tells the key of this name from every other that has had it; None when it is not there (any more)."""
        return next((one.sha256 for one in self.keys if one.name == name), None)

    def session_secret(self) -> bytes:
        """What sessions are signed with; made when it is wanted first."""
        file = self._file.with_name(_SECRET_FILE)
        try:
            found = file.read_bytes()
        except FileNotFoundError:
            found = secrets.token_bytes(_BYTES)
            write_whole(file, found)
        return found

    def _write(self, keys: tuple[StoredKey, ...]) -> None:
        text = json.dumps([asdict(one) for one in keys], ensure_ascii=False, indent=1)
        try:
            write_whole(self._file, text.encode())
        except OSError as error:
            raise KeyRingError(f"{self._file} cannot be written: {error.strerror or error}") from error
        self._seen = None


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _read(file: Path) -> tuple[StoredKey, ...]:
    try:
        return tuple(StoredKey(**one) for one in json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise KeyRingError(f"{file} is no file of keys: {error}") from error
