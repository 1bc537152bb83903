"""The gateway: the one place where charts, devices, store and network are put together and supervised."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

import structlog

from engine.bindings.registry import Registry
from engine.bindings.shipped import shipped_registry
from engine.chart.declare import resolve_settings
from engine.chart.load import load_chart, read_chart
from engine.chart.model import Chart
from engine.clock import Clock, SystemClock
from engine.devices.recorder import Recorder
from engine.errors import Diagnostic, DiagnosticError
from engine.events import Event
from engine.net.central import DjangoServer
from engine.net.identity import discover_identity
from engine.net.tls import TlsSettings
from engine.ports import Secret, StoreCounts, StoreError, StreamConnection
from engine.runtime.machine import machine_class
from engine.runtime.trace import Tracer
from engine.service.card_desk import control_commands
from engine.service.config import LineSettings, SiteConfig
from engine.service.control import ControlServer, control_path
from engine.service.host import MachineHost, ServiceFunction, Surroundings
from engine.service.lines import Line
from engine.service.router import RESERVED_NAMES, Router
from engine.service.services import GatewayServices
from engine.service.site_checks import is_chart_file
from engine.service.streaming import WeightStream
from engine.service.terminals import TerminalOrders
from engine.service.upload_fields import check_upload_extras
from engine.service.weights import LatestWeights
from engine.store import LedgerStore, open_store
from engine.units import Quantity

log = structlog.get_logger(__name__)

# How long stop() waits for what is being committed; the whole of stopping takes less than 2 s.
_LAST_COMMITS_S: Final = 1.0
_CARDS_AGAIN_S: Final = 30.0  # after a server that did not answer, or while there is no token


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
        self._trace = trace
        self.ready = asyncio.Event()
        self._clock: Clock = clock or SystemClock()
        self._registry = registry or shipped_registry()
        self._stopping = asyncio.Event()
        self._weights = LatestWeights()
        self._hosts: dict[str, MachineHost] = {}
        self._charts: dict[str, Chart] = {}
        self._store: LedgerStore | None = None
        # Everything that can be wrong with the charts is told before anything is opened.
        self._machines = self._compile()

    # Life ----------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Open everything, weigh until ``stop()``, and close everything.

        Raises StoreError when the database cannot be opened, and EngineError for other expected problems.
        """
        site = self.site
        async with await open_store(site.store_url, base_dir=site.base_dir, clock=self._clock) as store:
            self._store = store
            kept = await store.load_gateway()
            # `auto` is chosen once: a new network card must not make a new gateway.
            mac = (
                kept.mac_address
                if kept is not None and site.gateway.mac_address == "auto"
                else site.gateway.mac_address
            )
            identity = discover_identity(site.gateway.name, mac)
            await store.save_identity(identity)
            server = DjangoServer(site.server.url, tls=_tls(site), clock=self._clock, upload_fields=site.upload_fields)
            try:
                services = GatewayServices(store, server, identity, site.units_weight)
                log.info(
                    "gateway.service.started", site=site.site, mac_address=identity.mac_address, known=kept is not None
                )
                async with ControlServer(control_path(site.store_url, site.base_dir), control_commands(store)):
                    await self._weigh(services, server)
            finally:
                await server.close()
        log.info("gateway.service.stopped")

    def stop(self) -> None:
        """Ask the service to end."""
        self._stopping.set()

    async def _weigh(self, services: GatewayServices, server: DjangoServer) -> None:
        loop = asyncio.get_running_loop()
        router = Router()
        async with asyncio.TaskGroup() as tasks:

            def spawn(coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
                return tasks.create_task(coroutine)

            def post_to(name: str) -> Callable[[Event], None]:
                return lambda event: self._hosts[name].post(event)  # noqa: PLW0108 - the host comes later

            async def connect(gateway_id: str, token: Secret) -> StreamConnection:
                return await server.open_stream(gateway_id, token)

            stream = WeightStream(
                connect,
                services.credentials,
                self._weights,
                self.site.units_weight,
                names_lines=len(self.site.lines) > 1,
            )
            lines = [
                Line(settings, self._clock, loop, self._weights, post_to(settings.name)) for settings in self.site.lines
            ]
            signals = {line.name: line for line in lines}
            terminals = TerminalOrders({line.name: line.terminal for line in lines if line.terminal is not None})
            around = Surroundings(
                clock=self._clock,
                loop=loop,
                services={
                    **self._third_party_services(),
                    **services.table(),
                    **terminals.table(),
                    "stream.session": stream.session,
                },
                performers={
                    **{name: spec.function for name, spec in self._registry.actions.items() if spec.function},
                    "stream.send_latest": stream.send_latest,
                    "signal.show": lambda machine, pattern: signals[machine].show(pattern),
                    **terminals.performers(),
                },
                route=router.route,
                spawn=spawn,
                make_machine=self._child_machine,
                snapshots=self._store,
                trace=self._trace,
            )
            for name, machine in self._machines.items():
                host = MachineHost(name, machine, around)
                self._hosts[name] = host
                router.add(name, host.post, is_line=name in signals)
            recorder = self._recorder(lines)
            refreshing = spawn(self._refresh_cards(services, server))
            try:
                # The lines first: the hall does not wait for what the network needs to come up.
                for host in sorted(self._hosts.values(), key=lambda host: host.name not in signals):
                    host.start()
                for line in lines:
                    line.start()
                self.ready.set()
                await self._stopping.wait()
            finally:
                refreshing.cancel()
                await self._wind_down(lines)
                if recorder is not None:
                    await asyncio.to_thread(recorder.stop)

    async def _refresh_cards(self, services: GatewayServices, server: DjangoServer) -> None:
        """Take the server's cards now and then, where the site says so. What goes wrong is for the next time."""
        cards = self.site.cards
        if cards is None:
            return
        services.find_cards = partial(server.find_cards, cards.url)
        while True:
            try:
                outcome = await services.refresh_cards()
            except StoreError as error:
                log.warning("cards.table.unchanged", reason=str(error))
                outcome = None
            is_early = outcome is not None and outcome.name == "unreachable"
            await asyncio.sleep(min(cards.every, _CARDS_AGAIN_S) if is_early else cards.every)

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
        for line in lines:
            self._hosts[line.name].post(Event("service.stopping", origin="service"))
        await asyncio.sleep(0)  # a commit that is tried once more has begun when its line is told to end
        for host in self._hosts.values():
            host.stop()
        await asyncio.gather(
            *(line.stop() for line in lines), *(host.wait_ended(_LAST_COMMITS_S) for host in self._hosts.values())
        )

    # Charts ----------------------------------------------------------------------------------------------------------

    def _compile(self) -> dict[str, Any]:
        site = self.site
        problems: list[Diagnostic] = []
        fixed: dict[str, Mapping[str, object]] = {
            "registration": {
                "sync_interval": site.sync_interval,
                "heartbeat_interval": site.heartbeat_interval,
            },
            "upload": {"interval": site.upload_interval},
            "streaming": {"min_interval": 1.0 / site.stream_max_rate},
        }
        machines: dict[str, Any] = {}
        for name, settings in fixed.items():
            machines[name] = self._machine(name, settings, problems)
        for line in site.lines:
            if line.name in RESERVED_NAMES:
                problems.append(Diagnostic("reserved-name", line.position, {"name": line.name}))
            machines[line.name] = self._machine(line.chart, line.settings, problems)
        if site.document is not None and not problems:
            charts = (read_chart(line.chart).root for line in site.lines)
            problems += check_upload_extras(site.document.root.section("upload"), charts)
        if problems:
            raise DiagnosticError(problems)
        return machines

    def _machine(self, chart: str | Path, settings: Mapping[str, object], problems: list[Diagnostic]) -> Any:
        key = str(chart)
        try:
            if key not in self._charts:
                self._charts[key] = load_chart(chart, self._registry)
        except DiagnosticError as error:
            problems.extend(error.diagnostics)
            return None
        found = len(problems)
        resolve_settings(self._charts[key].settings, settings, problems)
        if len(problems) > found:
            return None
        return machine_class(self._charts[key])(settings, clock=self._clock)

    def _child_machine(self, chart: str, settings: Mapping[str, object]) -> Any:
        problems: list[Diagnostic] = []
        machine = self._machine(self.site.base_dir / chart if is_chart_file(chart) else chart, settings, problems)
        if problems:
            raise DiagnosticError(problems)
        return machine

    def _third_party_services(self) -> dict[str, ServiceFunction]:
        return {
            name: cast("ServiceFunction", spec.function)
            for name, spec in self._registry.services.items()
            if spec.function is not None
        }

    # What a screen shows ---------------------------------------------------------------------------------------------

    def status(self) -> GatewayStatus:
        """Where everything is now."""
        machines = tuple(_status(host) for host in self._hosts.values())
        return GatewayStatus(machines, tuple(LineStatus(s.name, self._weights.get(s.name)) for s in self.site.lines))

    async def counts(self) -> StoreCounts:
        """How many records there are, and where they stand."""
        if self._store is None:
            return StoreCounts(0, 0, 0, 0)
        return await self._store.counts()


def _status(host: MachineHost) -> MachineStatus:
    chart = host.interpreter.chart
    states = host.states
    titles = [chart.states[state].title or state for state in states]
    return MachineStatus(host.name, chart.name, chart.title, states, " · ".join(titles))


def _tls(site: SiteConfig) -> TlsSettings | None:
    tls = site.server.tls
    return None if tls is None else TlsSettings(ca=tls.ca, cert=tls.cert, key=tls.key)


__all__ = ["Gateway", "GatewayStatus", "LineSettings", "LineStatus", "MachineStatus"]
