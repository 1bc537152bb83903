"""Whatever a network, a portal or a server under strain does: no record is lost, doubled or parked for it, and no
gateway loses its registration."""

from __future__ import annotations

import asyncio
import gzip
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from net_support import IDENTITY, MAC, PATIENT, QUICK, hall, make_record

from engine.clock import SystemClock, VirtualClock
from engine.net.central import DjangoServer
from engine.net.http_client import HttpTimeouts
from engine.ports import CallKind, DeliveryKind, LookupKind
from engine.sim import faults
from engine.sim.server import ReferenceServer

DELIVERED, REJECTED = DeliveryKind.DELIVERED, DeliveryKind.REJECTED
UNAUTHORIZED, UNREACHABLE = DeliveryKind.UNAUTHORIZED, DeliveryKind.UNREACHABLE


async def compressed_body(exchange):
    await exchange.respond(201, gzip.compress(b'{"uuid": "x"}'), {"content-encoding": "gzip"})


async def reset_after_headers(exchange):
    await exchange.respond(201, b'{"detail": "x"}', {}, cut=0)


@dataclass(frozen=True)
class Case:
    fault: faults.Fault
    kind: DeliveryKind
    stored: int  # rows at the server after this attempt
    says: str = ""  # what the reason tells
    may_have_arrived: bool = True
    timeouts: HttpTimeouts = PATIENT


