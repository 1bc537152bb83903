"""The gateway: the one place where charts, devices, store and network are put together and supervised."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import structlog

from engine.bindings.registry import Registry
from engine.bindings.shipped import shipped_registry
from engine.chart.load import read_chart
from engine.clock import Clock, SystemClock
from engine.devices.recorder import Recorder
from engine.errors import Diagnostic, DiagnosticError
from engine.events import Event
from engine.ports import StoreCounts
from engine.runtime.trace import Tracer
from engine.service.charts import Charts
from engine.service.config import LineSettings, SiteConfig
from engine.service.core import LAST_COMMITS_S, GatewayCore
from engine.service.host import MachineHost
from engine.service.line_orders import orders_of
from engine.service.lines import Line
from engine.service.router import RESERVED_NAMES
from engine.service.upload_fields import check_upload_extras
from engine.units import Quantity

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class MachineStatus:
    """Where one machine is."""

    name: str
    chart: str
    title: str
    states: tuple[str, ...]
    state_title: str


@dataclass(frozen=True, slots=True)
class LineStatus:
    """What a line's scale shows now; None when it shows nothing."""

    name: str
    weight: Quantity | None


@dataclass(frozen=True, slots=True)
class GatewayStatus:
    """What a screen shows of a running gateway."""

    machines: tuple[MachineStatus, ...]
    lines: tuple[LineStatus, ...]


class Gateway:
    """The headless service (requirements 2.2). ``run()`` returns after ``stop()``."""

    def __init__(
        self,
        site: SiteConfig,
        *,
        clock: Clock | None = None,
        registry: Registry | None = None,
        trace: Callable[[str], Tracer] | None = None,
    ) -> None:
        self.site = site
        self.ready = asyncio.Event()
        self._clock: Clock = clock or SystemClock()
        self._registry = registry or shipped_registry()
        self._stopping = asyncio.Event()
        self._hosts: dict[str, MachineHost] = {}
        self._charts = Charts(self._registry, site.base_dir)
        problems: list[Diagnostic] = []
        self._core = GatewayCore(
            site, self._charts, self._clock, problems, names_lines=len(site.lines) > 1, trace=trace
        )
        self._is_open = False
        # Everything that can be wrong with the charts is told before anything is opened.
        self._machines = self._compile(problems)

    # Life ----------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Open everything, weigh until ``stop()``, and close everything.

        Raises StoreError when the database cannot be opened, and EngineError for other expected problems.
        """
        async with await self._core.open(self.site.store_url, self.site.base_dir):
            self._is_open = True
            await self._weigh()
        log.info("gateway.service.stopped")

    def stop(self) -> None:
        """Ask the service to end."""
        self._stopping.set()

    async def _weigh(self) -> None:
        loop, core = asyncio.get_running_loop(), self._core
        async with asyncio.TaskGroup() as tasks:

            def spawn(coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
                return tasks.create_task(coroutine)

            def post_to(name: str) -> Callable[[Event], None]:
                return lambda event: self._hosts[name].post(event)  # noqa: PLW0108 - the host comes later

            lines = [
                Line(settings, self._clock, loop, core.weights, post_to(settings.name)) for settings in self.site.lines
            ]
            around = core.surround(spawn, *orders_of(lines, self._registry))
            for name, machine in self._machines.items():
                self._hosts[name] = host = MachineHost(name, machine, around)
                core.router.add(name, host.post, is_line=True)
            recorder = self._recorder(lines)
            try:
                # The lines first: the hall does not wait for what the network needs to come up.
                for host in self._hosts.values():
                    host.start()
                core.start()
                for line in lines:
                    line.start()
                self.ready.set()
                await self._stopping.wait()
            finally:
                await self._wind_down(lines)
                if recorder is not None:
                    await asyncio.to_thread(recorder.stop)

    def _recorder(self, lines: list[Line]) -> Recorder | None:
        if self.site.record is None:
            return None
        recorder = Recorder(self.site.record, self._clock)
        for line in lines:
            line.record(recorder)
        recorder.start()
        return recorder

    async def _wind_down(self, lines: list[Line]) -> None:
        log.info("gateway.service.stopping")
        for host in self._hosts.values():
            host.post(Event("service.stopping", origin="service"))
        await asyncio.sleep(0)  # a commit that is tried once more has begun when its line is told to end
        for host in self._hosts.values():
            host.stop()
        await asyncio.gather(
            *(line.stop() for line in lines),
            *(host.wait_ended(LAST_COMMITS_S) for host in self._hosts.values()),
            self._core.end(),
        )

    # Charts ----------------------------------------------------------------------------------------------------------

    def _compile(self, problems: list[Diagnostic]) -> dict[str, Any]:
        site = self.site
        machines: dict[str, Any] = {}
        for line in site.lines:
            if line.name in RESERVED_NAMES:
                problems.append(Diagnostic("reserved-name", line.position, {"name": line.name}))
            machines[line.name] = self._charts.machine(line.chart, line.settings, problems)
        if site.document is not None and not problems:
            charts = (read_chart(line.chart).root for line in site.lines)
            problems += check_upload_extras(site.document.root.section("upload"), charts)
        if problems:
            raise DiagnosticError(problems)
        return machines

    # What a screen shows ---------------------------------------------------------------------------------------------

    def status(self) -> GatewayStatus:
        """Where everything is now."""
        machines = tuple(_status(host) for host in (*self._core.hosts.values(), *self._hosts.values()))
        weights = self._core.weights
        return GatewayStatus(machines, tuple(LineStatus(s.name, weights.get(s.name)) for s in self.site.lines))

    async def counts(self) -> StoreCounts:
        """How many records there are, and where they stand."""
        if not self._is_open:
            return StoreCounts(0, 0, 0, 0)
        return await self._core.store.counts()


def _status(host: MachineHost) -> MachineStatus:
    chart = host.interpreter.chart
    states = host.states
    titles = [chart.states[state].title or state for state in states]
    return MachineStatus(host.name, chart.name, chart.title, states, " · ".join(titles))


__all__ = ["Gateway", "GatewayStatus", "LineSettings", "LineStatus", "MachineStatus"]
