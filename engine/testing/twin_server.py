"""The central server's twin in memory: the same contract without a socket, for machines that run on virtual time.

Its tables and answers are those of the reference server (``engine.sim.backend``), and its answers are judged by what
judges real ones (``engine.net.answers``): only HTTP itself is missing. It is ``engine.ports.CentralServer``;
:meth:`TwinServer.connect` opens its ``StreamConnection``.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from engine.clock import Clock
from engine.net.answers import (
    Answer,
    NoAnswer,
    judge_delivery,
    judge_heartbeat,
    judge_lookup,
    judge_registration,
    read_document,
)
from engine.net.stream import COMMANDS
from engine.net.wire import encode_json, identity_body, record_body
from engine.ports import CallResult, Delivery, GatewayIdentity, GatewayLookup, Secret, StreamClosedError, WeighingRecord
from engine.sim.backend import Backend, RecordRow, Reply

Route = Literal["lookup", "register", "heartbeat", "records", "stream"]

PATIENCE_S: Final = 20.0  # how long a client waits for a silent server; as engine.net.http_client.HttpTimeouts.total
PORTAL_PAGE: Final = b"<!doctype html><title>Welcome</title><body>Please log in to use this network.</body>"
_ASKS_FOR_PAUSE: Final = frozenset({429, 503})  # where alone a client reads Retry-After
_REFUSED: Final = NoAnswer("connection refused", has_left=False)
_BROKEN_OFF: Final = NoAnswer("the connection broke off", has_left=True)
_SILENT: Final = NoAnswer(f"no answer within {PATIENCE_S:g} s", has_left=True)


@dataclass(frozen=True, slots=True)
class TwinRequest:
    """A request that left the gateway, whether or not anybody was there. ``at`` is the clock's monotonic time."""

    route: Route
    at: float
    token: Secret | None
    body: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class TwinMessage:
    """A message of the gateway on its stream; numbers are Decimals."""

    at: float
    message: Mapping[str, object]


@dataclass(slots=True)
class _Fault:
    route: Route
    answer: Answer | NoAnswer
    times: int | None  # None: until clear()
    is_worked: bool = False  # the server has done what was asked before it goes wrong
    pause: float = 0.0


