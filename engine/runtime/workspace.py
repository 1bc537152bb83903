"""What a macrostep works on: data, memory, and the effects it orders. When it fails, all of that is as it was."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from random import Random

from engine.chart.model import Chart, Invoke, Timer, Transition, Values
from engine.effects import CancelInvoke, CancelTimer, Effect, MachineEnded, SendEvent, StartInvoke, StartTimer
from engine.runtime.errors import ChartRunError
from engine.runtime.memory import Memory, Why
from engine.runtime.program import Configuration, Program


class Workspace:
    """The half of a machine that actions and plans change (``engine.chart.model.ActionMachine``).

    The clock's two times may be given as functions, which are asked when the chart wants to know, and once a macrostep.
    """

    __slots__ = (
        "_before",
        "_configuration",
        "_effects",
        "_internal",
        "_invoke_count",
        "_live",
        "_memory",
        "_monotonic",
        "_now",
        "_program",
        "_random",
        "_saved",
        "_seed",
        "_taken",
        "_wanted",
        "chart",
        "data",
        "ended",
        "is_running",
        "settings",
        "transitions",
    )

    def __init__(self, program: Program, settings: Values, *, seed: int | None = None) -> None:
        self.chart: Chart = program.chart
        self.settings: Values = settings
        self.data: dict[str, object] = {}  # replaced, never changed: the old one is how a macrostep is undone
        self.is_running = False
        self.ended = ""  # why it does not run any more, in words
        self.transitions: tuple[Transition, ...] = ()  # taken on the last event
        self._taken = 0  # how many of them this macrostep found: it may be one of several on an event
        self._program = program
        self._seed = seed
        self._random: Random | None = None  # 2.5 kB that most machines never ask for
        self._configuration: Configuration = program.empty
        self._live: frozenset[str] | None = None  # while an action that asks In() runs inside a microstep
        self._memory = Memory()
        self._invoke_count = 0
        self._wanted: list[Invoke] = []
        self._internal: deque[tuple[str, Values]] = deque()
        self._effects: list[Effect] = []  # of this macrostep; empty between two
        self._before = self.data  # the data that the macrostep found
        self._saved: Memory | None = None  # the memory that the macrostep found, once it changed any of it
        self._monotonic: float | Callable[[], float] = 0.0
        self._now: datetime | Callable[[], datetime] | None = None

    # What actions and expressions use ----------------------------------------------------------------------------

    def assign(self, name: str, value: object) -> None:
        """Give a data variable a new value; undone when the macrostep fails."""
        self.data = {**self.data, name: value}

    def emit(self, effect: Effect) -> None:
        """Order something outside of the chart; dropped when the macrostep fails."""
        self._effects.append(effect)

    def raise_event(self, name: str, data: Values) -> None:
        """Put an event on the internal queue of this macrostep."""
        self._internal.append((name, data))

    def is_active(self, state: str) -> bool:
        """Whether a state is active: ``In('state')``."""
        return state in (self._configuration.ids if self._live is None else self._live)

    def new_id(self) -> str:
        """A random (version 4) uuid as text."""
        return str(uuid.UUID(int=self._generator().getrandbits(128), version=4))

    def now(self) -> datetime:
        """The calendar time that came with the event being handled."""
        now = self._now
        if not isinstance(now, datetime):
            assert now is not None
            now = self._now = now()  # the same for the whole macrostep
        return now

    def random(self) -> float:
        """A number from the machine's own generator, 0 <= x < 1."""
        return self._generator().random()

    def send_later(self, key: str, delay: float, message: SendEvent) -> None:
        """Order an event after ``delay`` seconds; a pending one of the same key is replaced."""
        self._save()
        self._memory.delayed[key] = message
        self._wake_after(delay, key)

    def cancel_send(self, key: str) -> None:
        """Take back a delayed event, if it is still pending."""
        if key in self._memory.delayed:
            self._stop_timer(key)
            del self._memory.delayed[key]

    def _generator(self) -> Random:
        if self._random is None:
            self._random = Random(self._seed)  # noqa: S311 - ids and jitter, not secrets
        return self._random

    def _monotonic_s(self) -> float:
        at = self._monotonic
        if not isinstance(at, float):
            at = float(at()) if callable(at) else float(at)
            self._monotonic = at
        return at

    # Changing, so that it can be undone --------------------------------------------------------------------------

    def _begin(self) -> None:
        """A macrostep begins: from here on it can be undone."""
        self._before, self._saved = self.data, None
        self._effects, self._wanted = [], []
        self._taken = len(self.transitions)

    def _keep(self) -> None:
        """What was done so far stays done, also when what follows in this macrostep fails."""
        self._before, self._saved = self.data, None

    def _save(self) -> None:
        """Called before anything in the memory changes."""
        if self._saved is None:
            self._saved = self._memory.copy()

    def _undo(self, configuration: Configuration, *, was_running: bool) -> None:
        self.data = self._before
        if self._saved is not None:
            self._memory, self._saved = self._saved, None
        self._configuration, self.is_running = configuration, was_running
        self._live = None
        self._effects, self._wanted = [], []
        self.transitions = self.transitions[: self._taken]
        self._internal.clear()

    def _hand_over(self) -> list[Effect]:
        """The macrostep's effects, which are the caller's from now on."""
        effects, self._effects, self._saved = self._effects, [], None
        return effects

    # Timers and services -----------------------------------------------------------------------------------------

    def _start_timer(self, timer: Timer, event: Values) -> None:
        try:
            delay = float(timer.delay(self.data, self.settings, event, self))
        except Exception as error:
            raise ChartRunError("action", f"after {timer.text}", timer.position, error) from error
        self._save()
        self._wake_after(delay, timer.key)

    def _wake_after(self, delay: float, key: str) -> None:
        deadline = self._monotonic_s() + max(delay, 0.0)
        self._memory.timers[key] = deadline
        self._effects.append(StartTimer(key, deadline))

    def _stop_timer(self, key: str) -> None:
        if key in self._memory.timers:
            self._save()
            del self._memory.timers[key]
            self._effects.append(CancelTimer(key))

    def _start_invokes(self, event: Values) -> None:
        """At the end of the macrostep, for states entered and not left since (SCXML's statesToInvoke)."""
        wanted, self._wanted = self._wanted, []
        for invoke in wanted:
            try:
                args = invoke.args(self.data, self.settings, event, self)
            except Exception as error:
                failed = ChartRunError("action", f"invoke {invoke.service.name}", invoke.position, error)
                failed.sources = (invoke.key.rpartition("/invoke/")[0],)
                raise failed from error
            self._save()
            self._invoke_count += 1
            key = f"{invoke.key}:{self._invoke_count}"
            self._memory.invokes[invoke.key] = key
            self._effects.append(StartInvoke(key, invoke.service.name, args))
            if invoke.timeout is not None:
                self._start_timer(invoke.timeout, event)

    def _stop_invoke(self, invoke: Invoke) -> None:
        if invoke in self._wanted:
            self._wanted.remove(invoke)
        running = self._memory.invokes.get(invoke.key)
        if running is not None:
            self._save()
            del self._memory.invokes[invoke.key]
            self._effects.append(CancelInvoke(running, invoke.cancel_wait))
        if invoke.timeout is not None:
            self._stop_timer(invoke.timeout.key)

    def _cancelled(self, invoke_key: str, running: str) -> CancelInvoke:
        return CancelInvoke(running, self._program.invokes[invoke_key].cancel_wait)

    def _finish(self, why: Why, reason: str, data: Mapping[str, object]) -> None:
        self.is_running, self.ended = False, f"the machine has ended ({why}{f': {reason}' if reason else ''})"
        self._save()
        self._drop_everything()
        self._effects.append(MachineEnded(why, reason, data))

    def _drop_everything(self) -> None:
        memory = self._memory
        self._effects += [CancelTimer(key) for key in memory.timers]
        self._effects += [self._cancelled(key, running) for key, running in memory.invokes.items()]
        memory.timers.clear()
        memory.invokes.clear()
        memory.delayed.clear()
        memory.leaving.clear()
        self._wanted = []
