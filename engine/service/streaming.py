"""FR-05: the stream's session. The chart says when to send; what is sent is always the newest weight of each line."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Final

import structlog

from engine.events import Event
from engine.ports import Outcome, Secret, StreamClosedError, StreamConnection
from engine.service.host import Call
from engine.service.services import Credentials
from engine.service.weights import LatestWeights, in_unit

log = structlog.get_logger(__name__)

_COMMANDS: Final = {"START_STREAM": "stream.start", "STOP_STREAM": "stream.stop"}
_UNAUTHORIZED: Final = frozenset({401, 403})

Connect = Callable[[str, Secret], Awaitable[StreamConnection]]


class WeightStream:
    """The service ``stream.session`` and the action ``stream.send_latest``."""

    def __init__(
        self, connect: Connect, credentials: Credentials, weights: LatestWeights, unit: str, *, names_lines: bool
    ) -> None:
        self._connect = connect
        self._credentials = credentials
        self._weights = weights
        self._unit = unit
        self._names_lines = names_lines  # with several lines a message says which it is about
        self._wanted = asyncio.Event()

    def send_latest(self, _machine: str) -> None:
        """Send what is newest as soon as the connection takes it; asking twice meanwhile sends once."""
        self._wanted.set()

    async def session(self, call: Call) -> Outcome:
        """Hold one connection until it ends."""
        token, gateway_id = self._credentials.token, self._credentials.gateway_id
        if token is None or gateway_id is None:
            return _closed("there is no token")
        try:
            connection = await self._connect(gateway_id, token)
        except StreamClosedError as error:
            if error.status_code in _UNAUTHORIZED:
                return Outcome("unauthorized", {"reason": error.reason})
            return _closed(error.reason, error.retry_after)
        self._wanted.clear()
        sender = asyncio.create_task(self._send_when_wanted(connection))
        try:
            call.emit(Event("stream.opened", origin="stream"))
            async for command in connection.commands():
                log.info("stream.command.received", command=command)
                self._weights.take_unsent()  # what was weighed before the server asked is old
                self._wanted.clear()
                call.emit(Event(_COMMANDS[command], origin="stream"))
        except StreamClosedError as error:
            return _closed(error.reason, error.retry_after)
        finally:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)
            await connection.close()
        return _closed("the server closed the connection")

    async def _send_when_wanted(self, connection: StreamConnection) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            for line, weight in self._weights.take_unsent().items():
                message: dict[str, object] = {
                    "type": "weight_update",
                    "value": _number(in_unit(weight, self._unit).value),
                }
                if self._names_lines:
                    message["line"] = line
                try:
                    await connection.send(message)
                except StreamClosedError:
                    return  # the reading side learns of it too, and says why


def _number(value: Decimal) -> Decimal:
    return value.normalize() if value == value.to_integral() else value


def _closed(reason: str, retry_after: float | None = None) -> Outcome:
    return Outcome("closed", {"reason": reason, "retry_after": retry_after or 0.0})
