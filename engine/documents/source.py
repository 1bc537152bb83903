"""Read a YAML file or text into a :class:`~engine.documents.tree.Document`, without a traceback whatever it holds."""

from __future__ import annotations

import codecs
import re
import stat
from pathlib import Path
from typing import Final

from engine.documents.limits import MAX_BYTES, MAX_DEPTH
from engine.documents.quick import read_quickly
from engine.documents.tree import Document, split_lines
from engine.errors import Diagnostic, DiagnosticError, Position

# What YAML 1.2 allows in a text (5.1) is everything printable, so no control characters but tab and line ends. Its
# opposite is written out: the negated set takes 11 ms to compile, which is a tenth of a program's start.
_UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]|[\ud800-\udfff\ufffe\uffff]")
_FAR_RIGHT: Final = re.compile(rf"^ {{{8 * MAX_DEPTH},}}[^ \n]", re.MULTILINE)
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def load_yaml(source: Path | str | bytes, name: str | None = None) -> Document:
    """Read a file (given as Path) or a text (given as str or bytes) as one YAML 1.2 document.

    ``name`` is what diagnostics call it; for a file, the path as given unless something else is wanted. Raises
    DiagnosticError when it cannot be read at all. Mistakes that do not hinder reading are in ``Document.problems``.
    """
    if isinstance(source, Path):
        shown = str(source) if name is None else name
        text = _decode(_read(source, shown), shown)
    else:
        shown = "<text>" if name is None else name
        text = _decode(source, shown) if isinstance(source, bytes) else source
    text = _checked(text, shown)
    document = read_quickly(text, shown)
    if document is None:
        from engine.documents.compose import compose

        document = compose(text, shown)
    return document


def _fail(code: str, name: str, **params: object) -> DiagnosticError:
    return DiagnosticError([Diagnostic(code, Position(name), params)])


def _read(path: Path, name: str) -> bytes:
    """The bytes of a regular file, never more than the limit: a pipe or a device would keep us waiting."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise _fail("file-is-a-folder", name)
        if not stat.S_ISREG(mode):
            raise _fail("file-unreadable", name, reason="not a regular file")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
            size = path.stat().st_size
    except FileNotFoundError:
        raise _fail("file-missing", name) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise _fail("file-unreadable", name, reason=reason) from None
    if len(data) > MAX_BYTES:
        raise _too_large(data.decode("utf-8", "replace"), name, size)
    return data


def _too_large(text: str, name: str, size: int) -> DiagnosticError:
    """Refuse what is beyond the limit; a file that is large only because it is nested without end is told so."""
    deep = _FAR_RIGHT.search(text)
    if deep:
        position = Position(name, text.count("\n", 0, deep.start()) + 1, deep.end() - deep.start())
        return DiagnosticError([Diagnostic("nested-too-deeply", position, {"limit": MAX_DEPTH})])
    return _fail("file-too-large", name, size=size, limit=MAX_BYTES)


def _decode(data: bytes, name: str) -> str:
    if len(data) > MAX_BYTES:
        raise _too_large(data.decode("utf-8", "replace"), name, len(data))
    if data.startswith(_UTF16):
        raise _fail("not-utf-8", name, encoding="UTF-16")
    if b"\0" in data:
        raise _fail("binary-file", name)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DiagnosticError([_not_utf_8(data, error.start, name)]) from None


def _not_utf_8(data: bytes, offset: int, name: str) -> Diagnostic:
    """Name the encoding where it can be told: Korean text saved by an old Windows editor is CP949."""
    before = split_lines(data[:offset].decode("utf-8"))
    position = Position(name, len(before), len(before[-1]) + 1)
    try:
        text = data.decode("cp949")
    except UnicodeDecodeError:
        text = ""
    if any("\uac00" <= character <= "\ud7a3" for character in text) and not _UNPRINTABLE.search(text):
        return Diagnostic("not-utf-8", position, {"encoding": "CP949"})
    readable = sum(byte >= 0x20 or byte in b"\t\n\r" for byte in data)  # noqa: PLR2004 - the first printable byte
    if readable < len(data) * 0.95:
        return Diagnostic("binary-file", Position(name))
    return Diagnostic("not-utf-8", position, {"encoding": "?"})


def _checked(text: str, name: str) -> str:
    """The text without its BOM. Raises DiagnosticError for an unprintable character, too much, or nothing at all."""
    text = text.removeprefix("\ufeff")
    if len(text) > MAX_BYTES:
        raise _too_large(text, name, len(text))
    match = _UNPRINTABLE.search(text)
    if match:
        before = split_lines(text[: match.start()])
        position = Position(name, len(before), len(before[-1]) + 1)
        if match[0] == "\0":
            raise _fail("binary-file", name)
        raise DiagnosticError([Diagnostic("control-character", position, {"character": f"U+{ord(match[0]):04X}"})])
    if not text.strip():
        raise _fail("empty-document", name)
    return text
