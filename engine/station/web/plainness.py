"""Values that a client sends and a sequence gets: plain JSON, without NUL and half characters."""

from __future__ import annotations

import math
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field

from engine.store.texts import clean_text

_DEEPEST: Final = 64


def _plain(value: Any, depth: int = 0) -> Any:
    if depth > _DEEPEST:
        raise ValueError(f"nested deeper than {_DEEPEST}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number must be finite")
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {clean_text(key): _plain(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner, depth + 1) for inner in value]
    return value


Values = Annotated[dict[str, Any], AfterValidator(_plain)]
Text = Annotated[str, Field(max_length=255), AfterValidator(clean_text)]
Word = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(clean_text)]
