"""Everything that a network, a proxy or a server under strain does to a request, to be ordered one by one.

    server.faults.add(drop_before_answering(), on="records")       # the next upload is stored, and nobody hears of it
    server.faults.add(status(503, retry_after="120"), times=3)     # the next three requests of any kind

A fault is an async function of the :class:`Exchange` that it spoils.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any, Literal

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Route = Literal["lookup", "register", "heartbeat", "records", "stream", "results", "health"]
Fault = Callable[["Exchange"], Awaitable[None]]
Headers = Mapping[str, str]

PORTAL_PAGE = b"<!doctype html><html><title>Welcome</title><body>Please log in to use this network.</body></html>"


@dataclass(slots=True)
class FaultPlan:
    """The faults still to come, in order; a request takes the first that is meant for its route."""

    _waiting: deque[_Planned] = field(default_factory=deque)

    def add(self, fault: Fault, *, on: Route | None = None, times: int | None = 1) -> None:
        """Spoil the next ``times`` requests (None: all, until :meth:`clear`) on one route, or on any."""
        self._waiting.append(_Planned(fault, on, times))

    def clear(self) -> None:
        """Nothing more goes wrong."""
        self._waiting.clear()

    def take(self, route: Route | None) -> Fault | None:
        """The fault for a request on ``route``, used up by it."""
        for planned in self._waiting:
            if planned.route in {None, route}:
                if planned.times is not None:
                    planned.times -= 1
                    if planned.times == 0:
                        self._waiting.remove(planned)
                return planned.fault
        return None


@dataclass(slots=True, eq=False)
class _Planned:
    fault: Fault
    route: Route | None
    times: int | None


@dataclass(frozen=True, slots=True)
class Captured:
    """What the server would have answered."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


@dataclass(slots=True)
class Exchange:
    """One request on its way: a fault decides what becomes of it."""

    app: ASGIApp
    scope: Scope
    receive: Receive
    send: Send
    abort: Callable[[], None]  # close the socket, with nothing more sent
    stopping: asyncio.Event  # set when the server stops; ends every wait
    now: datetime
    _is_hung_up: bool = False

    async def proceed(self) -> None:
        """Nothing goes wrong (after all)."""
        await self.app(self.scope, self._receive, self.send)

    async def proceed_unheard(self) -> Captured:
        """The server does its work, and its answer is kept back. For HTTP only."""
        kept: list[Message] = []

        async def keep(message: Message) -> None:
            kept.append(message)

        await self.app(self.scope, self._receive, keep)
        body = b"".join(message.get("body", b"") for message in kept)
        return Captured(kept[0]["status"], tuple(kept[0].get("headers", ())), body)

    async def respond(self, status_code: int, body: bytes, headers: Headers, *, cut: int | None = None) -> None:
        """Answer in the server's place; with ``cut``, break off after that many bytes of the body."""
        prefix = "websocket.http" if self.scope["type"] == "websocket" else "http"
        lines = {"content-length": str(len(body)), **headers}
        raw = [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in lines.items()]
        await self.send({"type": f"{prefix}.response.start", "status": status_code, "headers": raw})
        if cut is None:
            await self.send({"type": f"{prefix}.response.body", "body": body})
            return
        await self.send({"type": f"{prefix}.response.body", "body": body[:cut], "more_body": True})
        await self.hang_up()

    async def hang_up(self) -> None:
        """Break the connection off, and wait until it is."""
        self.abort()
        await self._until_hung_up()

    async def pause(self, seconds: float | None) -> None:
        """Wait; None waits until the other side gives up or the server stops."""
        waits: list[asyncio.Task[Any]] = [asyncio.create_task(self.stopping.wait())]
        if seconds is None:
            waits.append(asyncio.create_task(self._until_hung_up()))
        _, pending = await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*waits, return_exceptions=True)

    async def _until_hung_up(self) -> None:
        while not self._is_hung_up:
            await self._receive()

    async def _receive(self) -> Message:
        message = await self.receive()
        # A WebSocket's disconnect is told once, and nothing after it.
        self._is_hung_up = message["type"].endswith(".disconnect")
        return message


