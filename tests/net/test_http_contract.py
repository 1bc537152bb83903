"""The central server's contract, spoken over real sockets (requirements, section 5; FR-01, FR-04, FR-06)."""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
import sys
from decimal import Decimal
from uuid import uuid4

import pytest
from net_support import IDENTITY, MAC, TLS, hall, make_record

import engine.net.resolver
from engine.clock import SystemClock
from engine.net.address import ServerSettingsError
from engine.net.central import DjangoServer
from engine.net.tls import TlsSettings
from engine.ports import CallKind, DeliveryKind, LookupKind, Secret, StreamClosedError
from engine.sim.server import ReferenceServer

DELIVERED, REJECTED, UNAUTHORIZED = DeliveryKind.DELIVERED, DeliveryKind.REJECTED, DeliveryKind.UNAUTHORIZED


def test_a_gateway_is_missing_then_registered_then_approved_with_its_token_and_id():
    async def scenario():
        async with ReferenceServer() as server, DjangoServer(server.url, clock=SystemClock()) as client:
            missing = await client.find_gateway(MAC)
            registered = await client.register_gateway(IDENTITY)
            pending = await client.find_gateway(MAC)
            token = server.approve(MAC)
            approved = await client.find_gateway(MAC)

            assert missing.kind is LookupKind.MISSING
            assert (registered.kind, registered.status_code) == (CallKind.DONE, 201)
            assert (pending.kind, pending.status, pending.access_token) == (LookupKind.PENDING, "pending", None)
            assert (approved.kind, approved.access_token, approved.gateway_id) == (LookupKind.APPROVED, token, "1")
            assert server.gateways[MAC].name == "노량진 3번"

    asyncio.run(scenario())


def test_registering_twice_is_refused_with_the_servers_reason_and_makes_no_second_gateway():
    async def scenario():
        async with hall() as at:
            again = await at.client.register_gateway(IDENTITY)

            assert (again.kind, again.status_code) == (CallKind.REFUSED, 400)
            assert "mac_address" in again.reason
            assert len(at.server.gateways) == 1

    asyncio.run(scenario())


def test_a_server_without_ids_leaves_the_gateway_id_open():
    async def scenario():
        async with hall() as at:
            at.server.backend.sends_id = False
            assert (await at.client.find_gateway(MAC)).gateway_id is None

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("happens", "kind", "status_code"),
    [
        (lambda server: None, CallKind.DONE, 200),
        (lambda server: server.revoke(MAC), CallKind.REFUSED, 401),
        (lambda server: server.delete(MAC), CallKind.REFUSED, 404),
    ],
    ids=["approved", "revoked", "deleted"],
)
def test_a_heartbeat_tells_whether_the_gateway_is_still_wanted(happens, kind, status_code):
    async def scenario():
        async with hall() as at:
            happens(at.server)
            beat = await at.client.send_heartbeat(at.token)
            assert (beat.kind, beat.status_code) == (kind, status_code)
            assert len(at.server.heartbeats) == (1 if kind is CallKind.DONE else 0)

    asyncio.run(scenario())


def test_a_record_arrives_once_and_exactly():
    async def scenario():
        async with hall() as at:
            record = make_record()
            delivery = await at.client.post_record(record, at.token)

            (row,) = at.server.records
            assert (delivery.kind, delivery.uuid) == (DELIVERED, record.uuid)
            assert (row.uuid, row.rfid_uid, row.gateway) == (record.uuid, record.rfid_uid, MAC)
            assert str(row.weight) == "12.34"
            assert row.measured_at == record.measured_at
            assert row.measured_at.utcoffset() is not None

    asyncio.run(scenario())


@pytest.mark.parametrize("style", ["400", "409", "200"])
def test_a_record_sent_again_after_a_doubtful_attempt_is_delivered_however_the_server_says_so(style):
    async def scenario():
        async with hall() as at:
            at.server.backend.duplicate_style = style
            record = make_record(may_have_arrived=True)
            await at.client.post_record(record, at.token)
            again = await at.client.post_record(record, at.token)

            assert again.kind is DELIVERED
            assert at.uuids == [record.uuid]

    asyncio.run(scenario())


def test_a_uuid_that_the_server_knows_though_it_was_never_sent_is_rejected():
    async def scenario():
        async with hall() as at:
            record = make_record(may_have_arrived=False)
            await at.client.post_record(record, at.token)
            again = await at.client.post_record(record, at.token)

            assert (again.kind, again.may_have_arrived) == (REJECTED, False)
            assert again.reason == "uuid: weighing record with this uuid already exists."

    asyncio.run(scenario())


def test_a_record_that_the_server_finds_invalid_is_rejected_with_every_reason_in_one_line():
    async def scenario():
        async with hall() as at:
            delivery = await at.client.post_record(make_record(rfid_uid="x" * 51, may_have_arrived=True), at.token)

            assert delivery.kind is REJECTED
            assert delivery.reason == "rfid_uid: Ensure this field has no more than 50 characters."

    asyncio.run(scenario())


