"""Changes of station.yaml by the API: only the batch in question, every comment and everybody's order kept.

A change is checked as a whole file before it takes the old one's place, in one step.
"""

from __future__ import annotations

import asyncio
import io
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

from engine.documents.language import language_from_env
from engine.documents.render import message
from engine.errors import DiagnosticError, EngineError
from engine.station.config import load_station
from engine.station.settings import BatchSettings, StationSettings

_REFERENCE: Final = re.compile(r"\$(\$\{)|\$\{([^}\n]*)")  # as ``engine.documents.environment`` reads them


class EditError(EngineError):
    """The file cannot be changed like that; the text says why."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A whole new file beside the old one, checked. ``commit`` puts it in its place, ``drop`` throws it away."""

    settings: StationSettings
    _new: Path
    _path: Path

    def batch(self, batch_id: str) -> BatchSettings:
        """A batch as the new file has it."""
        return next(one for one in self.settings.batches if one.id == batch_id)

    def commit(self) -> None:
        """From now on it holds. Raises EditError."""
        try:
            self._new.replace(self._path)
        except OSError as error:
            raise EditError(f"{self._path} cannot be written: {error.strerror or error}") from error

    def drop(self) -> None:
        """Nothing has happened. Harmless after ``commit``."""
        self._new.unlink(missing_ok=True)


class StationFile:
    """One station.yaml. ``env`` is what its ``${NAME}`` are looked up in."""

    def __init__(self, path: Path, env: Mapping[str, str]) -> None:
        self._path, self._env = path, env
        self._seen: tuple[int, int, int] | None = None
        self._written: Mapping[str, Mapping[str, Any]] = {}

    async def written(self, batch_id: str) -> Mapping[str, Any] | None:
        """What the file says of a batch, with ``${NAME}`` where a variable stands. Never a secret that one holds."""
        state = self._state()
        if state is None or state != self._seen:
            # A tenth of a second for fifty batches: not in the loop, and not for every question.
            self._written = await asyncio.to_thread(self._read_all)
            self._seen = state
        return self._written.get(batch_id)

    def _state(self) -> tuple[int, int, int] | None:
        """What is another when the file is; None when there is none."""
        try:
            facts = self._path.stat()
        except OSError:
            return None
        return facts.st_mtime_ns, facts.st_size, facts.st_ino

    def _read_all(self) -> Mapping[str, Mapping[str, Any]]:
        try:
            batches = _batches(self._read())
        except EditError:
            return {}
        return {str(one.get("id")): _plain(one) for one in batches if isinstance(one, CommentedMap)}

    def add(self, batch_id: str, values: Mapping[str, Any]) -> Draft:
        """Put a batch at the end. Raises EditError."""

        def change(batches: CommentedSeq) -> None:
            batches.append(CommentedMap({"id": batch_id, **values}))

        return self._change(change)

    def replace(self, batch_id: str, values: Mapping[str, Any], usual: Mapping[str, Any]) -> Draft:
        """Say these things of a batch, and leave what else the file says of it. Raises EditError.

        What the file does not say is not said where it is ``usual``.
        """

        def change(batches: CommentedSeq) -> None:
            batch = _needed(batches, batch_id)
            for name, value in values.items():
                if _plain(batch[name] if name in batch else usual.get(name)) != value:
                    batch[name] = value

        return self._change(change)

    def remove(self, batch_id: str) -> Draft:
        """Take a batch out. Raises EditError."""

        def change(batches: CommentedSeq) -> None:
            batches.remove(_needed(batches, batch_id))

        return self._change(change)

    def _change(self, change: Callable[[CommentedSeq], None]) -> Draft:
        document = self._read()
        before = _variables(document)
        change(_batches(document))
        _refuse_strangers(_variables(document) - before)
        out = io.StringIO()
        _yaml().dump(document, out)
        return self._write(out.getvalue())

    def _read(self) -> CommentedMap:
        try:
            document = _yaml().load(self._path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, YAMLError) as error:
            raise EditError(f"{self._path} cannot be read: {error}") from error
        if not isinstance(document, CommentedMap):
            raise EditError(f"{self._path} is no station's file any more")
        return document

    def _write(self, text: str) -> Draft:
        new = self._path.with_name(f".{self._path.name}.{os.getpid()}.new")
        try:
            mode = stat.S_IMODE(self._path.stat().st_mode)
            handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                out.write(text)
                out.flush()
                os.fsync(out.fileno())
            return Draft(load_station(new, self._env), new, self._path)
        except DiagnosticError as error:
            new.unlink(missing_ok=True)
            language = language_from_env()
            raise EditError("; ".join(message(one, language) for one in error.diagnostics)) from error
        except OSError as error:
            new.unlink(missing_ok=True)
            raise EditError(f"{self._path} cannot be written: {error.strerror or error}") from error


def _variables(document: CommentedMap) -> set[tuple[str, str]]:
    """The ``${NAME}`` of all batches, each with the part of a batch that it stands in."""
    return {
        (part, found[2])
        for batch in _batches(document)
        if isinstance(batch, CommentedMap)
        for part, value in batch.items()
        for text in _texts(value)
        for found in _REFERENCE.finditer(text)
        if found[2] is not None
    }


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(inner)


def _refuse_strangers(variables: set[tuple[str, str]]) -> None:
    """Names and parameters are told to everybody: whoever may change a batch must not read the environment by it."""
    for part, name in sorted(variables):
        raise EditError(
            f"{part}: '${{{name}}}' stands nowhere in the file like that; write a new variable there by hand"
        )


def _yaml() -> YAML:
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 4096  # no line is broken that was not
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _batches(document: CommentedMap) -> CommentedSeq:
    batches = document.get("batches")
    if batches is None:
        batches = document["batches"] = CommentedSeq()
    if not isinstance(batches, CommentedSeq):
        raise EditError("'batches' is no list any more")
    return batches


def _find(batches: CommentedSeq, batch_id: str) -> CommentedMap | None:
    return next((one for one in batches if isinstance(one, CommentedMap) and str(one.get("id")) == batch_id), None)


def _needed(batches: CommentedSeq, batch_id: str) -> CommentedMap:
    batch = _find(batches, batch_id)
    if batch is None:
        raise EditError(f"the file has no batch '{batch_id}' any more")
    return batch


def _plain(value: Any) -> Any:
    """A value of the file without what ruamel knows of its looks."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return str(value)
