"""Read the everyday part of YAML fast, and know where that part ends.

ruamel's scanner handles one character at a time: 0.2 s for a chart of 40 states, and 0.1 s to import it. Charts and
site files are nearly always block mappings and sequences of one-line scalars and flow collections, and for those a
few regular expressions are enough. :func:`read_quickly` answers None wherever a document holds anything else, or
anything doubtful or wrong: then :mod:`engine.documents.compose` reads it, and finds the words for what is wrong.
Whatever is read here is read exactly as ruamel reads it, marks included (tested by comparing the two on generated and
mutilated documents).
"""

from __future__ import annotations

import re
from typing import Final, NoReturn, TypeAlias

from engine.documents.limits import MAX_DEPTH, MAX_NODES
from engine.documents.scalars import NumberError, resolve
from engine.documents.tree import Document, Map, Mark, Seq, Value
from engine.errors import Diagnostic, DiagnosticError, EngineError, Position

# Tabs, lone CR, other line separators, BOM and document markers: their rules are ruamel's business.
_DOUBTFUL: Final = re.compile("[\t\r\x85\u2028\u2029\ufeff\0]|^(?:---|\\.\\.\\.|%)", re.MULTILINE)
_SKIP_LINES: Final = re.compile(r"(?:[ ]*+(?:#[^\n]*+)?\n)*+([ ]*+)")  # blank and comment lines, then an indent
_SKIP_IN_FLOW: Final = re.compile(r"(?:[ \n]++(?:#[^\n]*+)?)*+")
_LINE_END: Final = re.compile(r"[ ]*+(?:(?<=[ ])#[^\n]*+)?\n")
_SPACES: Final = re.compile(r"[ ]*+")
_FIRST: Final = r"""(?:[^ \n\-?:,\[\]{}#&*!|>'"%@`]|-(?=[^ \n"""
_PLAIN: Final = re.compile(_FIRST + r"]))(?:[^ \n:]|:(?=[^ \n])|[ ]++(?=[^ \n#:]))*+")
_FLOW_PLAIN: Final = re.compile(
    _FIRST + r",\[\]{}]))(?:[^ \n:,\[\]{}]|:(?=[^ \n,\[\]{}])|[ ]++(?=[^ \n#:,\[\]{}]))*+",
)
_DOUBLE: Final = re.compile(r'"((?:[^"\\\n]|\\["\\/nt])*+)"')
_SINGLE: Final = re.compile(r"'((?:[^'\n]|'')*+)'")
_ESCAPE: Final = re.compile(r"\\(.)")
_ESCAPES: Final = {"n": "\n", "t": "\t"}
_KEY_COLON: Final = re.compile(r"[ ]*+:(?=[ \n])[ ]*+")
_DASH: Final = re.compile(r"-(?=[ \n])[ ]*+")
_BLOCK: Final = re.compile(r"([|>])(-?)[ ]*+\n")
_MAX_FLOW_DEPTH: Final = 16  # what is left of MAX_DEPTH is for block collections, whose depth is known only later
_LONGEST_KEY: Final = 1000  # YAML's own limit is 1024 characters

_ENTRY, _KEY, _KEY_VALUE, _VALUE = range(4)  # a dash; a key whose value comes later; a key with its value; a bare value
# kind, column, line, key, value, mark of the value
_Piece: TypeAlias = "tuple[int, int, int, str, Value, Mark]"


class _NotPlainError(EngineError):
    """The document holds something that this reader leaves to ruamel."""


def read_quickly(text: str, name: str) -> Document | None:
    """Read ``text``, or answer None: it needs ruamel. Raises DiagnosticError when it holds too many values."""
    source = text.replace("\r\n", "\n")
    if not source.endswith("\n"):
        source += "\n"
    if source.startswith("---\n"):
        source = "   \n" + source[4:]
    if _DOUBTFUL.search(source):
        return None
    try:
        tokens = _Scanner(source, name).scan()
        return _build(tokens, text, name)
    except (_NotPlainError, NumberError):
        return None


def _give_up() -> NoReturn:
    raise _NotPlainError