def drop_before_reading() -> Fault:
    """The connection breaks before the server has done anything."""

    async def fault(exchange: Exchange) -> None:
        await exchange.hang_up()

    return fault


def drop_before_answering() -> Fault:
    """The server does its work, and the connection breaks before it can say so: the trap that doubles records."""

    async def fault(exchange: Exchange) -> None:
        await exchange.proceed_unheard()
        await exchange.hang_up()

    return fault


def delay(seconds: float) -> Fault:
    """The server does its work, and its answer is ``seconds`` under way."""

    async def fault(exchange: Exchange) -> None:
        captured = await exchange.proceed_unheard()
        await exchange.pause(seconds)
        await _pass_on(exchange, captured)

    return fault


def never_answer(*, after_work: bool = False) -> Fault:
    """The request is taken, and nothing ever comes back; with ``after_work``, the server has done what was asked."""

    async def fault(exchange: Exchange) -> None:
        if after_work:
            await exchange.proceed_unheard()
        await exchange.pause(None)
        await exchange.hang_up()

    return fault


def status(
    status_code: int, *, retry_after: str | None = None, body: bytes = b'{"detail": "busy"}', after_work: bool = False
) -> Fault:
    """Another status (500, 503, 401 ...); ``retry_after`` is the header's text. JSON unless ``body`` is a page."""

    async def fault(exchange: Exchange) -> None:
        if after_work:
            await exchange.proceed_unheard()
        kind = "text/html" if body.startswith(b"<") else "application/json"
        headers = {"content-type": kind} | ({} if retry_after is None else {"retry-after": retry_after})
        await exchange.respond(status_code, body, headers)

    return fault


def redirect(location: str, status_code: int = 302) -> Fault:
    """Somebody sends the caller elsewhere: a portal, or a server that wants https."""

    async def fault(exchange: Exchange) -> None:
        await exchange.respond(status_code, PORTAL_PAGE, {"location": location, "content-type": "text/html"})

    return fault


def portal_page(status_code: int = 200) -> Fault:
    """A captive portal answers in the server's place, with 200 and a page."""
    return status(status_code, body=PORTAL_PAGE)


def half_body(*, is_declared_whole: bool = True) -> Fault:
    """The server does its work, and half of its JSON arrives.

    The connection breaks off in the middle, or (``is_declared_whole=False``) the half is declared to be all there is.
    """

    async def fault(exchange: Exchange) -> None:
        captured = await exchange.proceed_unheard()
        half = len(captured.body) // 2
        headers = {"content-type": "application/json"}
        if is_declared_whole:
            await exchange.respond(captured.status, captured.body, headers, cut=half)
        else:
            await exchange.respond(captured.status, captured.body[:half], headers)

    return fault


def empty_body(status_code: int = 200) -> Fault:
    """An answer without a body."""
    return status(status_code, body=b"")


def oversized_body(size: int = 1_000_000, status_code: int = 200) -> Fault:
    """A JSON body of ``size`` bytes."""
    return status(status_code, body=b'{"padding": "' + b"x" * size + b'"}')


def drip(interval: float) -> Fault:
    """A body that comes one byte every ``interval`` seconds, without end."""

    async def fault(exchange: Exchange) -> None:
        await exchange.send({"type": "http.response.start", "status": 200, "headers": []})
        while not exchange.stopping.is_set():
            await exchange.send({"type": "http.response.body", "body": b" ", "more_body": True})
            await exchange.pause(interval)

    return fault


def clock_off(by: timedelta, *, retry_in: timedelta) -> Fault:
    """Busy, on a server whose clock is wrong: 503, to be tried again ``retry_in`` after the answer's own ``Date``."""

    async def fault(exchange: Exchange) -> None:
        theirs = exchange.now + by
        headers = {
            "date": format_datetime(theirs, usegmt=True),
            "retry-after": format_datetime(theirs + retry_in, usegmt=True),
            "content-type": "application/json",
        }
        await exchange.respond(503, b'{"detail": "busy"}', headers)

    return fault


async def _pass_on(exchange: Exchange, captured: Captured) -> None:
    await exchange.send({"type": "http.response.start", "status": captured.status, "headers": list(captured.headers)})
    await exchange.send({"type": "http.response.body", "body": captured.body})
