"""Drives the one machine of a run: takes what happens in order, performs its effects, and waits where it must.

As ``engine.service.host`` for the machines of a gateway, but with one life: a run ends once, and is not begun anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from typing import Final

import structlog

from engine.chart.model import Chart, Values
from engine.clock import Clock
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
from engine.errors import EngineError
from engine.events import Event
from engine.ports import Outcome
from engine.runtime.errors import MachineFaultError
from engine.runtime.interpreter import Interpreter
from engine.runtime.program import Program

log = structlog.get_logger(__name__)

Take = Callable[[float, datetime], list[Effect]]
# state, service, arguments -> its outcome
Service = Callable[[str, str, Mapping[str, object]], Awaitable[Outcome]]
Performer = Callable[[str, Mapping[str, object]], None]
# arguments -> the outcome of a service that needs no time: a decision
Decision = Callable[[Mapping[str, object]], Outcome]

_LEFT_BEHIND_S: Final = 1.0
_TURNS: Final = 64


class Host:
    """One machine from its start to its end."""

    def __init__(
        self,
        chart: Chart,
        settings: Values,
        clock: Clock,
        serve: Service,
        perform: Performer,
        decisions: Mapping[str, Decision],
    ) -> None:
        self.interpreter = Interpreter(Program(chart), settings)
        self.log: Callable[[str, str], None] = lambda _level, _message: None
        # The service of a state took too long. Told by the host, for an action of the transition would come too late:
        # one that leads out through a cleanup is taken when that is done.
        self.timed_out: Callable[[str], None] = lambda _state: None
        self.patience: Mapping[str, float] = {}  # seconds, by service: what is given also where the chart says nothing
        self.after: Callable[[bool], None] = lambda _started: None  # an event is dealt with; did it start a service?
        self._clock, self._serve, self._do, self._decisions = clock, serve, perform, decisions
        self._inbox: asyncio.Queue[Take] = asyncio.Queue()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._least: dict[str, float] = {}  # seconds, by key: what a service that drives hardware is given to end
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._cancelled: dict[str, float] = {}  # when a task was, by the clock's monotonic seconds
        self._left: set[asyncio.Task[None]] = set()  # cancelled, and not over yet
        self._end: MachineEnded | None = None
        self._is_stopping = False
        self._waited = 0.0  # seconds, for cancelled services, since the event being dealt with
        self._inbox.put_nowait(self.interpreter.start)  # before any stop

    async def run(self) -> MachineEnded:
        """Start the machine and stay until it has ended, its cleanup done."""
        try:
            turns = 0
            while self._end is None:
                await self._take(await self._inbox.get())
                turns += 1
                if not turns % _TURNS:  # a flow of nothing but decisions must not keep a stop from being heard
                    await asyncio.sleep(0)
        finally:
            await self._clear()
        return self._end

    def stop(self) -> None:
        """Ask the machine to end through its cleanup. A second time changes nothing."""
        if not self._is_stopping:
            self._is_stopping = True
            self._inbox.put_nowait(self.interpreter.stop)

    async def _take(self, take: Take) -> None:
        try:
            effects = take(self._clock.monotonic(), self._clock.now())
        except MachineFaultError as error:
            effects = [*self.interpreter.abandon(), MachineEnded("faulted", str(error))]
        # A cleanup that had to wait for a call to end has its whole time before it all the same.
        self._waited = 0.0
        self._begin_to_cancel(effects)
        for effect in effects:
            await self._perform(effect)
        self._cancelled.clear()
        if self._end is None:
            self.after(any(isinstance(effect, StartInvoke) for effect in effects))

    async def _perform(self, effect: Effect) -> None:
        match effect:
            case StartInvoke(key, service, args) if service in self._decisions:
                self._answer(key, self._decisions[service](args))
            case StartInvoke(key, service, args):
                state = key.partition("/invoke/")[0]
                self._least[key] = self.patience.get(service, 0.0)
                self._tasks[key] = asyncio.create_task(self._run(key, state, service, args))
            case CancelInvoke(key, wait):
                await self._cancel(key, wait)
            case Perform(action, args):
                self._do(action, args)
            case StartTimer(key, deadline):
                self._cancel_timer(key)
                deadline += self._waited
                self._timers[key] = asyncio.get_running_loop().call_at(deadline, self._fire, key, deadline)
            case CancelTimer(key):
                self._cancel_timer(key)
            case SendEvent(_, event, data):
                told = Event(event, data)
                self._inbox.put_nowait(lambda monotonic, now: self.interpreter.handle(told, monotonic, now))
            case LogLine(message, level):
                self.log(level, message)
            case MachineEnded():
                self._end = effect

    async def _run(self, key: str, state: str, service: str, args: Mapping[str, object]) -> None:
        try:
            outcome = await self._serve(state, service, args)
        except EngineError as error:
            outcome = Outcome("error", {"reason": str(error)})
        except Exception as error:
            log.exception("sequence.service.failed", service=service)
            outcome = Outcome("error", {"reason": f"{type(error).__name__}: {error}"})
        del self._tasks[key], self._least[key]
        self._answer(key, outcome)

    def _answer(self, key: str, outcome: Outcome) -> None:
        self._inbox.put_nowait(
            lambda monotonic, now: self.interpreter.resolve(key, outcome.name, outcome.payload, monotonic, now)
        )

    def _begin_to_cancel(self, effects: Iterable[Effect]) -> None:
        """What a parallel leaves ends at the same time: a cleanup must not wait for one blocked call after another."""
        for effect in effects:
            if isinstance(effect, CancelInvoke) and effect.key in self._tasks:
                self._tasks[effect.key].cancel()
                self._cancelled[effect.key] = self._clock.monotonic()

    async def _cancel(self, key: str, wait: float) -> None:
        """What comes next (a cleanup that switches off, say) must not overtake a call that still acts."""
        task = self._tasks.pop(key, None)
        if task is None:
            return
        wait = max(wait, self._least.pop(key))
        began = self._clock.monotonic()
        if key not in self._cancelled:
            task.cancel()
        had = began - self._cancelled.pop(key, began)
        _, pending = await asyncio.wait({task}, timeout=max(0.0, wait - had))
        self._waited += self._clock.monotonic() - began
        if pending and wait > 0:
            log.error("sequence.step.left_behind", key=key, waited_s=wait)
        self._left |= pending

    def _cancel_timer(self, key: str) -> None:
        handle = self._timers.pop(key, None)
        if handle is not None:
            handle.cancel()

    def _fire(self, key: str, deadline: float) -> None:
        self._timers.pop(key, None)
        # A loop may wake a timer early by its clock's resolution.
        self._inbox.put_nowait(lambda monotonic, now: self._fired(key, max(monotonic, deadline), now))

    def _fired(self, key: str, monotonic: float, now: datetime) -> list[Effect]:
        effects = self.interpreter.fire(key, monotonic, now)
        state, _, rest = key.partition("/invoke/")
        if rest.endswith("/timeout") and effects:
            self.timed_out(state)
        return effects

    async def _clear(self) -> None:
        """Nothing goes on after the end."""
        for handle in self._timers.values():
            handle.cancel()
        left = {*self._tasks.values(), *self._left}
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=_LEFT_BEHIND_S)
