"""Values that a client sends and a sequence gets: plain JSON, all of which can be written again."""

from __future__ import annotations

import math
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field

_DEEPEST: Final = 16


def _plain(value: Any, depth: int = 0) -> Any:
    if depth > _DEEPEST:
        raise ValueError(f"nested deeper than {_DEEPEST}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number must be finite")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 1 << 63:
        raise ValueError("a whole number has at most 63 bits")
    if isinstance(value, str):
        _writable(value)
    if isinstance(value, dict):
        for key, inner in value.items():
            _writable(key)
            _plain(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _plain(inner, depth + 1)
    return value


def _writable(text: str) -> str:
    if "\0" in text:
        raise ValueError("a text holds no NUL")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("a text holds half a character") from error
    return text


Values = Annotated[dict[str, Any], AfterValidator(_plain)]
Text = Annotated[str, Field(max_length=255), AfterValidator(_writable)]
Word = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_writable)]