class TwinServer:
    """A server that is nowhere. Every request takes ``latency`` seconds of the loop's time, half of it each way.

    Approving, revoking and deleting are about the one gateway of ``mac_address`` unless another is named.
    """

    def __init__(self, clock: Clock, mac_address: str, *, latency: float = 0.01, sends_id: bool = True) -> None:
        self.upload_fields: Mapping[str, str] = {}  # what the gateway sends with a record beyond the contract
        self.backend = Backend(clock, sends_id=sends_id)
        self.latency = latency
        self.stream_latency = 0.0  # how long the gateway's connection takes to accept one message
        self.is_up = True
        self.most_at_once: Counter[Route] = Counter()  # requests of a kind that were under way at the same time
        self.requests: list[TwinRequest] = []
        self.messages: list[TwinMessage] = []
        self.streams: list[TwinStream] = []  # open now
        self.clock = clock
        self._mac_address = mac_address
        self._faults: list[_Fault] = []
        self._tokens = 0
        self._under_way: Counter[Route] = Counter()

    # What an operator and the weather do -----------------------------------------------------------------------------

    def down(self) -> None:
        """Nobody answers any more; open streams break off. Nothing is forgotten."""
        self.is_up = False
        self.drop_streams()

    def up(self) -> None:
        """The server is there again."""
        self.is_up = True

    def approve(self, mac_address: str | None = None) -> Secret:
        """Give the registered gateway a new token. Raises KeyError when it is not registered."""
        self._tokens += 1
        return self.backend.approve(mac_address or self._mac_address, f"twin-token-{self._tokens:06}")

    def revoke(self, mac_address: str | None = None) -> None:
        """Take the token away: heartbeats get 401, and the gateway waits for approval again. Raises KeyError."""
        self.backend.revoke(mac_address or self._mac_address)

    def delete(self, mac_address: str | None = None) -> None:
        """Forget the gateway: heartbeats get 404. Its records stay. Raises KeyError."""
        self.backend.delete(mac_address or self._mac_address)

    @property
    def is_registered(self) -> bool:
        """Whether the gateway is known here, approved or not."""
        return self._mac_address in self.backend.gateways

    @property
    def records(self) -> list[RecordRow]:
        """The stored records in the order in which they came."""
        return self.backend.records

    def requests_of(self, route: Route) -> list[TwinRequest]:
        """The requests of one kind, oldest first."""
        return [request for request in self.requests if request.route == route]

    # What goes wrong, in the order in which it was said --------------------------------------------------------------

    def answer(
        self,
        route: Route,
        status_code: int,
        document: Mapping[str, object] | None = None,
        *,
        retry_after: float | None = None,
        times: int | None = 1,
    ) -> None:
        """Answer the next ``times`` requests of a kind (None: all, until :meth:`clear`) so, and do nothing else.

        ``retry_after`` is in seconds, and heard with 429 and 503 only.
        """
        body = {"detail": "as it was told to answer"} if document is None else document
        pause = retry_after if status_code in _ASKS_FOR_PAUSE else None
        self._faults.append(_Fault(route, Answer(status_code, body, retry_after=pause), times))

    def show_portal(self, route: Route, *, times: int | None = 1) -> None:
        """A captive portal answers in the server's place: 200 and a web page."""
        document, flaw = read_document(PORTAL_PAGE)
        self._faults.append(_Fault(route, Answer(200, document, flaw), times))

    def lose_answer(self, route: Route, *, times: int | None = 1) -> None:
        """Do what was asked, and break off before saying so."""
        self._faults.append(_Fault(route, _BROKEN_OFF, times, is_worked=True))

    def keep_silent(self, route: Route, *, times: int | None = 1) -> None:
        """Take the request and never answer, until the client's patience ends."""
        self._faults.append(_Fault(route, _SILENT, times, pause=PATIENCE_S))

    def clear(self) -> None:
        """Nothing more goes wrong."""
        self._faults.clear()

    # engine.ports.CentralServer --------------------------------------------------------------------------------------

    async def find_gateway(self, mac_address: str) -> GatewayLookup:
        """``GET devices/api/gateways/{mac}/``."""
        answer = await self._exchange("lookup", None, {}, lambda _body: self.backend.find(mac_address))
        return judge_lookup(answer, mac_address)

    async def register_gateway(self, identity: GatewayIdentity) -> CallResult:
        """``POST devices/api/gateways/``."""
        answer = await self._exchange("register", None, _received(identity_body(identity)), self.backend.register)
        return judge_registration(answer)

    async def send_heartbeat(self, token: Secret) -> CallResult:
        """``POST devices/api/gateways/heartbeat/``."""
        return judge_heartbeat(
            await self._exchange("heartbeat", token, {}, lambda _body: self.backend.heartbeat(token))
        )

    async def post_record(self, record: WeighingRecord, token: Secret) -> Delivery:
        """``POST api/weighing/records/``. Raises ValueError for a record that has no wire form."""
        body = _received(record_body(record, self.upload_fields))
        answer = await self._exchange("records", token, body, lambda sent: self.backend.add_record(token, sent))
        return judge_delivery(answer, record)

    async def _exchange(
        self,
        route: Route,
        token: Secret | None,
        body: Mapping[str, object],
        work: Callable[[Mapping[str, object]], Reply],
    ) -> Answer | NoAnswer:
        self.requests.append(TwinRequest(route, self.clock.monotonic(), token, body))
        self._under_way[route] += 1
        self.most_at_once[route] = max(self.most_at_once[route], self._under_way[route])
        try:
            return await self._travel(route, body, work)
        finally:
            self._under_way[route] -= 1

    async def _travel(
        self, route: Route, body: Mapping[str, object], work: Callable[[Mapping[str, object]], Reply]
    ) -> Answer | NoAnswer:
        await asyncio.sleep(self.latency / 2)
        if not self.is_up:
            return _REFUSED
        fault = self._take_fault(route)
        if fault is None:
            status_code, document = work(body)
            answer: Answer | NoAnswer = Answer(status_code, json.loads(encode_json(document)))
        else:
            if fault.is_worked:
                work(body)
            await asyncio.sleep(fault.pause)
            answer = fault.answer
        # Whoever stops listening now does not know what became of the request.
        await asyncio.sleep(self.latency / 2)
        return answer if self.is_up else _BROKEN_OFF

    def _take_fault(self, route: Route) -> _Fault | None:
        for fault in self._faults:
            if fault.route == route:
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times == 0:
                        self._faults.remove(fault)
                return fault
        return None

    # The stream ------------------------------------------------------------------------------------------------------

    async def connect(self, gateway_id: str, token: Secret) -> TwinStream:
        """Open ``ws/devices/{gateway_id}/``. Raises StreamClosedError as ``engine.net.open_stream`` does."""
        self.requests.append(TwinRequest("stream", self.clock.monotonic(), token, {"gateway_id": gateway_id}))
        await asyncio.sleep(self.latency)
        if not self.is_up:
            raise StreamClosedError(_REFUSED.reason)
        fault = self._take_fault("stream")
        if fault is not None:
            await asyncio.sleep(fault.pause)
            raise _stream_refusal(fault.answer)
        owner = self.backend.owner(token)
        if owner is None:
            raise StreamClosedError("refused with 401 Unauthorized", 401)
        if self.backend.gateway_of_stream(gateway_id) is not owner:
            raise StreamClosedError("refused with 403 Forbidden", 403)
        stream = TwinStream(self)
        self.streams.append(stream)
        return stream

    def start_stream(self) -> None:
        """Ask the gateway for its weights, on every open stream."""
        self.command("START_STREAM")

    def stop_stream(self) -> None:
        """Ask it to be silent."""
        self.command("STOP_STREAM")

    def command(self, word: str) -> None:
        """Send any command down every open stream."""
        for stream in self.streams:
            stream.receive(word)

    def drop_streams(self) -> None:
        """Close every open stream from this side."""
        for stream in list(self.streams):
            stream.end()