CASES = {
    "dropped before reading": Case(faults.drop_before_reading(), UNREACHABLE, 0),
    "dropped after storing": Case(faults.drop_before_answering(), UNREACHABLE, 1),
    "answered late, within the time": Case(faults.delay(0.02), DELIVERED, 1, may_have_arrived=False),
    "answered after we gave up": Case(faults.delay(5), UNREACHABLE, 1, "no answer within", timeouts=QUICK),
    "never answered": Case(faults.never_answer(), UNREACHABLE, 0, "no answer within", timeouts=QUICK),
    "stored, never answered": Case(
        faults.never_answer(after_work=True), UNREACHABLE, 1, "no answer within", timeouts=QUICK
    ),
    "dripping": Case(faults.drip(0.01), UNREACHABLE, 0, "no complete answer within", timeouts=QUICK),
    "500": Case(faults.status(500), UNREACHABLE, 0, "500 Internal Server Error: busy"),
    "500 after storing": Case(faults.status(500, after_work=True), UNREACHABLE, 1, "500"),
    "502 page": Case(faults.portal_page(502), UNREACHABLE, 0, "502 Bad Gateway, is a web page"),
    "503": Case(faults.status(503, retry_after="7"), UNREACHABLE, 0, "503"),
    "429": Case(faults.status(429), UNREACHABLE, 0, "429"),
    "404 JSON": Case(faults.status(404), UNREACHABLE, 0, "404"),
    "405 JSON": Case(faults.status(405), UNREACHABLE, 0, "405"),
    "413 page": Case(faults.portal_page(413), UNREACHABLE, 0, "413"),
    "301": Case(faults.redirect("https://elsewhere.test/", 301), UNREACHABLE, 0, "check server.url"),
    "302": Case(faults.redirect("http://portal.test/login"), UNREACHABLE, 0, "302 Found to http://portal.test/login"),
    "307": Case(faults.redirect("/api/weighing/records", 307), UNREACHABLE, 0, "307"),
    "308": Case(faults.redirect("//elsewhere.test/", 308), UNREACHABLE, 0, "308"),
    "200 page": Case(faults.portal_page(), UNREACHABLE, 0, "200 OK, is a web page"),
    "201 page": Case(faults.portal_page(201), UNREACHABLE, 0, "is a web page"),
    "400 page": Case(faults.portal_page(400), UNREACHABLE, 0, "400 Bad Request, is a web page"),
    "401 page": Case(faults.portal_page(401), UNREACHABLE, 0, "401 Unauthorized, is a web page"),
    "403 page": Case(faults.portal_page(403), UNREACHABLE, 0, "403 Forbidden, is a web page"),
    "half a JSON, cut": Case(faults.half_body(), UNREACHABLE, 1, "broke off"),
    "half a JSON, whole": Case(faults.half_body(is_declared_whole=False), UNREACHABLE, 1, "is not JSON"),
    "empty 200": Case(faults.empty_body(), UNREACHABLE, 0, "has no body"),
    "empty 201": Case(faults.empty_body(201), UNREACHABLE, 0, "has no body"),
    "no body after all": Case(reset_after_headers, UNREACHABLE, 0, "broke off"),
    "a JSON list": Case(faults.status(201, body=b"[1]"), UNREACHABLE, 0, "is not a JSON object"),
    "oversized": Case(faults.oversized_body(), UNREACHABLE, 0, "is larger than 65536 bytes"),
    "compressed": Case(compressed_body, UNREACHABLE, 0, "is compressed"),
    "another record": Case(
        faults.status(201, body=b'{"uuid": "00000000-0000-4000-8000-000000000000"}'), UNREACHABLE, 0, "another record"
    ),
    "401 JSON": Case(faults.status(401), UNAUTHORIZED, 0, "401", may_have_arrived=False),
    "403 JSON": Case(faults.status(403), UNAUTHORIZED, 0, "403", may_have_arrived=False),
    "400 JSON": Case(
        faults.status(400, body=b'{"weight": ["too heavy"]}'), REJECTED, 0, "weight: too heavy", may_have_arrived=False
    ),
    "422 JSON": Case(faults.status(422), REJECTED, 0, "busy", may_have_arrived=False),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_an_upload_under_a_fault_is_judged_for_what_it_is_and_one_more_attempt_makes_exactly_one_row(case):
    async def scenario():
        async with hall() as at:
            at.server.faults.add(case.fault, on="records")
            record = make_record()
            async with (
                asyncio.timeout(5),
                DjangoServer(at.server.url, clock=SystemClock(), timeouts=case.timeouts) as client,
            ):
                delivery = await client.post_record(record, at.token)

            assert (delivery.kind, delivery.may_have_arrived) == (case.kind, case.may_have_arrived), delivery
            assert case.says in delivery.reason
            assert len(at.server.records) == case.stored

            again = await at.client.post_record(make_record(uuid=record.uuid, may_have_arrived=True), at.token)
            assert again.kind is DELIVERED
            assert at.uuids == [record.uuid]

    asyncio.run(scenario())


NO_ANSWER_OF_OURS = {
    "never answered": faults.never_answer(),
    "dropped": faults.drop_before_reading(),
    "500": faults.status(500),
    "429": faults.status(429),
    "301": faults.redirect("/", 301),
    "200 page": faults.portal_page(),
    "401 page": faults.portal_page(401),
    "403 page": faults.portal_page(403),
    "half a JSON": faults.half_body(),
    "half a JSON, whole": faults.half_body(is_declared_whole=False),
    "oversized": faults.oversized_body(),
    "oversized 401": faults.oversized_body(status_code=401),
}


def test_a_404_leads_to_registration_whatever_its_body():
    """FR-01: a Django view's Http404 is a page; a portal's costs one registration that does not get through."""

    async def scenario():
        async with hall(timeouts=QUICK) as at:
            at.server.faults.add(faults.portal_page(404), on="lookup")
            at.server.faults.add(faults.portal_page(404), on="heartbeat")
            assert (await at.client.find_gateway(MAC)).kind is LookupKind.MISSING
            assert (await at.client.send_heartbeat(at.token)).kind is CallKind.UNREACHABLE

    asyncio.run(scenario())


def test_a_refusal_without_a_body_is_the_servers_own():
    """FR-06: a plain HttpResponse(status=401) drops the token like one that says why."""

    async def scenario():
        async with hall(timeouts=QUICK) as at:
            at.server.faults.add(faults.empty_body(401), on="heartbeat")
            assert (await at.client.send_heartbeat(at.token)).kind is CallKind.REFUSED

    asyncio.run(scenario())


@pytest.mark.parametrize("fault", NO_ANSWER_OF_OURS.values(), ids=NO_ANSWER_OF_OURS.keys())
def test_nothing_but_the_servers_own_json_says_anything_about_the_registration(fault):
    async def scenario():
        async with hall(timeouts=QUICK) as at:
            for route in ("heartbeat", "lookup", "register"):
                at.server.faults.add(fault, on=route)
            beat = await at.client.send_heartbeat(at.token)
            lookup = await at.client.find_gateway(MAC)
            registration = await at.client.register_gateway(IDENTITY)

            assert (beat.kind, lookup.kind, registration.kind) == (
                CallKind.UNREACHABLE,
                LookupKind.UNREACHABLE,
                CallKind.UNREACHABLE,
            )
            assert all((beat.reason, lookup.reason, registration.reason))

    asyncio.run(scenario())


@pytest.mark.parametrize("status_code", [200, 201, 202, 204])
def test_a_heartbeat_needs_no_body_in_the_answer(status_code):
    async def scenario():
        async with hall() as at:
            at.server.faults.add(faults.empty_body(status_code))
            assert (await at.client.send_heartbeat(at.token)).kind is CallKind.DONE

    asyncio.run(scenario())


def test_a_json_answer_about_another_gateway_is_not_believed():
    async def scenario():
        async with hall() as at:
            at.server.faults.add(
                faults.status(200, body=b'{"mac_address": "00:00:00:00:00:02", "access_token": "t"}'), on="lookup"
            )
            lookup = await at.client.find_gateway(MAC)
            assert (lookup.kind, lookup.access_token) == (LookupKind.UNREACHABLE, None)

    asyncio.run(scenario())


@pytest.mark.parametrize("status_code", [301, 302, 303, 307, 308])
def test_after_a_redirect_no_other_host_hears_from_us(status_code):
    async def scenario():
        async with ReferenceServer() as other, hall() as at:
            at.server.faults.add(faults.redirect(f"{other.url}/portal/", status_code), times=None)
            await at.client.find_gateway(MAC)
            await at.client.register_gateway(IDENTITY)
            await at.client.send_heartbeat(at.token)
            await at.client.post_record(make_record(), at.token)
            assert len(at.server.requests) == 4
            assert not other.requests

    asyncio.run(scenario())


@pytest.mark.parametrize("by", [timedelta(days=1), timedelta(days=-1), timedelta()])
def test_retry_after_as_a_date_holds_on_a_server_whose_clock_is_a_day_off(by):
    async def scenario():
        async with hall() as at:
            at.server.faults.add(faults.clock_off(by, retry_in=timedelta(seconds=90)), times=2)
            delivery = await at.client.post_record(make_record(), at.token)
            beat = await at.client.send_heartbeat(at.token)
            assert (delivery.retry_after, beat.retry_after) == (90.0, 90.0)

    asyncio.run(scenario())


def test_retry_after_in_seconds_is_passed_on_and_bounded_to_an_hour():
    async def scenario():
        async with hall() as at:
            for header, status_code in (("7", 429), ("7", 503), ("99999", 503), ("soon", 503), ("7", 500)):
                at.server.faults.add(faults.status(status_code, retry_after=header))
            pauses = [(await at.client.find_gateway(MAC)).retry_after for _ in range(5)]
            assert pauses == [7.0, 7.0, 3600.0, None, None]

    asyncio.run(scenario())


def test_a_date_without_a_date_header_is_read_by_the_clock_handed_in():
    async def no_date(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 503 Busy\r\nRetry-After: Thu, 01 Jan 2026 00:00:30 GMT\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        writer.close()

    async def scenario():
        server = await asyncio.start_server(no_date, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        clock = VirtualClock(datetime(2026, 1, 1, tzinfo=UTC))
        async with server, DjangoServer(f"http://127.0.0.1:{port}", clock=clock) as client:
            assert (await client.find_gateway(MAC)).retry_after == 30.0

    asyncio.run(scenario())


def test_what_is_no_http_at_all_is_unreachable_and_may_have_arrived():
    async def smtp(reader, writer):
        await reader.read(10)
        writer.write(b"220 mail.example ESMTP\r\n" * 3)
        await writer.drain()
        writer.close()

    async def scenario():
        server = await asyncio.start_server(smtp, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with (
            server,
            hall() as at,
            DjangoServer(f"http://127.0.0.1:{port}", clock=VirtualClock()) as client,
        ):
            delivery = await client.post_record(make_record(), at.token)
            assert (delivery.kind, delivery.may_have_arrived) == (UNREACHABLE, True)

    asyncio.run(scenario())


def test_a_cancelled_upload_leaves_no_connection_behind_and_the_next_one_works():
    async def scenario():
        async with hall() as at:
            at.server.faults.add(faults.never_answer(after_work=True))
            record = make_record()
            upload = asyncio.create_task(at.client.post_record(record, at.token))
            await at.server.wait_until(lambda: at.server.records)
            upload.cancel()
            assert isinstance((await asyncio.gather(upload, return_exceptions=True))[0], asyncio.CancelledError)

            again = await at.client.post_record(make_record(uuid=record.uuid, may_have_arrived=True), at.token)
            assert again.kind is DELIVERED
            assert at.uuids == [record.uuid]

    asyncio.run(scenario())
