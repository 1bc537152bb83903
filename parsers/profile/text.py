"""Texts and places of a profile: characters that stand for bytes, and positions that count from 1."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from parsers.profile.problem import Path, Problems

_RANGE: Final = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?\Z")
Span = tuple[int, int]  # first byte and the one after the last, counted from 0


def to_bytes(value: object, path: Path, problems: Problems) -> bytes:
    """The bytes that a text stands for, one for each character."""
    text = str(value)
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError as error:
        problems.add(path, "profile-not-a-byte", character=text[error.start])
        return b"?" * len(text)


def span_of(value: object) -> Span | None:
    """``7`` or ``10-17`` as a span; None when it ends before it begins or begins before the first byte."""
    match = _RANGE.match(str(value))
    if match is None:
        return None
    first, last = int(match[1]), int(match[2] or match[1])
    return (first - 1, last) if 1 <= first <= last else None


def place_of(spec: Mapping[str, Any], key: str, length: int, path: Path, problems: Problems) -> Span:
    """The span at ``spec[key]`` in a frame of ``length`` bytes; one that lies outside is a problem."""
    if key not in spec:  # which has been told
        return (0, 0)
    span = span_of(spec[key])
    if span is None or span[1] > length:
        problems.add((*path, key), "profile-out-of-frame", value=str(spec[key]), length=length)
        return (0, 0)
    return span


def words_of(value: object) -> tuple[str, ...]:
    """One word, several, or none."""
    if isinstance(value, list):
        return tuple(map(str, value))
    return () if value is None else (str(value),)
