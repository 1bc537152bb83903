"""Host names to addresses, in a way that never holds up the end of the service.

asyncio looks names up in its default executor, and both the end of the loop and the end of the interpreter wait for
that thread. A name server that swallows packets holds a lookup for up to half a minute, so a service told to stop while
the hall's network is down would be killed instead of ending. A daemon thread is left behind; nobody waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from engine.clock import Clock

LIFETIME: Final = 60.0  # seconds for which an answer is not asked for again
LOOKUP_TIMEOUT: Final = 5.0

Lookup = Callable[[str], tuple[str, ...]]


class ResolveError(OSError):
    """A host name has no address, or nobody answered in time."""


@dataclass(frozen=True, slots=True)
class _Known:
    addresses: tuple[str, ...]
    until: float


class Resolver:
    """Finds and remembers addresses. When a name server fails, the addresses known before are used on."""

    def __init__(self, clock: Clock, *, timeout: float = LOOKUP_TIMEOUT, lookup: Lookup | None = None) -> None:
        self._clock = clock
        self._timeout = timeout
        self._lookup = lookup or system_lookup
        self._known: dict[str, _Known] = {}
        self._running: dict[str, asyncio.Future[tuple[str, ...] | OSError]] = {}

    async def addresses(self, host: str) -> tuple[str, ...]:
        """IP addresses of ``host``, in the order in which to try them. Raises ResolveError."""
        if is_address(host):
            return (host,)
        known = self._known.get(host)
        if known is not None and self._clock.monotonic() < known.until:
            return known.addresses
        answer = await self._ask(host)
        if isinstance(answer, OSError):
            if known is not None:
                return known.addresses
            raise ResolveError(f"'{host}' has no address: {answer.strerror or answer}")
        self._known[host] = _Known(answer, self._clock.monotonic() + LIFETIME)
        return answer

    def expire(self, host: str) -> None:
        """None of the addresses took a connection: ask again next time, and keep them in case nobody answers."""
        if (known := self._known.get(host)) is not None:
            self._known[host] = _Known(known.addresses, until=0.0)

    async def _ask(self, host: str) -> tuple[str, ...] | OSError:
        # One thread for one name, however often the chart tries again while a lookup hangs.
        running = self._running.get(host)
        if running is None:
            running = self._running[host] = self._start(host)
        try:
            async with asyncio.timeout(self._timeout):
                return await asyncio.shield(running)
        except TimeoutError:
            return TimeoutError(0, f"no name server answered within {self._timeout:g} s")

    def _start(self, host: str) -> asyncio.Future[tuple[str, ...] | OSError]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[tuple[str, ...] | OSError] = loop.create_future()

        def settle(answer: tuple[str, ...] | OSError) -> None:
            self._running.pop(host, None)
            if not future.done():
                future.set_result(answer)

        def look_up() -> None:
            try:
                answer: tuple[str, ...] | OSError = self._lookup(host)
            except UnicodeError:
                answer = OSError(0, "it is not a valid host name")
            except OSError as error:
                answer = error
            with contextlib.suppress(RuntimeError):  # the loop is gone, and nobody asks any more
                loop.call_soon_threadsafe(settle, answer)

        threading.Thread(target=look_up, name=f"resolve-{host}", daemon=True).start()
        return future


def is_address(host: str) -> bool:
    """Whether ``host`` is an IP address already (the brackets of an IPv6 URL taken off)."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def system_lookup(host: str) -> tuple[str, ...]:
    """What the operating system knows of ``host``. Blocks; raises OSError or UnicodeError."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
