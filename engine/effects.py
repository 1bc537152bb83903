"""What a statechart answers with: things to be done outside of it. Plain data; the service performs them in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.events import NO_DATA


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Wake the machine with ``Interpreter.fire(key)`` at ``deadline`` (the clock's monotonic seconds)."""

    key: str
    deadline: float


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """The timer ``key`` is no longer wanted."""

    key: str


@dataclass(frozen=True, slots=True)
class StartInvoke:
    """Start a service; its outcome comes back through ``Interpreter.resolve(key, outcome)``.

    ``key`` is unique to this start, so that the answer of an earlier one is recognised as stale.
    """

    key: str
    service: str
    args: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class CancelInvoke:
    """The state that invoked ``key`` was left: stop the service; its answer no longer counts."""

    key: str


@dataclass(frozen=True, slots=True)
class Perform:
    """A named fire-and-forget action (``signal.show``, ``stream.send_latest``) with its typed arguments."""

    action: str
    args: Mapping[str, object] = field(default_factory=lambda: NO_DATA)


@dataclass(frozen=True, slots=True)
class SendEvent:
    """An event for another machine, or for every machine of a group (``lines``)."""

    to: str
    event: str
    data: Mapping[str, object] = field(default_factory=lambda: NO_DATA)


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line that the chart itself writes to the log."""

    message: str
    level: str = "info"


@dataclass(frozen=True, slots=True)
class MachineDone:
    """The machine reached a top-level final state."""

    data: Mapping[str, object] = field(default_factory=lambda: NO_DATA)


Effect = StartTimer | CancelTimer | StartInvoke | CancelInvoke | Perform | SendEvent | LogLine | MachineDone
