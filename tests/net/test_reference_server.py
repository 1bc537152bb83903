"""The reference server itself: it keeps the contract strictly, starts and stops without a trace, runs on its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys

import pytest
from net_support import IDENTITY, MAC, hall, make_record

from engine.clock import SystemClock, VirtualClock
from engine.net.central import DjangoServer
from engine.ports import DeliveryKind, LookupKind
from engine.sim import faults
from engine.sim.backend import Backend
from engine.sim.server import ReferenceServer, main

GOOD = {
    "uuid": "0f8fad5b-d9cb-469f-a165-70867728950e",
    "rfid_uid": "0A1B",
    "weight": 12,
    "measured_at": "2026-02-07T13:30:01+09:00",
}


def approved_backend():
    backend = Backend(VirtualClock())
    backend.register({"mac_address": MAC, "hostname": "pc", "ip_address": "10.0.0.1", "name": "dock"})
    return backend, backend.approve(MAC)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"uuid": "not one"}, "uuid"),
        ({"uuid": None}, "uuid"),
        ({"rfid_uid": " "}, "rfid_uid"),
        ({"rfid_uid": 7}, "rfid_uid"),
        ({"weight": "12.3"}, "weight"),
        ({"weight": True}, "weight"),
        ({"measured_at": "2026-02-07T13:30:01"}, "measured_at"),
        ({"measured_at": "yesterday"}, "measured_at"),
    ],
)
def test_a_record_is_validated_field_by_field(changes, field):
    backend, token = approved_backend()
    status, errors = backend.add_record(token, GOOD | changes)
    assert (status, list(errors)) == (400, [field])
    assert not backend.records


def test_an_empty_record_names_every_missing_field():
    backend, token = approved_backend()
    status, errors = backend.add_record(token, {})
    assert (status, sorted(errors)) == (400, ["measured_at", "rfid_uid", "uuid", "weight"])


@pytest.mark.parametrize(("style", "status"), [("400", 400), ("409", 409), ("200", 200)])
def test_a_second_record_of_one_uuid_is_never_stored(style, status):
    backend, token = approved_backend()
    backend.duplicate_style = style
    assert backend.add_record(token, GOOD)[0] == 201
    assert backend.add_record(token, GOOD)[0] == status
    assert len(backend.records) == 1


@pytest.mark.parametrize("missing", ["mac_address", "hostname", "ip_address", "name"])
def test_a_registration_without_a_field_is_refused(missing):
    body = {"mac_address": MAC, "hostname": "pc", "ip_address": "10.0.0.1", "name": "dock"}
    status, errors = Backend(VirtualClock()).register({k: v for k, v in body.items() if k != missing})
    assert (status, list(errors)) == (400, [missing])


def test_a_gateway_is_approved_by_itself_when_its_time_has_come():
    clock = VirtualClock()
    backend = Backend(clock, auto_approve_after=2.0)
    backend.register({"mac_address": MAC, "hostname": "pc", "ip_address": "10.0.0.1", "name": "dock"})
    clock.advance(1.9)
    assert backend.find(MAC)[1]["access_token"] is None
    clock.advance(0.1)
    assert backend.find(MAC)[1]["access_token"]


def test_approving_again_keeps_the_token_and_revoking_makes_the_gateway_wait():
    backend, token = approved_backend()
    assert backend.approve(MAC) == token
    backend.revoke(MAC)
    status, shown = backend.find(MAC.lower())
    assert (status, shown["access_token"], shown["id"]) == (200, None, 1)


def test_going_offline_refuses_connections_and_coming_back_remembers_everything_on_the_same_port():
    async def scenario():
        async with hall() as at:
            url = at.server.url
            await at.client.post_record(make_record(), at.token)
            await at.server.go_offline()
            assert not at.server.is_online
            with pytest.raises(OSError), socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])), 0.5):
                pass
            await at.server.go_online()
            assert at.server.url == url
            assert (await at.client.post_record(make_record(), at.token)).kind is DeliveryKind.DELIVERED
            assert len(at.server.records) == 2

    asyncio.run(scenario())


def test_stopping_ends_every_wait_and_every_connection_at_once():
    async def scenario():
        server = ReferenceServer()
        await server.start()
        client = DjangoServer(server.url, clock=SystemClock())
        server.faults.add(faults.delay(60))
        server.faults.add(faults.never_answer())
        calls = [asyncio.create_task(client.find_gateway(MAC)) for _ in range(2)]
        await server.wait_until(lambda: len(server.requests) == 2)
        async with asyncio.timeout(5):
            await server.stop()
            await server.stop()
            answers = await asyncio.gather(*calls)
        assert {answer.kind for answer in answers} == {LookupKind.UNREACHABLE}
        await client.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scenario())


def test_faults_are_taken_in_order_by_the_requests_they_are_meant_for():
    plan = faults.FaultPlan()
    first, second, always = faults.status(500), faults.status(501), faults.status(502)
    plan.add(first, on="records", times=2)
    plan.add(second)
    plan.add(always, on="lookup", times=None)
    taken = [plan.take(route) for route in ("lookup", "records", "records", "records", "lookup", "lookup", "heartbeat")]
    assert taken == [second, first, first, None, always, always, None]
    plan.clear()
    assert plan.take("lookup") is None


def test_waiting_for_what_does_not_come_ends_with_a_time_out():
    async def scenario():
        async with ReferenceServer() as server:
            with pytest.raises(TimeoutError):
                await server.wait_until(lambda: server.records, timeout=0.05)

    asyncio.run(scenario())


def test_a_body_that_is_no_json_object_is_a_parse_error():
    async def scenario():
        async with hall() as at:
            for body in ("{", "[1]"):
                answer = await at.client._http.exchange("POST", "api/weighing/records/", body=body, token=at.token)
                assert (answer.status_code, dict(answer.document)) == (400, {"detail": "JSON parse error"})

    asyncio.run(scenario())


@pytest.mark.skipif(os.name == "nt", reason="SIGTERM is a kill there")
def test_as_a_process_of_its_own_it_prints_its_url_and_ends_on_sigterm():
    command = [sys.executable, "-m", "engine.sim.server", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            url = process.stdout.readline().strip()

            async def register():
                async with DjangoServer(url, clock=SystemClock()) as client:
                    await client.register_gateway(IDENTITY)
                    return (await client.find_gateway(MAC)).kind

            assert asyncio.run(register()) is LookupKind.APPROVED
            process.send_signal(signal.SIGTERM)
            assert process.wait(5) == 0
            assert process.stderr.read() == ""
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()


def test_a_port_that_is_taken_is_told_in_one_line(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--port", str(port)]) == 1
    assert capsys.readouterr().err.startswith(f"cannot listen on 127.0.0.1:{port}: ")
