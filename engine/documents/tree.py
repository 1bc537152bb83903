"""A YAML document as plain Python values that know where they stand.

A mapping is a :class:`Map` (a dict), a sequence a :class:`Seq` (a list); scalars are ``str``, ``int``, ``Decimal``,
``bool`` or None. A collection keeps, beside each of its values, one mark: the file and place of the key and of the
value, and whether the value was quoted. Marks are plain tuples, because a large site has a hundred thousand of them;
they become :class:`~engine.errors.Position` only when somebody asks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TypeAlias

from engine.errors import Diagnostic, Position

Value: TypeAlias = "Map | Seq | str | int | Decimal | bool | None"
Path: TypeAlias = "tuple[str | int, ...]"
# file, line and column of the key, line and column of the value, is the value quoted (or a block scalar)
Mark: TypeAlias = tuple[str, int, int, int, int, bool]


class Map(dict[str, "Value"]):
    """A YAML mapping. Keys are always text, just as written (``on``, ``007``), in document order."""

    __slots__ = ("marks", "start")

    def __init__(self, start: Mark) -> None:
        super().__init__()
        self.start = start
        self.marks: dict[str, Mark] = {}

    @property
    def position(self) -> Position:
        """Where the mapping itself begins: its ``{``, or its first key."""
        return value_position(self.start)

    def key_at(self, key: str) -> Position:
        """Where ``key`` stands; the start of the mapping for a key that is not there."""
        return key_position(self.marks.get(key, self.start))

    def at(self, key: str) -> Position:
        """Where the value of ``key`` stands; the start of the mapping for a key that is not there."""
        return value_position(self.marks.get(key, self.start))

    def section(self, key: str) -> Map:
        """The mapping under ``key``; an empty one, at this mapping's place, when there is none."""
        value = self.get(key)
        return value if isinstance(value, Map) else Map(self.start)

    def text(self, key: str) -> str | None:
        """The text under ``key``; None when there is none, or something else."""
        value = self.get(key)
        return value if isinstance(value, str) else None

    def is_quoted(self, key: str) -> bool:
        """Whether the value of ``key`` was written in quotes (or as a block of text)."""
        return key in self.marks and self.marks[key][5]


class Seq(list["Value"]):
    """A YAML sequence."""

    __slots__ = ("marks", "start")

    def __init__(self, start: Mark) -> None:
        super().__init__()
        self.start = start
        self.marks: list[Mark] = []

    @property
    def position(self) -> Position:
        """Where the sequence itself begins: its ``[``, or its first dash."""
        return value_position(self.start)

    def at(self, index: int) -> Position:
        """Where an item stands; the start of the sequence for one that is not there."""
        return value_position(self.marks[index] if 0 <= index < len(self.marks) else self.start)

    def is_quoted(self, index: int) -> bool:
        """Whether an item was written in quotes (or as a block of text)."""
        return 0 <= index < len(self.marks) and self.marks[index][5]


def value_position(mark: Mark) -> Position:
    """The place of a mark's value."""
    return Position(mark[0], mark[3], mark[4])


def key_position(mark: Mark) -> Position:
    """The place of a mark's key; of an item of a sequence, which has none, the place of the item."""
    return Position(mark[0], mark[1], mark[2])


@dataclass(frozen=True)
class Document:
    """A file that was read: its values, its text, and what is wrong with it without hindering further checks.

    ``problems`` (a key written twice, say) are errors all the same; :func:`engine.documents.schema.check` hands them
    on.
    """

    name: str
    text: str
    data: Value
    start: Mark
    problems: tuple[Diagnostic, ...] = ()

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines of the text, without their ends, for showing a place."""
        return split_lines(self.text)

    @property
    def root(self) -> Map:
        """The document's mapping; an empty one where it is something else (then its schema has said so)."""
        return self.data if isinstance(self.data, Map) else Map(self.start)

    def position(self, path: Iterable[str | int] = ()) -> Position:
        """Where the value at ``path`` stands; for a path that ends in nothing, the deepest value there is."""
        return value_position(self.mark(path))

    def key_position(self, path: Iterable[str | int] = ()) -> Position:
        """Where the key of the value at ``path`` stands; for an item of a sequence, the item."""
        return key_position(self.mark(path))

    def mark(self, path: Iterable[str | int]) -> Mark:
        """The mark of the value at ``path``, or of the deepest one there is on the way."""
        mark, value = self.start, self.data
        for step in path:
            if isinstance(value, Map) and step in value.marks:
                mark, value = value.marks[str(step)], value[str(step)]
            elif isinstance(value, Seq) and isinstance(step, int) and 0 <= step < len(value):
                mark, value = value.marks[step], value[step]
            else:
                break
        return mark


def split_lines(text: str) -> tuple[str, ...]:
    """Split at the line ends of YAML 1.2 (LF, CRLF, CR) only, so that line numbers are those of an editor."""
    return tuple(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
