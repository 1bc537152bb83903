"""Parts of a YAML document as JSON, places and all: what is wrong with them can be told by another process."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from engine.documents.tree import Map, Mark, Seq, Value


def pack(value: Value) -> Any:
    """A value as JSON."""
    match value:
        case Map():
            items = [[key, list(value.marks.get(key, value.start)), pack(item)] for key, item in value.items()]
            return {"map": items, "start": list(value.start)}
        case Seq():
            items = [[list(mark), pack(item)] for mark, item in zip(value.marks, value, strict=True)]
            return {"seq": items, "start": list(value.start)}
        case Decimal():
            return {"decimal": str(value)}
    return value


def unpack(raw: Any) -> Value:
    """The value that :func:`pack` was given. Raises KeyError or TypeError for anything else."""
    if not isinstance(raw, dict):
        return raw  # type: ignore[no-any-return]  # a scalar
    if "decimal" in raw:
        return Decimal(raw["decimal"])
    if "seq" in raw:
        seq = Seq(_mark(raw["start"]))
        for mark, item in raw["seq"]:
            seq.append(unpack(item))
            seq.marks.append(_mark(mark))
        return seq
    found = Map(_mark(raw["start"]))
    for key, mark, item in raw["map"]:
        found[key] = unpack(item)
        found.marks[key] = _mark(mark)
    return found


def _mark(raw: Any) -> Mark:
    file, key_line, key_column, line, column, is_quoted = raw
    return (file, key_line, key_column, line, column, is_quoted)
