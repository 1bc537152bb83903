"""All that a machine remembers between macrosteps beside its configuration: what is copied to be able to undo one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from engine.chart.model import State, Transition, Values
from engine.effects import SendEvent

Why = Literal["done", "stopped", "faulted", "restored"]  # as in MachineEnded
# A cleanup is at work; has come to its end within this macrostep; is behind the state, which may be left now.
Stage = Literal["running", "done", "over"]


@dataclass(frozen=True, slots=True)
class Leaving:
    """How far the cleanup of a state with ``finally`` is, and what is to be gone on with after it.

    Either transitions, each with the event that enabled it, or the end of the machine (``why`` as in MachineEnded);
    nothing, where the flow itself went into the cleanup.
    """

    pending: tuple[tuple[Transition, Values], ...] = ()
    why: Why | None = None
    reason: str = ""
    stage: Stage = "running"


@dataclass(slots=True)
class Memory:
    """See the module. ``data`` is kept by the interpreter itself, whose expressions read it on every event."""

    history: dict[str, tuple[State, ...]] = field(default_factory=dict)
    timers: dict[str, float] = field(default_factory=dict)  # key -> deadline
    invokes: dict[str, str] = field(default_factory=dict)  # invoke key -> the running start's own key
    delayed: dict[str, SendEvent] = field(default_factory=dict)  # timer key -> what it sends
    leaving: dict[str, Leaving] = field(default_factory=dict)  # active state with finally -> once its cleanup has begun

    def copy(self) -> Memory:
        """An independent copy; what is in it does not change."""
        return Memory(dict(self.history), dict(self.timers), dict(self.invokes), dict(self.delayed), dict(self.leaving))
