"""One keep-alive HTTP client that talks to one host, in bounded time and with bounded bodies."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import MappingProxyType
from typing import Final

import structlog

from engine import __version__
from engine.clock import Clock
from engine.net.address import ServerAddress
from engine.net.answers import Answer, NoAnswer, is_header_safe, read_document, shorten
from engine.net.lean_httpx import httpx
from engine.net.resolver import ResolveError, Resolver, is_address
from engine.net.retry_after import parse_retry_after
from engine.net.tls import TlsSettings, client_context, trusting_nobody
from engine.ports import Secret

log = structlog.get_logger(__name__)

MAX_BODY: Final = 64 * 1024  # bytes; the longest honest answer is a few hundred

# Shorter than the 5 s after which uvicorn and many proxies close an idle connection: a request sent into a connection
# that is being closed is a doubtful one, a new connection costs a millisecond.
_KEEPALIVE_EXPIRY: Final = 4.0
_CONNECTIONS: Final = httpx.Limits(max_connections=8, max_keepalive_connections=4, keepalive_expiry=_KEEPALIVE_EXPIRY)
_CLOSE_TIMEOUT: Final = 1.0
_ASKS_FOR_PAUSE: Final = frozenset({429, 503})
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})

# What can only happen before the first byte of a request has left.
_NEVER_LEFT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.InvalidURL,
)


@dataclass(frozen=True, slots=True)
class HttpTimeouts:
    """Seconds. ``total`` bounds a whole exchange, so that a server that drips one byte at a time holds nobody up."""

    connect: float = 5.0
    read: float = 10.0
    write: float = 10.0
    pool: float = 5.0
    total: float = 20.0


class HttpClient:
    """Sends JSON and reads JSON, to and from one host.

    Redirects are not followed, cookies not kept, proxies and ``.netrc`` of the environment not looked at: the token
    goes to the configured host alone, and a variable in a service's environment cannot reroute it.
    """

    def __init__(
        self,
        address: ServerAddress,
        resolver: Resolver,
        *,
        clock: Clock,
        tls: TlsSettings | None,
        timeouts: HttpTimeouts,
        max_body: int = MAX_BODY,
    ) -> None:
        self._address = address
        self._clock = clock
        self._timeouts = timeouts
        self._max_body = max_body
        context = client_context(tls) if address.is_secure else trusting_nobody()
        self._client = httpx.AsyncClient(
            transport=_DirectTransport(resolver, verify=context, limits=_CONNECTIONS),
            timeout=httpx.Timeout(
                connect=timeouts.connect, read=timeouts.read, write=timeouts.write, pool=timeouts.pool
            ),
            follow_redirects=False,
            trust_env=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            headers={
                "Accept": "application/json",
                "Accept-Encoding": "identity",  # a compressed body has no bound before it is unpacked
                "User-Agent": f"scaleledger-engine/{__version__}",
            },
        )

    async def exchange(
        self,
        method: str,
        path: str,
        *,
        body: str | None = None,
        token: Secret | None = None,
        extra: Mapping[str, str] = _NO_HEADERS,
    ) -> Answer | NoAnswer:
        """One request and its answer; ``extra`` are headers beside ours. Raises nothing but asyncio.CancelledError."""
        headers = {**extra, **({} if body is None else {"Content-Type": "application/json"})}
        if token is not None:
            if not is_header_safe(token):
                return NoAnswer("the access token holds characters that no header may carry", has_left=False)
            headers["Authorization"] = f"Bearer {token}"
        started = self._clock.monotonic()
        answer = await self._attempt(method, path, body, headers)
        log.debug(
            "http.request.answered",
            method=method,
            path=path,
            status=answer.status_code if isinstance(answer, Answer) else None,
            reason=answer.reason if isinstance(answer, NoAnswer) else answer.flaw,
            seconds=round(self._clock.monotonic() - started, 3),
        )
        return answer

    async def close(self) -> None:
        """Close every connection, in at most a second."""
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await self._client.aclose()
        except TimeoutError:
            log.warning("http.client.abandoned")

    async def _attempt(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Answer | NoAnswer:
        url = self._address.http_url(path)
        try:
            async with (
                asyncio.timeout(self._timeouts.total),
                self._client.stream(method, url, content=body, headers=headers) as response,
            ):
                return await self._read(response)
        except _NEVER_LEFT as error:
            return NoAnswer(self._explain(error), has_left=False)
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:  # OSError includes TimeoutError
            return NoAnswer(self._explain(error), has_left=True)

    async def _read(self, response: httpx.Response) -> Answer:
        body, flaw = await self._read_body(response)
        document = None
        if not flaw:
            document, flaw = read_document(body)
        retry_after = None
        if response.status_code in _ASKS_FOR_PAUSE:
            date = response.headers.get("date")
            retry_after = parse_retry_after(response.headers.get("retry-after"), date, self._clock.now())
        return Answer(
            response.status_code,
            document,
            flaw,
            retry_after,
            location=shorten(response.headers.get("location", "")) if response.is_redirect else "",
        )

    async def _read_body(self, response: httpx.Response) -> tuple[bytes, str]:
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            return b"", "is compressed though that was not asked for"
        body = bytearray()
        try:
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > self._max_body:
                    return b"", f"is larger than {self._max_body} bytes"
        except httpx.HTTPError as error:
            return b"", f"broke off ({self._explain(error)})"
        return bytes(body), ""

    def _explain(self, error: Exception) -> str:
        timeouts = self._timeouts
        match error:
            case httpx.ConnectTimeout():
                return f"no connection within {timeouts.connect:g} s"
            case httpx.ReadTimeout():
                return f"no answer within {timeouts.read:g} s"
            case httpx.WriteTimeout():
                return f"the request could not be sent within {timeouts.write:g} s"
            case httpx.PoolTimeout():
                return f"all connections were busy for {timeouts.pool:g} s"
            case TimeoutError():
                return f"no complete answer within {timeouts.total:g} s"
            case _:
                return root_cause(error)


class _DirectTransport(httpx.AsyncHTTPTransport):
    """Connects to the addresses that our own resolver finds; the Host header and the certificate's name stay."""

    def __init__(self, resolver: Resolver, *, verify: ssl.SSLContext, limits: httpx.Limits) -> None:
        super().__init__(verify=verify, trust_env=False, limits=limits)
        self._resolver = resolver

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        if is_address(host):
            return await super().handle_async_request(request)
        try:
            addresses = await self._resolver.addresses(host)
        except ResolveError as error:
            raise httpx.ConnectError(str(error), request=request) from error
        failure: httpx.TransportError | None = None
        for address in addresses:
            try:
                return await super().handle_async_request(_at(request, host, address))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error
        self._resolver.expire(host)
        raise failure or httpx.ConnectError(f"'{host}' has no address", request=request)


def _at(request: httpx.Request, host: str, address: str) -> httpx.Request:
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": host},
    )


def root_cause(error: BaseException) -> str:
    """What the operating system said, under the layers that wrapped it: ``Connection refused``."""
    innermost: BaseException = error
    seen = {id(error)}
    while (cause := innermost.__cause__ or innermost.__context__) is not None and id(cause) not in seen:
        seen.add(id(cause))
        innermost = cause
        if isinstance(innermost, OSError) and innermost.strerror:
            return shorten(innermost.strerror)
    return shorten(str(error) or type(error).__name__)
