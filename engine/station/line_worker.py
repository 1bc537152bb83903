"""A line of a gateway in a process of its own: its chart and its devices; its master has the store and the server.

Whatever its chart invokes that is not done here is a call to the master, answered after the commit. The call is
repeated until it is answered, which is harmless: a record's uuid is minted once, and the chart asks with the same one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, Final

import structlog

from engine.bindings.registry import Registry
from engine.bindings.shipped import shipped_registry
from engine.clock import SystemClock
from engine.documents.pack import unpack
from engine.documents.tree import Map
from engine.effects import Perform, SendEvent
from engine.errors import Diagnostic, DiagnosticError
from engine.events import Event
from engine.ports import Outcome, StoreError
from engine.runtime.codec import encode_value
from engine.service.charts import Charts, Machine
from engine.service.config import LineSettings, load_line
from engine.service.host import Call, MachineHost, Performer, ServiceFunction, Surroundings
from engine.service.line_orders import orders_of
from engine.service.lines import Line
from engine.service.weights import LatestWeights
from engine.station.line_wire import STATE, WEIGHT, Messages, deliver, outcome_from_json
from engine.station.orders import Orders
from engine.station.rpc import Handler, RemoteError, Rpc
from engine.station.worker_frame import WorkerFrame, live_through
from engine.units import Quantity

log = structlog.get_logger(__name__)

_LAST_COMMITS_S: Final = 1.0  # how long an end waits for what is being committed
_SHOWN_EVERY_S: Final = 0.05  # a scale sends fifty weights a second; whoever watches needs the newest


class LineWorker(WorkerFrame):
    """One process of one line."""

    def __init__(self, orders: Orders) -> None:
        super().__init__(orders)
        self._clock = SystemClock()
        self._host: MachineHost
        self._line: Line
        self._messages: Messages
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_up = asyncio.Event()

    def handlers(self) -> Mapping[str, Handler]:
        """What its master may ask."""
        return {"messages": self._on_messages}

    def prepare(self) -> dict[str, Any]:
        """Read the line, compile its chart, and make its devices; nothing is opened yet."""
        orders, loop = self._orders, asyncio.get_running_loop()
        raw, base_dir = unpack(orders.line), Path(orders.base_dir)
        assert isinstance(raw, Map)
        settings = load_line(raw, base_dir)
        registry, charts, machine = _machine(settings, base_dir)
        weights = _ShownWeights(loop, self._show)
        self._messages = Messages(self._rpc)
        self._line = Line(settings, self._clock, loop, weights, lambda event: self._host.post(event))  # noqa: PLW0108
        around = self._surround(registry, charts, loop)
        self._host = MachineHost(settings.name, machine, around, on_change=self._moved)
        chart = self._host.interpreter.chart
        return {
            "name": chart.name, "version": chart.version, "title": chart.title, "total": 0,
            "longest_end": self.longest_end(), "hash": "",
        }  # fmt: skip

    def _surround(self, registry: Registry, charts: Charts, loop: asyncio.AbstractEventLoop) -> Surroundings:
        services, performers = orders_of([self._line], registry)
        return Surroundings(
            clock=self._clock,
            loop=loop,
            services=_Services(services, self._rpc),
            performers=_Performers(performers, self._messages),
            route=lambda sender, to, event: self._messages.put(sender, SendEvent(to, event.name, event.data)),
            spawn=self._spawn,
            make_machine=charts.child,
            snapshots=_MasterSnapshots(self._rpc),
        )

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def begin(self) -> None:
        """Weigh."""
        self._spawn(self._messages.run())
        self._host.start()
        self._line.start()
        self._is_up.set()

    def longest_end(self) -> float:
        """What is being committed has a second; closing the ports takes less."""
        return 2 * _LAST_COMMITS_S

    async def wind_down(self) -> None:
        """Have the chart end, once what it was committing is committed, and close the ports."""
        self._host.post(Event("service.stopping", origin="service"))
        await asyncio.sleep(0)  # a commit that is tried once more has begun when its line is told to end
        self._host.stop()
        await asyncio.gather(self._line.stop(), self._host.wait_ended(_LAST_COMMITS_S))
        for task in self._tasks:
            task.cancel()

    async def _on_messages(self, messages: list[dict[str, Any]]) -> None:
        await self._is_up.wait()

        def post(sender: str, message: SendEvent) -> None:
            self._host.post(Event(message.event, message.data, sender))

        deliver(messages, post, lambda _sender, order: log.warning("line.order.refused", order=order.action))

    def _moved(self, host: MachineHost) -> None:
        states = host.interpreter.chart.states
        titles = [states[name].title or name for name in host.states]
        self._show({"kind": STATE, "state": " · ".join(titles)})

    def _show(self, shown: Mapping[str, object]) -> None:
        self._wires.show(json.dumps(shown, ensure_ascii=False).encode())


async def live(orders: Orders) -> int:
    """All of it; the process's exit code."""
    return await live_through(LineWorker(orders))


