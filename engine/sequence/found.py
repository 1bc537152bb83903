"""What a driver gave, in Python's own types: numbers of numpy and their like, enums and dataclasses are unwrapped.

Limits, expressions and records see numbers, texts, lists and mappings then, whatever library the driver uses. What is
a container is copied: a driver that goes on with its own does not change a record.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from enum import Enum
from typing import Final

from engine.ports import Secret
from engine.units import Quantity

_AS_IT_IS: Final = frozenset({type(None), bool, int, float, Quantity, Secret})


def natural(value: object) -> object:
    """The value itself, or what stands for it; a text is one that can be written as UTF-8."""
    if type(value) in _AS_IT_IS:
        return value
    if isinstance(value, Enum):
        return natural(value.value)
    if isinstance(value, str):
        return _writable(str(value))
    if isinstance(value, Mapping):
        return {key: natural(one) for key, one in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {key: natural(one) for key, one in value._asdict().items()}
    if isinstance(value, list | tuple):
        return [natural(one) for one in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: natural(getattr(value, one.name)) for one in dataclasses.fields(value)}
    return _unwrapped(value)


def _unwrapped(value: object) -> object:
    """Numbers and arrays of numpy, and whatever else offers ``tolist`` or ``item`` as they do."""
    for name in ("tolist", "item"):
        unwrap = getattr(value, name, None)
        if callable(unwrap) and not isinstance(value, type):
            found = unwrap()
            return found if type(found) is type(value) else natural(found)
    return value


def _writable(text: str) -> str:
    """A lone surrogate (``surrogateescape``) cannot be stored or sent."""
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
