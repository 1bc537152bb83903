"""Whether a line has the terminal that its chart gives orders to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from engine.documents.tree import Map, Value
from engine.errors import Diagnostic, Position
from engine.service.site_checks import TERMINAL

_ACTIONS: Final = frozenset({"display.show", "light.set", "voice.say", "climate.set"})
_SERVICE: Final = "printer.print"


def without_terminal(line: Map, chart: Map) -> Iterator[Diagnostic]:
    """A line without a terminal whose chart orders something of one: the orders would go nowhere."""
    if any(TERMINAL in _protocols(device) for device in line.section("devices").values()):
        return
    first = next(_orders(chart), None)
    if first is not None:
        place = line.key_at("devices" if "devices" in line else "chart" if "chart" in line else "name")
        related = ((first[1], "needed-by"),)
        yield Diagnostic("terminal-needed", place, {"order": first[0]}, "warning", related=related)


def _protocols(device: Value) -> tuple[Value, ...]:
    named = device.get("protocol") if isinstance(device, Map) else None
    return tuple(named) if isinstance(named, list) else (named,)


def _orders(value: Value) -> Iterator[tuple[str, Position]]:
    """What a chart, or a part of it, orders of a terminal, and where."""
    if isinstance(value, Map):
        for key, inner in value.items():
            if key in _ACTIONS:
                yield key, value.key_at(key)
            elif key == "service" and inner == _SERVICE:
                yield _SERVICE, value.at(key)
            else:
                yield from _orders(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _orders(inner)
