"""What can go wrong while a chart runs."""

from __future__ import annotations

from engine.errors import EngineError, Position


class ChartRunError(EngineError):
    """An action, guard, timer or argument of a chart raised. The macrostep it belonged to has been undone."""

    def __init__(self, kind: str, text: str, position: Position, cause: BaseException) -> None:
        super().__init__(f"{position}: {kind} '{text}' failed: {type(cause).__name__}: {cause}")
        self.kind = kind  # "action" or "guard"
        self.text = text
        self.position = position
        self.reason = f"{type(cause).__name__}: {cause}"
        self.sources: tuple[str, ...] = ()  # the states whose transitions, timers or services it belongs to


class MicrostepLimitError(EngineError):
    """Eventless transitions or raised events went on for ever."""

    def __init__(self, chart: str, limit: int, cycle: tuple[str, ...]) -> None:
        super().__init__(
            f"chart '{chart}': {limit} microsteps did not come to rest; it goes round through {' -> '.join(cycle)}. "
            "Give one of its 'always' transitions a guard that becomes false."
        )
        self.cycle = cycle
        self.sources = cycle


class MachineFaultError(EngineError):
    """The chart does not handle its own failure: the machine has stopped and must be started anew."""


class SnapshotError(EngineError):
    """A snapshot cannot be taken or restored; the text says why and what is missing."""
