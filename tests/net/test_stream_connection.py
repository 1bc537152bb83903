"""The stream (FR-05): commands in, weights out, and a dead line that is found and not waited for."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from decimal import Decimal

import pytest
import structlog.testing
from hypothesis import given
from hypothesis import strategies as st
from net_support import EXAMPLES, MAC, PATIENT_STREAM, QUICK_STREAM, Wire, hall, open_stream

import engine.net.stream
from engine.clock import SystemClock
from engine.net.stream import StreamLimits
from engine.ports import Secret, StreamClosedError
from engine.sim import faults
from engine.sim.server import ReferenceServer

WEIGHT = {"type": "weight_update", "value": Decimal("10.50")}


async def collect(stream, commands):
    async for command in stream.commands():
        commands.append(command)
    return commands


async def refusal(opening):
    with pytest.raises(StreamClosedError) as caught:
        await opening
    return caught.value


@pytest.mark.parametrize("sends_id", [True, False], ids=["by the server's id", "by MAC address"])
def test_the_server_starts_and_stops_the_stream_and_gets_the_exact_weight(sends_id):
    async def scenario():
        async with hall() as at:
            at.server.backend.sends_id = sends_id
            async with open_stream(at) as stream:
                commands = []
                reading = asyncio.create_task(collect(stream, commands))
                await at.server.start_stream(MAC)
                await stream.send(WEIGHT | {"line": "dock-1"})
                await at.server.wait_until(lambda: at.server.stream_messages)
                await at.server.stop_stream(MAC)
                await at.server.close_streams(MAC)

                assert await reading == ["START_STREAM", "STOP_STREAM"]
                (update,) = at.server.stream_messages
                assert update.message == {"type": "weight_update", "value": Decimal("10.5"), "line": "dock-1"}

    asyncio.run(scenario())


def test_what_is_no_command_is_logged_once_a_kind_and_the_connection_lives():
    async def scenario():
        async with hall() as at, open_stream(at) as stream:
            commands = []
            reading = asyncio.create_task(collect(stream, commands))
            for _ in range(3):
                for rubbish in ("{", "[1]", '{"type": "REBOOT"}', '{"kind": 1}', '{"type": ["START_STREAM"]}', b"\x00"):
                    await at.server.send_to_stream(MAC, rubbish)
            await at.server.start_stream(MAC)
            await at.server.close_streams(MAC)
            assert await reading == ["START_STREAM"]

    with structlog.testing.capture_logs() as logs:
        asyncio.run(scenario())
    ignored = [entry["flaw"] for entry in logs if entry["event"] == "stream.message.ignored"]
    assert ignored == ["not JSON", "not an object", "unknown type", "without a type", "binary"]


@EXAMPLES
@given(message=st.text(max_size=50) | st.binary(max_size=50))
def test_no_message_of_the_server_breaks_the_reader(message):
    kind, flaw = engine.net.stream._read_type(message)
    assert isinstance(kind, str)
    assert flaw


def test_a_message_beyond_the_limit_ends_the_connection():
    async def scenario():
        async with hall() as at, open_stream(at) as stream:
            reading = asyncio.create_task(collect(stream, []))
            await at.server.send_to_stream(MAC, '{"type": "' + "x" * PATIENT_STREAM.max_message + '"}')
            assert await asyncio.wait_for(reading, 5) == []

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("token", "gateway_id", "status_code"),
    [("wrong-token", "1", 401), (None, "2", 403)],
    ids=["wrong token", "another gateway's stream"],
)
def test_a_refused_stream_tells_the_status(token, gateway_id, status_code):
    async def scenario():
        async with hall() as at:
            refused = await refusal(at.client.open_stream(gateway_id, Secret(token) if token else at.token))
            assert refused.status_code == status_code
            assert str(status_code) in refused.reason

    asyncio.run(scenario())


FAULTS = {
    "dropped": (faults.drop_before_reading(), 0),
    "never answered": (faults.never_answer(), 0),
    "500": (faults.status(500), 500),
    "429": (faults.status(429), 429),
    "200 page": (faults.portal_page(), 200),
    "301": (faults.redirect("/", 301), 301),
}


@pytest.mark.parametrize(("fault", "status_code"), FAULTS.values(), ids=FAULTS.keys())
def test_a_stream_that_cannot_be_opened_says_why_and_the_next_attempt_succeeds(fault, status_code):
    async def scenario():
        limits = dataclasses.replace(PATIENT_STREAM, open_timeout=0.3)
        async with hall() as at:
            at.server.faults.add(fault, on="stream")
            refused = await refusal(at.client.open_stream("1", at.token, limits))
            assert refused.status_code == status_code
            assert refused.reason
            async with open_stream(at) as stream:
                await stream.send(WEIGHT)

    asyncio.run(scenario())


def test_a_server_that_is_down_refuses_with_no_status():
    async def scenario():
        async with hall() as at:
            await at.server.go_offline()
            refused = await refusal(at.client.open_stream("1", at.token))
            assert refused.status_code == 0
            assert "connect" in refused.reason.lower()

    asyncio.run(scenario())


def test_a_busy_server_says_when_to_come_back():
    async def scenario():
        async with hall() as at:
            at.server.faults.add(faults.status(503, retry_after="12"), on="stream")
            refused = await refusal(at.client.open_stream("1", at.token))
            assert (refused.status_code, refused.retry_after) == (503, 12.0)

    asyncio.run(scenario())


@pytest.mark.parametrize("status_code", [301, 302, 307, 308])
def test_after_a_redirect_no_other_host_hears_from_us(status_code):
    async def scenario():
        async with ReferenceServer() as other, hall() as at:
            for target in (f"{other.url}/ws/devices/1/", other.url.replace("http", "ws"), "/ws/devices/1/elsewhere/"):
                at.server.faults.add(faults.redirect(target, status_code), on="stream")
                refused = await refusal(at.client.open_stream("1", at.token))
                assert refused.status_code == status_code
                assert target in refused.reason
            assert not other.requests
            assert len(at.server.requests) == 3

    asyncio.run(scenario())


def test_a_token_that_no_header_can_carry_is_neither_sent_nor_shown():
    async def scenario():
        async with hall() as at:
            refused = await refusal(at.client.open_stream("1", Secret("1234567890\r\nX: y")))
            assert "1234567890" not in refused.reason
            assert not at.server.requests

    asyncio.run(scenario())


def test_the_token_is_not_logged_even_when_everything_is(caplog):
    async def scenario():
        async with hall() as at, open_stream(at) as stream:
            await stream.send(WEIGHT)
            return at.token

    with caplog.at_level(logging.DEBUG), structlog.testing.capture_logs() as logs:
        token = asyncio.run(scenario())
    # The reference server's own side logs what it reads; what leaves through our loggers is what counts.
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("uvicorn")]
    assert token not in " ".join(ours) + repr(logs)


def test_a_half_open_connection_is_found_by_missing_pongs():
    async def scenario():
        async with hall() as at, Wire(at.server.url) as wire:
            stream = await engine.net.stream.open_stream(
                wire.url, "1", at.token, clock=SystemClock(), limits=QUICK_STREAM
            )
            reading = asyncio.create_task(collect(stream, []))
            await asyncio.sleep(0.2)  # several pings pass while the wire is whole
            assert not reading.done()

            wire.cut()
            started = time.monotonic()
            await asyncio.wait_for(reading, 5)
            bound = QUICK_STREAM.ping_interval + QUICK_STREAM.ping_timeout + QUICK_STREAM.close_timeout
            assert time.monotonic() - started < bound + 1.5
            with pytest.raises(StreamClosedError):
                await stream.send(WEIGHT)

    asyncio.run(scenario())


def test_the_shipped_limits_find_a_half_open_connection_within_30_seconds():
    shipped = StreamLimits()
    assert shipped.ping_interval + shipped.ping_timeout + shipped.close_timeout <= 25
    assert shipped.send_timeout <= 30


def no_pings() -> StreamLimits:
    return dataclasses.replace(QUICK_STREAM, ping_interval=60.0)


async def send_until_stuck(stream, sent):
    while len(sent) < 100_000:
        await stream.send(WEIGHT)
        sent.append(WEIGHT)


def test_a_peer_that_takes_nothing_is_given_up_by_the_sender_with_few_old_weights_under_way():
    async def scenario():
        async with hall() as at, Wire(at.server.url) as wire:
            stream = await engine.net.stream.open_stream(
                wire.url, "1", at.token, clock=SystemClock(), limits=no_pings()
            )
            wire.cut()
            sent = []
            with pytest.raises(StreamClosedError, match="took nothing"):
                await send_until_stuck(stream, sent)
            assert len(sent) < 1_000  # with the buffers a system gives by itself it is 65,000
            await stream.close()

    asyncio.run(scenario())


def test_a_send_that_is_cancelled_while_it_waits_does_not_leave_a_dead_connection_behind():
    async def scenario():
        async with hall() as at, Wire(at.server.url) as wire:
            limits = dataclasses.replace(no_pings(), send_timeout=60.0)
            stream = await engine.net.stream.open_stream(wire.url, "1", at.token, clock=SystemClock(), limits=limits)
            reading = asyncio.create_task(collect(stream, []))
            wire.cut()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await send_until_stuck(stream, [])
            assert await asyncio.wait_for(reading, 5) == []

    asyncio.run(scenario())


def test_closing_does_not_wait_for_a_peer_that_is_gone():
    async def scenario():
        async with hall() as at, Wire(at.server.url) as wire:
            stream = await engine.net.stream.open_stream(
                wire.url, "1", at.token, clock=SystemClock(), limits=no_pings()
            )
            wire.cut()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await send_until_stuck(stream, [])
            started = time.monotonic()
            await stream.close()
            await stream.close()
            assert time.monotonic() - started < 1.5

    asyncio.run(scenario())


def test_sending_after_the_server_closed_raises_with_the_close_code():
    async def scenario():
        async with hall() as at, open_stream(at) as stream:
            reading = asyncio.create_task(collect(stream, []))
            await at.server.close_streams(MAC, 1012)
            await reading
            with pytest.raises(StreamClosedError, match="1012"):
                await stream.send(WEIGHT)

    asyncio.run(scenario())


def test_a_server_that_breaks_off_ends_the_commands_and_the_sending():
    async def scenario():
        async with hall() as at, open_stream(at) as stream:
            reading = asyncio.create_task(collect(stream, []))
            await at.server.go_offline()
            assert await asyncio.wait_for(reading, 5) == []
            with pytest.raises(StreamClosedError):
                await stream.send(WEIGHT)

    asyncio.run(scenario())
