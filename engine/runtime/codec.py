"""Values of a machine and effects that it ordered as JSON, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from engine.bindings.window import Sample, Window
from engine.chart.model import Values
from engine.effects import Effect, Perform, SendEvent
from engine.ports import Secret
from engine.runtime.errors import SnapshotError
from engine.units import Quantity


def encode_effects(effects: Iterable[Effect]) -> list[Any]:
    """What is to be done and leaves no trace in the machine itself: actions and messages. Raises SnapshotError."""
    return [
        {"do": effect.action, "with": encode_value(effect.args, effect.action)}
        if isinstance(effect, Perform)
        else {"send": effect.event, "to": effect.to, "with": encode_value(effect.data, effect.event)}
        for effect in effects
        if isinstance(effect, Perform | SendEvent)
    ]


def decode_effects(written: Iterable[Mapping[str, Any]]) -> list[Effect]:
    """What :func:`encode_effects` wrote."""
    return [
        Perform(str(one["do"]), decode_map(one["with"]))
        if "do" in one
        else SendEvent(str(one["to"]), str(one["send"]), decode_map(one["with"]))
        for one in written
    ]


def encode_value(value: object, where: str) -> Any:
    """A value as JSON. Raises SnapshotError for one that JSON cannot carry, naming ``where`` it is; drops secrets."""
    match value:
        case Secret():
            return None
        case None | bool() | int() | float() | str():
            return value
        case Quantity():
            return {"$quantity": [str(value.value), value.unit]}
        case datetime():
            return {"$time": value.isoformat()}
        case Decimal():
            return {"$decimal": str(value)}
        case bytes():
            return {"$bytes": value.hex()}
        case Window():
            return {"$window": [[encode_value(part, where) for part in sample] for sample in value]}
        case list() | tuple():
            return [encode_value(item, where) for item in value]
        case Mapping():
            return {"$map": {str(key): encode_value(item, where) for key, item in value.items()}}
    raise SnapshotError(f"'{where}' holds a {type(value).__name__}, which a snapshot cannot carry")


def decode_value(value: Any) -> Any:
    """The value that :func:`encode_value` was given."""
    if isinstance(value, list):
        return [decode_value(item) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, inner),) = value.items()
    return _DECODERS[kind](inner)


def decode_map(written: Any) -> Values:
    """As :func:`decode_value`, of what has to be a map. Raises TypeError."""
    value = decode_value(written)
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} is no map of values")
    return value


def _decode_window(samples: list[list[Any]]) -> Window:
    return Window([_decode_sample(*map(decode_value, sample)) for sample in samples], 0, len(samples))


def _decode_sample(at: Any, weight: Any, is_stable: Any, status: Any, raw: Any) -> Sample:
    if not (isinstance(weight, Quantity | None) and isinstance(is_stable, bool | None) and isinstance(raw, bytes)):
        raise TypeError("a sample of a window is none")
    return Sample(float(at), weight, is_stable, str(status), raw)


def _decode_time(written: str) -> datetime:
    time = datetime.fromisoformat(written)
    if time.tzinfo is None:
        raise ValueError(f"{written} is a time of no time zone")
    return time


_DECODERS: Final[dict[str, Any]] = {
    "$quantity": lambda pair: Quantity(Decimal(pair[0]), pair[1]),
    "$time": _decode_time,
    "$decimal": Decimal,
    "$bytes": bytes.fromhex,
    "$window": _decode_window,
    "$map": lambda inner: {key: decode_value(item) for key, item in inner.items()},
}
