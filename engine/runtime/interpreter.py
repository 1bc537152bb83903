"""One running machine: events and times in, effects out. Run to completion; a macrostep happens whole or not at all."""

from __future__ import annotations

import random
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from engine.chart.model import NO_VALUES, Chart, Invoke, Timer, Transition, Values
from engine.effects import (
    CancelInvoke,
    CancelTimer,
    Effect,
    MachineEnded,
    SendEvent,
    StartInvoke,
    StartTimer,
)
from engine.errors import EngineError, Position
from engine.events import Event
from engine.runtime import cleanup, snapshot
from engine.runtime.errors import ChartRunError, MachineFaultError, MicrostepLimitError
from engine.runtime.memory import Leaving, Memory, Why
from engine.runtime.program import Candidates, Configuration, Operation, Program, Step
from engine.runtime.trace import GuardTried, Macrostep, Tracer, why

MICROSTEP_LIMIT: Final = 1000
_CYCLE_SHOWN: Final = 6
# A host's timer may wake a hair early by the clock's own rounding.
_EARLY_S: Final = 1e-6


class Interpreter:
    """A machine of one chart. The caller hands over the time with every call and performs the effects it gets back.

    ``settings`` are complete and typed (``engine.chart.settings.resolve``). ``seed`` fixes ``new_id()``, ``backoff()``
    jitter and ``random``; without one they come from the operating system's entropy.
    """

    def __init__(self, program: Program, settings: Values, *, seed: int | None = None) -> None:
        self.chart: Chart = program.chart
        self.settings: Values = settings
        self.data: dict[str, object] = {}
        self.unhandled: dict[str, int] = {}  # declared events that no active state reacted to, by name
        self.is_running = False
        self.transitions: list[Transition] = []  # taken in the last macrostep
        self.tracer: Tracer | None = None  # is told every macrostep; None costs next to nothing
        self._step: Macrostep | None = None
        self._program = program
        self._random = random.Random(seed)  # noqa: S311 - ids and jitter, not secrets
        self._configuration: Configuration = program.empty
        self._live: frozenset[str] | None = None  # while an action that asks In() runs inside a microstep
        self._memory = Memory()
        self._invoke_count = 0
        self._wanted: list[Invoke] = []
        self._internal: deque[tuple[str, Values]] = deque()
        self._effects: list[Effect] = []
        self._saved: tuple[dict[str, object], Memory] | None = None
        self._monotonic = 0.0
        self._now: datetime | Callable[[], datetime] | None = None

    # What the host calls ---------------------------------------------------------------------------------------

    @property
    def configuration(self) -> tuple[str, ...]:
        """The active states' ids in document order: compound and parallel ones, then what is active inside."""
        return tuple(s.id for s in self._configuration.states)

    @property
    def atomic_states(self) -> tuple[str, ...]:
        """The active states that have no children: what people call 'the state'."""
        return tuple(s.id for s in self._configuration.atomic)

    def start(self, monotonic: float, now: datetime) -> list[Effect]:
        """Enter the chart. Raises MachineFaultError when entering fails and the chart does not handle that."""
        self.data = {name: declared.default for name, declared in self.chart.data.items()}
        self._memory = Memory()
        self._configuration = self._program.empty
        self.is_running = True
        self._monotonic, self._now = monotonic, now
        try:
            return self._attempt(None, NO_VALUES)
        except (ChartRunError, MicrostepLimitError) as error:
            return self._handle_failure(error)

    def handle(self, event: Event, monotonic: float, now: datetime) -> list[Effect]:
        """Take one external event to completion."""
        return self.dispatch(event.name, event.data, monotonic, now)

    def dispatch(
        self, name: str, data: Values, monotonic: float, now: datetime | Callable[[], datetime]
    ) -> list[Effect]:
        """As ``handle``, without an Event around it. ``now`` may be asked only when the chart wants to know."""
        if not self.is_running:
            return []
        self._monotonic, self._now = monotonic, now
        try:
            return self._attempt(name, data)
        except (ChartRunError, MicrostepLimitError) as error:
            return self._handle_failure(error)

    def fire(self, key: str, monotonic: float, now: datetime) -> list[Effect]:
        """A timer's deadline has come. A timer that was cancelled or moved meanwhile changes nothing."""
        memory = self._memory
        deadline = memory.timers.get(key)
        if deadline is None or monotonic + _EARLY_S < deadline:
            return []
        del memory.timers[key]
        delayed = memory.delayed.pop(key, None)
        if delayed is not None:
            return [delayed]
        invoke_key, _, what = key.rpartition("/")
        if what == "timeout" and invoke_key in memory.invokes:
            running = memory.invokes.pop(invoke_key)
            return [self._cancelled(invoke_key, running), *self.dispatch(key, NO_VALUES, monotonic, now)]
        return self.dispatch(key, NO_VALUES, monotonic, now)

    def resolve(self, key: str, outcome: str, payload: Values, monotonic: float, now: datetime) -> list[Effect]:
        """A service answered. The answer of one that was cancelled or replaced changes nothing."""
        invoke_key = key.rpartition(":")[0]
        memory = self._memory
        if memory.invokes.get(invoke_key) != key:
            return []
        del memory.invokes[invoke_key]
        effects: list[Effect] = []
        if memory.timers.pop(f"{invoke_key}/timeout", None) is not None:
            effects.append(CancelTimer(f"{invoke_key}/timeout"))
        effects += self.dispatch(f"{invoke_key}/{outcome}", payload, monotonic, now)
        if outcome == "error" and not self.transitions:
            failed = {"service": invoke_key, "reason": payload.get("reason", "")}
            effects += self.dispatch("error.service", failed, monotonic, now)
        return effects

    def stop(self, monotonic: float, now: datetime) -> list[Effect]:
        """Ask the machine to end: at once, or when the ``finally`` states of what is active have done their work.

        The end is the effect MachineEnded. A second call while the cleanup runs changes nothing.
        """
        if not self.is_running:
            return []
        self._monotonic, self._now = monotonic, now
        return cleanup.end(self, Leaving(why="stopped"))

    @property
    def may_persist(self) -> bool:
        """Whether the chart has a state that survives a restart, or has a cleanup after one."""
        return any(s.is_persistent or s.finally_ is not None for s in self.chart.states.values())

    @property
    def is_persistent(self) -> bool:
        """Whether an active state asks to survive a restart, or for its cleanup after one."""
        return any(s.is_persistent or s.finally_ is not None for s in self._configuration.states)

    def why(self, event: str, data: Values = NO_VALUES) -> list[str]:
        """Explain what an event would do now, or why nothing."""
        return why(self, event, data)

    def snapshot(self, monotonic: float, now: datetime) -> dict[str, Any]:
        """All of the machine as a JSON document (``engine.runtime.snapshot``). Raises SnapshotError."""
        return snapshot.take(self, monotonic, now)

    def restore(self, document: Mapping[str, Any], monotonic: float, now: datetime) -> list[Effect]:
        """Go on where a snapshot was taken, in place of ``start``. Raises SnapshotError."""
        return snapshot.restore(self, document, monotonic, now)

    def abandon(self) -> list[Effect]:
        """End the machine without its ``finally``: only its timers and services are cancelled."""
        self.is_running = False
        self._effects = []
        self._drop_everything()
        return self._effects

    # What actions and expressions use (engine.chart.model.ActionMachine) -----------------------------------------

    def assign(self, name: str, value: object) -> None:
        """Give a data variable a new value; undone when the macrostep fails."""
        if self._saved is None:
            self._save()
        self.data[name] = value

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
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def now(self) -> datetime:
        """The calendar time that came with the event being handled."""
        now = self._now
        if not isinstance(now, datetime):
            assert now is not None
            now = self._now = now()  # the same for the whole macrostep
        return now

    def random(self) -> float:
        """A number from the machine's own generator, 0 <= x < 1."""
        return self._random.random()

    def send_later(self, key: str, delay: float, message: SendEvent) -> None:
        """Order an event after ``delay`` seconds; a pending one of the same key is replaced."""
        self._save()
        deadline = self._monotonic + max(delay, 0.0)
        self._memory.timers[key] = deadline
        self._memory.delayed[key] = message
        self._effects.append(StartTimer(key, deadline))

    def cancel_send(self, key: str) -> None:
        """Take back a delayed event, if it is still pending."""
        if key in self._memory.delayed:
            self._stop_timer(key)
            del self._memory.delayed[key]

    # The macrostep -----------------------------------------------------------------------------------------------

    def _handle_failure(self, error: ChartRunError | MicrostepLimitError) -> list[Effect]:
        if isinstance(error, ChartRunError):
            event = f"error.{error.kind}"
            payload = {"what": error.text, "reason": error.reason, "where": str(error.position)}
            if self._reacts_to(event):
                try:
                    return self._attempt(event, payload)
                except (ChartRunError, MicrostepLimitError) as second:
                    error = second
        if cleanup.is_owed(self):
            return cleanup.end(self, Leaving(why="faulted", reason=str(error)))
        self.is_running = False
        raise MachineFaultError(str(error)) from error

    def _attempt(self, name: str | None, event: Values) -> list[Effect]:
        """Run one macrostep; on any error undo all of it and raise."""
        before, running = self._configuration, self.is_running
        if self._effects:
            self._effects = []  # the caller has the old one
        self._saved = None
        self.transitions.clear()
        if self.tracer is not None:
            self._step = Macrostep(name or "start", event, self._monotonic, self.configuration)
        try:
            if name is None:
                self._perform(self._program.initial_step(), event)
            elif not self._microstep(name, event):
                self._count_unhandled(name)
            if self._internal or self._configuration.is_restless:
                self._settle(event)
            if self._wanted:
                self._start_invokes(event)
            if self._memory.leaving:
                cleanup.forget_left(self)
        except EngineError as error:
            self._undo(before, was_running=running)
            self._tell(str(error))
            raise
        self._saved = None
        if self.tracer is not None:
            self._tell("")
        return self._effects

    def _tell(self, error: str) -> None:
        step, self._step = self._step, None
        if step is not None and self.tracer is not None:
            step.effects, step.configuration, step.error = list(self._effects), self.configuration, error
            self.tracer(step)

    def _settle(self, event: Values) -> None:
        """Eventless transitions and internal events until neither enables anything."""
        left = MICROSTEP_LIMIT
        while self.is_running:
            left -= 1
            if left < 0:
                raise MicrostepLimitError(self.chart.name, MICROSTEP_LIMIT, self._cycle())
            if self._configuration.is_restless and self._microstep(None, event):
                continue
            if not self._internal:
                return
            name, event = self._internal.popleft()
            self._microstep(name, event)
            if self._memory.leaving:
                cleanup.go_on(self, name)

    def _reacts_to(self, name: str | None) -> bool:
        return bool(self._program.candidates(self._configuration, name))

    def _microstep(self, name: str | None, event: Values) -> bool:
        configuration = self._configuration
        candidates = configuration.candidates.get(name)
        if candidates is None:
            candidates = self._program.candidates(configuration, name)
        enabled = self._select(candidates, event)
        if not enabled:
            return False
        if self._program.has_finally:
            enabled = cleanup.respect(self, enabled, event)
            if not enabled:
                return False
        step = configuration.steps.get(enabled[0]) if len(enabled) == 1 else None
        if step is None:
            step = self._program.step(configuration, enabled, self._memory.history)
        self._perform(step, event)
        return True

    def _select(self, candidates: Candidates, event: Values) -> list[Transition]:
        enabled: list[Transition] = []
        data, settings = self.data, self.settings
        for tried in candidates:
            for guard, transition in tried:
                try:
                    enables = guard is None or guard(data, settings, event, self)
                except Exception as error:
                    text, position = _guard_info(transition)
                    raise ChartRunError("guard", text, position, error) from error
                if self._step is not None and guard is not None:
                    text, position = _guard_info(transition)
                    self._step.guards.append(GuardTried(transition.source, text, bool(enables), position))
                if enables:
                    if transition not in enabled:
                        enabled.append(transition)
                    break
        return enabled

    def _perform(self, step: Step, event: Values) -> None:
        operation: Operation | None = None
        try:
            for operation in step.operations:
                operation(self, event)
        except EngineError as error:
            if isinstance(error, ChartRunError):
                raise
            raise self._located(step, operation, error) from error
        except Exception as error:
            raise self._located(step, operation, error) from error
        finally:
            self._live = None
        self._configuration = step.configuration
        self.transitions.extend(step.transitions)
        if self._step is not None:
            self._step.took(step)

    def _located(self, step: Step, operation: Operation | None, error: BaseException) -> ChartRunError:
        actions = [a for t in step.transitions for a in t.actions]
        for state in (*step.exited, *step.entered, self.chart.root):
            actions += [*state.exit, *state.entry, *(state.initial.actions if state.initial else ())]
        for action in actions:
            if action.run is operation:
                return ChartRunError("action", action.text, action.position, error)
        place = step.transitions[0].position if step.transitions else self.chart.position
        return ChartRunError("action", "on entering or leaving a state", place, error)

    def _count_unhandled(self, name: str) -> None:
        if "/" not in name:
            self.unhandled[name] = self.unhandled.get(name, 0) + 1

    def _cycle(self) -> tuple[str, ...]:
        recent = [t.source for t in self.transitions[-2 * _CYCLE_SHOWN :]]
        if recent and recent[-1] in recent[:-1]:
            last = len(recent) - 1
            start = max(i for i in range(last) if recent[i] == recent[-1])
            return tuple(recent[start:])
        return tuple(recent[-_CYCLE_SHOWN:])

    # Changing state, so that it can be undone ----------------------------------------------------------------------

    def _save(self) -> None:
        if self._saved is None:
            self._saved = (dict(self.data), self._memory.copy())

    def _undo(self, before: Configuration, *, was_running: bool) -> None:
        if self._saved is not None:
            self.data, self._memory = self._saved
            self._saved = None
        self._configuration, self.is_running = before, was_running
        self._effects, self._wanted = [], []
        self.transitions.clear()
        self._internal.clear()

    def _start_timer(self, timer: Timer, event: Values) -> None:
        try:
            delay = float(timer.delay(self.data, self.settings, event, self))
        except Exception as error:
            raise ChartRunError("action", f"after {timer.text}", timer.position, error) from error
        delay = max(delay, 0.0)
        self._save()
        deadline = self._monotonic + delay
        self._memory.timers[timer.key] = deadline
        self._effects.append(StartTimer(timer.key, deadline))

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
                raise ChartRunError("action", f"invoke {invoke.service.name}", invoke.position, error) from error
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
        self.is_running = False
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


def _guard_info(transition: Transition) -> tuple[str, Position]:
    guard = transition.guard
    assert guard is not None
    return guard.text, guard.position
