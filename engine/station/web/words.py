"""What happens in a station, as messages of the API: ``{type, batch_id, seq, at, data}`` with camelCase data."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from engine.sequence.records import LOG
from engine.station.status import BatchStatus
from engine.station.web.models import camel_name

_TEXT: Final = 0x81  # a whole text message in one frame
_SHORT: Final = 125  # bytes
_MEDIUM: Final = 0xFFFF
_KEPT_AS_THEY_ARE: Final = frozenset({"result", "parameters", "params", "value"})  # names that a sequence chose
_PLAIN: Final = frozenset({str, int, float, bool, type(None)})  # types that have no names within
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode


def camel(values: Mapping[str, object]) -> dict[str, object]:
    """Names as the API has them; what stands under names of a sequence's own is left as it is."""
    return {
        camel_name(name): value if type(value) in _PLAIN or name in _KEPT_AS_THEY_ARE else _inner(value)
        for name, value in values.items()
    }


def _inner(value: object) -> object:
    if isinstance(value, Mapping):
        return camel(value)
    return [_inner(one) for one in value] if isinstance(value, list | tuple) else value


def message(type_: str, batch_id: str | None, seq: int, at: datetime, data: Mapping[str, object]) -> str:
    """One message as text."""
    return _encode({"type": type_, "batch_id": batch_id, "seq": seq, "at": utc(at), "data": data})


def frame(text: str) -> bytes:
    """A message as it stands on the wire (RFC 6455, 5.2): the same bytes for every client, made once.

    Half a character, which JSON can name and UTF-8 cannot write, becomes a question mark.
    """
    data = text.encode(errors="replace")
    size = len(data)
    if size <= _SHORT:
        return struct.pack("!BB", _TEXT, size) + data
    if size <= _MEDIUM:
        return struct.pack("!BBH", _TEXT, _SHORT + 1, size) + data
    return struct.pack("!BBQ", _TEXT, _SHORT + 2, size) + data


def utc(moment: datetime) -> str:
    """A moment as the requirements write it: ``2025-01-01T12:00:00Z``."""
    return moment.isoformat().replace("+00:00", "Z")


def status_data(status: BatchStatus) -> dict[str, Any]:
    """A batch's status: what is not there is left out (requirements, 4.2)."""
    return {
        name: value for name, value in camel(status.to_json()).items() if value is not None and value not in ("", [])
    }


def event_data(type_: str, at: datetime, data: Mapping[str, object]) -> dict[str, object]:
    """The data of an event of the bus."""
    told = camel(data)
    if type_ == LOG:
        told["timestamp"] = utc(at)
    return told
