"""One running machine: events and times in, effects out. Run to completion; a macrostep happens whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from engine.chart.model import NO_VALUES, Invoke, Transition, Values
from engine.effects import CancelTimer, Effect
from engine.errors import Position
from engine.events import Event
from engine.runtime import cleanup, snapshot
from engine.runtime.errors import ChartRunError, MachineFaultError, MicrostepLimitError
from engine.runtime.memory import Memory
from engine.runtime.operations import Operation
from engine.runtime.program import Candidates, Configuration, Program, Step
from engine.runtime.trace import GuardTried, Macrostep, Tracer, values_of, why
from engine.runtime.workspace import Workspace

MICROSTEP_LIMIT: Final = 1000
_CYCLE_SHOWN: Final = 6
# A host's timer may wake a hair early by the clock's own rounding.
_EARLY_S: Final = 1e-6


class Interpreter(Workspace):
    """A machine of one chart. The caller hands over the time with every call and performs the effects it gets back.

    ``settings`` are complete and typed (``engine.chart.declare.resolve_settings``). ``seed`` fixes ``new_id()``,
    ``backoff()`` jitter and ``random``; without one they come from the operating system's entropy.
    """

    __slots__ = ("_due", "_step", "tracer", "unhandled", "was_ignored")

    def __init__(self, program: Program, settings: Values, *, seed: int | None = None) -> None:
        super().__init__(program, settings, seed=seed)
        self.unhandled: dict[str, int] = {}  # declared events that no active state reacted to, by name
        self._due: list[Effect] = []  # ordered by what a macrostep follows from, a service's time-out say
        self.tracer: Tracer | None = None  # is told every macrostep; None costs next to nothing
        self.was_ignored = False  # the last event that took the whole algorithm had nothing come of it
        self._step: Macrostep | None = None

    # What the host calls ---------------------------------------------------------------------------------------

    @property
    def configuration(self) -> tuple[str, ...]:
        """The active states' ids in document order: compound and parallel ones, then what is active inside."""
        return self._configuration.names

    @property
    def atomic_states(self) -> tuple[str, ...]:
        """The active states that have no children: what people call 'the state'."""
        return self._configuration.atomic_names

    def start(self, monotonic: float, now: datetime) -> list[Effect]:
        """Enter the chart. Raises MachineFaultError when entering fails and the chart does not handle that."""
        self.data = {name: declared.default for name, declared in self.chart.data.items()}
        self._memory = Memory()
        self._configuration = self._program.empty
        self._internal.clear()
        self.is_running, self.ended = True, ""
        self._monotonic, self._now = monotonic, now
        return self._run_macrostep(None, NO_VALUES)

    def handle(self, event: Event, monotonic: float, now: datetime) -> list[Effect]:
        """Take one external event to completion."""
        return self.dispatch(event.name, event.data, monotonic, now)

    def dispatch(
        self,
        name: str,
        data: Values,
        monotonic: float | Callable[[], float],
        now: datetime | Callable[[], datetime],
    ) -> list[Effect]:
        """As ``handle``, without an Event around it. The times may be asked only when the chart wants to know.

        This is the way of nearly every event: one state reacts, and what each of its transitions does is worked out
        already (``Program.reactions``). All else goes by ``_run_macrostep``, which decides the same.
        """
        if not self.is_running:
            return []
        self._monotonic, self._now = monotonic, now
        configuration = self._configuration
        reactions = configuration.reactions.get(name)
        if reactions is None or self.tracer is not None:
            return self._run_macrostep(name, data)
        self._before = before = self.data
        self._saved = None
        step = operation = None
        try:
            for guard, step in reactions:
                if guard is None or guard(before, self.settings, data, self):
                    for operation in step.operations:
                        operation(self, data)
                    self._configuration = step.configuration
                    self.transitions = step.transitions
                    break
            else:
                self.transitions = ()
                self._count_unhandled(name)
        except Exception as error:  # noqa: BLE001 - told as what it is: a fault of the chart
            return self._fail(configuration, self._blamed(step, operation, error))
        if self._configuration.is_restless or self._internal or self._wanted:
            return self._complete(configuration, data)
        effects = self._effects
        if not effects:
            return []
        self._effects = []
        return effects

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
            cancelled: list[Effect] = [self._cancelled(invoke_key, running)]
            return self._after(cancelled, key, NO_VALUES, monotonic, now)
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
        self.was_ignored = False
        effects = self._after(effects, f"{invoke_key}/{outcome}", payload, monotonic, now)
        if outcome == "error" and self.was_ignored:
            invoke = self._program.invokes[invoke_key]
            effects = self._after(effects, "error.service", _service_failed(invoke, payload), monotonic, now)
        return effects

    def _after(self, effects: list[Effect], name: str, data: Values, monotonic: float, now: datetime) -> list[Effect]:
        """Dispatch an event that stands for something done already: its effects are kept also when the chart faults."""
        self._due = effects
        try:
            return effects + self.dispatch(name, data, monotonic, now)
        except MachineFaultError as error:
            if not effects:
                raise
            return effects + cleanup.finish(self, "faulted", str(error))
        finally:
            self._due = []

    def stop(self, monotonic: float, now: datetime) -> list[Effect]:
        """Ask the machine to end: at once, or when the ``finally`` states of what is active have done their work.

        The end is the effect MachineEnded. A second call while the cleanup runs changes nothing.
        """
        if not self.is_running:
            return []
        self._monotonic, self._now = monotonic, now
        self.transitions = ()
        return cleanup.end(self, "stopped", "")

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
        self.is_running, self.ended = False, self.ended or "the machine was abandoned"
        self._begin()
        self._drop_everything()
        return self._hand_over()

    # The macrostep -----------------------------------------------------------------------------------------------

    def _run_macrostep(self, name: str | None, event: Values) -> list[Effect]:
        """Start (None) or take an event, by the whole algorithm, and go on with what cleanups had interrupted."""
        self.transitions = ()
        effects = self._run(name, event)
        return cleanup.go_on(self, effects) if self._memory.leaving else effects

    def _run(self, name: str | None, event: Values, taken: Transition | None = None) -> list[Effect]:
        try:
            return self._attempt(name, event, taken)
        except (ChartRunError, MicrostepLimitError) as error:
            return cleanup.after_failure(self, error)

    def _fail(self, before: Configuration, error: Exception) -> list[Effect]:
        self._taken = 0
        self._undo(before, was_running=True)
        if isinstance(error, (ChartRunError, MicrostepLimitError)):
            return cleanup.after_failure(self, error)
        raise error

    def _attempt(self, name: str | None, event: Values, taken: Transition | None = None) -> list[Effect]:
        """Run one macrostep (with a transition that is decided on already); on any error undo all of it and raise."""
        before, running = self._configuration, self.is_running
        if name is not None and name not in before.reactions:
            self._program.work_out_reactions(before, name)  # for the next time
        self._begin()
        self._note_event(name or "start", event)
        self.was_ignored = False
        try:
            if name is None:
                self._perform(self._program.initial_step(), event)
            elif taken is not None:
                self._take([taken], event)
            elif not self._microstep(name, event):
                self.was_ignored = True
                self._count_unhandled(name)
            self._come_to_rest(event)
        except Exception as error:
            self._undo(before, was_running=running)
            self._tell([], str(error))
            raise
        effects = self._hand_over()
        self._tell(effects, "")
        return effects

    def _complete(self, before: Configuration, event: Values) -> list[Effect]:
        try:
            self._come_to_rest(event)
        except Exception as error:  # noqa: BLE001 - raised again where it is not the chart's
            return self._fail(before, error)
        return self._hand_over()

    def _come_to_rest(self, event: Values) -> None:
        """What follows the first microstep, up to the end of the macrostep."""
        if self._internal or self._configuration.is_restless:
            self._settle(event)
        if self._wanted:
            self._start_invokes(event)

    def _note_event(self, name: str, event: Values) -> None:
        if self.tracer is not None:
            self._step = Macrostep(name, event, self._monotonic_s(), self.configuration)

    def _tell(self, effects: list[Effect], error: str) -> None:
        step, self._step = self._step, None
        if step is not None and self.tracer is not None:
            step.effects, step.configuration, step.error = [*self._due, *effects], self.configuration, error
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

    def _microstep(self, name: str | None, event: Values) -> bool:
        configuration = self._configuration
        candidates = configuration.candidates.get(name)
        if candidates is None:
            candidates = self._program.candidates(configuration, name)
        enabled = self._select(candidates, event)
        return bool(enabled) and self._take(enabled, event)

    def _take(self, enabled: list[Transition], event: Values) -> bool:
        """Take transitions, as far as no ``finally`` forbids it. False when nothing comes of them, now or later."""
        configuration = self._configuration
        if self._program.has_finally:
            enabled, is_put_off = cleanup.respect(self, enabled, event)
            if not enabled:
                return is_put_off
        # What depends on history is kept by another key.
        step = configuration.steps.get(enabled[0] if len(enabled) == 1 else tuple(enabled))
        if step is None:
            step = self._program.step(configuration, enabled, self._memory.history)
        self._perform(step, event)
        return True

    def _select(self, candidates: Candidates, event: Values) -> list[Transition]:
        enabled: list[Transition] = []
        data, settings = self.data, self.settings
        at_work = cleanup.states_at_work(self) if self._memory.leaving else None
        for tried in candidates:
            for guard, transition in tried:
                if at_work is not None and transition.source not in at_work:
                    continue
                try:
                    enables = guard is None or guard(data, settings, event, self)
                except Exception as error:
                    failed = _guard_failed(transition, error)
                    self._note_guard(transition, event, result=failed.reason)
                    raise failed from error
                if guard is not None:
                    self._note_guard(transition, event, result=bool(enables))
                if enables:
                    if transition not in enabled:
                        enabled.append(transition)
                    break
        return enabled

    def _note_guard(self, transition: Transition, event: Values, *, result: bool | str) -> None:
        if self._step is not None:
            text, position = _guard_info(transition)
            values = values_of(self, transition, event)
            self._step.guards.append(GuardTried(transition.source, text, result, position, values))

    def _perform(self, step: Step, event: Values) -> None:
        operation: Operation | None = None
        try:
            for operation in step.operations:
                operation(self, event)
        except Exception as error:
            raise self._blamed(step, operation, error) from error
        self._enact(step)

    def _enact(self, step: Step) -> None:
        self._configuration = step.configuration
        self.transitions += step.transitions
        if self._step is not None:
            self._step.took(step)

    def _blamed(self, step: Step | None, operation: Operation | None, error: Exception) -> ChartRunError:
        """The error as a chart's author is told it: which guard or action of the step failed, and where it stands."""
        assert step is not None
        if operation is None:
            failed = _guard_failed(step.transitions[0], error)
        else:
            failed = error if isinstance(error, ChartRunError) else self._located(step, operation, error)
            failed.sources = failed.sources or tuple(t.source for t in step.transitions)
        if failed is not error:
            failed.__cause__ = error
        return failed

    def _located(self, step: Step, operation: Operation, error: Exception) -> ChartRunError:
        for action in step.actions:
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


def _guard_failed(transition: Transition, error: Exception) -> ChartRunError:
    failed = ChartRunError("guard", *_guard_info(transition), error)
    failed.sources = (transition.source,)
    return failed


def _service_failed(invoke: Invoke, payload: Values) -> Values:
    name = invoke.service.name
    reason = payload.get("reason", "")
    return {"what": f"invoke {name}", "service": name, "reason": reason, "where": str(invoke.position)}


def _guard_info(transition: Transition) -> tuple[str, Position]:
    guard = transition.guard
    assert guard is not None
    return guard.text, guard.position
