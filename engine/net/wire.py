"""What leaves for the central server, as JSON text. Decimals are written digit for digit, never through a float."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal

from engine.ports import GatewayIdentity, WeighingRecord


def record_body(record: WeighingRecord) -> str:
    """The body of ``POST api/weighing/records/`` (5.2 of the requirements).

    The weight is a JSON number in the record's unit; the time is ISO 8601 and carries its UTC offset. Raises ValueError
    when the weight is not finite or the time has no offset: such a record is a bug, not a message.
    """
    if record.measured_at.utcoffset() is None:
        raise ValueError(f"record {record.uuid}: measured_at has no UTC offset")
    return encode_json(
        {
            "uuid": record.uuid,
            "rfid_uid": record.rfid_uid,
            "weight": record.weight,
            "measured_at": record.measured_at.isoformat(),
        }
    )


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
