"""All that a machine remembers between macrosteps beside its configuration: what is copied to be able to undo one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from engine.chart.model import State, Transition, Values
from engine.effects import SendEvent

Why = Literal["done", "stopped", "faulted", "restored"]  # as in MachineEnded


@dataclass(frozen=True, slots=True)
class Leaving:
    """Why a state with ``finally`` is being left, to be gone on with when its cleanup is done.

    Either transitions with the event that enabled them, or the end of the machine (``why`` as in MachineEnded).
    """

    transitions: tuple[Transition, ...] = ()
    event: Values = field(default_factory=dict)
    why: Why | None = None
    reason: str = ""
    is_over: bool = False  # the cleanup is done: the state may be left


@dataclass(slots=True)
class Memory:
    """See the module. ``data`` is kept by the interpreter itself, whose expressions read it on every event."""

    history: dict[str, tuple[State, ...]] = field(default_factory=dict)
    timers: dict[str, float] = field(default_factory=dict)  # key -> deadline
    invokes: dict[str, str] = field(default_factory=dict)  # invoke key -> the running start's own key
    delayed: dict[str, SendEvent] = field(default_factory=dict)  # timer key -> what it sends
    leaving: dict[str, Leaving] = field(default_factory=dict)  # state with finally -> while its cleanup runs

    def copy(self) -> Memory:
        """An independent copy; what is in it does not change."""
        return Memory(dict(self.history), dict(self.timers), dict(self.invokes), dict(self.delayed), dict(self.leaving))