def test_a_record_with_a_revoked_token_is_unauthorized_and_not_rejected():
    async def scenario():
        async with hall() as at:
            at.server.revoke(MAC)
            delivery = await at.client.post_record(make_record(), at.token)
            assert (delivery.kind, delivery.may_have_arrived) == (UNAUTHORIZED, False)

    asyncio.run(scenario())


def test_only_heartbeats_and_records_carry_the_token_and_no_cookie_ever_comes_back():
    async def portal_cookie(exchange):
        await exchange.respond(500, b"{}", {"set-cookie": "sessionid=1; Path=/"})

    async def scenario():
        async with hall() as at:
            at.server.faults.add(portal_cookie)
            await at.client.find_gateway(MAC)
            await at.client.register_gateway(IDENTITY)
            await at.client.send_heartbeat(at.token)
            await at.client.post_record(make_record(), at.token)

            sent = [request.headers.get("authorization") for request in at.server.requests]
            assert sent == [None, None, f"Bearer {at.token}", f"Bearer {at.token}"]
            assert not any("cookie" in request.headers for request in at.server.requests)
            assert {request.headers["accept-encoding"] for request in at.server.requests} == {"identity"}

    asyncio.run(scenario())


def test_requests_share_one_kept_connection():
    async def scenario():
        async with hall() as at:
            for _ in range(5):
                await at.client.post_record(make_record(), at.token)
            assert len({request.peer for request in at.server.requests}) == 1

    asyncio.run(scenario())


def test_a_path_prefix_of_the_server_is_kept_for_http_and_for_the_stream():
    async def scenario():
        async with hall(prefix="/scales") as at:
            approved = await at.client.find_gateway(MAC)
            stream = await at.client.open_stream(approved.gateway_id, at.token)
            await at.server.wait_until(lambda: at.server.streams(MAC) == 1)
            await stream.close()
            assert at.server.url.endswith("/scales")

    asyncio.run(scenario())


def test_proxies_in_the_environment_are_not_used(monkeypatch):
    async def scenario():
        async with ReferenceServer() as proxy:
            for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
                monkeypatch.setenv(name, proxy.url)
            async with hall() as at:
                assert (await at.client.send_heartbeat(at.token)).kind is CallKind.DONE
                await (await at.client.open_stream("1", at.token)).close()
            assert not proxy.requests

    asyncio.run(scenario())


def test_a_host_name_is_resolved_and_its_next_address_tried_when_the_first_refuses(monkeypatch):
    monkeypatch.setattr(engine.net.resolver, "system_lookup", lambda host: ("127.0.0.2", "127.0.0.1"))

    async def scenario():
        async with hall() as at:
            url = at.server.url.replace("127.0.0.1", "central.test")
            async with DjangoServer(url, clock=SystemClock()) as client:
                assert (await client.send_heartbeat(at.token)).kind is CallKind.DONE
                await (await client.open_stream("1", at.token)).close()
            assert {request.headers["host"] for request in at.server.requests} == {url.removeprefix("http://")}

    asyncio.run(scenario())


@pytest.mark.parametrize("way", ["http", "stream"])
def test_a_host_that_moved_to_another_address_is_found_again(monkeypatch, way):
    addresses = iter([("127.0.0.2",), ("127.0.0.1",)])
    monkeypatch.setattr(engine.net.resolver, "system_lookup", lambda host: next(addresses))

    async def reach(client, token):
        if way == "http":
            return (await client.send_heartbeat(token)).kind is CallKind.DONE
        try:
            await (await client.open_stream("1", token)).close()
        except StreamClosedError:
            return False
        return True

    async def scenario():
        async with hall() as at:
            url = at.server.url.replace("127.0.0.1", "central.test")
            async with DjangoServer(url, clock=SystemClock()) as client:
                assert [await reach(client, at.token) for _ in range(3)] == [False, True, True]

    asyncio.run(scenario())


def test_a_server_that_is_down_is_unreachable_says_why_and_never_had_the_record():
    async def scenario():
        async with hall() as at:
            await at.server.go_offline()
            lost = await at.client.post_record(make_record(), at.token)
            beat = await at.client.send_heartbeat(at.token)
            known = await at.client.find_gateway(MAC)
            await at.server.go_online()
            back = await at.client.post_record(make_record(), at.token)

            assert (lost.kind, lost.may_have_arrived) == (DeliveryKind.UNREACHABLE, False)
            assert "connect" in lost.reason.lower()
            assert (beat.kind, beat.status_code) == (CallKind.UNREACHABLE, 0)
            assert known.kind is LookupKind.UNREACHABLE
            assert back.kind is DELIVERED

    asyncio.run(scenario())


def test_a_token_that_no_header_can_carry_is_not_sent_and_not_shown():
    async def scenario():
        async with hall() as at:
            token = Secret("1234567890\r\nX-Injected: yes")
            beat = await at.client.send_heartbeat(token)
            delivery = await at.client.post_record(make_record(), token)

            assert beat.kind is CallKind.UNREACHABLE
            assert (delivery.kind, delivery.may_have_arrived) == (DeliveryKind.UNREACHABLE, False)
            assert "1234567890" not in beat.reason + delivery.reason
            assert not at.server.requests

    asyncio.run(scenario())


