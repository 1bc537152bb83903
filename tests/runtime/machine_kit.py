"""A machine of a YAML text on its own small clock, for tests: what it does, said shortly."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from engine.bindings.registry import Help, Parameter, Registry
from engine.bindings.types import DURATION, INT, TEXT
from engine.chart.declare import resolve_settings
from engine.chart.load import build_checked
from engine.chart.model import Chart
from engine.clock import DEFAULT_EPOCH
from engine.documents.source import load_yaml
from engine.effects import (
    CancelInvoke,
    CancelTimer,
    Effect,
    LogLine,
    MachineEnded,
    Perform,
    SendEvent,
    StartInvoke,
    StartTimer,
)
from engine.events import Event
from engine.runtime.interpreter import Interpreter
from engine.runtime.program import Program

_NO_HELP: Final = Help("", "")


def registry() -> Registry:
    """A few bindings with no meaning of their own: two actions, a guard that raises, services of each kind."""
    made = Registry()
    made.action("light", {"colour": Parameter(TEXT)}, help=_NO_HELP, source="test")
    made.action("voltage", {"on": Parameter(TEXT)}, help=_NO_HELP, source="test")
    made.guard("broken", help=_NO_HELP)(_broken)
    made.service("look", "store", {"key": Parameter(TEXT, "")}, outcomes={"found": {"n": INT}}, help=_NO_HELP,
                 source="test", is_repeatable=True)  # fmt: skip
    made.service("print", "hardware", outcomes={"printed": {}}, help=_NO_HELP, source="test")
    made.service("post", "network", outcomes={"done": {}, "unreachable": {"reason": TEXT, "retry_after": DURATION},
                 "busy": {}}, help=_NO_HELP, source="test", is_repeatable=True)  # fmt: skip
    return made


def _broken() -> bool:
    raise RuntimeError("the guard broke")


def chart_of(text: str, name: str = "chart.yaml") -> Chart:
    """A chart, checked against the schema."""
    return build_checked(load_yaml(text, name), registry())


class Machine:
    """An interpreter whose clock stands still until ``wait``. Calls answer with what is ordered, as short texts."""

    def __init__(
        self, chart: Chart | str, settings: Mapping[str, object] | None = None, *, make: Any = Interpreter
    ) -> None:
        self.chart = chart_of(chart) if isinstance(chart, str) else chart
        problems: list[Any] = []
        values = resolve_settings(self.chart.settings, settings or {}, problems)
        assert not problems
        self.interpreter: Interpreter = make(Program(self.chart), values, seed=1)
        self.time = 100.0
        self.effects: list[Effect] = []  # of the last call

    @property
    def now(self) -> datetime:
        return DEFAULT_EPOCH + timedelta(seconds=self.time - 100.0)

    @property
    def states(self) -> tuple[str, ...]:
        return self.interpreter.configuration

    @property
    def data(self) -> dict[str, object]:
        return self.interpreter.data

    @property
    def timers(self) -> dict[str, float]:
        """Those that run, with the seconds that are left."""
        timers = self.interpreter._memory.timers
        return {key: round(deadline - self.time, 6) for key, deadline in timers.items()}

    @property
    def invokes(self) -> list[str]:
        return list(self.interpreter._memory.invokes)

    def start(self) -> list[str]:
        return self._told(self.interpreter.start(self.time, self.now))

    def send(self, event: str, **data: object) -> list[str]:
        return self._told(self.interpreter.handle(Event(event, data), self.time, self.now))

    def stop(self) -> list[str]:
        return self._told(self.interpreter.stop(self.time, self.now))

    def answer(self, invoke: str, outcome: str, **payload: object) -> list[str]:
        """A service answers; ``invoke`` is the state's id, or the invoke's key."""
        key = invoke if "/invoke/" in invoke else f"{invoke}/invoke/0"
        running = self.interpreter._memory.invokes.get(key, f"{key}:0")
        return self._told(self.interpreter.resolve(running, outcome, payload, self.time, self.now))

    def wait(self, seconds: float) -> list[str]:
        """Let time pass, and every timer fire that falls due in it."""
        end = self.time + seconds
        ordered: list[Effect] = []
        while True:
            due = [(at, key) for key, at in self.interpreter._memory.timers.items() if at <= end]
            if not due:
                break
            at, key = min(due)
            self.time = max(at, self.time)
            ordered += self.interpreter.fire(key, self.time, self.now)
        self.time = end
        return self._told(ordered)

    def snapshot(self) -> dict[str, Any]:
        return self.interpreter.snapshot(self.time, self.now)

    def restore(self, document: Mapping[str, Any]) -> list[str]:
        return self._told(self.interpreter.restore(document, self.time, self.now))

    def _told(self, effects: list[Effect]) -> list[str]:
        self.effects = effects
        return [told(effect) for effect in effects]


def told(effect: Effect) -> str:
    """An effect in a few words."""
    match effect:
        case LogLine(message):
            return message
        case Perform(action, args):
            return " ".join([action, *map(str, args.values())])
        case StartTimer(key):
            return f"timer {key}"
        case CancelTimer(key):
            return f"no timer {key}"
        case StartInvoke(key, service):
            return f"invoke {service} {key}"
        case CancelInvoke(key, wait):
            return f"cancel {key}" + (f" wait {wait}" if wait else "")
        case SendEvent(to, event):
            return f"send {event} to {to}"
        case MachineEnded(why, reason):
            return f"ended {why}" + (f": {reason}" if reason else "")
