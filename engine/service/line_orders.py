"""What charts order of the lines of one process: their lights, their terminals, and what a site's own bindings do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from engine.bindings.registry import Registry
from engine.service.host import Performer, ServiceFunction
from engine.service.lines import Line
from engine.service.terminals import TerminalOrders


def orders_of(
    lines: Sequence[Line], registry: Registry
) -> tuple[Mapping[str, ServiceFunction], Mapping[str, Performer]]:
    """The services and the performers, by name."""
    lights = {line.name: line for line in lines}
    terminals = TerminalOrders({line.name: line.terminal for line in lines if line.terminal is not None})
    services = {
        name: cast("ServiceFunction", spec.function)
        for name, spec in registry.services.items()
        if spec.function is not None
    }
    performers = {name: spec.function for name, spec in registry.actions.items() if spec.function}
    return (
        {**services, **terminals.table()},
        {**performers, "signal.show": lambda machine, pattern: lights[machine].show(pattern), **terminals.performers()},
    )
