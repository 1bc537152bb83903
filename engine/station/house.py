"""The life of a station's master: its database, its batches and their processes, from its start to its end.

What is asked of it from outside is in :mod:`engine.station.station`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import structlog

from engine.bindings.shipped import shipped_registry
from engine.chart.load import load_chart
from engine.chart.model import Chart
from engine.clock import Clock
from engine.documents.pack import pack
from engine.sequence.records import Record, Shown
from engine.service.host import Call, ServiceFunction, Surroundings
from engine.station.arrivals import Arrivals
from engine.station.batch import Batch
from engine.station.bus import Bus
from engine.station.commits import SharedCommits
from engine.station.meetings import Meetings, Member
from engine.station.orders import Orders, locks_folder
from engine.station.owed import Owed
from engine.station.process import StartError, WorkerProcess
from engine.station.rpc import Handler
from engine.station.settings import BatchSettings, StationSettings
from engine.station.shown import Screens
from engine.station.spares import Spares
from engine.station.status import Progress
from engine.station.wardship import Wardship
from engine.station.wires import MasterWires
from engine.store.station import StationStore, open_station_store

if TYPE_CHECKING:
    from engine.station.line_hall import LineHall

log = structlog.get_logger(__name__)

CHART: Final = "batch"
DATABASE: Final = "station.db"
_END_MARGIN_S: Final = 5.0
_RECOVERY_S: Final = 5.0  # for a fresh process to be at a cleanup that is owed; it comes to its end then
_STARTING_PER_CORE: Final = 2


class House:
    """Keeps batches, and gives them what they need (``engine.station.hall.Hall``). For the loop of the main thread."""

    def __init__(self, settings: StationSettings, clock: Clock, *, starts: bool = True) -> None:
        self.settings = settings
        self._starts = starts
        self.clock = clock
        self.bus = Bus(clock)
        self.is_closing = False
        self.starting = asyncio.Semaphore(_STARTING_PER_CORE * (os.cpu_count() or 1))
        self._is_closed = False
        self.store: StationStore
        self._commits: SharedCommits
        self._batches: dict[str, Batch] = {}
        self._processes: dict[str, WorkerProcess] = {}
        self._screens = Screens(self.bus)
        self._meetings = Meetings()
        self._spares = Spares()
        self._stack = contextlib.AsyncExitStack()
        self._wires: MasterWires
        self._wards: Wardship
        self._chart: Chart
        self._around: Surroundings
        self._tasks: asyncio.TaskGroup
        self._arrivals: Arrivals
        self._lines: LineHall | None = None

    # Life ------------------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Open the database, take in what earlier masters left, start the batches' lives, and those of ``autoStart``.

        Raises StoreLockedError when another master has the data, StoreError when they cannot be used.
        """
        data = self.settings.data
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        locks_folder(data).mkdir(mode=0o700, exist_ok=True)
        async with contextlib.AsyncExitStack() as stack:
            store = await open_station_store(
                data / DATABASE, clock=self.clock, queues=self.settings.backend is not None
            )
            self.store = await stack.enter_async_context(store)
            self._commits = SharedCommits(store.commit)
            self._arrivals = Arrivals(
                data, store, self.bus, self.clock, {one.id for one in self.settings.batches}, self.settings.sequences
            )
            self._wires = stack.enter_context(MasterWires(self._on_call, self._on_shown))
            self._wards = stack.enter_context(Wardship(self._wires.folder))
            if self.settings.gateway is not None:
                names_lines = sum(one.line is not None for one in self.settings.batches) > 1
                from engine.station.line_hall import LineHall  # HTTP and WebSockets: only where lines need a server

                lines = LineHall(self.settings.gateway, data, self.clock, names_lines=names_lines)
                self._lines = await stack.enter_async_context(lines)
            self._tasks = await stack.enter_async_context(asyncio.TaskGroup())
            self._pump = self._tasks.create_task(self._wires.run())
            stack.callback(self._spares.close)
            self._spares.refill()
            await self._arrivals.take_in_all()
            await self._arrivals.give_up_strangers()
            self._begin_batches()
            self._stack = stack.pop_all()
        log.info("station.master.started", station=self.settings.id, batches=len(self._batches))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Refuse new work, stop what runs through its cleanup, end all processes, close the database."""
        if self._is_closed:
            return
        self._is_closed = True
        await self.end_batches()
        self._pump.cancel()
        await self._stack.aclose()
        log.info("station.master.ended", station=self.settings.id)

    async def end_batches(self) -> None:
        """Refuse new work, stop what runs through its cleanup, and end all processes; the database stays open.

        Harmless a second time.
        """
        self.is_closing = True
        async with asyncio.TaskGroup() as tasks:
            for batch in self._batches.values():
                tasks.create_task(self._close_batch(batch))

    async def _close_batch(self, batch: Batch) -> None:
        if batch.refusal("batch.stop") is None:
            batch.post("batch.stop")
            await batch.wait_while("stopping", "running")
        if batch.status().status == "error":  # its process has died, now of all times: that is cleaned up after as ever
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_RECOVERY_S):
                    await batch.wait_settled()
        batch.host.abandon()
        process = batch.process
        if process is not None:  # at a cleanup that was owed, at most
            await process.end("the station is being stopped", max(_END_MARGIN_S, batch.longest_end(process)))

    async def ready(self) -> None:
        """Wait until no batch is starting, stopping or cleaning up by itself."""
        for batch in self._batches.values():
            await batch.wait_settled()

    def _begin_batches(self) -> None:
        self._chart = load_chart(CHART, shipped_registry())
        self._around = Surroundings(
            clock=self.clock,
            loop=asyncio.get_running_loop(),
            services={name: self._service(name) for name in _SERVICES},
            performers={"worker.stop_sequence": self._stop_sequence},
            route=lambda _from, _to, _event: None,
            spawn=self._tasks.create_task,
        )
        for one in self.settings.batches:
            self._batches[one.id] = Batch(one, self)
        for batch in self._batches.values():
            batch.begin(self._chart, self._around, self._tasks)
        if self._starts:
            self.auto_start()

    def _take_in(self, settings: BatchSettings) -> Batch:
        batch = self._batches[settings.id] = Batch(settings, self)
        batch.begin(self._chart, self._around, self._tasks)
        return batch

    def auto_start(self) -> None:
        """Start the batches of ``autoStart``; what one has to do first, it does first."""
        for batch in self._batches.values():
            if batch.settings.auto_start and batch.refusal("batch.start") is None:
                batch.post("batch.start")

    def _service(self, name: str) -> ServiceFunction:
        async def serve(call: Call, **args: Any) -> Any:
            method = getattr(self._batches[call.machine], _SERVICES[name])
            return await method(call, **args)

        return serve

    def _stop_sequence(self, machine: str, reason: str) -> None:
        self._batches[machine].stop_sequence(reason)

    # What batches need (``engine.station.hall.Hall``) ----------------------------------------------------------------

    async def commit(self, records: Sequence[Record]) -> None:
        """Keep records."""
        await self._commits.keep(records)

    def tell(self, batch_id: str, progress: Progress, shown: Shown) -> None:
        """Tell everybody of something that a batch shows."""
        self._screens.tell(batch_id, progress, shown)

    def orders(self, batch: BatchSettings, identity: str) -> Orders:
        """What a process of a batch is told."""
        return Orders(
            identity=identity,
            batch_id=batch.id,
            keys=self._wires.keys(),
            package=batch.package,
            data=str(self.settings.data),
            log=str(self.settings.data / "logs" / f"batch-{batch.id}.log"),
            folders=tuple(map(str, self.settings.sequences)),
            hardware={name: dict(values) for name, values in batch.hardware.items()},
            simulate=batch.simulate,
            faults=batch.faults,
            heartbeat=batch.limits.heartbeat,
            line=None if batch.line is None else pack(batch.line),
            base_dir=str(self.settings.data if self.settings.path is None else self.settings.path.parent),
        )

    def line_handlers(self, batch: BatchSettings) -> Mapping[str, Handler]:
        """What the process of a line may ask; nothing for a sequence. Raises StartError without a gateway."""
        if batch.line is None:
            return {}
        if self._lines is None:
            raise StartError("the station has no 'gateway', whose line this batch would be")
        return self._lines.handlers(batch.id)

    def start_process(self, orders: Orders, handlers: Mapping[str, Handler]) -> WorkerProcess:
        """Start a process and speak to it until it is dead."""
        process = WorkerProcess.start(orders, self._spares.take() if orders.line is None else None, self._wards)
        process.connect(lambda data: self._wires.send(process.identity, data), handlers)
        self._processes[process.identity] = process
        self._tasks.create_task(self._serve(process))
        return process

    async def _serve(self, process: WorkerProcess) -> None:
        async with process.rpc:
            with contextlib.suppress(StartError):
                await process.wait_ready()
            self._spares.refill()
            if self._lines is not None and self._batches[process.batch_id].settings.line is not None:
                await self._lines.serve(process)
            else:
                await process.dead.wait()
        del self._processes[process.identity]

    async def take_in(self, batch_id: str) -> None:
        """Wait for what an earlier master left of a batch, and take its records in."""
        await self._arrivals.wait_for_process(batch_id, self._processes.values())
        await self._arrivals.take_in_all()

    async def settle(self, batch_id: str, reason: str) -> None:
        """Record a batch's running executions as interrupted."""
        await self._arrivals.settle(batch_id, reason)

    async def owed(self, batch_id: str) -> Owed:
        """What is owed to a batch."""
        return await self._arrivals.owed(self._batches[batch_id].settings)

    async def waive(self, batch_id: str) -> None:
        """Nobody cleans up after it."""
        await self._arrivals.waive(batch_id)

    def meet(self, name: str, members: int, batch: Member) -> None:
        """A batch is at a meeting point."""
        self._meetings.meet(name, members, batch)

    def part(self, name: str, batch: Member) -> None:
        """It no longer waits there."""
        self._meetings.part(name, batch)

    def _on_call(self, peer: str, data: bytes) -> None:
        process = self._processes.get(peer)
        if process is not None and process.is_alive:
            process.heard()
            process.rpc.receive(data)

    def _on_shown(self, peer: str, data: bytes) -> None:
        process = self._processes.get(peer)
        if process is not None:
            batch = self._batches[process.batch_id]
            process.heard_show()
            if batch.settings.line is None:
                self._screens.show(batch.id, batch.progress, data)
            elif self._lines is not None:
                state = self._lines.show(batch.id, data)
                if state is not None:
                    batch.line_moved(state)


_SERVICES: Final[Mapping[str, str]] = {
    "batch.recall": "recall",
    "batch.settle": "settle",
    "batch.waive": "waive",
    "worker.spawn": "spawn",
    "worker.watch": "watch",
    "worker.end": "end",
    "worker.execute": "execute",
    "worker.resume": "resume",
    "worker.manual": "command",
    "worker.recover": "recover",
}
