"""Compose the events of ruamel's YAML 1.2 parser into a :class:`~engine.documents.tree.Document`.

This reads all of YAML and is the reference; :mod:`engine.documents.quick` reads the everyday part of it, ten times as
fast. What can be read in spite of a mistake (a key written twice, a tag) is read, and the mistake is noted in
``Document.problems``; what cannot raises DiagnosticError.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from engine.documents.limits import MAX_DEPTH, MAX_NODES
from engine.documents.scalars import NumberError, resolve
from engine.documents.syntax import syntax_diagnostic
from engine.documents.tree import Document, Map, Mark, Seq, Value, value_position
from engine.errors import Diagnostic, DiagnosticError, Position

_MERGE: Final = "<<"
_UNFINISHED: Final = -1  # the size of an anchored collection that is still being read


@dataclass(slots=True)
class _Anchored:
    value: Value
    quoted: bool
    size: int


@dataclass(slots=True)
class _Frame:
    """A collection that is being read."""

    node: Map | Seq
    mark: Mark
    anchor: str | None
    nodes_before: int
    key: str | None = None
    key_place: tuple[int, int] = (0, 0)
    merges: list[tuple[Value, Mark]] | None = None
    is_merge: bool = False


def compose(text: str, name: str) -> Document:
    """Read ``text`` with ruamel. Raises DiagnosticError when it is not YAML, empty, or larger than the limits."""
    return _Composer(text, name).run()


class _Composer:
    def __init__(self, text: str, name: str) -> None:
        self.text = text
        self.name = name
        self.problems: list[Diagnostic] = []
        self.frames: list[_Frame] = []
        self.anchors: dict[str, _Anchored] = {}
        self.nodes = 0
        self.root: tuple[Value, Mark] | None = None
        self.documents = 0

    def run(self) -> Document:
        from ruamel.yaml import YAML  # costs 0.1 s: only for documents that the quick reader leaves to us

        yaml = YAML(typ="safe", pure=True)
        try:
            self._read(yaml.parse(self.text))
        except DiagnosticError:
            raise
        except Exception as error:  # noqa: BLE001 - ruamel lets slip ValueError, IndexError and others on odd input
            raise DiagnosticError([syntax_diagnostic(error, self.text, self.name)]) from None
        if self.root is None or self.root[0] is None:
            raise DiagnosticError([Diagnostic("empty-document", Position(self.name))])
        data, mark = self.root
        return Document(self.name, self.text, data, mark, tuple(self.problems))

    def _read(self, events: Iterator[Any]) -> None:
        for event in events:
            handler = _HANDLERS.get(type(event).__name__)
            if handler is not None:
                handler(self, event)
            if self.documents > 1:
                break

    def document_start(self, event: Any) -> None:
        self.documents += 1
        if self.documents > 1:
            self.problems.append(Diagnostic("several-documents", self._position(event)))

    def collection_start(self, event: Any) -> None:
        if len(self.frames) >= MAX_DEPTH:
            raise DiagnosticError([Diagnostic("nested-too-deeply", self._position(event), {"limit": MAX_DEPTH})])
        if self._expects_key():
            raise DiagnosticError([Diagnostic("key-not-text", self._position(event))])
        self._check_tag(event)
        mark = self._mark(event, quoted=False)
        node: Map | Seq = Map(mark) if type(event).__name__ == "MappingStartEvent" else Seq(mark)
        if event.anchor is not None:
            self.anchors[event.anchor] = _Anchored(node, quoted=False, size=_UNFINISHED)
        self._count(1, event)
        self.frames.append(_Frame(node, mark, event.anchor, self.nodes - 1))

    def collection_end(self, _event: Any) -> None:
        frame = self.frames.pop()
        for source, mark in frame.merges or ():
            self._merge(frame.node, source, mark)
        if frame.anchor is not None:
            self.anchors[frame.anchor] = _Anchored(frame.node, quoted=False, size=self.nodes - frame.nodes_before)
        self._add(frame.node, frame.mark)

    def scalar(self, event: Any) -> None:
        self._check_tag(event)
        quoted = bool(event.style)
        self._count(1, event)
        if self._expects_key():
            if event.anchor is not None:
                self.anchors[event.anchor] = _Anchored(event.value, quoted, size=1)
            self._set_key(event.value, event, is_merge=event.value == _MERGE and not quoted)
            return
        value: Value = event.value
        if not quoted:
            try:
                value = resolve(event.value)
            except NumberError:
                self.problems.append(Diagnostic("number-out-of-range", self._position(event)))
        if event.anchor is not None:
            self.anchors[event.anchor] = _Anchored(value, quoted, size=1)
        is_absent = value is None and event.value == "" and event.anchor is None and event.ctag is None
        self._add(value, self._absent_mark(event) if is_absent else self._mark(event, quoted=quoted))

    def alias(self, event: Any) -> None:
        anchored = self.anchors.get(event.anchor)
        if anchored is None:
            raise DiagnosticError(
                [Diagnostic("unknown-alias", self._position(event), {"alias": event.anchor})],
            )
        if anchored.size == _UNFINISHED:
            raise DiagnosticError(
                [Diagnostic("alias-inside-itself", self._position(event), {"alias": event.anchor})],
            )
        self._count(anchored.size, event)
        if not self._expects_key():
            self._add(anchored.value, self._mark(event, quoted=anchored.quoted))
        elif isinstance(anchored.value, str):
            self._set_key(anchored.value, event, is_merge=False)
        else:
            raise DiagnosticError([Diagnostic("key-not-text", self._position(event))])

    def _expects_key(self) -> bool:
        return bool(self.frames) and isinstance(self.frames[-1].node, Map) and self.frames[-1].key is None

    def _set_key(self, key: str, event: Any, *, is_merge: bool) -> None:
        frame = self.frames[-1]
        frame.key, frame.is_merge = key, is_merge
        frame.key_place = (event.start_mark.line + 1, event.start_mark.column + 1)
        if key == "" and not is_merge:
            self.problems.append(Diagnostic("empty-key", self._position(event)))

    def _add(self, value: Value, mark: Mark) -> None:
        """Put a finished value where it belongs."""
        if not self.frames:
            self.root = (value, mark)
            return
        frame = self.frames[-1]
        if isinstance(frame.node, Seq):
            frame.node.append(value)
            frame.node.marks.append(mark)
            return
        key, frame.key = frame.key, None
        assert key is not None
        if frame.is_merge:
            frame.merges = [*(frame.merges or ()), (value, mark)]
            return
        mark = (mark[0], *frame.key_place, *mark[3:])
        if key in frame.node:
            self._duplicate(frame.node, key, mark)
            return
        frame.node[key] = value
        frame.node.marks[key] = mark

    def _duplicate(self, node: Map, key: str, mark: Mark) -> None:
        first = node.key_at(key)
        self.problems.append(
            Diagnostic(
                "duplicate-key",
                Position(mark[0], mark[1], mark[2]),
                {"key": key, "line": first.line},
                related=((first, "first-place"),),
            ),
        )

    def _merge(self, target: Map | Seq, source: Value, mark: Mark) -> None:
        """Take over the keys of ``<<: *other`` that the mapping does not have itself."""
        sources = source if isinstance(source, Seq) else [source]
        for one in sources:
            if not isinstance(one, Map):
                self.problems.append(Diagnostic("merge-not-a-map", value_position(mark)))
                return
            for key, value in one.items():
                if isinstance(target, Map) and key not in target:
                    target[key] = value
                    target.marks[key] = one.marks[key]

    def _count(self, size: int, event: Any) -> None:
        self.nodes += size
        if self.nodes > MAX_NODES:
            raise DiagnosticError([Diagnostic("too-many-values", self._position(event), {"limit": MAX_NODES})])

    def _check_tag(self, event: Any) -> None:
        tag = event.ctag
        if tag is not None:
            shown = f"{tag.handle or ''}{tag.suffix or ''}"
            self.problems.append(Diagnostic("tag-not-used", self._position(event), {"tag": shown}))

    def _mark(self, event: Any, *, quoted: bool) -> Mark:
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        return (self.name, line, column, line, column, quoted)

    def _absent_mark(self, event: Any) -> Mark:
        """A value that is not there stands where its key or its dash stands (ruamel's mark is at whatever follows)."""
        if self.frames and isinstance(self.frames[-1].node, Map):
            line, column = self.frames[-1].key_place
        else:
            line, column = event.start_mark.line + 1, event.start_mark.column
        return (self.name, line, column, line, column, False)

    def _position(self, event: Any) -> Position:
        return Position(self.name, event.start_mark.line + 1, event.start_mark.column + 1)


# By name, so that importing this module does not import ruamel.
_HANDLERS: Final = {
    "DocumentStartEvent": _Composer.document_start,
    "MappingStartEvent": _Composer.collection_start,
    "SequenceStartEvent": _Composer.collection_start,
    "MappingEndEvent": _Composer.collection_end,
    "SequenceEndEvent": _Composer.collection_end,
    "ScalarEvent": _Composer.scalar,
    "AliasEvent": _Composer.alias,
}
