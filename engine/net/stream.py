"""The WebSocket to the central server: commands come in, the newest weight goes out (FR-05, requirements 5.3)."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from engine import __version__
from engine.clock import Clock
from engine.net.address import ServerAddress, parse_address, path_segment
from engine.net.answers import is_header_safe, shorten
from engine.net.http_client import root_cause
from engine.net.resolver import ResolveError, Resolver
from engine.net.retry_after import parse_retry_after
from engine.net.tls import TlsSettings, client_context
from engine.net.wire import encode_json
from engine.ports import Secret, StreamClosedError

log = structlog.get_logger(__name__)

COMMANDS: Final = frozenset({"START_STREAM", "STOP_STREAM"})

# websockets logs every header at DEBUG, the Authorization header among them.
_WIRE_LOG: Final = logging.getLogger("engine.net.websockets")
_WIRE_LOG.setLevel(logging.WARNING)

_ASKS_FOR_PAUSE: Final = frozenset({429, 503})
_SAMPLE: Final = 80  # characters of an ignored message that are logged
_REDIRECTS: Final = range(300, 400)


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """Seconds and bytes.

    A peer that vanished is found after ping_interval + ping_timeout + close_timeout at the latest: 21 s of 30 s.
    """

    open_timeout: float = 10.0
    ping_interval: float = 10.0
    ping_timeout: float = 10.0
    send_timeout: float = 10.0
    close_timeout: float = 1.0
    max_message: int = 16 * 1024  # bytes that the server may send at once; a command has thirty
    # Little may queue up on the way: weights that wait in a buffer are old when they arrive. Then send() waits, and
    # whoever calls it goes on with the newest weight.
    send_buffer: int = 4 * 1024  # bytes in the operating system; Linux doubles it
    write_limit: int = 1024  # bytes in this process


_DEFAULT_LIMITS: Final = StreamLimits()


async def open_stream(
    server_url: str,
    gateway_id: str,
    token: Secret,
    *,
    clock: Clock,
    tls: TlsSettings | None = None,
    limits: StreamLimits = _DEFAULT_LIMITS,
    resolver: Resolver | None = None,
) -> WebSocketStream:
    """Connect to ``ws/devices/{gateway_id}/`` below ``server_url`` (wss:// beside https://) with the Bearer token.

    Proxies of the environment are not used and redirects not followed. Raises StreamClosedError; its status says
    nothing about the registration, which heartbeats alone decide. Raises ServerSettingsError for a bad URL or file.
    """
    address = parse_address(server_url)
    if not is_header_safe(token):
        raise StreamClosedError("the access token holds characters that no header may carry")
    try:
        async with asyncio.timeout(limits.open_timeout):
            connection = await _connect(address, gateway_id, token, tls, limits, resolver or Resolver(clock))
    except InvalidStatus as error:
        raise _refused(error, clock) from error
    except TimeoutError as error:
        raise StreamClosedError(f"not open within {limits.open_timeout:g} s") from error
    except (OSError, WebSocketException, EOFError, ValueError) as error:  # ValueError: a header that cannot be read
        raise StreamClosedError(root_cause(error)) from error
    _keep_buffers_small(connection, limits)
    log.info("stream.connection.opened", gateway_id=gateway_id)
    return WebSocketStream(connection, limits)


class WebSocketStream:
    """One open connection: the adapter behind ``engine.ports.StreamConnection``."""

    def __init__(self, connection: ClientConnection, limits: StreamLimits) -> None:
        self._connection = connection
        self._limits = limits
        self._complained: set[str] = set()

    async def commands(self) -> AsyncIterator[str]:
        """``START_STREAM`` and ``STOP_STREAM`` as they come, until the connection ends, however it ends.

        Read it all the time: pings are answered only while somebody reads. Anything else that the server sends is
        logged once per kind and passed over.
        """
        try:
            async for message in self._connection:
                command = self._read(message)
                if command is not None:
                    yield command
        except ConnectionClosed as error:
            log.info("stream.connection.lost", reason=_why_closed(error))
        else:
            log.info("stream.connection.closed")

    async def send(self, message: Mapping[str, object]) -> None:
        """Send one message as compact JSON, Decimals digit for digit.

        Waits while the peer does not take what was sent before, for ``send_timeout`` at most; then, and also when it is
        cancelled while it waits, the connection is given up, for keep-alive pings would queue up behind the message.
        Raises StreamClosedError.
        """
        try:
            async with asyncio.timeout(self._limits.send_timeout):
                await self._connection.send(encode_json(message))
        except ConnectionClosed as error:
            raise StreamClosedError(_why_closed(error)) from error
        except TimeoutError as error:
            self._connection.transport.abort()
            raise StreamClosedError(f"the server took nothing for {self._limits.send_timeout:g} s") from error
        except asyncio.CancelledError:
            self._connection.transport.abort()
            raise

    async def close(self) -> None:
        """Say goodbye and close, in at most ``close_timeout``; a peer that does not answer is dropped."""
        try:
            async with asyncio.timeout(self._limits.close_timeout):
                await self._connection.close()
        except TimeoutError:
            self._connection.transport.abort()
            await self._connection.wait_closed()

    def _read(self, message: str | bytes) -> str | None:
        kind, flaw = _read_type(message)
        if kind in COMMANDS:
            return kind
        if flaw not in self._complained:
            self._complained.add(flaw)
            log.warning("stream.message.ignored", flaw=flaw, sample=shorten(str(message[:_SAMPLE])))
        return None


def _read_type(message: str | bytes) -> tuple[str, str]:
    """A message's ``type``, or '', and what is wrong with it if it is no command."""
    if isinstance(message, bytes):
        return "", "binary"
    try:
        document = json.loads(message)
    except (ValueError, RecursionError):
        return "", "not JSON"
    if not isinstance(document, dict):
        return "", "not an object"
    kind = document.get("type")
    return (kind, "unknown type") if isinstance(kind, str) else ("", "without a type")


class _ConnectOnce(connect):
    """A redirect is an answer like any other refusal: the token stays with the configured host."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """What connect() shall do about a failed handshake: report it."""
        return exc


async def _connect(
    address: ServerAddress,
    gateway_id: str,
    token: Secret,
    tls: TlsSettings | None,
    limits: StreamLimits,
    resolver: Resolver,
) -> ClientConnection:
    secure: dict[str, Any] = {"ssl": client_context(tls), "server_hostname": address.host} if address.is_secure else {}
    failure: OSError = ResolveError(f"'{address.host}' has no address")
    for host in await resolver.addresses(address.host):
        try:
            return await _ConnectOnce(
                address.websocket_url(f"ws/devices/{path_segment(gateway_id)}/"),
                # An explicit host and port forbid redirects to another origin once more.
                host=host,
                port=address.port,
                additional_headers={"Authorization": f"Bearer {token}"},
                user_agent_header=f"scaleledger-engine/{__version__}",
                compression=None,  # a weight has fifty bytes
                proxy=None,
                open_timeout=None,  # open_stream bounds all of it, the lookup included
                ping_interval=limits.ping_interval,
                ping_timeout=limits.ping_timeout,
                close_timeout=limits.close_timeout,
                max_size=limits.max_message,
                write_limit=limits.write_limit,
                logger=_WIRE_LOG,
                **secure,
            )
        except OSError as error:
            failure = error
    resolver.expire(address.host)
    raise failure


def _keep_buffers_small(connection: ClientConnection, limits: StreamLimits) -> None:
    sock = connection.transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, limits.send_buffer)


def _refused(error: InvalidStatus, clock: Clock) -> StreamClosedError:
    response = error.response
    status, headers = response.status_code, response.headers
    if status in _REDIRECTS:
        target = shorten(headers.get("Location", "")) or "nowhere"
        return StreamClosedError(f"{status} to {target}; redirects are not followed, check server.url", status)
    retry_after = None
    if status in _ASKS_FOR_PAUSE:
        retry_after = parse_retry_after(headers.get("Retry-After"), headers.get("Date"), clock.now())
    return StreamClosedError(f"refused with {status} {shorten(response.reason_phrase)}".rstrip(), status, retry_after)


def _why_closed(error: ConnectionClosed) -> str:
    if isinstance(error.__cause__, OSError):
        return root_cause(error)
    frame = error.sent if error.sent is not None and not error.rcvd_then_sent else error.rcvd
    return "the connection broke off" if frame is None else shorten(f"closed with {frame.code} {frame.reason}".rstrip())
