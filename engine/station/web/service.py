"""The station whole: batches, the sync of results, and the API, begun and ended in the right order."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

import structlog

from engine.errors import EngineError
from engine.net.results import ResultBackend
from engine.sequence.records import SEQUENCE_COMPLETE
from engine.station.bus import StationEvent
from engine.station.catalog import Catalog
from engine.station.editing import StationFile
from engine.station.house import DATABASE
from engine.station.settings import LOOPBACK
from engine.station.station import Station
from engine.station.sync import ResultSync
from engine.station.web.app import guarded
from engine.station.web.door import Door
from engine.station.web.face import Face
from engine.station.web.hub import Hub
from engine.station.web.keys import KeyRing
from engine.station.web.logbook import Logbook
from engine.station.web.models import result_json
from engine.station.web.server import WebServer

log = structlog.get_logger(__name__)

FLUSH_S: Final = 5.0  # for what the backend has not got yet, at the end


class OpenDoorError(EngineError):
    """The station would listen where others can reach it, and ask nobody who they are."""


class StationService:
    """The face of an entered ``Station``; use it as a context manager inside that one.

    At its end: no new requests, sequences stopped through their cleanup, processes ended, what waits for the backend
    sent as far as that goes, sockets closed. The database is the station's to close. ``env`` is for station.yaml's
    variables. Raises OpenDoorError, ListenError, and ServerSettingsError for a backend whose URL cannot be used.
    """

    def __init__(self, station: Station, env: Mapping[str, str], *, flush_within: float = FLUSH_S) -> None:
        self.station = station
        self._env = env
        self._flush_within = flush_within
        self._stack = contextlib.AsyncExitStack()
        self._tasks: asyncio.TaskGroup
        self.face: Face
        self.server: WebServer

    async def __aenter__(self) -> Self:
        settings = self.station.settings.server
        is_loopback = settings.host in LOOPBACK
        if not is_loopback and not settings.auth.enabled:
            raise OpenDoorError(
                f"server.host: '{settings.host}' can be reached by others; say server.auth: {{enabled: true}}, "
                "and make a key with `engine station key new NAME`"
            )
        async with contextlib.AsyncExitStack() as stack:
            self._tasks = await stack.enter_async_context(asyncio.TaskGroup())
            self.face = self._make_face(is_loopback=is_loopback, wants_key=settings.auth.enabled)
            self.face.sync = await self._begin_sync(stack)
            self.server = WebServer(guarded(self.face), settings.host, settings.port)
            self.face.cut = self.server.cut
            await self.server.listen()
            self._stack = stack.pop_all()
        log.info("station.api.opened", url=self.server.url, key_required=settings.auth.enabled)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.face.door.is_closed = True
        self.server.close_listener()
        try:
            await self.station.end_batches()
            if self.face.sync is not None:
                await self.face.sync.flush(self._flush_within)
        finally:
            await self.server.close()
            await self._stack.aclose()
            log.info("station.api.closed")

    def _make_face(self, *, is_loopback: bool, wants_key: bool) -> Face:
        station, clock = self.station, self.station.clock
        ring = KeyRing(station.settings.data)
        path = station.settings.path
        return Face(
            station=station,
            store=station.store,
            clock=clock,
            catalog=Catalog(station.settings.sequences),
            hub=Hub(station, clock, self._tasks.create_task),
            door=Door(ring, clock, wants_key=wants_key, is_loopback=is_loopback),
            logbook=Logbook(station.bus),
            started_at=clock.now(),
            began=clock.monotonic(),
            database=station.settings.data / DATABASE,
            editor=StationFile(path, self._env) if path is not None else None,
        )

    async def _begin_sync(self, stack: contextlib.AsyncExitStack) -> ResultSync | None:
        settings = self.station.settings.backend
        if settings is None:
            return None
        backend = ResultBackend(settings.url, settings.api_key, clock=self.station.clock)
        sync = ResultSync(
            self.station.store, backend, clock=self.station.clock, interval=settings.interval, body=result_json
        )
        await stack.enter_async_context(sync)

        def wake(event: StationEvent) -> None:
            if event.type == SEQUENCE_COMPLETE:
                sync.wake()

        self.station.bus.listeners.append(wake)
        return sync
