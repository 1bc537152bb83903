"""What the tests of the network edge share: a hall of one gateway and one server, and a wire that can go dead."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Self

from hypothesis import settings

from engine.clock import SystemClock
from engine.net.central import DjangoServer
from engine.net.http_client import HttpTimeouts
from engine.net.stream import StreamLimits, WebSocketStream
from engine.ports import GatewayIdentity, Secret, WeighingRecord
from engine.sim.server import ReferenceServer

MAC = "AA:BB:CC:DD:EE:01"
IDENTITY = GatewayIdentity(MAC, "hall-pc", "127.0.0.1", "노량진 3번")
TLS = Path(__file__).parent / "tls"

PATIENT = HttpTimeouts()
QUICK = HttpTimeouts(connect=0.5, read=0.15, write=0.5, pool=0.5, total=0.3)  # where a time-out is what is tested
# Open inputs, on a machine that may be busy with the rest of the suite.
EXAMPLES = settings(max_examples=50, deadline=None)

PATIENT_STREAM = StreamLimits(close_timeout=0.1)
QUICK_STREAM = StreamLimits(
    open_timeout=5.0, ping_interval=0.05, ping_timeout=0.25, send_timeout=0.2, close_timeout=0.1
)


def make_record(**changes: object) -> WeighingRecord:
    fields: dict[str, object] = {
        "uuid": str(uuid.uuid4()),
        "rfid_uid": "0A1B2C3D4E",
        "weight": Decimal("12.340"),
        "unit": "kg",
        "measured_at": datetime(2026, 2, 7, 4, 30, 1, 250000, tzinfo=UTC),
        "line": "dock-1",
    }
    return WeighingRecord(**(fields | changes))


@dataclass
class Hall:
    server: ReferenceServer
    client: DjangoServer
    token: Secret

    @property
    def uuids(self) -> list[str]:
        return [row.uuid for row in self.server.records]


@contextlib.asynccontextmanager
async def hall(timeouts: HttpTimeouts = PATIENT, **options: object) -> AsyncIterator[Hall]:
    """A server that has approved the gateway MAC, and the gateway's client for it."""
    async with (
        ReferenceServer(**options) as server,
        DjangoServer(server.url, clock=SystemClock(), timeouts=timeouts) as client,
    ):
        server.backend.register({"mac_address": MAC, "hostname": "hall-pc", "ip_address": "127.0.0.1", "name": "dock"})
        yield Hall(server, client, server.approve(MAC))


@contextlib.asynccontextmanager
async def open_stream(at: Hall, limits: StreamLimits = PATIENT_STREAM) -> AsyncIterator[WebSocketStream]:
    gateway_id = str(at.server.gateways[MAC].id) if at.server.backend.sends_id else MAC
    stream = await at.client.open_stream(gateway_id, at.token, limits)
    try:
        yield stream
    finally:
        await stream.close()


class Wire:
    """A TCP relay to a server. When cut it keeps its connections and forwards nothing: a half-open connection."""

    def __init__(self, target: str) -> None:
        self._host, port = target.removeprefix("http://").split(":")
        self._port = int(port)
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self._alive = asyncio.Event()
        self._alive.set()

    async def __aenter__(self) -> Self:
        listening = socket.create_server(("127.0.0.1", 0))
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # what a dead peer takes in is little
        self._server = await asyncio.start_server(self._relay, sock=listening, limit=4096)
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()
        await self._server.wait_closed()

    def cut(self) -> None:
        self._alive.clear()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._host, self._port)
        self._writers += [writer, far_writer]
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._copy(source, sink))
            self._tasks.add(task)

    async def _copy(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(1024):
                await self._alive.wait()
                sink.write(data)
                await sink.drain()
            sink.close()
