"""What all lines of a gateway share: its database, its server, and the charts that speak to that server.

:class:`~engine.service.gateway.Gateway` puts lines of its own beside it, a station those of other processes. Nothing
here knows a device.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import structlog

from engine.clock import Clock
from engine.errors import Diagnostic
from engine.net.central import DjangoServer
from engine.net.identity import discover_identity
from engine.net.tls import TlsSettings
from engine.ports import Secret, StoreError, StreamConnection
from engine.runtime.trace import Tracer
from engine.service.card_desk import control_commands
from engine.service.charts import Charts
from engine.service.control import ControlServer, control_path
from engine.service.host import MachineHost, Performer, ServiceFunction, Spawn, Surroundings
from engine.service.router import Router
from engine.service.services import GatewayServices
from engine.service.streaming import WeightStream
from engine.service.uplink import UplinkSettings
from engine.service.weights import LatestWeights
from engine.store import LedgerStore, open_store

log = structlog.get_logger(__name__)

# How long an end waits for what is being committed; the whole of stopping takes less than 2 s.
LAST_COMMITS_S: Final = 1.0
_CARDS_AGAIN_S: Final = 30.0  # after a server that did not answer, or while there is no token


class GatewayCore:
    """Registration, upload and streaming. Enter it, :meth:`surround`, :meth:`start`, and :meth:`end` before leaving.

    Machines of lines are made in its surroundings, and added to its ``router``; ``weights`` is what they weigh now.
    """

    def __init__(
        self,
        settings: UplinkSettings,
        charts: Charts,
        clock: Clock,
        problems: list[Diagnostic],
        *,
        names_lines: bool,
        trace: Callable[[str], Tracer] | None = None,
    ) -> None:
        self.router = Router()
        self.weights = LatestWeights()
        self.hosts: dict[str, MachineHost] = {}
        self.services: GatewayServices
        self.store: LedgerStore
        self._settings = settings
        self._charts = charts
        self._clock = clock
        self._names_lines = names_lines
        self._trace = trace
        self._server: DjangoServer
        self._exit = AsyncExitStack()
        self._refreshing: asyncio.Task[None] | None = None
        # Everything that can be wrong with the charts is told before anything is opened.
        self._machines = {name: charts.machine(name, own, problems) for name, own in self._fixed().items()}

    def _fixed(self) -> Mapping[str, Mapping[str, object]]:
        settings = self._settings
        return {
            "registration": {
                "sync_interval": settings.sync_interval,
                "heartbeat_interval": settings.heartbeat_interval,
            },
            "upload": {"interval": settings.upload_interval},
            "streaming": {"min_interval": 1.0 / settings.stream_max_rate},
        }

    async def open(self, store_url: str, base_dir: Path) -> Self:
        """Open the database and the way to the server; leave it as a context manager.

        Raises StoreError when the database cannot be opened, and EngineError for other expected problems.
        """
        settings = self._settings
        async with AsyncExitStack() as stack:
            store = await open_store(store_url, base_dir=base_dir, clock=self._clock)
            self.store = await stack.enter_async_context(store)
            kept = await store.load_gateway()
            wanted = settings.gateway.mac_address
            # `auto` is chosen once: a new network card must not make a new gateway.
            mac = kept.mac_address if kept is not None and wanted == "auto" else wanted
            identity = discover_identity(settings.gateway.name, mac)
            await store.save_identity(identity)
            self._server = DjangoServer(
                settings.server.url, tls=_tls(settings), clock=self._clock, upload_fields=settings.upload_fields
            )
            stack.push_async_callback(self._server.close)
            self.services = GatewayServices(store, self._server, identity, settings.units_weight)
            log.info(
                "gateway.service.started", name=identity.name, mac_address=identity.mac_address, known=kept is not None
            )
            await stack.enter_async_context(ControlServer(control_path(store_url, base_dir), control_commands(store)))
            self._exit = stack.pop_all()
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._exit.aclose()

    def surround(
        self, spawn: Spawn, services: Mapping[str, ServiceFunction], performers: Mapping[str, Performer]
    ) -> Surroundings:
        """What machines live in: its own, and the services and performers of whoever has lines. Makes its machines."""

        async def connect(gateway_id: str, token: Secret) -> StreamConnection:
            return await self._server.open_stream(gateway_id, token)

        stream = WeightStream(
            connect,
            self.services.credentials,
            self.weights,
            self._settings.units_weight,
            names_lines=self._names_lines,
        )
        around = Surroundings(
            clock=self._clock,
            loop=asyncio.get_running_loop(),
            services={**services, **self.services.table(), "stream.session": stream.session},
            performers={**performers, "stream.send_latest": stream.send_latest},
            route=self.router.route,
            spawn=spawn,
            make_machine=self._charts.child,
            snapshots=self.store,
            trace=self._trace,
        )
        for name, machine in self._machines.items():
            self.hosts[name] = MachineHost(name, machine, around)
            self.router.add(name, self.hosts[name].post)
        if self._settings.cards is not None:
            self._refreshing = spawn(self._refresh_cards(self._settings.cards.url, self._settings.cards.every))
        return around

    def start(self) -> None:
        """Let its machines begin."""
        for host in self.hosts.values():
            host.start()

    async def end(self) -> None:
        """Have its machines end; what they are committing is committed. Harmless before :meth:`surround`."""
        if self._refreshing is not None:
            self._refreshing.cancel()
        for host in self.hosts.values():
            host.stop()
        await asyncio.gather(*(host.wait_ended(LAST_COMMITS_S) for host in self.hosts.values()))

    async def _refresh_cards(self, url: str, every: float) -> None:
        """Take the server's cards now and then. What goes wrong is for the next time."""
        self.services.find_cards = partial(self._server.find_cards, url)
        while True:
            try:
                outcome = await self.services.refresh_cards()
            except StoreError as error:
                log.warning("cards.table.unchanged", reason=str(error))
                outcome = None
            is_early = outcome is not None and outcome.name == "unreachable"
            await asyncio.sleep(min(every, _CARDS_AGAIN_S) if is_early else every)


def _tls(settings: UplinkSettings) -> TlsSettings | None:
    tls = settings.server.tls
    return None if tls is None else TlsSettings(ca=tls.ca, cert=tls.cert, key=tls.key)
