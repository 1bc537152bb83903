"""Names to addresses: remembered, survived when the name server fails, and never waited for at the end."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from net_support import MAC

import engine.net.resolver
from engine.clock import SystemClock, VirtualClock
from engine.net.central import DjangoServer
from engine.net.resolver import LIFETIME, ResolveError, Resolver
from engine.ports import LookupKind


class NameServer:
    """Answers with what stands in ``answer``, and counts how often it was asked."""

    def __init__(self, answer=("127.0.0.1",)):
        self.answer = answer
        self.asked = 0

    def __call__(self, host):
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def resolver_of(name_server, clock=None):
    return Resolver(clock or VirtualClock(), timeout=0.2, lookup=name_server)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_address_needs_no_lookup(host):
    name_server = NameServer()
    assert asyncio.run(resolver_of(name_server).addresses(host)) == (host,)
    assert name_server.asked == 0


def test_an_answer_is_remembered_for_its_lifetime():
    name_server, clock = NameServer(), VirtualClock()
    resolver = resolver_of(name_server, clock)

    async def scenario():
        for _ in range(3):
            assert await resolver.addresses("central.test") == ("127.0.0.1",)
        assert name_server.asked == 1
        clock.advance(LIFETIME)
        await resolver.addresses("central.test")
        assert name_server.asked == 2

    asyncio.run(scenario())


def test_when_the_name_server_fails_the_known_addresses_are_used_on():
    name_server, clock = NameServer(), VirtualClock()
    resolver = resolver_of(name_server, clock)

    async def scenario():
        await resolver.addresses("central.test")
        name_server.answer = OSError(-3, "Temporary failure in name resolution")
        resolver.expire("central.test")
        assert await resolver.addresses("central.test") == ("127.0.0.1",)
        assert name_server.asked == 2

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("failure", "says"),
    [
        (OSError(-2, "Name or service not known"), "Name or service not known"),
        (UnicodeError("label too long"), "not a valid host name"),
    ],
)
def test_a_name_without_an_address_is_told_with_the_systems_reason(failure, says):
    with pytest.raises(ResolveError, match=f"'central.test' has no address: .*{says}"):
        asyncio.run(resolver_of(NameServer(failure)).addresses("central.test"))


def test_a_name_server_that_swallows_questions_is_asked_once_and_holds_up_neither_calls_nor_the_end(monkeypatch):
    release, asked = threading.Event(), []

    def swallowed(host):
        asked.append(host)
        release.wait(10)
        return ("127.0.0.1",)

    monkeypatch.setattr(engine.net.resolver, "system_lookup", swallowed)

    async def scenario():
        async with DjangoServer("http://central.test", clock=SystemClock()) as client:
            client._resolver._timeout = 0.05
            for _ in range(2):
                lookup = await client.find_gateway(MAC)
                assert lookup.kind is LookupKind.UNREACHABLE
                assert "no name server answered" in lookup.reason
            assert asked == ["central.test"]

    started = time.monotonic()
    asyncio.run(scenario())
    took = time.monotonic() - started
    (left_behind,) = [thread for thread in threading.enumerate() if thread.name == "resolve-central.test"]
    release.set()
    left_behind.join(2)
    assert took < 2.0
    assert left_behind.daemon  # nor does the end of the process wait for it
