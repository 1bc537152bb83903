"""Hosts one machine on the event loop: feeds it, performs its effects in order, and starts it anew when it faults."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, Protocol

import structlog

from engine.chart.build import CHART_SERVICE
from engine.chart.model import Chart
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

_FIRST_RESTART_S: Final = 1.0
_LAST_RESTART_S: Final = 60.0
_SNAPSHOT: Final = "snapshot"


@dataclass(frozen=True, slots=True)
class Call:
    """Who calls a service: the machine's name, its chart, and a way to tell it things while the service runs."""

    machine: str
    chart: Chart
    emit: Callable[[Event], None]


ServiceFunction = Callable[..., Awaitable[Outcome]]
Performer = Callable[..., None]
Spawn = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


class Snapshots(Protocol):
    """Where the snapshots of machines that survive a restart are kept."""

    async def save_snapshot(self, machine: str, document: str) -> None:
        """Keep a machine's snapshot durably, in place of its last one."""
        ...

    async def load_snapshot(self, machine: str) -> str | None:
        """The last snapshot of a machine, or None."""
        ...

    async def drop_snapshot(self, machine: str) -> None:
        """The machine has nothing to survive any more."""
        ...


# The child chart's name and settings -> an instance of its compiled class.
MakeMachine = Callable[[str, Mapping[str, object]], Any]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What machines share: the clock, the services and performers by name, the other machines, and the task group.

    ``snapshots`` None: no machine survives a restart. ``make_machine`` None: no chart invokes another.
    """

    clock: Clock
    loop: asyncio.AbstractEventLoop
    services: Mapping[str, ServiceFunction]
    performers: Mapping[str, Performer]
    route: Callable[[str, str, Event], None]  # from, to, event
    spawn: Spawn
    snapshots: Snapshots | None = None
    make_machine: MakeMachine | None = None


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
        self.faults = 0
        self._around = surroundings
        self._on_change = on_change
        self._on_ended = on_ended  # of a child machine: its parent decides what comes next
        self._children: dict[str, MachineHost] = {}
        self._has_snapshot = False
        self._log = structlog.get_logger("engine.machine").bind(machine=name)
        self._inbox: deque[Callable[[float, Any], list[Effect]]] = deque()
        self._is_draining = False
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._invokes: dict[str, asyncio.Task[None]] = {}
        self._restart: asyncio.Handle | None = None
        self._held: deque[Effect] = deque()
        self._waits_for: str | None = None  # a cancelled service that is given time to end
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
        if self._around.snapshots is None or not self.interpreter.may_persist:
            self._enqueue(self.interpreter.start)
        else:
            self._waits_for = _SNAPSHOT
            self._around.spawn(self._resume(self._around.snapshots))

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
        self._enqueue(self.interpreter.stop)

    async def wait_ended(self, within: float) -> None:
        """Wait until the machine has ended; after ``within`` seconds it is ended whatever it is doing."""
        try:
            async with asyncio.timeout(within):
                await self._is_over.wait()
        except TimeoutError:
            self._log.error("machine.stop.forced", within_s=within, states=" ".join(self.states))
        self._is_stopped = True
        self._inbox.clear()
        self._held.clear()
        for effect in self.interpreter.abandon():
            self._perform(effect)

    # Feeding ---------------------------------------------------------------------------------------------------------

    def _enqueue(self, take: Callable[[float, Any], list[Effect]]) -> None:
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

    def _take(self, take: Callable[[float, Any], list[Effect]]) -> None:
        clock = self._around.clock
        try:
            effects = take(clock.monotonic(), clock.now())
        except MachineFaultError as error:
            self._fault(str(error))
            return
        except Exception:  # noqa: BLE001 - the last line of defence
            # Ours, not the chart's; a line must go on weighing all the same.
            self._log.exception("machine.dispatch.failed")
            self._fault("internal error")
            return
        self._held.extend(effects)
        if self._around.snapshots is not None and (self._has_snapshot or self.interpreter.is_persistent):
            # Durable before anything is done: what a crash must undo is known before it is begun.
            self._waits_for = _SNAPSHOT
            self._around.spawn(self._keep_snapshot(self._around.snapshots))
        if effects:
            self._perform_held()
        if self.states != self._shown:
            self._show_change()

    def _show_change(self) -> None:
        before, self._shown = self._shown, self.states
        self._log.debug("machine.state.changed", before=" ".join(before), after=" ".join(self._shown))
        if self._on_change is not None:
            self._on_change(self)

    def _fault(self, reason: str) -> None:
        self.faults += 1
        pause = min(_FIRST_RESTART_S * 2 ** (self.faults - 1), _LAST_RESTART_S)
        if self._on_ended is not None:
            self._held.extend(self.interpreter.abandon())
            self._is_stopped = True
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

    async def _resume(self, snapshots: Snapshots) -> None:
        take: Callable[[float, Any], list[Effect]] = self.interpreter.start
        try:
            document = await snapshots.load_snapshot(self.name)
            if document is not None:
                found = json.loads(document)
                take = partial(self.interpreter.restore, found)
                self._has_snapshot = True
        except (EngineError, ValueError) as error:
            self._log.error("machine.snapshot.unreadable", reason=str(error))
        self._inbox.appendleft(partial(self._restore_or_start, take))
        self._go_on(_SNAPSHOT)

    def _restore_or_start(
        self, take: Callable[[float, Any], list[Effect]], monotonic: float, now: datetime
    ) -> list[Effect]:
        try:
            return take(monotonic, now)
        except MachineFaultError:
            raise
        except (EngineError, LookupError, TypeError, ValueError) as error:
            self._log.error("machine.snapshot.refused", reason=str(error))
            return self.interpreter.start(monotonic, now)

    async def _keep_snapshot(self, snapshots: Snapshots) -> None:
        clock = self._around.clock
        try:
            if self.interpreter.is_running and self.interpreter.is_persistent:
                document = self.interpreter.snapshot(clock.monotonic(), clock.now())
                await snapshots.save_snapshot(self.name, json.dumps(document, ensure_ascii=False))
                self._has_snapshot = True
            else:
                await snapshots.drop_snapshot(self.name)
                self._has_snapshot = False
        except EngineError as error:
            # Going on without is worse for a restart, but standing still is worse for the hall.
            self._log.error("machine.snapshot.failed", reason=str(error))
        self._go_on(_SNAPSHOT)

    # Performing ------------------------------------------------------------------------------------------------------

    def _perform_held(self) -> None:
        while self._held and self._waits_for is None:
            effect = self._held.popleft()
            try:
                self._perform(effect)
            except Exception:  # noqa: BLE001 - as the next line says
                # One effect that fails must not keep the others, a commit among them, from being performed.
                self._log.exception("machine.effect.failed", effect=type(effect).__name__)

    def _perform(self, effect: Effect) -> None:
        match effect:
            case StartTimer(key, deadline):
                self._cancel_timer(key)
                self._timers[key] = self._around.loop.call_at(deadline, self._fire, key)
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
            case SendEvent(to, name, data):
                self._around.route(self.name, to, Event(name, data, self.name))
            case LogLine(message, level):
                getattr(self._log, level)("chart.log", message=message)
            case MachineEnded():
                self._ended(effect)

    def _start_child(self, key: str, chart: str, settings: Mapping[str, object]) -> None:
        def ended(end: MachineEnded) -> None:
            if self._children.pop(key, None) is not None:
                outcome = Outcome("done", end.data) if end.why == "done" else Outcome("error", {"reason": end.reason})
                self._answer(key, outcome)

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
            child.stop()
        task = self._invokes.pop(key, None)
        if task is None:
            return
        task.cancel()
        if wait > 0:
            # What comes next (a cleanup that switches off, say) must not overtake a service that still acts.
            self._waits_for = key
            task.add_done_callback(lambda _task: self._go_on(key))
            self._around.loop.call_later(wait, self._go_on, key)

    def _go_on(self, key: str) -> None:
        if self._waits_for == key:
            self._waits_for = None
            self._drain()

    def _cancel_timer(self, key: str) -> None:
        handle = self._timers.pop(key, None)
        if handle is not None:
            handle.cancel()

    def _fire(self, key: str) -> None:
        self._timers.pop(key, None)
        self._enqueue(lambda monotonic, now: self.interpreter.fire(key, monotonic, now))

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
