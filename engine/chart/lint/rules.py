"""The rules: what each is about, how severe it is, and what in the chart has to be sound before it can be asked."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from engine.errors import Severity

Need = Literal["targets", "names", "invokes", "values"]

# Error: the chart cannot do what it says. Warning: it can, and hardly is what was meant. A place can be silenced.
RULES: Final[Mapping[str, Severity]] = MappingProxyType(
    {
        "unreachable-state": "warning",
        "dead-end": "warning",
        "shadowed-transition": "warning",
        "same-event-twice": "warning",
        "left-at-once": "warning",
        "constant-condition": "warning",
        "eventless-cycle": "error",
        "final-goes-on": "error",
        "history-with-content": "error",
        "targets-exclude": "error",
        "cross-region-target": "warning",
        "done-never-happens": "warning",
        "waits-forever": "error",
        "waits-for-device": "warning",
        "timeout-never-fires": "warning",
        "unused-event": "warning",
        "unused-data": "warning",
        "data-never-set": "warning",
        "unused-setting": "warning",
        "setting-without-default": "warning",
        "unhandled-send": "warning",
        "unknown-machine": "warning",
        "unknown-field": "warning",
    }
)

# Rules that need more than one chart to be asked.
ACROSS: Final = frozenset({"unhandled-send", "unknown-machine", "unknown-field"})

# What the builder found wrong -> what can then not be judged: a finding would only follow from the other.
SPOILS: Final[Mapping[str, frozenset[Need]]] = MappingProxyType(
    {
        **dict.fromkeys(
            ("unknown-target", "missing-initial", "missing-history-default", "initial-outside", "unknown-id"),
            frozenset({"targets"}),
        ),
        **dict.fromkeys(("duplicate-state", "wrong-state-type", "retry-not-atomic"), frozenset({"targets", "names"})),
        **dict.fromkeys(
            ("wrong-type", "wrong-value", "wrong-form", "needs-unit", "unknown-unit", "needs-quotes"),
            frozenset({"values"}),
        ),
        "unknown-service": frozenset({"targets", "invokes", "names"}),
        "unknown-outcome": frozenset({"targets", "invokes"}),
        "missing-outcome": frozenset({"targets", "invokes"}),
    }
)
SPOILED_BY_ANY_OTHER: Final[frozenset[Need]] = frozenset({"names"})
