"""``/ws``: a client says which batches it wants to hear of, and hears of them until it goes."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import structlog
from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from engine.errors import EngineError
from engine.sequence.records import ERROR
from engine.station.web.door import UNREADABLE, Door
from engine.station.web.hub import Hub, Listener
from engine.station.web.server import FRAMES

if TYPE_CHECKING:
    from engine.station.web.face import Face

log = structlog.get_logger(__name__)

router = APIRouter()

_TOO_SLOW: Final = 1008
_NOT_ALLOWED: Final = 1008
_ASKED_EVERY_S: Final = 1.0
_LAST_WORDS_S: Final = 0.5
_MOST_IDS: Final = 1_000
_SAYS: Final = '{"type": "subscribe" or "unsubscribe", "batch_ids": ["batch_1"]}; "*" stands for every batch'


class BadMessageError(EngineError):
    """A client said something that is no message."""


@router.websocket("/ws")
async def listen(websocket: WebSocket) -> None:
    """Snapshots of the batches that a client subscribes to, then all that happens in them."""
    face: Face = websocket.app.state.face
    await websocket.accept()
    listener = face.hub.join(write_now=websocket.scope["extensions"][FRAMES])
    tasks = [
        asyncio.create_task(_read(websocket, face.hub, listener)),
        asyncio.create_task(_write(websocket, listener)),
        asyncio.create_task(listener.gone.wait()),
    ]
    if face.door.wants_key:
        tasks.append(asyncio.create_task(_shut_out(websocket, face.door)))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        face.hub.leave(listener)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if listener.is_slow:
            await _drop(websocket, face)


async def _shut_out(websocket: WebSocket, door: Door) -> None:
    """Ends when the key that the client has shown is taken away: nobody asks a socket for it again."""
    owner: str = websocket.scope["actor"]
    shown = door.mark(owner)
    while door.mark(owner) in {shown, UNREADABLE}:  # noqa: ASYNC110 - another process writes the file
        await asyncio.sleep(_ASKED_EVERY_S)
    log.warning("station.client.shut_out", client=str(websocket.client), owner=owner)
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):
        await websocket.close(_NOT_ALLOWED, "this key has been taken away")


async def _drop(websocket: WebSocket, face: Face) -> None:
    """Whoever does not read will not read a farewell either: it has a moment, then the line is cut."""
    log.warning("station.client.dropped", client=str(websocket.client))
    with contextlib.suppress(TimeoutError, RuntimeError, WebSocketDisconnect):
        async with asyncio.timeout(_LAST_WORDS_S):
            await websocket.close(_TOO_SLOW, "reads too slowly")
    face.cut(websocket.scope.get("client"))


async def _write(websocket: WebSocket, listener: Listener) -> None:
    while framed := await listener.take():
        await websocket.send({"type": "websocket.send", FRAMES: framed})


async def _read(websocket: WebSocket, hub: Hub, listener: Listener) -> None:
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        try:
            type_, batch_ids = _understood(message.get("text"))
        except BadMessageError as error:
            _object(hub, listener, "BAD_MESSAGE", str(error))
            continue
        if type_ == "unsubscribe":
            hub.unsubscribe(listener, batch_ids)
            continue
        for unknown in hub.subscribe(listener, batch_ids):
            _object(hub, listener, "UNKNOWN_BATCH", f"no batch is called '{unknown}'")


def _object(hub: Hub, listener: Listener, code: str, reason: str) -> None:
    hub.tell(listener, ERROR, {"code": code, "message": reason, "step": None})


def _understood(text: str | None) -> tuple[str, list[str]]:
    """What a client wants. Raises BadMessageError."""
    if text is None:
        raise BadMessageError("messages are JSON texts, not bytes")
    try:
        said: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadMessageError(f"this is not JSON; say {_SAYS}") from error
    if not isinstance(said, Mapping) or said.get("type") not in ("subscribe", "unsubscribe"):
        raise BadMessageError(f"this is no message that is known here; say {_SAYS}")
    ids = said.get("batch_ids")
    if not isinstance(ids, list) or len(ids) > _MOST_IDS or not all(isinstance(one, str) for one in ids):
        raise BadMessageError(f"'batch_ids' is a list of at most {_MOST_IDS} ids of batches; say {_SAYS}")
    return str(said["type"]), ids