class _Scanner:
    """Splits a document into dashes, keys and values; flow collections are read whole."""

    __slots__ = ("line", "line_start", "name", "nodes", "position", "text")

    def __init__(self, text: str, name: str) -> None:
        self.text = text
        self.name = name
        self.position = 0
        self.line = 1
        self.line_start = 0
        self.nodes = 1

    def scan(self) -> list[_Piece]:
        """Every token of the document, in order."""
        tokens: list[_Piece] = []
        text, end = self.text, len(self.text)
        while True:
            self._skip(_SKIP_LINES)
            if self.position >= end:
                return tokens
            match = _DASH.match(text, self.position)
            while match:
                column = self.position - self.line_start + 1
                tokens.append((_ENTRY, column, self.line, "", None, self._mark_at(self.position)))
                self._count(1)
                self.position = match.end()
                match = _DASH.match(text, self.position)
            if text[self.position] != "\n":
                tokens.append(self._content(tokens))
            else:
                self.position += 1
                self._new_line()

    def _count(self, nodes: int) -> None:
        """Count values and keys as the composer does. A collection is counted as the value of its key or dash."""
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            position = Position(self.name, self.line, self.position - self.line_start + 1)
            raise DiagnosticError([Diagnostic("too-many-values", position, {"limit": MAX_NODES})])

    def _content(self, tokens: list[_Piece]) -> _Piece:
        """A key, a key and its value, or a bare value: the rest of a line."""
        column = self.position - self.line_start + 1
        line, start = self.line, self.position
        key = self._key(_PLAIN)
        if key is None:
            mark = self._mark_at(start)
            value, quoted = self._value(self._owner_column(tokens, column))
            return (_VALUE, column, line, "", value, (*mark[:5], quoted))
        self._count(2)
        if self._ends_line():
            return (_KEY, column, line, key, None, (self.name, line, column, line, column, False))
        mark = self._mark_at(self.position)
        value, quoted = self._value(column)
        return (_KEY_VALUE, column, line, key, value, (self.name, line, column, mark[3], mark[4], quoted))

    @staticmethod
    def _owner_column(tokens: list[_Piece], column: int) -> int:
        """The column that a bare block of text must be indented beyond: that of its dash or key."""
        return tokens[-1][1] if tokens else column

    def _key(self, plain: re.Pattern[str]) -> str | None:
        """A key and its colon; nothing is taken when there is none."""
        start = self.position
        scalar = self._scalar(plain)
        if scalar is None:
            return None
        match = _KEY_COLON.match(self.text, self.position)
        if match is None:
            self.position = start
            return None
        if self.position - start > _LONGEST_KEY or scalar[0] == "<<":
            _give_up()
        self.position = match.end()
        return scalar[0]

    def _scalar(self, plain: re.Pattern[str]) -> tuple[str, bool] | None:
        """A scalar on one line and whether it is quoted; nothing is taken when there is none."""
        first = self.text[self.position : self.position + 1]
        if first == '"':
            match = _DOUBLE.match(self.text, self.position)
        elif first == "'":
            match = _SINGLE.match(self.text, self.position)
        else:
            match = plain.match(self.text, self.position)
            if match:
                self.position = match.end()
                return match[0], False
            return None
        if match is None:
            _give_up()
        self.position = match.end()
        if first == "'":
            return match[1].replace("''", "'"), True
        if "\\" in match[1]:
            return _ESCAPE.sub(lambda escape: _ESCAPES.get(escape[1], escape[1]), match[1]), True
        return match[1], True

    def _value(self, owner_column: int) -> tuple[Value, bool]:
        """The value that begins here and ends its line."""
        first = self.text[self.position]
        value: Value
        if first in "{[":
            value, quoted = self._flow(1), False
        elif first in "|>":
            return self._block(owner_column), True
        else:
            scalar = self._scalar(_PLAIN)
            if scalar is None:
                _give_up()
            quoted = scalar[1]
            value = scalar[0] if quoted else resolve(scalar[0])
        if not self._ends_line():
            _give_up()
        return value, quoted

    def _ends_line(self) -> bool:
        """Take spaces, a comment and the line end, when nothing else is left of the line."""
        match = _LINE_END.match(self.text, self.position)
        if match is None:
            return False
        self.position = match.end()
        self._new_line()
        return True

    def _new_line(self) -> None:
        self.line += 1
        self.line_start = self.position

    def _skip(self, pattern: re.Pattern[str]) -> None:
        """Go over blanks and comments, counting the lines."""
        match = pattern.match(self.text, self.position)
        assert match is not None
        end = match.end()
        lines = self.text.count("\n", self.position, end)
        if lines:
            self.line += lines
            self.line_start = self.text.rindex("\n", self.position, end) + 1
        self.position = end

    def _mark_at(self, position: int) -> Mark:
        column = position - self.line_start + 1
        return (self.name, self.line, column, self.line, column, False)

    def _flow(self, depth: int) -> Map | Seq:
        """A flow collection, over as many lines as it takes."""
        if depth > _MAX_FLOW_DEPTH:
            _give_up()
        mark = self._mark_at(self.position)
        opening = self.text[self.position]
        self.position += 1
        if opening == "{":
            return self._flow_map(Map(mark), depth)
        return self._flow_seq(Seq(mark), depth)

    def _flow_map(self, node: Map, depth: int) -> Map:
        while not self._closes("}"):
            at = self._mark_at(self.position)
            key = self._key(_FLOW_PLAIN)
            if key is None or key in node or key == "":
                _give_up()
            self._count(2)
            self._skip(_SKIP_IN_FLOW)
            mark = self._mark_at(self.position)
            value, quoted = self._flow_value(depth)
            node[key] = value
            node.marks[key] = (self.name, at[1], at[2], mark[1], mark[2], quoted)
            self._separate("}")
        return node

    def _flow_seq(self, node: Seq, depth: int) -> Seq:
        while not self._closes("]"):
            self._count(1)
            mark = self._mark_at(self.position)
            value, quoted = self._flow_value(depth)
            node.append(value)
            node.marks.append((*mark[:5], quoted))
            self._separate("]")
        return node

    def _closes(self, bracket: str) -> bool:
        self._skip(_SKIP_IN_FLOW)
        if self.text[self.position : self.position + 1] != bracket:
            return False
        self.position += 1
        return True

    def _separate(self, bracket: str) -> None:
        """Take the comma after an item; before the closing bracket it may be missing."""
        self._skip(_SKIP_IN_FLOW)
        following = self.text[self.position : self.position + 1]
        if following == ",":
            self.position += 1
        elif following != bracket:
            _give_up()

    def _flow_value(self, depth: int) -> tuple[Value, bool]:
        following = self.text[self.position : self.position + 1]
        if following in ("{", "["):
            return self._flow(depth + 1), False
        scalar = self._scalar(_FLOW_PLAIN) if following else None
        if scalar is None:
            _give_up()
        text, quoted = scalar
        return (text, True) if quoted else (resolve(text), False)

    def _block(self, owner_column: int) -> str:
        """A ``|``, ``|-``, ``>`` or ``>-`` block of text.

        One with odd blank lines, at the very end of a file, or folded where lines are not all alike is left to ruamel.
        """
        header = _BLOCK.match(self.text, self.position)
        if header is None:
            _give_up()
        self.position = header.end()
        self._new_line()
        spaces = _SPACES.match(self.text, self.position)
        indent = spaces.end() - self.position if spaces else 0
        if indent < owner_column:  # the column counts from 1, so this is "not indented beyond the owner"
            _give_up()
        body = re.compile(f"(?: {{{indent}}}[^ \\n][^\\n]*+\\n| {{{indent}}} +[^ \\n][^\\n]*+\\n|\\n)*+").match(
            self.text,
            self.position,
        )
        assert body is not None
        lines = body[0].split("\n")
        self.position = body.end()
        self.line += len(lines) - 1
        self.line_start = self.position
        rest = _SPACES.match(self.text, self.position)
        if self.position >= len(self.text) or (rest and self.text[rest.end()] == "\n") or not lines[0]:
            _give_up()
        between = "\n"
        if header[1] == ">":
            between = " "
            if any(line[indent : indent + 1] in ("", " ") for line in lines[:-1]):
                _give_up()
        return between.join(line[indent:] for line in lines[:-1]).rstrip("\n") + ("" if header[2] else "\n")


