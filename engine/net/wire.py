"""What leaves for the central server, as JSON text. Decimals are written digit for digit, never through a float."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from engine.errors import UnitError
from engine.ports import GatewayIdentity, WeighingRecord
from engine.units import Quantity

CONTRACT_FIELDS: Final = ("uuid", "rfid_uid", "weight", "measured_at")
# What a site may upload beside them, by name (``upload.fields``): a column, or ``extra.NAME`` as the chart saved it.
EXTRA: Final = "extra."
COLUMNS: Final[Mapping[str, Callable[[WeighingRecord], object]]] = MappingProxyType(
    {
        "line": lambda record: record.line,
        "unit": lambda record: record.unit,
        "sequence": lambda record: record.sequence,
        "chart": lambda record: record.chart,
        "chart_version": lambda record: record.chart_version,
        "weight": lambda record: record.weight,
        "weight_text": lambda record: f"{record.weight:f}",  # with the digits that were displayed
        "measured_at": lambda record: record.measured_at,
        "rfid_uid": lambda record: record.rfid_uid,
        "raw_frame": lambda record: record.raw_frame.hex(),
    }
)
_NO_FIELDS: Final[Mapping[str, str]] = MappingProxyType({})


def record_body(record: WeighingRecord, fields: Mapping[str, str] = _NO_FIELDS) -> str:
    """The body of ``POST api/weighing/records/`` (5.2 of the requirements), with the site's own ``fields``.

    Weights are JSON numbers in the record's unit, exactly; times are ISO 8601 and carry their UTC offset. A field that
    the record has nothing for is left out. Raises ValueError when the weight is not finite, a time has no offset or a
    value has no JSON form: such a record is a bug, not a message.
    """
    if record.measured_at.utcoffset() is None:
        raise ValueError(f"record {record.uuid}: measured_at has no UTC offset")
    return encode_json(
        {
            "uuid": record.uuid,
            "rfid_uid": record.rfid_uid,
            "weight": record.weight,
            "measured_at": record.measured_at.isoformat(),
            **{name: value for name, source in fields.items() if (value := _value(record, source)) is not None},
        }
    )


def _value(record: WeighingRecord, source: str) -> object:
    column = COLUMNS.get(source)
    value = record.extra.get(source.removeprefix(EXTRA)) if column is None else column(record)
    if isinstance(value, Quantity):
        return _number(value, record, source)
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise ValueError(f"record {record.uuid}: the time of '{source}' has no UTC offset")
        return value.isoformat()
    return value


def _number(value: Quantity, record: WeighingRecord, source: str) -> Decimal:
    if value.dimension != "mass":
        return value.value
    try:
        return value.to(record.unit).value  # one unit for all that is weighed; the chart's service saw to it
    except UnitError as error:
        raise ValueError(f"record {record.uuid}: '{source}': {error}") from error


def identity_body(identity: GatewayIdentity) -> str:
    """The body of ``POST devices/api/gateways/`` (5.1 of the requirements)."""
    return encode_json(
        {
            "mac_address": identity.mac_address,
            "hostname": identity.hostname,
            "ip_address": identity.ip_address,
            "name": identity.name,
        }
    )


def encode_json(value: object) -> str:
    """Compact JSON. A Decimal keeps its exact value (``12.340`` is written ``12.34``); ``json.dumps`` cannot do that.

    Raises TypeError for what JSON does not know and ValueError for a number that is not finite.
    """
    if isinstance(value, Decimal):
        return _decimal_text(value)
    if value is None or isinstance(value, (str, bool, int, float)):
        return json.dumps(value, allow_nan=False)
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_key(key)}:{encode_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return "[" + ",".join(map(encode_json, value)) + "]"
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a JSON key is a text, not {key!r}")
    return json.dumps(key)


def _decimal_text(value: Decimal) -> str:
    # Not normalize(): it rounds to the context's 28 digits and writes 100 as 1E+2.
    if not value.is_finite():
        raise ValueError(f"{value} is not a finite number")
    text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
