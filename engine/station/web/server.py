"""The HTTP server around an application, in the master's loop: no signals of its own, and an end in bounded time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any, Final, cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from engine.errors import EngineError

FRAMES: Final = "frames"
_LARGEST_MESSAGE: Final = 64 * 1024  # of a client, over the WebSocket
_PING_S: Final = 20.0
_ANSWERED_WITHIN_S: Final = 2.0
_CLOSED_WITHIN_S: Final = 1.0


class ListenError(EngineError):
    """The address cannot be listened on."""


class _Sockets(WebSocketsSansIOProtocol):
    """Also sends messages that are framed already, many at once: ``{"type": "websocket.send", "frames": bytes}``.

    ``scope["extensions"]["frames"]`` is :meth:`write_now`, which asks no task to do it.
    """

    def handle_connect(self, event: Any) -> None:
        """Take a client in, unless it asks for what is no WebSocket."""
        super().handle_connect(event)
        if not self.close_sent:
            extensions: dict[str, Any] = cast("dict[str, Any]", self.scope["extensions"])
            extensions[FRAMES] = self.write_now

    def write_now(self, framed: bytes) -> bool:
        """Send what is framed, if that can be done without waiting; whether it was."""
        is_open = self.handshake_complete and not (self.disconnected or self.close_sent or self.transport.is_closing())
        if not is_open or not self.writable.is_set():
            return False
        self.transport.write(framed)
        return True

    async def send(self, message: Any) -> None:
        """Send a message of the application; waits while the client does not read."""
        framed = message.get(FRAMES)
        if framed is None:
            await super().send(message)
            return
        await self.writable.wait()
        if self.disconnected or self.transport.is_closing():
            raise ClientDisconnected
        if not self.close_sent:
            self.transport.write(framed)


def _is_ours(record: logging.LogRecord) -> bool:
    """Whether a line of the library tells of a bug: not of a client that was refused, or that sent what is no text."""
    return record.exc_info is not None and not isinstance(record.exc_info[1], UnicodeDecodeError)


class WebServer:
    """Serves ``app`` on one address."""

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        self._host, self.port = host, port
        self._listener: asyncio.Server | None = None
        self._state = ServerState()
        self._config = uvicorn.Config(
            app,
            http="h11",
            ws=_Sockets,
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,  # who speaks is who is connected; wrong keys are counted by it
            ws_max_size=_LARGEST_MESSAGE,
            ws_ping_interval=_PING_S,
            ws_ping_timeout=_PING_S,
            ws_per_message_deflate=False,  # costs more than it saves on a line's own network
        )
        self._config.load()
        logging.getLogger("uvicorn.error").addFilter(_is_ours)  # whoever knocks must not fill the log

    @property
    def url(self) -> str:
        """Where it is; with its port once it listens."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}"

    async def listen(self) -> None:
        """Begin. Raises ListenError."""
        loop = asyncio.get_running_loop()
        try:
            self._listener = await loop.create_server(self._new_connection, self._host, self.port)
        except OSError as error:
            raise ListenError(f"cannot listen on {self._host}:{self.port}: {error.strerror or error}") from error
        self.port = self._listener.sockets[0].getsockname()[1]

    def close_listener(self) -> None:
        """Nobody new comes in; who is connected stays."""
        if self._listener is not None:
            self._listener.close()

    def cut(self, client: object) -> None:
        """End a client's connection, whatever still waits to be sent."""
        for connection in self._connections():
            if connection.client == client:
                connection.transport.abort()

    async def close(self) -> None:
        """End every connection: what is being answered is answered, sockets hear 1012 (restart), in bounded time."""
        self.close_listener()
        for connection in self._connections():
            connection.shutdown()
        if self._state.tasks:
            await asyncio.wait(set(self._state.tasks), timeout=_ANSWERED_WITHIN_S)
        while self._state.connections or self._state.tasks:
            for connection in self._connections():
                connection.transport.abort()
            for task in self._state.tasks:
                task.cancel()
            await asyncio.sleep(0)
            if self._state.tasks:
                await asyncio.wait(set(self._state.tasks), timeout=0.05)
        if self._listener is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSED_WITHIN_S):
                    await self._listener.wait_closed()

    def _connections(self) -> list[Any]:
        return list(self._state.connections)

    def _new_connection(self) -> asyncio.Protocol:
        protocol: Any = self._config.http_protocol_class
        connection: asyncio.Protocol = protocol(config=self._config, server_state=self._state, app_state={})
        return connection