def test_a_token_from_the_server_that_no_header_can_carry_approves_nobody():
    async def bad_token(exchange):
        await exchange.respond(200, json.dumps({"access_token": "two words"}).encode(), {})

    async def scenario():
        async with hall() as at:
            at.server.faults.add(bad_token)
            lookup = await at.client.find_gateway(MAC)
            assert (lookup.kind, lookup.access_token) == (LookupKind.UNREACHABLE, None)

    asyncio.run(scenario())


def server_tls() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(TLS / "server.pem", TLS / "server.key")
    return context


def test_https_and_wss_trust_the_configured_authority_by_address_and_by_name():
    async def scenario(host):
        async with hall(tls=server_tls()) as at:
            url = at.server.url.replace("127.0.0.1", host)
            tls = TlsSettings(ca=TLS / "ca.pem", cert=TLS / "server.pem", key=TLS / "server.key")
            async with DjangoServer(url, clock=SystemClock(), tls=tls) as client:
                assert (await client.send_heartbeat(at.token)).kind is CallKind.DONE
                await (await client.open_stream("1", at.token)).close()

    for host in ("127.0.0.1", "localhost"):
        asyncio.run(scenario(host))


def test_a_server_whose_certificate_is_not_trusted_gets_neither_a_request_nor_a_token():
    async def scenario():
        async with hall(tls=server_tls()) as at:
            async with DjangoServer(at.server.url, clock=SystemClock()) as client:
                delivery = await client.post_record(make_record(), at.token)
            assert (delivery.kind, delivery.may_have_arrived) == (DeliveryKind.UNREACHABLE, False)
            assert "certificate" in delivery.reason.lower()
            assert not at.server.requests

    asyncio.run(scenario())


def test_the_certificate_must_name_the_host_and_not_the_address_found_for_it(monkeypatch):
    monkeypatch.setattr(engine.net.resolver, "system_lookup", lambda host: ("127.0.0.1",))

    async def scenario():
        async with hall(tls=server_tls()) as at:
            url = at.server.url.replace("127.0.0.1", "central.test")
            async with DjangoServer(url, clock=SystemClock(), tls=TlsSettings(ca=TLS / "ca.pem")) as client:
                assert (await client.send_heartbeat(at.token)).kind is CallKind.UNREACHABLE
                with pytest.raises(StreamClosedError, match=r"(?i)certificate"):
                    await client.open_stream("1", at.token)
            assert not at.server.requests

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        (TlsSettings(ca=TLS / "missing.pem"), ["server.tls.ca", "missing.pem"]),
        (TlsSettings(ca=TLS / "server.key"), ["server.tls.ca", "server.key"]),
        (TlsSettings(cert=TLS / "ca.pem", key=TLS / "server.key"), ["server.tls.cert", "ca.pem"]),
        (TlsSettings(key=TLS / "server.key"), ["server.tls.key"]),
    ],
    ids=["missing", "not a certificate", "does not match its key", "key alone"],
)
def test_a_tls_file_that_cannot_be_used_is_named(settings, names):
    with pytest.raises(ServerSettingsError) as caught:
        DjangoServer("https://127.0.0.1:1", clock=SystemClock(), tls=settings)
    assert all(name in str(caught.value) for name in names)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8000",
        "ftp://host",
        "http://",
        "http://host:99999",
        "http://a b",
        "http://host/?q=1",
        "http://h/#x",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_with_the_way_to_write_it(url):
    with pytest.raises(ServerSettingsError, match=r"^server\.url: "):
        DjangoServer(url, clock=SystemClock())


def test_a_password_in_the_url_is_refused_and_not_repeated():
    with pytest.raises(ServerSettingsError) as caught:
        DjangoServer("http://user:hunter2@host", clock=SystemClock())
    assert "hunter2" not in str(caught.value)


def test_a_record_without_an_offset_or_with_an_endless_weight_is_a_bug_and_never_sent():
    async def scenario():
        async with hall() as at:
            for broken in (
                make_record(measured_at=make_record().measured_at.replace(tzinfo=None)),
                make_record(weight=Decimal("NaN")),
            ):
                with pytest.raises(ValueError, match=r"offset|finite"):
                    await at.client.post_record(broken, at.token)
            assert not at.server.requests

    asyncio.run(scenario())


def test_concurrent_uploads_arrive_each_once():
    async def scenario():
        async with hall() as at:
            records = [make_record(uuid=str(uuid4())) for _ in range(20)]
            deliveries = await asyncio.gather(*(at.client.post_record(record, at.token) for record in records))
            assert {delivery.kind for delivery in deliveries} == {DELIVERED}
            assert sorted(at.uuids) == sorted(record.uuid for record in records)

    asyncio.run(scenario())


def test_the_network_edge_does_not_load_httpxs_command_line():
    check = "import sys, engine.net.lean_httpx, httpx; print([m for m in ('click', 'httpx._main') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
