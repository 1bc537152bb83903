"""What a plain (unquoted) scalar means: the core schema of YAML 1.2 (10.3.2), kept exact.

``on``, ``yes``, ``no``, ``12:30`` and ``2026-01-01`` are text. Whole numbers are ``int``, others ``Decimal`` with the
digits as written. A number beyond what any weight or setting needs is refused, so that nobody can make us print a
billion digits.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from engine.errors import EngineError

_WORDS: Final[dict[str, bool | None]] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_INTEGER: Final = re.compile(r"[-+]?[0-9]+\Z")
_BASED: Final = re.compile(r"0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE]([-+]?[0-9]+))?\Z")
_NOT_FINITE: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z")
_NUMBER_STARTS: Final = frozenset("0123456789+-.")
_LONGEST: Final = 40  # characters of a number
_LARGEST_EXPONENT: Final = 40


class NumberError(EngineError):
    """A plain scalar is a number, but one that is not finite or absurdly long."""


def resolve(text: str) -> str | int | Decimal | bool | None:
    """Read a plain scalar. Raises NumberError."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    return _number(text)


def _number(text: str) -> str | int | Decimal:
    based = _BASED.match(text)
    if based or _INTEGER.match(text):
        _bound(text)
        return int(text, 0) if based else int(text)
    match = _FLOAT.match(text)
    if match:
        _bound(text, match[1])
        return Decimal(text)
    if _NOT_FINITE.match(text):
        raise NumberError(f"'{text}' is not a finite number")
    return text


def _bound(text: str, exponent: str | None = None) -> None:
    if len(text) > _LONGEST or (exponent is not None and abs(int(exponent)) > _LARGEST_EXPONENT):
        raise NumberError(f"'{text[:_LONGEST]}' is longer than any number here")
