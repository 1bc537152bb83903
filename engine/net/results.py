"""A station's backend over HTTP: results, and whether it is there (requirements of the station, 2.3 and 6.3)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from engine.clock import Clock
from engine.net.address import parse_address
from engine.net.answers import Answer, is_header_safe, judge_post
from engine.net.http_client import HttpClient, HttpTimeouts
from engine.net.resolver import Resolver
from engine.ports import Delivery, Secret

RESULTS: Final = "api/results"
HEALTH: Final = "api/health"
KEY: Final = "executionId"

_DEFAULT_TIMEOUTS: Final = HttpTimeouts()
_MAX_ANSWER: Final = 16 * 1024 * 1024  # bytes: a backend may answer with the whole result, ten thousand steps of it


class ResultBackend:
    """The backend at ``url``. No method raises because of what the network or the backend does.

    The key is sent both ways that are common, as ``Authorization: Bearer`` and as ``X-API-Key``. Raises
    ServerSettingsError when ``url`` cannot be used.
    """

    def __init__(
        self, url: str, api_key: Secret | None, *, clock: Clock, timeouts: HttpTimeouts = _DEFAULT_TIMEOUTS
    ) -> None:
        self._key = api_key
        self._http = HttpClient(
            parse_address(url), Resolver(clock), clock=clock, tls=None, timeouts=timeouts, max_body=_MAX_ANSWER
        )

    async def post_result(self, execution_id: str, body: str, *, may_have_arrived: bool) -> Delivery:
        """``POST {url}/api/results``, the execution's id as ``Idempotency-Key``: a repeat is the same result."""
        extra = {"Idempotency-Key": execution_id, **self._headers()}
        answer = await self._http.exchange("POST", RESULTS, body=body, token=self._key, extra=extra)
        return judge_post(answer, execution_id, KEY, may_have_arrived=may_have_arrived)

    async def is_healthy(self) -> bool:
        """``GET {url}/api/health``: whether the backend itself answers, and well."""
        answer = await self._http.exchange("GET", HEALTH, token=self._key, extra=self._headers())
        if not isinstance(answer, Answer) or answer.document is None:
            return False
        return HTTPStatus.OK <= answer.status_code < HTTPStatus.MULTIPLE_CHOICES

    async def close(self) -> None:
        """Close every kept connection, in at most a second."""
        await self._http.close()

    def _headers(self) -> dict[str, str]:
        return {"X-API-Key": str(self._key)} if self._key and is_header_safe(self._key) else {}
