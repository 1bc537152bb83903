"""Which guards, actions, services and protocols there are: the shipped ones, installed ones, and a site's own."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from engine.bindings.registry import Registry

_GROUP: Final = b"[scaleledger.bindings]"  # engine.bindings.discover.GROUP, as it stands in a package's metadata


def make_registry(files: Sequence[str]) -> Registry:
    """A registry with everything a chart of this site may name. Raises RegistryError."""
    from engine.bindings.shipped import shipped_registry

    registry = shipped_registry()
    if files or has_installed():
        from engine.bindings.discover import load_files, load_installed

        load_installed(registry)
        load_files(registry, map(Path, files))
    return registry


def bindings_digest(files: Sequence[str]) -> str:
    """What tells two sets of bindings apart; the shipped ones are part of the program. Raises RegistryError."""
    if not files and not has_installed():
        return "shipped"
    registry = make_registry(files)
    found = hashlib.sha256()
    for table in (registry.guards, registry.actions, registry.services, registry.protocols):
        for name, spec in sorted(table.items()):
            found.update(f"{name}={_plain(spec)};".encode())
    return found.hexdigest()


def _plain(value: object) -> object:
    """A spec as something whose repr is the same in every process."""
    if is_dataclass(value) and not isinstance(value, type):
        return [(field.name, _plain(getattr(value, field.name))) for field in fields(value)]
    if hasattr(value, "items"):
        return [(str(key), _plain(item)) for key, item in value.items()]
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return getattr(value, "__qualname__", None) or (repr(value) if _is_constant(value) else type(value).__name__)


def _is_constant(value: object) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


def has_installed() -> bool:
    """Whether any installed package adds bindings; a hundred times as fast as asking importlib.metadata."""
    return any(_GROUP in content for content in _entry_points(sys.path))


def _entry_points(folders: Iterable[str]) -> Iterator[bytes]:
    for folder in folders:
        try:
            entries = [entry.path for entry in os.scandir(folder or ".") if entry.name.endswith(("-info", ".egg"))]
        except OSError:
            continue
        for entry in entries:
            try:
                yield Path(entry, "entry_points.txt").read_bytes()
            except OSError:
                continue
