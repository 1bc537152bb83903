"""The central Django server over HTTP: the adapter behind ``engine.ports.CentralServer``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType, TracebackType
from typing import Final, Self

from engine.clock import Clock
from engine.net.address import parse_address, path_segment
from engine.net.answers import judge_delivery, judge_heartbeat, judge_lookup, judge_registration
from engine.net.cards import fetch_cards
from engine.net.http_client import MAX_BODY, HttpClient, HttpTimeouts
from engine.net.resolver import Resolver
from engine.net.stream import StreamLimits, WebSocketStream, open_stream
from engine.net.tls import TlsSettings
from engine.net.wire import identity_body, record_body
from engine.ports import CallResult, CardList, Delivery, GatewayIdentity, GatewayLookup, Secret, WeighingRecord

GATEWAYS: Final = "devices/api/gateways/"
HEARTBEAT: Final = "devices/api/gateways/heartbeat/"
RECORDS: Final = "api/weighing/records/"

_NO_FIELDS: Final[Mapping[str, str]] = MappingProxyType({})
_DEFAULT_TIMEOUTS: Final = HttpTimeouts()
_DEFAULT_LIMITS: Final = StreamLimits()


class DjangoServer:
    """The server at ``url``, which may have a path prefix (``https://host/scales``).

    Cheap to make, and needs no running loop; call :meth:`close` on the loop that used it. No method raises because of
    what the network or the server does. A cancelled call may have reached the server. What is sent with a record beyond
    the contract are ``upload_fields`` (``engine.net.wire``). Raises ServerSettingsError when ``url`` or a file of
    ``tls`` cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Clock,
        tls: TlsSettings | None = None,
        timeouts: HttpTimeouts = _DEFAULT_TIMEOUTS,
        max_body: int = MAX_BODY,
        upload_fields: Mapping[str, str] = _NO_FIELDS,
    ) -> None:
        self._url = url
        self._tls = tls
        self._clock = clock
        self._upload_fields = upload_fields
        self._resolver = Resolver(clock)
        self._http = HttpClient(
            parse_address(url), self._resolver, clock=clock, tls=tls, timeouts=timeouts, max_body=max_body
        )

    async def find_gateway(self, mac_address: str) -> GatewayLookup:
        """``GET devices/api/gateways/{mac}/`` (FR-01, SYNC)."""
        answer = await self._http.exchange("GET", f"{GATEWAYS}{path_segment(mac_address)}/")
        return judge_lookup(answer, mac_address)

    async def register_gateway(self, identity: GatewayIdentity) -> CallResult:
        """``POST devices/api/gateways/`` (FR-01, REGISTER)."""
        return judge_registration(await self._http.exchange("POST", GATEWAYS, body=identity_body(identity)))

    async def send_heartbeat(self, token: Secret) -> CallResult:
        """``POST devices/api/gateways/heartbeat/`` (FR-06); REFUSED for 401, 403 and 404 only."""
        return judge_heartbeat(await self._http.exchange("POST", HEARTBEAT, token=token))

    async def post_record(self, record: WeighingRecord, token: Secret) -> Delivery:
        """``POST api/weighing/records/`` (FR-04). Raises ValueError for a record that has no wire form."""
        answer = await self._http.exchange("POST", RECORDS, body=record_body(record, self._upload_fields), token=token)
        return judge_delivery(answer, record)

    async def find_cards(self, path: str, token: Secret) -> CardList:
        """``GET`` a list of cards at ``path``, which not every server has."""
        return await fetch_cards(self._http, path, token)

    async def open_stream(
        self, gateway_id: str, token: Secret, limits: StreamLimits = _DEFAULT_LIMITS
    ) -> WebSocketStream:
        """Connect to ``ws/devices/{gateway_id}/`` of the same server (FR-05). Raises StreamClosedError."""
        return await open_stream(
            self._url, gateway_id, token, clock=self._clock, tls=self._tls, limits=limits, resolver=self._resolver
        )

    async def close(self) -> None:
        """Close every kept connection, in at most a second."""
        await self._http.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
