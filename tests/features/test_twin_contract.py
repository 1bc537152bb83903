"""The twin of the central server answers as the real one does: every test runs against both."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Protocol

import pytest

from engine.clock import SystemClock
from engine.net.central import DjangoServer
from engine.ports import CallKind, DeliveryKind, LookupKind, Secret, StreamClosedError, StreamConnection, WeighingRecord
from engine.sim import faults
from engine.sim.backend import Backend
from engine.sim.server import ReferenceServer
from engine.testing.loop import VirtualLoop
from engine.testing.twin_server import TwinServer
from engine.testing.world import IDENTITY, MAC_ADDRESS

Scenario = Callable[["Side"], Coroutine[Any, Any, None]]


class Side(Protocol):
    """One of the two: a client, and what is done at the other end of the wire."""

    client: Any
    backend: Backend

    async def connect(self, gateway_id: str, token: Secret) -> StreamConnection: ...

    def answer(self, route: Any, status: int, body: bytes, retry_after: float | None = None) -> None: ...

    def lose_answer(self, route: Any) -> None: ...

    def show_portal(self, route: Any) -> None: ...

    async def down(self) -> None: ...

    async def command(self, word: str) -> None: ...

    async def end_streams(self) -> None: ...

    async def messages(self, count: int) -> list[Mapping[str, object]]: ...


class TwinSide:
    def __init__(self, server: TwinServer) -> None:
        self.client = self.server = server
        self.backend = server.backend
        self.connect = server.connect
        self.lose_answer = server.lose_answer
        self.show_portal = server.show_portal

    def answer(self, route: Any, status: int, body: bytes, retry_after: float | None = None) -> None:
        self.server.answer(route, status, json.loads(body), retry_after=retry_after)

    async def down(self) -> None:
        self.server.down()

    async def command(self, word: str) -> None:
        self.server.command(word)

    async def end_streams(self) -> None:
        self.server.drop_streams()

    async def messages(self, count: int) -> list[Mapping[str, object]]:
        assert len(self.server.messages) == count
        return [message.message for message in self.server.messages]


class RealSide:
    def __init__(self, server: ReferenceServer, client: DjangoServer) -> None:
        self.server, self.client = server, client
        self.backend = server.backend
        self.connect = client.open_stream
        self.down = server.go_offline

    def answer(self, route: Any, status: int, body: bytes, retry_after: float | None = None) -> None:
        text = None if retry_after is None else f"{retry_after:g}"
        self.server.faults.add(faults.status(status, retry_after=text, body=body), on=route)

    def lose_answer(self, route: Any) -> None:
        self.server.faults.add(faults.drop_before_answering(), on=route)

    def show_portal(self, route: Any) -> None:
        self.server.faults.add(faults.portal_page(), on=route)

    async def command(self, word: str) -> None:
        await self.server.wait_until(lambda: self.server.streams(MAC_ADDRESS) > 0)
        await self.server.send_to_stream(MAC_ADDRESS, f'{{"type": "{word}"}}')

    async def end_streams(self) -> None:
        await self.server.wait_until(lambda: self.server.streams(MAC_ADDRESS) > 0)
        await self.server.close_streams(MAC_ADDRESS)

    async def messages(self, count: int) -> list[Mapping[str, object]]:
        await self.server.wait_until(lambda: len(self.server.stream_messages) >= count)
        return [message.message for message in self.server.stream_messages]


@asynccontextmanager
async def real_side() -> AsyncIterator[RealSide]:
    async with ReferenceServer() as server, DjangoServer(server.url, clock=SystemClock()) as client:
        yield RealSide(server, client)


def on_twin(scenario: Scenario) -> None:
    loop = VirtualLoop()
    try:
        loop.run(scenario(TwinSide(TwinServer(loop.clock, MAC_ADDRESS))))
    finally:
        loop.close()


def on_real(scenario: Scenario) -> None:
    async def run() -> None:
        async with real_side() as side:
            await scenario(side)

    asyncio.run(run())


both = pytest.mark.parametrize("on", [on_twin, on_real], ids=["twin", "real"])


def make_record(**changes: Any) -> WeighingRecord:
    moment = datetime(2026, 2, 7, 4, 30, 1, 250000, tzinfo=UTC)
    fields = {"uuid": str(uuid.uuid4()), "rfid_uid": "A1", "weight": Decimal("12.340"), "unit": "kg"}
    return WeighingRecord(**(fields | {"measured_at": moment, "line": "dock-1"} | changes))


async def approved(side: Side) -> Secret:
    await side.client.register_gateway(IDENTITY)
    return side.backend.approve(MAC_ADDRESS)


@both
def test_a_gateway_is_missing_then_pending_then_approved(on):
    async def scenario(side):
        missing = await side.client.find_gateway(MAC_ADDRESS)
        registered = await side.client.register_gateway(IDENTITY)
        pending = await side.client.find_gateway(MAC_ADDRESS)
        token = side.backend.approve(MAC_ADDRESS)
        found = await side.client.find_gateway(MAC_ADDRESS)

        assert missing.kind is LookupKind.MISSING
        assert (registered.kind, registered.status_code) == (CallKind.DONE, 201)
        assert (pending.kind, pending.status, pending.access_token) == (LookupKind.PENDING, "pending", None)
        assert (found.kind, found.access_token, found.gateway_id) == (LookupKind.APPROVED, token, "1")

    on(scenario)


@both
def test_a_second_registration_is_refused(on):
    async def scenario(side):
        await approved(side)
        again = await side.client.register_gateway(IDENTITY)

        assert (again.kind, again.status_code) == (CallKind.REFUSED, 400)
        assert "already exists" in again.reason

    on(scenario)


@both
@pytest.mark.parametrize(
    ("operator", "kind", "status_code"),
    [(None, CallKind.DONE, 200), ("revoke", CallKind.REFUSED, 401), ("delete", CallKind.REFUSED, 404)],
)
def test_a_heartbeat_tells_whether_the_gateway_is_wanted(on, operator, kind, status_code):
    async def scenario(side):
        token = await approved(side)
        if operator:
            getattr(side.backend, operator)(MAC_ADDRESS)
        beat = await side.client.send_heartbeat(token)

        assert (beat.kind, beat.status_code) == (kind, status_code)

    on(scenario)


@both
def test_a_record_is_delivered_digit_for_digit(on):
    async def scenario(side):
        token = await approved(side)
        record = make_record()
        delivery = await side.client.post_record(record, token)

        assert (delivery.uuid, delivery.kind) == (record.uuid, DeliveryKind.DELIVERED)
        [row] = side.backend.records
        assert (row.uuid, row.rfid_uid, row.measured_at) == (record.uuid, "A1", record.measured_at)
        assert row.weight == Decimal("12.340")

    on(scenario)


@both
@pytest.mark.parametrize(
    ("style", "doubt", "kind"),
    [
        ("400", False, DeliveryKind.REJECTED),
        ("400", True, DeliveryKind.DELIVERED),
        ("409", False, DeliveryKind.DELIVERED),
        ("200", False, DeliveryKind.DELIVERED),
    ],
)
def test_a_repeated_uuid_is_judged_by_what_may_have_arrived(on, style, doubt, kind):
    async def scenario(side):
        token = await approved(side)
        side.backend.duplicate_style = style
        record = make_record(may_have_arrived=doubt)
        await side.client.post_record(record, token)
        again = await side.client.post_record(record, token)

        assert again.kind is kind
        assert len(side.backend.records) == 1

    on(scenario)


@both
def test_a_record_that_the_server_cannot_take_is_rejected_with_its_reason(on):
    async def scenario(side):
        token = await approved(side)
        delivery = await side.client.post_record(make_record(rfid_uid="X" * 60), token)

        assert delivery.kind is DeliveryKind.REJECTED
        assert "rfid_uid" in delivery.reason

    on(scenario)


@both
def test_a_wrong_token_delivers_nothing(on):
    async def scenario(side):
        await approved(side)
        delivery = await side.client.post_record(make_record(), Secret("another"))

        assert delivery.kind is DeliveryKind.UNAUTHORIZED
        assert side.backend.records == []

    on(scenario)


@both
@pytest.mark.parametrize(("status", "heard"), [(503, 30.0), (429, 30.0), (500, None)])
def test_a_pause_is_asked_for_with_429_and_503_only(on, status, heard):
    async def scenario(side):
        token = await approved(side)
        side.answer("records", status, b'{"detail": "busy"}', 30)
        delivery = await side.client.post_record(make_record(), token)

        assert (delivery.kind, delivery.retry_after) == (DeliveryKind.UNREACHABLE, heard)
        assert delivery.may_have_arrived

    on(scenario)


@both
def test_an_answer_lost_after_the_work_leaves_the_record_in_doubt(on):
    async def scenario(side):
        token = await approved(side)
        side.lose_answer("records")
        delivery = await side.client.post_record(make_record(), token)

        assert (delivery.kind, delivery.may_have_arrived) == (DeliveryKind.UNREACHABLE, True)
        assert len(side.backend.records) == 1

    on(scenario)


@both
def test_a_web_page_delivers_nothing_and_costs_no_registration(on):
    async def scenario(side):
        token = await approved(side)
        for route in ("records", "heartbeat", "lookup"):
            side.show_portal(route)

        assert (await side.client.post_record(make_record(), token)).kind is DeliveryKind.UNREACHABLE
        assert (await side.client.send_heartbeat(token)).kind is CallKind.UNREACHABLE
        assert (await side.client.find_gateway(MAC_ADDRESS)).kind is LookupKind.UNREACHABLE

    on(scenario)


@both
def test_a_server_that_is_down_says_nothing_about_anything(on):
    async def scenario(side):
        token = await approved(side)
        await side.down()
        delivery = await side.client.post_record(make_record(), token)

        assert (delivery.kind, delivery.may_have_arrived) == (DeliveryKind.UNREACHABLE, False)
        assert (await side.client.send_heartbeat(token)).kind is CallKind.UNREACHABLE
        assert (await side.client.find_gateway(MAC_ADDRESS)).kind is LookupKind.UNREACHABLE
        with pytest.raises(StreamClosedError) as refusal:
            await side.connect("1", token)
        assert refusal.value.status_code == 0

    on(scenario)


@both
def test_a_stream_brings_commands_and_takes_messages_until_it_ends(on):
    async def scenario(side):
        token = await approved(side)
        stream = await side.connect("1", token)
        commands = stream.commands()
        for word in ("REBOOT", "START_STREAM", "STOP_STREAM"):
            await side.command(word)
        assert [await anext(commands), await anext(commands)] == ["START_STREAM", "STOP_STREAM"]

        await stream.send({"type": "weight_update", "value": Decimal("10.50")})
        assert await side.messages(1) == [{"type": "weight_update", "value": Decimal("10.5")}]

        await side.end_streams()
        assert [word async for word in commands] == []
        with pytest.raises(StreamClosedError):
            await stream.send({"type": "weight_update", "value": 1})
        await stream.close()

    on(scenario)


@both
@pytest.mark.parametrize(("gateway_id", "is_ours", "status"), [("1", False, 401), ("2", True, 403)])
def test_a_stream_is_refused_with_the_status(on, gateway_id, is_ours, status):
    async def scenario(side):
        token = await approved(side)
        with pytest.raises(StreamClosedError) as refusal:
            await side.connect(gateway_id, token if is_ours else Secret("another"))
        assert refusal.value.status_code == status

    on(scenario)


@both
def test_a_stream_that_shall_come_back_later_says_when(on):
    async def scenario(side):
        token = await approved(side)
        side.answer("stream", 503, b'{"detail": "busy"}', 30)
        with pytest.raises(StreamClosedError) as refusal:
            await side.connect("1", token)
        assert (refusal.value.status_code, refusal.value.retry_after) == (503, 30.0)

    on(scenario)
