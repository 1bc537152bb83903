"""Typed values in one text column: what a chart remembers under a key, and what a record carries beside its weight.

JSON that people can read. Texts, flags, numbers (durations are seconds) and nothing stand for themselves; the others
say what they are, exactly::

    {"gross":{"quantity":"12340.0 kg"},"first_at":{"time":"2026-01-31T05:30:00.250000+00:00"},"plate":"12가 3456"}
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from engine.errors import UnitError
from engine.ports import Secret, StoreError
from engine.store.texts import clean_text, parse_utc, utc_text
from engine.units import Quantity, parse_quantity

MAX_TEXT: Final = 64 << 10  # characters of all the fields together
MAX_KEY: Final = 255
_KEPT: Final = "what can be kept is text, flag, number, duration, mass and time"


def to_text(fields: Mapping[str, object]) -> str:
    """The column's text. Raises StoreError naming the field that cannot be kept."""
    return json.dumps(plain(fields), ensure_ascii=False, separators=(",", ":"))


def from_text(text: str) -> dict[str, object]:
    """What :func:`to_text` was given. Raises ValueError for a text of other hands."""
    return typed(json.loads(text))


def plain(fields: Mapping[str, object]) -> dict[str, Any]:
    """The fields as plain JSON values. Raises StoreError naming the one that cannot be kept."""
    result = {_name(name): _plain(value, name) for name, value in fields.items()}
    size = len(json.dumps(result, ensure_ascii=False))
    if size > MAX_TEXT:
        raise StoreError(f"the fields have {size} characters; at most {MAX_TEXT}")
    return result


def typed(values: object) -> dict[str, object]:
    """What :func:`plain` was given. Raises ValueError."""
    if not isinstance(values, dict):
        raise ValueError(f"fields are an object, not {values!r:.60}")  # noqa: TRY004 - it came from JSON
    return {name: _typed(value) for name, value in values.items()}


def check_key(key: str) -> None:
    """Refuse a key that no table could hold. Raises StoreError."""
    if not key or len(key) > MAX_KEY or clean_text(key) != key:
        raise StoreError(f"{key!r:.60} is no key; a key has 1 to {MAX_KEY} characters that can be stored")


def _name(name: object) -> str:
    if not isinstance(name, str) or clean_text(name) != name:
        raise StoreError(f"{name!r:.60} is no field's name that can be stored")
    return name


def _plain(value: object, name: str) -> Any:
    match value:
        case Secret():
            raise StoreError(f"'{name}' is a secret; secrets are never kept with what a chart remembers")
        case None | bool() | int():
            return value
        case str() if clean_text(value) == value:
            return value
        case float() if math.isfinite(value):
            return value
        case Decimal() if value.is_finite():  # a number that was written in YAML
            return float(value)
        case datetime():
            return {"time": utc_text(value)}
        case Quantity() if _reads_back(value):
            return {"quantity": str(value)}
    raise StoreError(f"'{name}' is {_shown(value)}, which cannot be kept; {_KEPT}")


def _reads_back(value: Quantity) -> bool:
    try:
        return parse_quantity(str(value)) == value
    except UnitError:  # more digits than anything displays
        return False


def _shown(value: object) -> str:
    return repr(value)[:60] if isinstance(value, str | float | Decimal | Quantity) else f"a {type(value).__name__}"


def _typed(value: object) -> object:
    if not isinstance(value, dict):
        return value
    try:
        ((kind, text),) = value.items()
        return _READERS[kind](text)
    except (KeyError, TypeError, UnitError) as error:
        raise ValueError(f"{value!r:.60} is no value of a field") from error


_READERS: Final[Mapping[str, Callable[[str], object]]] = {"time": parse_utc, "quantity": parse_quantity}