def _machine(settings: LineSettings, base_dir: Path) -> tuple[Registry, Charts, Machine]:
    """The line's machine, and what it was made with. Raises DiagnosticError."""
    for loads_installed in (False, True):
        registry, problems = shipped_registry(), list[Diagnostic]()
        if loads_installed:
            # Only for a chart that needs more than what ships: looking for it takes a third of the start.
            from engine.bindings.discover import load_installed

            load_installed(registry)
        charts = Charts(registry, base_dir)
        machine = charts.machine(settings.chart, settings.settings, problems)
        if machine is not None:
            return registry, charts, machine
    raise DiagnosticError(problems)


class _Services(Mapping[str, ServiceFunction]):
    """The services that are here, and the master's for all other names."""

    def __init__(self, here: Mapping[str, ServiceFunction], rpc: Rpc) -> None:
        self._here = here
        self._rpc = rpc

    def __getitem__(self, name: str) -> ServiceFunction:
        return self._here[name] if name in self._here else self._far(name)

    def __iter__(self) -> Any:
        return iter(self._here)

    def __len__(self) -> int:
        return len(self._here)

    def _far(self, name: str) -> ServiceFunction:
        async def serve(call: Call, **args: object) -> Outcome:
            asked = {
                "service": name, "machine": call.machine, "chart": [call.chart.name, call.chart.version],
                "args": encode_value(args, name),
            }  # fmt: skip
            return outcome_from_json(await self._rpc.call("serve", asked))

        return serve


class _Performers(Mapping[str, Performer]):
    """What is ordered of the line's own things, and of the master's."""

    def __init__(self, here: Mapping[str, Performer], messages: Messages) -> None:
        self._here = here
        self._messages = messages

    def __getitem__(self, name: str) -> Performer:
        if name in self._here:
            return self._here[name]
        return lambda machine, **args: self._messages.put(machine, Perform(name, args))

    def __iter__(self) -> Any:
        return iter(self._here)

    def __len__(self) -> int:
        return len(self._here)


class _MasterSnapshots:
    """``engine.ports.Snapshots`` in the master's store."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc

    async def save_snapshot(self, machine: str, document: str) -> None:
        """Keep a machine's snapshot durably, in place of its last one."""
        await _stored(self._rpc.call("save_snapshot", {"machine": machine, "document": document}))

    async def load_snapshot(self, machine: str) -> str | None:
        """The last snapshot of a machine, or None."""
        found = await _stored(self._rpc.call("load_snapshot", {"machine": machine}))
        return None if found is None else str(found)

    async def drop_snapshot(self, machine: str) -> None:
        """The machine has nothing to survive any more."""
        await _stored(self._rpc.call("drop_snapshot", {"machine": machine}))


async def _stored(asked: Awaitable[Any]) -> Any:
    try:
        return await asked
    except RemoteError as error:
        raise StoreError(str(error)) from error


class _ShownWeights(LatestWeights):
    """Shows the newest weight to the master, no more often than anybody can use."""

    def __init__(self, loop: asyncio.AbstractEventLoop, show: Callable[[Mapping[str, object]], None]) -> None:
        super().__init__()
        self._loop = loop
        self._show = show
        self._next: asyncio.TimerHandle | None = None
        self._newest: Quantity | None = None

    def update(self, line: str, weight: Quantity | None) -> None:
        """A reading came."""
        super().update(line, weight)
        self._newest = weight
        if self._next is None:
            self._next = self._loop.call_later(_SHOWN_EVERY_S, self._tell)

    def _tell(self) -> None:
        self._next = None
        self._show({"kind": WEIGHT, "value": encode_value(self._newest, WEIGHT)})
