"""The reference server: the central server's contract over real HTTP and WebSockets, on this machine.

    async with ReferenceServer(auto_approve_after=2.0) as server:
        ...  # server.url, server.records, server.faults

As a process of its own: ``python -m engine.sim.server --port 8000``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import ssl
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from email.utils import format_datetime
from types import TracebackType
from typing import Any, Final, Self

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as HttpRoute
from starlette.routing import WebSocketRoute
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn.server import ServerState

from engine.clock import Clock, SystemClock
from engine.net.wire import encode_json
from engine.ports import Secret
from engine.sim.backend import Backend, GatewayRow, Heartbeat, RecordRow, Reply, unauthorized
from engine.sim.faults import Exchange, FaultPlan, Route
from engine.sim.results import ResultTable

_CLOSE_TIMEOUT: Final = 1.0
_REQUESTS_KEPT: Final = 10_000
_STREAM_MESSAGES_KEPT: Final = 100_000


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """A request as it arrived; header names in lower case. ``peer`` tells connections apart."""

    method: str
    path: str
    headers: Mapping[str, str]
    peer: tuple[str, int]
    arrived_monotonic: float


@dataclass(frozen=True, slots=True)
class StreamMessage:
    """A message of a gateway on its stream; numbers are Decimals, digit for digit."""

    gateway: str
    message: Mapping[str, object]
    arrived_monotonic: float


class ReferenceServer:
    """A server to be started and stopped inside the running loop. It keeps everything in memory.

    ``backend`` holds its tables and what an operator does (approve, revoke, delete); ``faults`` is what shall go wrong.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        clock: Clock | None = None,
        auto_approve_after: float | None = None,
        prefix: str = "",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._clock = clock or SystemClock()
        self._prefix = prefix
        self._tls = tls
        self.backend = Backend(self._clock, auto_approve_after)
        self.results = ResultTable()  # it is the backend of stations, too
        self.faults = FaultPlan()
        self.requests: deque[SeenRequest] = deque(maxlen=_REQUESTS_KEPT)
        self.stream_messages: deque[StreamMessage] = deque(maxlen=_STREAM_MESSAGES_KEPT)
        self._streams: dict[str, list[WebSocket]] = {}
        self._changed = asyncio.Event()
        self._stopping = asyncio.Event()
        self._listener: asyncio.Server | None = None
        self._state = ServerState()
        self._config = uvicorn.Config(
            self._serve,
            http="h11",
            ws="websockets-sansio",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,  # the peer's own address is how a connection is found again
        )
        self._config.load()
        self._app = Starlette(
            routes=[
                # The fixed path before the one with a parameter.
                HttpRoute(f"{prefix}/devices/api/gateways/heartbeat/", self._heartbeat, methods=["POST"]),
                HttpRoute(f"{prefix}/devices/api/gateways/", self._register, methods=["POST"]),
                HttpRoute(f"{prefix}/devices/api/gateways/{{mac_address}}/", self._find, methods=["GET"]),
                HttpRoute(f"{prefix}/api/weighing/records/", self._add_record, methods=["POST"]),
                HttpRoute(f"{prefix}/api/cards/", self._cards, methods=["GET"]),
                # A station's backend.
                HttpRoute(f"{prefix}/api/results", self._add_result, methods=["POST"]),
                HttpRoute(f"{prefix}/api/health", self._health, methods=["GET"]),
                WebSocketRoute(f"{prefix}/ws/devices/{{gateway_id}}/", self._stream),
            ]
        )

    # -- life -----------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The base URL; known once the server was started."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._tls else 'http'}://{host}:{self._port}{self._prefix}"

    @property
    def is_online(self) -> bool:
        """Whether connections are accepted."""
        return self._listener is not None

    async def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        # uvicorn's protocols on a listener of ours: its Server would add signal handlers and poll for its end.
        self._stopping.clear()
        self._listener = await asyncio.get_running_loop().create_server(
            self._new_connection, self._host, self._port, ssl=self._tls
        )
        self._port = self._listener.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the listener and every connection at once, as a power cut would; returns when nothing is left."""
        if self._listener is None:
            return
        listener, self._listener = self._listener, None
        self._stopping.set()
        listener.close()
        await asyncio.sleep(0)  # a connection accepted just now is made in the next turn of the loop
        while self._state.connections or self._state.tasks:
            for connection in list(self._state.connections):
                connection.transport.abort()
            await asyncio.sleep(0)
            if self._state.tasks:
                await asyncio.wait(set(self._state.tasks), timeout=0.05)
        with contextlib.suppress(TimeoutError):  # from Python 3.12 on it waits for unfinished TLS handshakes too
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await listener.wait_closed()

    async def go_offline(self) -> None:
        """The server is down: connections are refused until :meth:`go_online`. Nothing is forgotten."""
        await self.stop()

    async def go_online(self) -> None:
        """Back on the same port."""
        await self.start()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    # -- what there is to see, and what an operator does ------------------------------------------------------------

    @property
    def gateways(self) -> Mapping[str, GatewayRow]:
        """Gateways by MAC address."""
        return self.backend.gateways

    @property
    def records(self) -> list[RecordRow]:
        """Records in the order in which they were stored."""
        return self.backend.records

    @property
    def heartbeats(self) -> list[Heartbeat]:
        """Heartbeats in the order in which they came."""
        return self.backend.heartbeats

    def approve(self, mac_address: str, token: str | None = None) -> Secret:
        """Give a registered gateway a token. Raises KeyError."""
        granted = self.backend.approve(mac_address, token)
        self._changed.set()
        return granted

    def revoke(self, mac_address: str) -> None:
        """Take a gateway's token away. Raises KeyError."""
        self.backend.revoke(mac_address)
        self._changed.set()

    def delete(self, mac_address: str) -> None:
        """Forget a gateway. Raises KeyError."""
        self.backend.delete(mac_address)
        self._changed.set()

    def streams(self, mac_address: str) -> int:
        """How many streams of this gateway are open."""
        return len(self._streams.get(mac_address, ()))

    async def start_stream(self, mac_address: str) -> int:
        """Ask the gateway for its weights; returns how many connections were asked."""
        return await self.send_to_stream(mac_address, '{"type": "START_STREAM"}')

    async def stop_stream(self, mac_address: str) -> int:
        """Ask it to be silent."""
        return await self.send_to_stream(mac_address, '{"type": "STOP_STREAM"}')

    async def send_to_stream(self, mac_address: str, message: str | bytes) -> int:
        """Send any text or bytes down a gateway's stream."""
        streams = list(self._streams.get(mac_address, ()))
        kind = "text" if isinstance(message, str) else "bytes"
        asked = 0
        for websocket in streams:
            with contextlib.suppress(WebSocketDisconnect):
                await websocket.send({"type": "websocket.send", kind: message})
                asked += 1
        return asked

    async def close_streams(self, mac_address: str, code: int = 1001) -> None:
        """Close a gateway's streams from this side."""
        for websocket in list(self._streams.get(mac_address, ())):
            await websocket.close(code)

    async def wait_until(self, predicate: Callable[[], bool], timeout: float = 5.0) -> None:  # noqa: ASYNC109 - for tests
        """Wait until something that arrives or changes here makes ``predicate`` true. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            while not predicate():
                self._changed.clear()
                await self._changed.wait()

    # -- requests ---------------------------------------------------------------------------------------------------

    async def _find(self, request: Request) -> Response:
        return self._reply(self.backend.find(request.path_params["mac_address"]))

    async def _register(self, request: Request) -> Response:
        body = await _json_body(request)
        return _malformed() if body is None else self._reply(self.backend.register(body))

    async def _heartbeat(self, request: Request) -> Response:
        return self._reply(self.backend.heartbeat(_bearer(request.headers)))

    async def _add_record(self, request: Request) -> Response:
        body = await _json_body(request)
        return _malformed() if body is None else self._reply(self.backend.add_record(_bearer(request.headers), body))

    async def _add_result(self, request: Request) -> Response:
        body = await _json_body(request)
        if body is None:
            return _malformed()
        shown = request.headers.get("x-api-key") or _bearer(request.headers)
        return self._reply(self.results.add(shown, request.headers.get("idempotency-key", ""), body))

    async def _health(self, _request: Request) -> Response:
        return self._reply((200, {"status": "ok"}))

    async def _cards(self, request: Request) -> Response:
        page = request.query_params.get("page", "1")
        number = int(page) if page.isdecimal() else 1
        return self._reply(self.backend.cards_page(_bearer(request.headers), number))

    async def _stream(self, websocket: WebSocket) -> None:
        token = _bearer(websocket.headers)
        owner = self.backend.owner(token)
        gateway = self.backend.gateway_of_stream(websocket.path_params["gateway_id"])
        if owner is None:
            await websocket.send_denial_response(_json_response((401, unauthorized(token))))
            return
        if gateway is not owner:
            await websocket.send_denial_response(_json_response((403, {"detail": "Not your stream."})))
            return
        await websocket.accept()
        streams = self._streams.setdefault(owner.mac_address, [])
        streams.append(websocket)
        self._changed.set()
        try:
            while True:
                message = json.loads(await websocket.receive_text(), parse_float=Decimal)
                self.stream_messages.append(StreamMessage(owner.mac_address, message, self._clock.monotonic()))
                self._changed.set()
        except WebSocketDisconnect:
            pass
        finally:
            streams.remove(websocket)
            self._changed.set()

    # -- the ASGI side ----------------------------------------------------------------------------------------------

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"].removeprefix(self._prefix)
        method: str = scope.get("method", "WEBSOCKET")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        self.requests.append(SeenRequest(method, path, headers, tuple(scope["client"]), self._clock.monotonic()))
        self._changed.set()

        async def send_dated(message: Message) -> None:
            await send(self._with_date(message))

        exchange = Exchange(
            self._app, scope, receive, send_dated, lambda: self._abort(scope), self._stopping, self._clock.now()
        )
        if self._stopping.is_set():  # accepted in the very moment of going offline
            await exchange.hang_up()
            return
        fault = self.faults.take(_route(method, path))
        await (fault(exchange) if fault is not None else exchange.proceed())

    def _with_date(self, message: Message) -> Message:
        if not message["type"].endswith(".response.start"):
            return message
        headers = list(message.get("headers", ()))
        if all(name != b"date" for name, _ in headers):
            headers.append((b"date", format_datetime(self._clock.now(), usegmt=True).encode("ascii")))
        return {**message, "headers": headers}

    def _new_connection(self) -> asyncio.Protocol:
        protocol: Any = self._config.http_protocol_class
        connection: asyncio.Protocol = protocol(config=self._config, server_state=self._state, app_state={})
        return connection

    def _abort(self, scope: Scope) -> None:
        connections: list[Any] = list(self._state.connections)
        for connection in connections:
            if connection.client == tuple(scope["client"]):
                connection.transport.abort()

    def _reply(self, reply: Reply) -> Response:
        self._changed.set()
        return _json_response(reply)


def _route(method: str, path: str) -> Route | None:
    if path.startswith("/ws/devices/"):
        return "stream"
    if path == "/api/weighing/records/":
        return "records"
    if path in {"/api/results", "/api/health"}:
        return "results" if path == "/api/results" else "health"
    if path == "/devices/api/gateways/heartbeat/":
        return "heartbeat"
    if path.startswith("/devices/api/gateways/"):
        return "lookup" if method == "GET" else "register"
    return None


def _bearer(headers: Headers) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


async def _json_body(request: Request) -> Mapping[str, object] | None:
    try:
        body = json.loads(await request.body(), parse_float=Decimal)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _malformed() -> Response:
    return _json_response((400, {"detail": "JSON parse error"}))


def _json_response(reply: Reply) -> Response:
    status_code, body = reply
    return Response(encode_json(body), status_code, media_type="application/json")


async def _run(host: str, port: int, approve_after: float) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError):  # Windows: Ctrl+C cancels the main task instead
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
    async with ReferenceServer(host, port, auto_approve_after=approve_after) as server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        await stopped.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the server until SIGINT or SIGTERM; its URL is the first line on stdout."""
    parser = argparse.ArgumentParser(prog="python -m engine.sim.server", description="The reference central server.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on, 0 for any (default: %(default)s)")
    parser.add_argument(
        "--approve-after",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="approve a gateway this long after it registered (default: at once)",
    )
    chosen = parser.parse_args(arguments)
    try:
        asyncio.run(_run(chosen.host, chosen.port, chosen.approve_after))
    except OSError as error:
        sys.stderr.write(f"cannot listen on {chosen.host}:{chosen.port}: {error.strerror or error}\n")
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