def _build(tokens: list[_Piece], text: str, name: str) -> Document:
    """Nest the tokens by their columns."""
    if not tokens or tokens[0][0] == _VALUE:
        _give_up()
    data, following = _collection(tokens, 0, 1)
    if following != len(tokens):
        _give_up()
    return Document(name, text, data, data.start)


def _collection(tokens: list[_Piece], at: int, depth: int) -> tuple[Map | Seq, int]:
    if depth > MAX_DEPTH - _MAX_FLOW_DEPTH:
        _give_up()
    _, column, line, _, _, mark = tokens[at]
    start = (mark[0], line, column, line, column, False)
    if tokens[at][0] == _ENTRY:
        return _sequence(tokens, at, depth, Seq(start))
    return _mapping(tokens, at, depth, Map(start))


def _sequence(tokens: list[_Piece], at: int, depth: int, node: Seq) -> tuple[Seq, int]:
    column = node.start[4]
    count = len(tokens)
    while at < count and tokens[at][1] == column and tokens[at][0] == _ENTRY:
        mark = tokens[at][5]
        at += 1
        value: Value = None
        if at < count and tokens[at][1] > column:
            value, mark, at = _content_of(tokens, at, depth)
        node.append(value)
        node.marks.append(mark)
    return node, _ended(tokens, at, column)


def _mapping(tokens: list[_Piece], at: int, depth: int, node: Map) -> tuple[Map, int]:
    column = node.start[4]
    count = len(tokens)
    while at < count and tokens[at][1] == column and tokens[at][0] in (_KEY, _KEY_VALUE):
        kind, _, line, key, value, mark = tokens[at]
        at += 1
        if kind == _KEY and at < count:
            follower = tokens[at]
            # A sequence may stand at the column of its key.
            if follower[1] > column or (follower[1] == column and follower[0] == _ENTRY):
                value, inner, at = _content_of(tokens, at, depth)
                mark = (mark[0], line, column, *inner[3:])
        if key in node or key == "":
            _give_up()
        node[key] = value
        node.marks[key] = mark
    return node, _ended(tokens, at, column)


def _content_of(tokens: list[_Piece], at: int, depth: int) -> tuple[Value, Mark, int]:
    kind, _, _, _, value, mark = tokens[at]
    if kind == _VALUE:
        return value, mark, at + 1
    node, following = _collection(tokens, at, depth + 1)
    return node, node.start, following


def _ended(tokens: list[_Piece], at: int, column: int) -> int:
    """A collection is over when a token stands further left, or an indentless sequence gives way to the next key."""
    if at < len(tokens) and tokens[at][1] > column:
        _give_up()
    return at
