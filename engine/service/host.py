"""Hosts one machine on the event loop: feeds it, performs its effects in order, and starts it anew when it faults."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import structlog

from engine.chart.build import CHART_SERVICE
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
from engine.ports import Outcome, Snapshots
from engine.runtime.errors import MachineFaultError
from engine.runtime.interpreter import Interpreter
from engine.runtime.trace import Tracer
from engine.service.survival import Keep, Step, Survival, Take

_FIRST_RESTART_S: Final = 1.0
_LAST_RESTART_S: Final = 60.0
_MOST_DOUBLINGS: Final = 6
_STEADY_AFTER_S: Final = 600.0  # a machine that ran so long begins to count its faults anew
_SNAPSHOT: Final = "snapshot"


class ChartName(Protocol):
    """What a chart is called; a :class:`~engine.chart.model.Chart`, also one in another process."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def version(self) -> str:
        """Its version."""
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """Who calls a service: the machine's name, its chart, and a way to tell it things while the service runs."""

    machine: str
    chart: ChartName
    emit: Callable[[Event], None]


ServiceFunction = Callable[..., Awaitable[Outcome]]
Performer = Callable[..., None]
Spawn = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


# The child chart's name and settings -> an instance of its compiled class.
MakeMachine = Callable[[str, Mapping[str, object]], Any]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What machines share: the clock, the services and performers by name, the other machines, and the task group.

    ``snapshots`` None: no machine survives a restart. ``make_machine`` None: no chart invokes another. ``trace`` gives
    what is told every macrostep of a machine, by its name; None: nothing is.
    """

    clock: Clock
    loop: asyncio.AbstractEventLoop
    services: Mapping[str, ServiceFunction]
    performers: Mapping[str, Performer]
    route: Callable[[str, str, Event], None]  # from, to, event
    spawn: Spawn
    snapshots: Snapshots | None = None
    make_machine: MakeMachine | None = None
    trace: Callable[[str], Tracer] | None = None


class MachineHost:
    """One machine and its life. ``machine`` is an instance of a compiled chart (``engine.runtime.machine``)."""

    def __init__(
        self,
        name: str,
        machine: Any,
        surroundings: Surroundings,
        *,
        on_change: Callable[[MachineHost], None] | None = None,
        on_ended: Callable[[MachineEnded], None] | None = None,
    ) -> None:
        self.name = name
        self.interpreter: Interpreter = machine.interpreter
        if surroundings.trace is not None:
            self.interpreter.tracer = surroundings.trace(name)
        self.faults = 0  # in a row
        self._last_fault = 0.0
        self._around = surroundings
        self._on_change = on_change
        self._on_ended = on_ended  # of a child machine: its parent decides what comes next
        self._children: dict[str, MachineHost] = {}
        self._departing: set[MachineHost] = set()  # children that were stopped and have their cleanups to do
        self._log = structlog.get_logger("engine.machine").bind(machine=name)
        self._survival = (
            None
            if surroundings.snapshots is None
            else Survival(name, self.interpreter, surroundings.snapshots, self._log)
        )
        self._inbox: deque[Take] = deque()
        self._is_draining = False
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._invokes: dict[str, asyncio.Task[None]] = {}
        self._restart: asyncio.Handle | None = None
        self._held: deque[Step] = deque()
        self._waits_for: str | None = None  # a cancelled service that is given time to end
        self._waits_since = 0.0
        self._waited = 0.0  # seconds, for cancelled services, before what is held now
        self._is_stopped = False
        self._is_over = asyncio.Event()
        self._undeclared: set[str] = set()
        self._shown: tuple[str, ...] = ()

    @property
    def states(self) -> tuple[str, ...]:
        """The active atomic states' ids."""
        return self.interpreter.atomic_states

    def start(self) -> None:
        """Enter the chart; or, if the machine had been interrupted in a state that survives a restart, go on there."""
        survival = self._survival
        if survival is not None and self.interpreter.may_persist:
            self._waits_for = _SNAPSHOT
            self._around.spawn(self._begin(survival))
            return
        if survival is not None:
            self._around.spawn(survival.drop_stale())
        self._enqueue(self.interpreter.start)

    def post(self, event: Event) -> None:
        """Give the machine an event; it is handled now, or after the one that is being handled."""
        if event.name not in self.interpreter.chart.events and event.name not in self._undeclared:
            self._undeclared.add(event.name)
            self._log.info("machine.event.undeclared", event_name=event.name, origin=event.origin)
        self._enqueue(lambda monotonic, now: self.interpreter.handle(event, monotonic, now))

    def stop(self) -> None:
        """Ask the machine to end; its ``finally`` states do their work first. See :meth:`wait_ended`."""
        if self._restart is not None:
            self._restart.cancel()
        if not self.interpreter.is_running:
            self._ended(MachineEnded("stopped"))
        self._enqueue(self.interpreter.stop if self._survival is None else self._survival.fall_asleep)

    def abandon(self) -> None:
        """Do nothing more, at once, as when the process dies: no cleanup, and nothing about it is kept."""
        self._is_stopped = True
        self._inbox.clear()
        self._held.clear()
        for timer in (*self._timers.values(), self._restart):
            if timer is not None:
                timer.cancel()
        for task in self._invokes.values():
            task.cancel()
        for child in (*self._children.values(), *self._departing):
            child.abandon()

    async def wait_ended(self, within: float) -> None:
        """Wait until the machine has ended; after ``within`` seconds it is ended whatever it is doing."""
        try:
            async with asyncio.timeout(within):
                await self.wait_over()
        except TimeoutError:
            self._log.error("machine.stop.forced", within_s=within, states=" ".join(self.states))
        self._is_stopped = True
        self._inbox.clear()
        self._held.clear()
        for effect in self.interpreter.abandon():
            self._perform(effect)
        for task in self._invokes.values():
            task.cancel()
        self._invokes.clear()

    async def wait_over(self) -> None:
        """Wait until the machine has ended, and what it invoked has cleaned up."""
        await self._is_over.wait()
        for child in list(self._departing):
            await child.wait_over()

    # Feeding ---------------------------------------------------------------------------------------------------------

    def _enqueue(self, take: Take) -> None:
        if self._is_stopped:
            return
        self._inbox.append(take)
        self._drain()

    def _drain(self) -> None:
        if self._is_draining or self._waits_for is not None:
            return
        self._is_draining = True
        try:
            while self._waits_for is None and (self._held or self._inbox):
                if self._held:
                    self._perform_held()
                else:
                    self._take(self._inbox.popleft())
        finally:
            self._is_draining = False

    def _take(self, take: Take) -> None:
        clock = self._around.clock
        monotonic, now = clock.monotonic(), clock.now()
        try:
            effects = take(monotonic, now)
        except MachineFaultError as error:
            self._fault(str(error))
            return
        except Exception:  # noqa: BLE001 - the last line of defence
            # Ours, not the chart's; a line must go on weighing all the same.
            self._log.exception("machine.dispatch.failed")
            self._fault("internal error")
            return
        self._waited = 0.0
        self._held.extend(effects if self._survival is None else self._survival.steps(effects, monotonic, now))
        if self._held:
            self._perform_held()
        if self.states != self._shown:
            self._show_change()

    def _show_change(self) -> None:
        before, self._shown = self._shown, self.states
        self._log.debug("machine.state.changed", before=" ".join(before), after=" ".join(self._shown))
        if self._on_change is not None:
            self._on_change(self)

    def _fault(self, reason: str) -> None:
        began, self._last_fault = self._last_fault, self._around.clock.monotonic()
        self.faults = 1 if self._last_fault - began > _STEADY_AFTER_S else self.faults + 1
        pause = min(_FIRST_RESTART_S * 2 ** min(self.faults - 1, _MOST_DOUBLINGS), _LAST_RESTART_S)
        if self._on_ended is not None:
            self._held.extend(self.interpreter.abandon())
            self._is_stopped = True
            self._is_over.set()
            self._on_ended(MachineEnded("faulted", reason))
            return
        self._log.error("machine.faulted", reason=reason, faults=self.faults, restart_in_s=pause)
        self._inbox.clear()
        self._held.extend(self.interpreter.abandon())
        if not self._is_stopped:
            self._restart = self._around.loop.call_later(pause, self.start)

    def _ended(self, end: MachineEnded) -> None:
        self._log.debug("machine.ended", why=end.why, reason=end.reason)
        if end.why == "restored":
            self._log.warning("machine.cleanup.done", reason=end.reason)
            self._restart = self._around.loop.call_soon(self.start)
        elif end.why == "faulted" and self._on_ended is None:
            self._fault(end.reason)
        else:
            self._is_stopped = True
            self._is_over.set()
            if self._on_ended is not None:
                self._on_ended(end)

    # Surviving a restart ---------------------------------------------------------------------------------------------

    async def _begin(self, survival: Survival) -> None:
        take = await survival.begin()
        if not self._is_stopped:
            self._inbox.appendleft(take)
            self._go_on(_SNAPSHOT)

    async def _keep(self, step: Keep) -> None:
        assert self._survival is not None  # only it makes these steps
        await self._survival.keep(step)
        self._go_on(_SNAPSHOT)

    # Performing ------------------------------------------------------------------------------------------------------

    def _perform_held(self) -> None:
        while self._held and self._waits_for is None:
            effect = self._held.popleft()
            if isinstance(effect, Keep):
                # Waited for: what a crash must undo is known before it is begun, and done before it is forgotten.
                self._waits_for = _SNAPSHOT
                self._around.spawn(self._keep(effect))
                return
            try:
                self._perform(effect)
            except Exception:  # noqa: BLE001 - as the next line says
                # One effect that fails must not keep the others, a commit among them, from being performed.
                self._log.exception("machine.effect.failed", effect=type(effect).__name__)

    def _perform(self, effect: Effect) -> None:
        match effect:
            case StartTimer(key, deadline):
                # A cleanup's time begins with the cleanup, not with the wait for what it cleans up after.
                deadline += self._waited
                self._cancel_timer(key)
                self._timers[key] = self._around.loop.call_at(deadline, self._fire, key, deadline)
            case CancelTimer(key):
                self._cancel_timer(key)
            case StartInvoke(key, service, args) if service.startswith(CHART_SERVICE):
                self._start_child(key, service.removeprefix(CHART_SERVICE), args)
            case StartInvoke(key, service, args):
                self._invokes[key] = self._around.spawn(self._run_service(key, service, args))
            case CancelInvoke(key, wait):
                self._cancel_invoke(key, wait)
            case Perform(action, args):
                self._around.performers[action](self.name, **args)
            case SendEvent():
                self._send(effect)
            case LogLine(message, level):
                getattr(self._log, level)("chart.log", message=message)
            case MachineEnded():
                self._ended(effect)

    def _send(self, message: SendEvent) -> None:
        event = Event(message.event, message.data, self.name)
        if message.to == "self":
            self.post(event)
        else:
            self._around.route(self.name, message.to, event)

    def _start_child(self, key: str, chart: str, settings: Mapping[str, object]) -> None:
        def ended(end: MachineEnded) -> None:
            if self._children.pop(key, None) is not None:
                outcome = Outcome("done", end.data) if end.why == "done" else Outcome("error", {"reason": end.reason})
                self._answer(key, outcome)
            else:
                self._departing.discard(child)
                self._go_on(key)

        make_machine = self._around.make_machine
        if make_machine is None:
            self._answer(key, Outcome("error", {"reason": "this service runs no child charts"}))
            return
        try:
            machine = make_machine(chart, settings)
        except EngineError as error:
            self._answer(key, Outcome("error", {"reason": str(error)}))
            return
        child = MachineHost(f"{self.name}/{chart}", machine, self._around, on_ended=ended)
        self._children[key] = child
        child.start()

    def _answer(self, key: str, outcome: Outcome) -> None:
        self._enqueue(lambda m, now: self.interpreter.resolve(key, outcome.name, outcome.payload, m, now))

    def _cancel_invoke(self, key: str, wait: float) -> None:
        child = self._children.pop(key, None)
        if child is not None:
            if wait > 0:
                self._wait_for(key, wait)
            self._departing.add(child)
            child.stop()
            return
        task = self._invokes.pop(key, None)
        if task is None:
            return
        task.cancel()
        if wait > 0:
            self._wait_for(key, wait)
            task.add_done_callback(lambda _task: self._go_on(key))

    def _wait_for(self, key: str, wait: float) -> None:
        # What comes next (a cleanup that switches off, say) must not overtake a service that still acts.
        self._waits_for = key
        self._waits_since = self._around.clock.monotonic()
        self._around.loop.call_later(wait, self._go_on, key)

    def _go_on(self, key: str) -> None:
        if self._waits_for == key:
            self._waits_for = None
            if key != _SNAPSHOT:
                self._waited += self._around.clock.monotonic() - self._waits_since
            self._drain()

    def _cancel_timer(self, key: str) -> None:
        handle = self._timers.pop(key, None)
        if handle is not None:
            handle.cancel()

    def _fire(self, key: str, deadline: float) -> None:
        self._timers.pop(key, None)
        # A loop may wake a timer early by its clock's resolution (15.6 ms on Windows before Python 3.13).
        self._enqueue(lambda monotonic, now: self.interpreter.fire(key, max(monotonic, deadline), now))

    async def _run_service(self, key: str, service: str, args: Mapping[str, object]) -> None:
        call = Call(self.name, self.interpreter.chart, self.post)
        try:
            outcome = await self._around.services[service](call, **args)
        except EngineError as error:
            outcome = Outcome("error", {"reason": str(error)})
        except Exception as error:  # noqa: BLE001 - whatever a service raises is its error outcome
            self._log.exception("machine.service.failed", service=service)
            outcome = Outcome("error", {"reason": f"{type(error).__name__}: {error}"})
        if self._invokes.pop(key, None) is None:
            return  # cancelled meanwhile: its answer no longer counts
        self._answer(key, outcome)
