"""Who may come in: before any route, every request shows a key where one is wanted, from an origin that is ours.

Browsers send requests of any page they show, also to a station on this very machine. So a request that names an origin
must name ours, and a station that wants no key listens on loopback and answers to loopback's names alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import urlsplit

import structlog
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.clock import Clock
from engine.station.settings import LOOPBACK
from engine.station.web.keys import KeyRing, KeyRingError
from engine.station.web.problems import problem_response
from engine.station.web.sessions import COOKIE, Patience, Sessions

log = structlog.get_logger(__name__)

MAX_BODY: Final = 1 << 20  # bytes
UNREADABLE: Final = "?"
LOGIN: Final = "/api/session"
NEEDS_NO_KEY: Final = frozenset({LOGIN})


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why somebody is not let in."""

    status: int
    code: str
    detail: str
    headers: Mapping[str, str]


class Door:
    """What is asked of everybody. ``wants_key`` False: whoever reaches the station may use it."""

    def __init__(self, ring: KeyRing, clock: Clock, *, wants_key: bool, is_loopback: bool) -> None:
        self.ring = ring
        self.sessions = Sessions(ring, clock)
        self.patience = Patience(clock)
        self.wants_key = wants_key
        self.is_closed = False  # the station is being stopped
        self._is_loopback = is_loopback
        self._good: set[tuple[str, str]] = set()  # (address, owner) of right keys: nobody's mistakes lock them out

    def check(self, scope: Scope) -> tuple[Refusal | None, str]:
        """Why a request is refused, if it is; and the name of the key that it shows."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if self.is_closed:
            return Refusal(503, "stopping", "the station is being stopped", {"Retry-After": "10"}), ""
        refusal = self._misplaced(headers, scope)
        if refusal is not None or not self.wants_key or scope["path"] in NEEDS_NO_KEY:
            return refusal, ""
        return self._unknown(headers, scope)

    def try_key(self, key: str, address: str) -> tuple[Refusal | None, str]:
        """Judge a key that is shown."""
        owner = self.ring.owner(key)
        wait = self.patience.wait(address)
        if wait > 0 and (owner is None or (address, owner) not in self._good):
            return _wait(wait), ""
        if owner is None:
            self.patience.note_wrong(address)
            log.warning("station.key.refused", address=address)
            return _unauthorized("this key is not known here"), ""
        self.patience.note_right(address)
        self._good.add((address, owner))
        return None, owner

    def mark(self, owner: str) -> str | None:
        """What is another when a key is; None when there is none of this name, UNREADABLE when nobody can tell."""
        try:
            return self.ring.mark(owner)
        except KeyRingError as error:
            log.error("station.keys.unreadable", reason=str(error))  # noqa: TRY400 - it is no bug
            return UNREADABLE

    def _misplaced(self, headers: Mapping[str, str], scope: Scope) -> Refusal | None:
        host = headers.get("host", "")
        if self._is_loopback and _hostname(host) not in LOOPBACK:
            return Refusal(403, "foreign-host", f"this station is not called '{host}'", {})
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return Refusal(403, "foreign-origin", f"pages of '{origin}' may not use this station", {})
        # A cookie comes by itself with whatever page opens the socket, and a socket is bound by no CORS.
        is_by_cookie = self.wants_key and not _shown_key(headers)
        if scope["type"] == "websocket" and is_by_cookie and origin is None:
            return _unauthorized("show a key: X-API-Key, or Authorization: Bearer")
        return None

    def _unknown(self, headers: Mapping[str, str], scope: Scope) -> tuple[Refusal | None, str]:
        key = _shown_key(headers)
        if key:
            return self.try_key(key, address_of(scope))
        cookie = _cookie(headers)
        owner = self.sessions.owner(cookie) if cookie else None
        if owner is not None:
            return None, owner
        return _unauthorized("show a key: X-API-Key, or Authorization: Bearer"), ""


class DoorMiddleware:
    """Puts the door before an application, and bounds what comes through it."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app, self._door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or one socket."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        try:
            refusal, owner = self._door.check(scope)
        except KeyRingError as error:
            log.error("station.keys.unreadable", reason=str(error))  # noqa: TRY400 - it is no bug
            refusal, owner = Refusal(503, "keys-unreadable", "the file of keys cannot be read; see the log", {}), ""
        if refusal is None and scope["type"] == "http":
            refusal = _too_large(scope)
        if refusal is not None:
            await _refuse(refusal, scope, receive, send)
            return
        scope["actor"] = owner
        await self._app(scope, receive if scope["type"] == "websocket" else _bounded(receive), send)


async def _refuse(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    response = problem_response(refusal.status, refusal.code, refusal.detail, scope["path"], headers=refusal.headers)
    if scope["type"] == "http":
        await response(scope, receive, send)
        return
    await receive()  # websocket.connect
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008, "reason": refusal.code})
        return
    await send({"type": "websocket.http.response.start", "status": refusal.status, "headers": response.raw_headers})
    await send({"type": "websocket.http.response.body", "body": bytes(response.body)})


def _too_large(scope: Scope) -> Refusal | None:
    for name, value in scope["headers"]:
        if name == b"content-length" and (not value.isdigit() or int(value) > MAX_BODY):
            return Refusal(413, "too-large", f"a body has at most {MAX_BODY} bytes", {"Connection": "close"})
    return None


def _bounded(receive: Receive) -> Receive:
    """Also a body that does not say how long it is."""
    taken = 0

    async def bounded() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > MAX_BODY:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body has at most {MAX_BODY} bytes")
        return message

    return bounded


def address_of(scope: Scope) -> str:
    """Where a request comes from."""
    client = scope.get("client")
    return client[0] if client else ""


def _shown_key(headers: Mapping[str, str]) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return headers.get("x-api-key", "") or (token.strip() if scheme.lower() == "bearer" else "")


def _cookie(headers: Mapping[str, str]) -> str:
    try:
        jar = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    return jar[COOKIE].value if COOKIE in jar else ""


def _hostname(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _unauthorized(detail: str) -> Refusal:
    return Refusal(401, "unauthorized", detail, {"WWW-Authenticate": "Bearer"})


def _wait(seconds: float) -> Refusal:
    return Refusal(
        429, "too-many-wrong-keys", "too many wrong keys came from there", {"Retry-After": str(math.ceil(seconds))}
    )
