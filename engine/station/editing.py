"""Changes of station.yaml by the API: only the batch in question, every comment and everybody's order kept.

A change is checked as a whole file before it takes the old one's place, in one step. Where it cannot be made on the
lines of that batch alone (aliases, a list within brackets), the file is written anew, its comments with it.
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

from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

from engine.documents.language import language_from_env
from engine.documents.render import message
from engine.errors import DiagnosticError, EngineError
from engine.station.config import load_station
from engine.station.settings import BatchSettings, StationSettings
from engine.station.splice import Lines, yaml

_TRIES: Final = 3
_BATCHES: Final = "batches"
_MARK: Final = "\ufeff"  # before everything, as some editors for Windows write it
_REFERENCE: Final = re.compile(r"\$(\$\{)|\$\{([^}\n]*)")  # as ``engine.documents.environment`` reads them


class EditError(EngineError):
    """The file cannot be changed like that; the text says why."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A whole new file beside the old one, checked. ``commit`` puts it in its place, ``drop`` throws it away."""

    settings: StationSettings
    file: Path
    _path: Path
    _state: tuple[int, int, int] | None  # of the file that it was made of

    def batch(self, batch_id: str) -> BatchSettings:
        """A batch as the new file has it."""
        return next(one for one in self.settings.batches if one.id == batch_id)

    def is_current(self) -> bool:
        """Whether the file is still the one that this was made of."""
        return _state(self._path) == self._state

    def commit(self) -> None:
        """From now on it holds. Raises EditError, also when somebody else has changed the file since."""
        if not self.is_current():
            raise EditError(f"{self._path} has been changed by somebody else meanwhile; try again")
        try:
            self.file.replace(self._path)
        except OSError as error:
            raise EditError(f"{self._path} cannot be written: {error.strerror or error}") from error

    def drop(self) -> None:
        """Nothing has happened. Harmless after ``commit``."""
        self.file.unlink(missing_ok=True)


class StationFile:
    """One station.yaml. ``env`` is what its ``${NAME}`` are looked up in."""

    def __init__(self, path: Path, env: Mapping[str, str]) -> None:
        self.env = env
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._written: Mapping[str, Mapping[str, Any]] = {}

    async def written(self, batch_id: str) -> Mapping[str, Any] | None:
        """What the file says of a batch, with ``${NAME}`` where a variable stands. Never a secret that one holds."""
        state = _state(self._path)
        if state is None or state != self._seen:
            # A tenth of a second for fifty batches: not in the loop, and not for every question.
            self._written = await asyncio.to_thread(self._read_all)
            self._seen = state
        return self._written.get(batch_id)

    def _read_all(self) -> Mapping[str, Mapping[str, Any]]:
        try:
            batches = _batches(self._parsed(self._read()))
        except EditError:
            return {}
        return {str(one.get("id")): _plain(one) for one in batches if isinstance(one, CommentedMap)}

    def add(self, batch_id: str, values: Mapping[str, Any]) -> Draft:
        """Put a batch at the end. Raises EditError."""
        item = CommentedMap({"id": batch_id, **values})
        return self._change(
            lambda batches: batches.append(item),
            lambda lines, _batches: lines.appended(item),
        )

    def replace(self, batch_id: str, values: Mapping[str, Any], usual: Mapping[str, Any]) -> Draft:
        """Say these things of a batch, and leave what else the file says of it. Raises EditError.

        What the file does not say is not said where it is ``usual``.
        """

        def change(batch: CommentedMap) -> None:
            for name, value in values.items():
                if _plain(batch[name] if name in batch else usual.get(name)) != value:
                    batch[name] = value

        return self._change(
            lambda batches: change(batches[_index(batches, batch_id)]),
            lambda lines, batches: lines.changed(_index(batches, batch_id), change),
        )

    def remove(self, batch_id: str) -> Draft:
        """Take a batch out. Raises EditError."""
        return self._change(
            lambda batches: batches.pop(_index(batches, batch_id)),
            lambda lines, batches: lines.without(_index(batches, batch_id)),
        )

    def _change(
        self, change: Callable[[CommentedSeq], object], splice: Callable[[Lines, CommentedSeq], str | None]
    ) -> Draft:
        """A draft of the file as it is now; of the newer one when somebody saves another meanwhile."""
        for _ in range(_TRIES):
            draft = self._draft(change, splice)
            if draft.is_current():
                break
            draft.drop()
        return draft

    def _draft(
        self, change: Callable[[CommentedSeq], object], splice: Callable[[Lines, CommentedSeq], str | None]
    ) -> Draft:
        state, text = _state(self._path), self._read()
        ending = "\r\n" if "\r\n" in text else "\n"
        mark, plain = _MARK if text.startswith(_MARK) else "", text.removeprefix(_MARK).replace("\r\n", "\n")
        document = self._parsed(plain)
        before = _variables(document)
        spliced = splice(Lines(plain, _BATCHES), _batches(document))
        change(_batches(document))
        _refuse_strangers(_variables(document) - before)
        if spliced is None or not _says(spliced, document):
            out = io.StringIO()
            yaml().dump(document, out)
            spliced = out.getvalue()
        return self._write(mark + spliced.replace("\n", ending), state)

    def _read(self) -> str:
        try:
            return self._path.read_bytes().decode()
        except (OSError, UnicodeDecodeError) as error:
            raise EditError(f"{self._path} cannot be read: {error}") from error

    def _parsed(self, text: str) -> CommentedMap:
        try:
            document = yaml().load(text)
        except YAMLError as error:
            raise EditError(f"{self._path} cannot be read: {error}") from error
        if not isinstance(document, CommentedMap):
            raise EditError(f"{self._path} is no station's file any more")
        return document

    def _write(self, text: str, state: tuple[int, int, int] | None) -> Draft:
        new = self._path.with_name(f".{self._path.name}.{os.getpid()}.new")
        try:
            mode = stat.S_IMODE(self._path.stat().st_mode)
            handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
            with os.fdopen(handle, "wb") as out:
                out.write(text.encode())
                out.flush()
                os.fsync(out.fileno())
            return Draft(load_station(new, self.env), new, self._path, state)
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


def _state(path: Path) -> tuple[int, int, int] | None:
    """What is another when a file is; None when there is none."""
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_mtime_ns, facts.st_size, facts.st_ino


def _says(text: str, document: CommentedMap) -> bool:
    """Whether a text says what a document does."""
    try:
        return bool(_plain(yaml().load(text)) == _plain(document))
    except YAMLError:
        return False


def _batches(document: CommentedMap) -> CommentedSeq:
    batches = document.get(_BATCHES)
    if batches is None:
        batches = document[_BATCHES] = CommentedSeq()
    if not isinstance(batches, CommentedSeq):
        raise EditError("'batches' is no list any more")
    return batches


def _index(batches: CommentedSeq, batch_id: str) -> int:
    for index, one in enumerate(batches):
        if isinstance(one, CommentedMap) and str(one.get("id")) == batch_id:
            return index
    raise EditError(f"the file has no batch '{batch_id}' any more")


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
