"""cards.refresh: the server's list of cards, where it has one, in the local table."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.clock import SystemClock
from engine.errors import DiagnosticError
from engine.net.central import DjangoServer
from engine.ports import Card, GatewayIdentity, Outcome, Secret
from engine.service.config import load_site
from engine.service.gateway import Gateway
from engine.service.services import GatewayServices
from engine.sim.server import ReferenceServer
from engine.store import open_store
from engine.testing.memory_store import MemoryStore

IDENTITY = GatewayIdentity("AA:BB:CC:DD:EE:01", "gate", "192.0.2.1", "gate")
CARDS: list[Mapping[str, object]] = [
    {"uid": "0a:00:60:91:e1", "name": "김철수", "kind": "owner", "active": True, "boat": 7, "note": None},
    {"uid": "04FFFFFF", "name": "분실", "active": False},
]
SITE = """\
server: {{url: "{url}"}}
gateway: {{mac_address: "AA:BB:CC:DD:EE:01"}}
{cards}
lines:
  - name: dock-1
    devices: {{scale: {{port: /dev/no-such-port, protocol: cas-22}}}}
"""


class Desk:
    def __init__(self, server: ReferenceServer, client: DjangoServer) -> None:
        self.server = server
        self.store = MemoryStore(SystemClock())
        self.services = GatewayServices(self.store, client, IDENTITY, "kg")
        self.services.find_cards = lambda token: client.find_cards("api/cards/", token)

    async def refresh(self) -> Outcome:
        outcome: Outcome = await self.services.table()["cards.refresh"](None)
        return outcome


def run(scenario: Any) -> None:
    async def with_server() -> None:
        async with ReferenceServer() as server, DjangoServer(server.url, clock=SystemClock()) as client:
            desk = Desk(server, client)
            await client.register_gateway(IDENTITY)
            desk.services.credentials.token = server.approve(IDENTITY.mac_address)
            work: Coroutine[Any, Any, None] = scenario(desk)
            await work

    asyncio.run(with_server())


def test_the_servers_cards_are_known_at_the_scale() -> None:
    async def scenario(desk: Desk) -> None:
        desk.server.backend.cards = CARDS
        await desk.store.save_cards([Card("0A0B", "from a file")])
        assert await desk.refresh() == Outcome("refreshed", {"added": 2, "changed": 0})
        assert await desk.store.find_card("0A006091E1") == Card("0A006091E1", "김철수", True, "owner", {"boat": "7"})
        assert await desk.store.find_card("04FFFFFF") == Card("04FFFFFF", "분실", is_active=False)
        assert await desk.store.find_card("0A0B") == Card("0A0B", "from a file")
        assert await desk.refresh() == Outcome("refreshed", {"added": 0, "changed": 0})

    run(scenario)


def test_a_long_list_comes_in_pages() -> None:
    async def scenario(desk: Desk) -> None:
        desk.server.backend.cards = [{"uid": f"{number:08X}", "name": f"{number}"} for number in range(250)]
        assert await desk.refresh() == Outcome("refreshed", {"added": 250, "changed": 0})
        assert len([request for request in desk.server.requests if request.path == "/api/cards/"]) == 3

    run(scenario)


def test_a_server_without_a_list_or_a_gateway_without_a_token_changes_nothing() -> None:
    async def scenario(desk: Desk) -> None:
        assert (await desk.refresh()).name == "unsupported"
        desk.server.backend.cards = CARDS
        desk.services.credentials.token = Secret("somebody-elses")
        assert (await desk.refresh()).name == "unsupported"
        desk.services.credentials.token = None
        assert (await desk.refresh()).name == "unreachable"
        await desk.server.stop()
        desk.services.credentials.token = Secret("token")
        assert (await desk.refresh()).name == "unreachable"
        desk.services.find_cards = None
        assert (await desk.refresh()).name == "unsupported"
        assert await desk.store.list_cards() == []

    run(scenario)


@pytest.mark.parametrize("cards", [[{"name": "no uid"}], ["text"]])
def test_what_is_no_list_of_cards_is_taken_for_no_answer(cards: Any) -> None:
    async def scenario(desk: Desk) -> None:
        desk.server.backend.cards = cards
        assert (await desk.refresh()).name == "unreachable"
        assert await desk.store.list_cards() == []

    run(scenario)


def test_a_service_whose_site_says_so_asks_by_itself(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with ReferenceServer() as server:
            server.backend.cards = CARDS
            async with await open_store("sqlite:///ledger.sqlite", base_dir=tmp_path, clock=SystemClock()) as store:
                async with DjangoServer(server.url, clock=SystemClock()) as client:
                    await client.register_gateway(IDENTITY)
                await store.save_identity(IDENTITY)
                await store.save_token(server.approve(IDENTITY.mac_address), "1", "active")
            (tmp_path / "site.yaml").write_text(
                SITE.format(url=server.url, cards="cards: {url: api/cards/, every: 20 ms}"), encoding="utf-8"
            )
            gateway = Gateway(load_site(tmp_path / "site.yaml", os.environ))
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(gateway.run())
                # The first question may come before the token is known; it is asked again soon.
                await server.wait_until(
                    lambda: any(request.path == "/api/cards/" for request in server.requests), timeout=30
                )
                await asyncio.sleep(0.2)
                gateway.stop()
            async with await open_store("sqlite:///ledger.sqlite", base_dir=tmp_path, clock=SystemClock()) as store:
                assert len(await store.list_cards()) == 2

    asyncio.run(scenario())
    for ballast in tmp_path.glob("*.ballast"):
        ballast.unlink()


@pytest.mark.parametrize(
    "cards", ["{url: 'http://elsewhere/'}", "{url: /api/cards/}", "{every: 1 h}", "{url: a, every: 0 s}"]
)
def test_a_site_that_says_it_wrongly_is_told(tmp_path: Path, cards: str) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(SITE.format(url="http://127.0.0.1:9", cards=f"cards: {cards}"), encoding="utf-8")
    with pytest.raises(DiagnosticError):
        load_site(path, {})


def test_a_site_says_where_its_recordings_go(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    section = "record: {dir: rec, max_size: 1 GB, min_free: 500 MB}"
    path.write_text(SITE.format(url="http://127.0.0.1:9", cards=section), encoding="utf-8")
    record = load_site(path, {}).record
    assert record is not None
    assert (record.directory, record.max_size, record.min_free) == (tmp_path / "rec", 10**9, 500 * 10**6)
    path.write_text(SITE.format(url="http://127.0.0.1:9", cards="record: {dir: rec, max_size: 200}"), encoding="utf-8")
    with pytest.raises(DiagnosticError) as caught:
        load_site(path, {})
    assert [found.code for found in caught.value.diagnostics] == ["needs-unit"]
