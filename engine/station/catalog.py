"""The sequence packages of a station, as processes of their own describe them; asked anew when a file has changed."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import structlog

from engine.errors import EngineError
from machines import shipped_sequences

log = structlog.get_logger(__name__)

_WITHIN_S: Final = 30.0
_LARGEST: Final = 64 * 1024 * 1024  # bytes of an answer
_FILES: Final = frozenset({".yaml", ".yml", ".py"})

State = tuple[tuple[str, int, int], ...]


class CatalogError(EngineError):
    """The process that was to look did not answer, or could not do it."""


class Catalog:
    """``folders`` are ``paths.sequences``."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)
        self._lock = asyncio.Lock()
        self._state: State | None = None
        self._known: dict[str, Mapping[str, Any]] = {}
        self._drawn: dict[str, str] = {}

    async def all(self) -> Sequence[Mapping[str, Any]]:
        """Every package, also those that are broken (``problems``). Raises CatalogError."""
        async with self._lock:
            await self._look()
            return list(self._known.values())

    async def find(self, name: str) -> Mapping[str, Any] | None:
        """One package. Raises CatalogError."""
        async with self._lock:
            await self._look()
            return self._known.get(name)

    async def drawing(self, package: str) -> str:
        """The SVG of a package's chart (``batch``: of a batch's life), nothing lit. Raises CatalogError."""
        async with self._lock:
            await self._look()
            if package not in self._drawn:
                asked = {"draw": package, "folders": [str(folder) for folder in self._folders]}
                self._drawn[package] = str((await _ask(asked))["svg"])
            return self._drawn[package]

    async def misfits(self, file: Path, env: Mapping[str, str], batch_id: str) -> Sequence[Mapping[str, str]]:
        """What of a batch in a station's file does not fit its sequence: field, message, code. Raises CatalogError."""
        found = await _ask({"check": str(file), "env": dict(env), "batch": batch_id})
        problems: Sequence[Mapping[str, str]] = found["problems"]
        return problems

    async def _look(self) -> None:
        state = await asyncio.to_thread(self._files)
        if state == self._state:
            return
        found = await _ask({"list": [str(folder) for folder in self._folders]})
        self._known = {one["name"]: one for one in found["sequences"]}
        self._drawn.clear()
        self._state = state
        log.info("station.sequences.found", sequences=" ".join(self._known))

    def _files(self) -> State:
        """Every file that a package may be read from, with its time and size."""
        shipped = [Path(str(one)) for one in shipped_sequences().values()]
        found = []
        for folder in (*self._folders, *shipped):
            for file in folder.rglob("*"):
                if file.suffix in _FILES and file.is_file():
                    facts = file.stat()
                    found.append((str(file), facts.st_mtime_ns, facts.st_size))
        return tuple(sorted(found))


async def _ask(question: Mapping[str, Any]) -> Mapping[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "engine.station.describe",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        limit=_LARGEST,
    )  # fmt: skip
    try:
        async with asyncio.timeout(_WITHIN_S):
            out, _ = await process.communicate(json.dumps(question).encode() + b"\n")
    except TimeoutError:
        raise CatalogError(f"looking at the sequences took longer than {_WITHIN_S:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    try:
        answer: Mapping[str, Any] = json.loads(out)
    except ValueError:
        raise CatalogError(f"the sequences could not be looked at (exit code {process.returncode})") from None
    if "error" in answer:
        raise CatalogError(str(answer["error"]))
    return answer
