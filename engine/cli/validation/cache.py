"""Remembers checks on disk, so that what has not changed is not checked again.

An entry is good for one program (all sources that take part in a check), one set of bindings, and the very content of
every file that was read for it; it holds the digests of those and is not believed when one differs.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeVar

Value = TypeVar("Value")

# Whatever a check runs: a change in any of these files makes all entries worthless.
_PACKAGES: Final = ("engine/bindings", "engine/chart", "engine/documents", "engine/sequence", "engine/cli/validation")
_ROOTS: Final = ("engine", "machines", "parsers", "schemas")  # their own files, without what is below
_SUFFIXES: Final = (".py", ".yaml", ".json")
_BOM: Final = b"\xef\xbb\xbf"
_MOST_ENTRIES: Final = 4_000
_FORMAT: Final = 1


def digest(content: bytes) -> str:
    """The digest of a file's content; a byte order mark makes no difference to what is read."""
    return hashlib.sha256(content.removeprefix(_BOM)).hexdigest()


@lru_cache
def program_digest() -> str:
    """The digest of the program itself."""
    root = Path(__file__).parents[3]
    found = hashlib.sha256(f"{_FORMAT} {sys.version_info}".encode())
    for path in _program_files(root):
        found.update(path.as_posix().encode())
        found.update(path.read_bytes())
    return found.hexdigest()


def _program_files(root: Path) -> Iterable[Path]:
    for package in _PACKAGES:
        for folder, folders, names in os.walk(root / package):
            folders.sort()
            yield from (Path(folder, name) for name in sorted(names) if name.endswith(_SUFFIXES))
    for package in _ROOTS:
        yield from sorted(path for path in (root / package).iterdir() if path.suffix in _SUFFIXES)


class Cache:
    """Entries by name in one folder. Nothing about it is ever an error: what cannot be kept is checked again."""

    def __init__(self, folder: Path, key: str) -> None:
        self._folder = folder
        self._key = key
        self._digests: dict[str, str | None] = {}  # of the files, at this run

    def load(self, read: Callable[[Any], Value], *name: str) -> Value | None:
        """The value kept under a name, when everything it was made of is as it was; ``read`` makes it of its JSON."""
        try:
            entry = json.loads(self._path(name).read_bytes())
            files: Mapping[str, str] = entry["files"]
            if all(self._digest(path) == known for path, known in files.items()):
                return read(entry["value"])
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            pass  # there is none, or somebody spoilt it
        return None

    def save(self, value: object, files: Mapping[str, str], *name: str) -> None:
        """Keep a value that was made of ``files`` (their paths and digests)."""
        path = self._path(name)
        content = json.dumps({"files": files, "value": value}, ensure_ascii=False)
        temporary = path.with_suffix(f".{os.getpid()}")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._make_room()
            temporary.write_text(content, encoding="utf-8")
            temporary.replace(path)
        except (OSError, ValueError):
            return

    def _make_room(self) -> None:
        """Forget everything when very much is kept: most of it is of programs and files that are gone."""
        entries = list(self._folder.iterdir())
        if len(entries) >= _MOST_ENTRIES:
            for entry in entries:
                entry.unlink(missing_ok=True)

    def _path(self, name: Iterable[str]) -> Path:
        text = json.dumps([self._key, *name])
        return self._folder / f"{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}.json"

    def _digest(self, path: str) -> str | None:
        if path not in self._digests:
            try:
                self._digests[path] = digest(Path(path).read_bytes())
            except (OSError, ValueError):
                self._digests[path] = None
        return self._digests[path]


def default_folder() -> Path:
    """Where the platform keeps what a program may forget."""
    from platformdirs import PlatformDirs

    return PlatformDirs("scaleledger", appauthor=False).user_cache_path / "validate"
