"""Changes of one item of a list in a YAML file as its author has laid it out: no other line is touched.

A round trip of the whole file would indent it anew, and a comment goes with the item before it, whatever it speaks of.
What cannot be done on lines, such as in a list within brackets, gives None; whoever asks compares what comes out.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, SequenceNode

_BLANK: Final = re.compile(r"\s*(#.*)?")


class Lines:
    """The lines of a file, and which of them are items of the list under a key."""

    def __init__(self, text: str, key: str) -> None:
        self._lines = text.split("\n")
        self._nodes = _items(text, key)
        self._dash = self._nodes.start_mark.column if self._nodes is not None else 0

    def without(self, index: int) -> str | None:
        """The text without an item. Comments and empty lines between items stay."""
        found = self._place(index)
        if found is None:
            return None
        first, last = found
        return "\n".join(self._lines[:first] + self._lines[last + 1 :])

    def changed(self, index: int, change: Callable[[CommentedMap], None]) -> str | None:
        """The text with an item changed; the comments within it stay."""
        found = self._place(index)
        node = self._nodes.value[index] if self._nodes is not None else None
        if found is None or node is None or node.start_mark.line != found[0]:
            return None
        first, last = found
        column = node.start_mark.column
        own = [self._lines[first][column:], *(_dedented(one, column) for one in self._lines[first + 1 : last + 1])]
        try:
            item = yaml().load("\n".join(own) + "\n")
        except YAMLError:
            return None  # it speaks of what stands elsewhere: an alias
        if not isinstance(item, CommentedMap):
            return None
        _keep_anchors(item)
        change(item)
        return self._put(first, last, item, self._lines[first][:column])

    def appended(self, item: CommentedMap) -> str | None:
        """The text with a new item behind the last one."""
        found = self._place(-1)
        return None if found is None else self._put(found[1] + 1, found[1], item, " " * self._dash + "- ")

    def _put(self, first: int, last: int, item: CommentedMap, head: str) -> str:
        out = io.StringIO()
        yaml().dump(item, out)
        lines = out.getvalue().rstrip("\n").split("\n")
        new = [head + lines[0], *(" " * len(head) + one if one.strip() else "" for one in lines[1:])]
        if first == len(self._lines):  # the last line has no end
            new.append("")
        return "\n".join(self._lines[:first] + new + self._lines[last + 1 :])

    def _place(self, index: int) -> tuple[int, int] | None:
        """The first and the last line of an item; None when it shares a line with others."""
        if self._nodes is None or not self._nodes.value:
            return None
        node = self._nodes.value[index]
        first = node.start_mark.line
        while first >= 0 and self._lines[first][self._dash : self._dash + 1] != "-":
            first -= 1
        if first < 0 or self._lines[first][: self._dash].strip():
            return None
        last = max(_ends(node))
        while last > first and _BLANK.fullmatch(self._lines[last]):
            last -= 1
        return first, last


def yaml() -> YAML:
    """A reader and writer that keeps comments, quotes and order."""
    made = YAML(typ="rt")
    made.preserve_quotes = True
    made.width = 4096  # no line is broken that was not
    made.indent(mapping=2, sequence=4, offset=2)
    return made


def _items(text: str, key: str) -> SequenceNode | None:
    root: Any = yaml().compose(text)
    if isinstance(root, MappingNode):
        for name, value in root.value:
            if name.value == key and isinstance(value, SequenceNode) and not value.flow_style:
                return value
    return None


def _ends(node: Node) -> Iterator[int]:
    """The last lines of all that a node holds; of a block, the mark stands where the next thing begins."""
    if isinstance(node, CollectionNode) and not node.flow_style:
        yield node.start_mark.line
        for part in node.value:
            for inner in part if isinstance(part, tuple) else (part,):
                yield from _ends(inner)
    else:
        end = node.end_mark
        yield end.line - 1 if end.column == 0 and end.line > node.start_mark.line else end.line


def _keep_anchors(value: Any) -> None:
    """Also those that nothing here refers to: something elsewhere may."""
    anchor = value.yaml_anchor() if hasattr(value, "yaml_anchor") else None
    if anchor is not None:
        anchor.always_dump = True
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _keep_anchors(inner)


def _dedented(line: str, by: int) -> str:
    return line[by:] if not line[:by].strip() else line.lstrip(" ")