class TwinStream:
    """The gateway's end of one open stream."""

    def __init__(self, server: TwinServer) -> None:
        self._server = server
        self._commands: asyncio.Queue[str | None] = asyncio.Queue()
        self._is_open = True

    def receive(self, word: str) -> None:
        """A command has come from the server; what is no command is passed over."""
        if word in COMMANDS:
            self._commands.put_nowait(word)

    def end(self) -> None:
        """The connection is over, for both sides."""
        if self._is_open:
            self._is_open = False
            self._server.streams.remove(self)
            self._commands.put_nowait(None)

    async def commands(self) -> AsyncIterator[str]:
        """The server's commands until the connection ends."""
        while (word := await self._commands.get()) is not None:
            yield word

    async def send(self, message: Mapping[str, object]) -> None:
        """Send one message. Raises StreamClosedError."""
        text = encode_json(message)
        await asyncio.sleep(self._server.stream_latency)
        if not self._is_open:
            raise StreamClosedError(_BROKEN_OFF.reason)
        self._server.messages.append(TwinMessage(self._server.clock.monotonic(), _received(text)))

    async def close(self) -> None:
        """Close it."""
        self.end()


def _received(text: str) -> dict[str, object]:
    """What the other side reads: numbers as Decimals, digit for digit."""
    document: dict[str, object] = json.loads(text, parse_float=Decimal)
    return document


def _stream_refusal(answer: Answer | NoAnswer) -> StreamClosedError:
    if isinstance(answer, NoAnswer):
        return StreamClosedError(answer.reason)
    return StreamClosedError(f"refused with {answer.status_code}", answer.status_code, answer.retry_after)
