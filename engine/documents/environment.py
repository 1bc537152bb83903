"""Put environment variables into a document: ``${NAME}`` alone or in a text; ``$${`` is a plain ``${``.

What a variable holds is typed as if it stood in the file, but where the schema wants a text it is a text, and where it
wants a number, quotes do not matter: inside ``{}`` YAML itself demands them, as in ``{baudrate: "${BAUD}"}``.
Diagnostics show the value as the file has it, never what the environment held: that may be a password.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from engine.documents.scalars import NumberError, resolve
from engine.documents.schema import check
from engine.documents.tree import Document, Map, Mark, Seq, Value, value_position
from engine.errors import Diagnostic, Position

_REFERENCE: Final = re.compile(r"\$(\$\{)|\$\{([^}\n]*)(\}?)")
_TYPE_CODES: Final = frozenset({"wrong-type", "needs-quotes", "wrong-value"})
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class _Place:
    """A value that held a reference: where it is kept, how it was written, and what it has become."""

    owner: Map | Seq
    key: Any  # of the owner: a text or an index
    position: Position
    written: str
    text: str


class Substitution:
    """The variables of one document, put into it. ``problems`` names those that are missing."""

    def __init__(self, document: Document, env: Mapping[str, str]) -> None:
        self.document = document
        self.problems: list[Diagnostic] = []
        self._env = env
        self._places: list[_Place] = []
        self._failed: set[Position] = set()
        self._seen: set[int] = set()
        self._walk(document.data)

    def check(self, schema: Mapping[str, Any]) -> list[Diagnostic]:
        """Check the document against ``schema``; one from a variable that does not fit is tried as the other type."""
        findings = check(self.document, schema)
        mistyped = {finding.position for finding in findings if finding.code in _TYPE_CODES}
        candidates = [place for place in self._places if place.position in mistyped]
        for place in candidates:
            is_text = isinstance(place.owner[place.key], str)
            _set(place, _typed(place.text) if is_text else place.text)
        return check(self.document, schema) if candidates else findings

    def shown(self, findings: Iterable[Diagnostic]) -> list[Diagnostic]:
        """The findings fit to be seen: with variables as they are written, and none about a value that is missing."""
        written = {place.position: place for place in self._places}
        return [
            _unveiled(finding, written[finding.position]) if finding.position in written else finding
            for finding in findings
            if finding.position not in self._failed
        ]

    def _walk(self, value: Value) -> None:
        """Go over a collection once, however many aliases lead to it."""
        if not isinstance(value, Map | Seq) or id(value) in self._seen:
            return
        self._seen.add(id(value))
        for key, mark, member in _members(value):
            if not isinstance(member, str):
                self._walk(member)
            elif "${" in member:
                self._put(value, key, mark, member)

    def _put(self, owner: Map | Seq, key: str | int, mark: Mark, written: str) -> None:
        known = len(self.problems)
        text = _REFERENCE.sub(lambda match: self._replace(match, mark, written), written)
        if len(self.problems) > known:
            self._failed.add(value_position(mark))
            return
        place = _Place(owner, key, value_position(mark), written, text)
        self._places.append(place)
        _set(place, text if mark[5] else _typed(text))

    def _replace(self, match: re.Match[str], mark: Mark, written: str) -> str:
        if match[1]:
            return "${"
        name = match[2]
        if not match[3] or not _NAME.match(name):
            self._report("environment-syntax", mark, match, written, text=match[0])
        elif name not in self._env:
            self._report("environment-missing", mark, match, written, variable=name)
        else:
            return self._env[name]
        return ""

    def _report(self, code: str, mark: Mark, match: re.Match[str], written: str, **params: object) -> None:
        """Point at the reference itself where it stands on the line of its value; else at the value."""
        position = value_position(mark)
        line = self.document.lines[position.line - 1] if position.line <= len(self.document.lines) else ""
        earlier = written[: match.start()].count(match[0])
        at = position.column - 2
        for _ in range(earlier + 1):
            at = line.find(match[0], at + 1)
            if at < 0:
                break
        self.problems.append(Diagnostic(code, replace(position, column=at + 1) if at >= 0 else position, params))


def _members(value: Map | Seq) -> Iterator[tuple[str | int, Mark, Value]]:
    if isinstance(value, Map):
        return ((key, value.marks[key], member) for key, member in list(value.items()))
    return ((index, value.marks[index], member) for index, member in enumerate(list(value)))


def _typed(text: str) -> Value:
    try:
        return resolve(text.strip())
    except NumberError:
        return text


def _set(place: _Place, value: Value) -> None:
    place.owner[place.key] = value


def _unveiled(finding: Diagnostic, place: _Place) -> Diagnostic:
    """The finding with what came from the environment replaced by how it is written."""
    held = [text for text in (place.text, str(place.owner[place.key])) if text]
    params = dict(finding.params)
    for name, value in params.items():
        for text in held:
            if isinstance(value, str) and text in value:
                params[name] = value.replace(text, place.written)
                break
    return replace(finding, params=params)
