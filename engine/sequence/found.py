"""What a driver gave, in Python's own types: numbers of numpy and their like, enums and dataclasses are unwrapped.

Limits, expressions and records see numbers, texts, lists and mappings then, whatever library the driver uses. What is
a container is copied: a driver that goes on with its own does not change a record.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from typing import Final

from engine.ports import Secret
from engine.units import Quantity

_MOST_BITS: Final = 4096
_AS_IT_IS: Final = frozenset({type(None), bool, int, float, Quantity, Secret})


def natural(value: object) -> object:
    """The value itself, or what stands for it; a text is one that can be written as UTF-8."""
    if type(value) is int and value.bit_length() > _MOST_BITS:
        return hex(value)  # Python writes no decimal number of so many digits
    if type(value) in _AS_IT_IS:
        return value
    if isinstance(value, Mapping):
        return {natural(key) if isinstance(key, str) else key: natural(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        named = getattr(value, "_asdict", None)
        return [natural(one) for one in value] if named is None else natural(named())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: natural(getattr(value, one.name)) for one in dataclasses.fields(value)}
    return _single(value)


def _single(value: object) -> object:
    if isinstance(value, Enum):
        return natural(value.value)
    if isinstance(value, str):
        return writable(str(value))
    if isinstance(value, bytes | bytearray):
        return _text(bytes(value))
    return value.total_seconds() if isinstance(value, timedelta) else _unwrapped(value)


def _text(raw: bytes) -> object:
    """What a device has sent, where that is a text: pyserial gives bytes."""
    is_text = raw.isascii() and all(chr(one).isprintable() or chr(one).isspace() for one in raw)
    return raw.decode("ascii") if is_text else raw


def _unwrapped(value: object) -> object:
    """Numbers and arrays of numpy, and whatever else offers ``tolist`` or ``item`` as they do."""
    for name in ("tolist", "item"):
        unwrap = getattr(value, name, None)
        if callable(unwrap) and not isinstance(value, type):
            found = unwrap()
            return found if type(found) is type(value) else natural(found)
    return value


def writable(text: str) -> str:
    """A text as UTF-8 can hold it: a lone surrogate (``surrogateescape``) could be neither stored nor sent."""
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
