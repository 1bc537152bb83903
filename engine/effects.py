"""What a statechart answers with: things to be done outside of it. Plain data; the service performs them in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

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
    """The state that invoked ``key`` was left: stop the service; its answer no longer counts.

    ``wait``: a service that must end (``cancel: wait 2 s``) is given so many seconds for it before anything that comes
    after this effect is performed.
    """

    key: str
    wait: float = 0.0


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
class MachineEnded:
    """The machine has ended, its ``finally`` states done: why, and a top-level final state's data.

    ``done``: it reached a top-level final state. ``stopped``: it was asked to. ``faulted``: it does not handle its own
    failure. ``restored``: what a crash had interrupted is cleaned up, and it may begin anew.
    """

    why: Literal["done", "stopped", "faulted", "restored"]
    reason: str = ""
    data: Mapping[str, object] = field(default_factory=lambda: NO_DATA)


Effect = StartTimer | CancelTimer | StartInvoke | CancelInvoke | Perform | SendEvent | LogLine | MachineEnded
