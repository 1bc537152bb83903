"""Show a diagnostic to a person: where, what, the line with a caret under the place, and how to mend it."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Final

from engine.documents import catalog
from engine.documents.catalog import Language
from engine.documents.catalog.fill import fill, visible
from engine.documents.language import language_from_env
from engine.documents.tree import Document
from engine.errors import Diagnostic, Position

__all__ = ["cause", "language_from_env", "mend", "message", "render"]

_TAB: Final = 4  # shown width; the caret is placed by the same
_WIDEST_LINE: Final = 160  # characters of a source line that are shown
_BEFORE_CARET: Final = 100


def render(diagnostic: Diagnostic, source: Document | Sequence[str] | None, language: Language = "en") -> str:
    """The whole finding, several lines without a line end.

    ``source`` is the document (or its lines) that the position is in; without one the line and its caret are left out::

        site.yaml:12:18: error[unknown-protocol]: no protocol is called 'cas22'; did you mean 'cas-22'?
           12 |       scale: {port: COM3, protocol: cas22}
              |                                     ^
           mend: protocols are: aandd, cas-10, cas-22
    """
    position = diagnostic.position
    shown = [f"{position}: {diagnostic.severity}[{diagnostic.code}]: {message(diagnostic, language)}"]
    lines = source.lines if isinstance(source, Document) else source
    if lines is not None and 0 < position.line <= len(lines) and lines[position.line - 1].strip():
        shown += _excerpt(lines[position.line - 1], position)
    shown += [
        f"{place}: {catalog.phrase('note', language)}: {_note(note, language)}" for place, note in diagnostic.related
    ]
    advice = mend(diagnostic, language)
    if advice:
        shown.append(f"   {catalog.phrase('mend', language)}: {advice}")
    return "\n".join(shown)


def message(diagnostic: Diagnostic, language: Language = "en") -> str:
    """The sentence alone, on one line; for a code that the catalogue does not know, its parameters."""
    entry = catalog.entry(diagnostic.code, language)
    if entry is None:
        return visible(", ".join(f"{name}={value}" for name, value in diagnostic.params.items())) or diagnostic.code
    sentence = fill(entry.message, diagnostic.params, language)
    if diagnostic.params.get("guess"):
        separator = "; " if language == "en" else ". "
        sentence += separator + fill(catalog.phrase("did-you-mean", language), diagnostic.params, language)
    return sentence


def mend(diagnostic: Diagnostic, language: Language = "en") -> str:
    """What to do about it, on one line."""
    if diagnostic.params.get("write"):
        return fill(catalog.phrase("write-instead", language), diagnostic.params, language)
    entry = catalog.entry(diagnostic.code, language)
    return "" if entry is None else fill(entry.mend, diagnostic.params, language)


def cause(code: str, language: Language = "en") -> str:
    """Why findings of this code come up."""
    entry = catalog.entry(code, language)
    return "" if entry is None else fill(entry.cause, {}, language)


def _note(note: str, language: Language) -> str:
    return catalog.phrase(note, language)


def _excerpt(line: str, position: Position) -> list[str]:
    """The source line, cut when it is very long, and a caret under the place, however wide its letters are."""
    at = max(0, min(position.column - 1, len(line)))
    start = at - _BEFORE_CARET if at > _WIDEST_LINE - 10 else 0
    before, after = line[start:at], line[at : start + _WIDEST_LINE]
    number = f"{position.line:5}"
    lead = ("…" if start else "") + _shown(before)
    tail = _shown(after) + ("…" if start + _WIDEST_LINE < len(line) else "")
    return [f"{number} | {(lead + tail).rstrip()}", f"{' ' * len(number)} | {' ' * _width(lead)}^"]


def _shown(text: str) -> str:
    return visible(text.replace("\t", " " * _TAB))


def _width(text: str) -> int:
    """Columns of a terminal: Korean letters take two, combining marks none."""
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
