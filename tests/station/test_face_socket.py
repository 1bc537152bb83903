"""The WebSocket: snapshots first, every message numbered, whoever does not read is dropped, nobody waited for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from engine.sequence.records import ExecutionStatus, Verdict
from engine.station.bus import CRASH
from engine.station.web import hub as hub_module
from engine.station.web.hub import EVERY
from tests.station.face_kit import START, World, execution, run, step, world


class Client:
    """Says things and hears others."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def say(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def hear(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(await asyncio.wait_for(self.socket.recv(), 10))
        return message

    async def hear_until(self, type_: str) -> dict[str, Any]:
        while True:
            message = await self.hear()
            if message["type"] == type_:
                return message


@asynccontextmanager
async def joined(url: str, *batch_ids: str) -> AsyncIterator[Client]:
    async with connect(url.replace("http", "ws") + "/ws") as socket:
        client = Client(socket)
        if batch_ids:
            await client.say(type="subscribe", batch_ids=list(batch_ids))
        yield client


def test_a_subscriber_gets_a_snapshot_and_then_everything_numbered_without_a_gap(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there, there.served() as server:
            bus = there.station.bus
            bus.publish("log", "batch_1", {"level": "info", "message": "before"})
            async with joined(server.url, "batch_1") as client:
                snapshot = await client.hear()
                assert (snapshot["type"], snapshot["batch_id"], snapshot["seq"]) == ("snapshot", "batch_1", 1)
                assert snapshot["data"]["status"] == "idle"
                assert snapshot["data"]["instance"] == there.face.hub.instance
                there.station.set("batch_1", status="running", current_step="look", progress=0.5, started_at=START)
                bus.publish("step_start", "batch_2", {"step": "other", "index": 1, "total": 1})
                bus.publish("step_start", "batch_1", {"step": "look", "index": 2, "total": 5, "order": 2})
                bus.publish(
                    "step_complete", "batch_1",
                    {"step": "look", "order": 2, "duration": 2.5, "pass": True, "result": {"a_b": 1}},
                )  # fmt: skip
                bus.publish("log", "batch_1", {"level": "info", "message": "Measuring"}, START)
                bus.publish("error", "batch_1", {"code": "HARDWARE_ERROR", "message": "timeout", "step": "look"})
                heard = [await client.hear() for _ in range(5)]
            assert [one["seq"] for one in heard] == [2, 3, 4, 5, 6]
            assert [one["type"] for one in heard] == ["batch_status", "step_start", "step_complete", "log", "error"]
            status, start, complete, log, error = (one["data"] for one in heard)
            assert (status["status"], status["currentStep"], status["progress"]) == ("running", "look", 0.5)
            assert status["startedAt"] == "2026-01-31T09:00:00Z"
            assert (start["step"], start["index"], start["total"]) == ("look", 2, 5)
            assert (complete["duration"], complete["pass"], complete["result"]) == (2.5, True, {"a_b": 1})
            assert log == {"level": "info", "message": "Measuring", "timestamp": "2026-01-31T09:00:00Z"}
            assert error == {"code": "HARDWARE_ERROR", "message": "timeout", "step": "look"}

    run(scenario())


def test_the_end_of_a_sequence_comes_with_its_steps_and_before_what_happens_after_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there, there.served() as server, joined(server.url, "batch_1") as client:
            await client.hear()
            done = execution(1, status=ExecutionStatus.INTERRUPTED)
            await there.station.commit(done, step(done, 1, "rail", 3.3), step(done, 2, "look"))
            facts = {"execution_id": done.execution_id, "overall_pass": True, "duration": 45.2, "status": "interrupted"}
            there.station.bus.publish("sequence_complete", "batch_1", facts)
            there.station.set("batch_1", status="running")
            told, after = await client.hear(), await client.hear()
            assert told["type"] == "sequence_complete"
            assert told["data"]["executionId"] == done.execution_id
            assert (told["data"]["overallPass"], told["data"]["duration"]) == (True, 45.2)
            assert [one["name"] for one in told["data"]["steps"]] == ["rail", "look"]
            assert told["data"]["status"] == "failed"  # in the words of results
            assert (after["type"], after["seq"]) == ("batch_status", told["seq"] + 1)

    run(scenario())


def test_what_somebody_has_to_react_to_is_repeated_to_those_who_come_later_as_long_as_it_stands(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there, there.served() as server:
            bus = there.station.bus
            bus.publish("prompt", "batch_1", {"id": "e/1", "step": "look", "text": "LED?"})
            bus.publish("lock_wait", "batch_1", {"step": "weigh", "resource": "scale"})

            async def standing() -> list[str]:
                async with joined(server.url, "batch_1") as client:
                    assert (await client.hear())["type"] == "snapshot"
                    await client.socket.send("?")
                    found = []
                    while (message := await client.hear())["batch_id"] is not None:
                        assert message["data"]["repeated"] is True
                        found.append(message["type"])
                    return found

            assert await standing() == ["prompt", "lock_wait"]
            bus.publish("step_start", "batch_1", {"step": "weigh", "order": 2})
            assert await standing() == ["prompt"]
            bus.publish(CRASH, "batch_1", {"reason": "killed", "pid": 1})
            there.station.set("batch_1", status="error")
            assert await standing() == ["crash"]
            there.station.set("batch_1", status="running")
            assert await standing() == []
            bus.publish("prompt", "batch_1", {"id": "e/2", "step": "look", "text": "LED?"})
            bus.publish("prompt_closed", "batch_1", {"id": "e/2", "step": "look"})
            assert await standing() == []

    run(scenario())


@pytest.mark.parametrize(
    "said",
    [
        "{", "null", "[]", "5", '"subscribe"', "[" * 60_000, '{"type": "dance"}', '{"type": "subscribe"}',
        '{"type": "subscribe", "batch_ids": "batch_1"}', '{"type": "subscribe", "batch_ids": [1]}',
        '{"type": ["subscribe"], "batch_ids": []}', b'{"type": "subscribe", "batch_ids": ["batch_1"]}',
    ],
)  # fmt: skip
def test_what_is_no_message_gets_an_error_and_the_socket_lives(tmp_path: Path, said: str | bytes) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there, there.served() as server, joined(server.url) as client:
            await client.socket.send(said)
            error = await client.hear()
            assert (error["type"], error["batch_id"], error["data"]["code"]) == ("error", None, "BAD_MESSAGE")
            await client.say(type="subscribe", batch_ids=["batch_1"])
            assert (await client.hear())["type"] == "snapshot"

    run(scenario())


def test_an_unknown_batch_is_told_and_the_known_ones_are_subscribed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            world(tmp_path) as there,
            there.served() as server,
            joined(server.url, "nowhere", "batch_2") as client,
        ):
            heard = [await client.hear(), await client.hear()]
            assert {one["type"] for one in heard} == {"snapshot", "error"}
            error = next(one for one in heard if one["type"] == "error")
            assert error["data"]["code"] == "UNKNOWN_BATCH"
            assert "nowhere" in error["data"]["message"]

    run(scenario())


def test_half_a_character_reaches_a_client_as_a_question_mark(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there, there.served() as server, joined(server.url, "batch_1") as client:
            await client.hear()
            await client.say(type="subscribe", batch_ids=["\ud800"])
            assert "'?'" in (await client.hear())["data"]["message"]
            there.station.bus.publish("log", "batch_1", {"level": "info", "message": "5 \udcb5m"})
            assert (await client.hear())["data"]["message"] == "5 ?m"

    run(scenario())


def test_what_a_client_does_wrong_is_no_bug_of_ours_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there, there.served() as server:
            with pytest.raises(InvalidStatus, match="403"):
                await connect(server.url.replace("http", "ws") + "/ws", origin=Origin("http://elsewhere"))
            async with joined(server.url) as client:
                client.socket.transport.write(b"\x81\x82\0\0\0\0\xff\xfe")  # a text that is none
                with pytest.raises(ConnectionClosed):
                    await client.hear()

    run(scenario())
    assert not caplog.records


def test_unsubscribed_batches_are_silent_and_the_star_stands_for_all_and_those_to_come(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there, there.served() as server, joined(server.url, EVERY) as client:
            assert {(await client.hear())["batch_id"] for _ in range(2)} == {"batch_1", "batch_2"}
            new = {"id": "batch_3", "sequencePackage": "power_board", "simulate": True}
            assert (await there.call("POST", "/api/batches", json=new))[0] == 201
            assert (await client.hear())["batch_id"] == "batch_3"
            await client.say(type="unsubscribe", batch_ids=["batch_1", "batch_3"])
            await client.say(type="subscribe", batch_ids=["nowhere"])  # answered once the other was taken
            await client.hear_until("error")
            for batch_id in ("batch_1", "batch_3", "batch_2"):
                there.station.bus.publish("log", batch_id, {"level": "info", "message": "x"})
            assert (await client.hear())["batch_id"] == "batch_2"
            await client.say(type="unsubscribe", batch_ids=[EVERY])
            await client.say(type="subscribe", batch_ids=["nowhere"])
            await client.hear_until("error")
            there.station.bus.publish("log", "batch_2", {"level": "info", "message": "x"})
            await client.say(type="subscribe", batch_ids=["batch_1"])
            assert (await client.hear())["type"] == "snapshot"

    run(scenario())


def test_a_client_that_does_not_read_is_dropped_and_the_others_miss_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "MOST_BYTES", 200_000)

    async def scenario() -> None:
        async with world(tmp_path) as there, there.served() as server, joined(server.url, "batch_1") as reader:
            await reader.hear()
            address = server.url.removeprefix("http://").split(":")
            answer, sleeper = await asyncio.open_connection(address[0], int(address[1]), limit=1024)
            sleeper.write(
                b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            )
            await answer.readuntil(b"\r\n\r\n")
            said = b'{"type":"subscribe","batch_ids":["batch_1"]}'
            sleeper.write(bytes((0x81, 0x80 | len(said))) + bytes(4) + said)
            count = 0
            while there.face.hub.listeners == 2:
                there.station.bus.publish("log", "batch_1", {"level": "info", "message": "x" * 5_000})
                count += 1
                if not count % 20:
                    await asyncio.sleep(0.001)
                assert count < 20_000
                assert (await reader.hear())["seq"] == count
            there.station.bus.publish("log", "batch_1", {"level": "info", "message": "last"})
            assert (await reader.hear())["data"]["message"] == "last"
            # It is cut off without a word: there is no event to wait for.
            while there.face.hub.listeners > 1 or len(server._connections()) > 1:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            sleeper.transport.abort()

    run(scenario())


def test_a_restart_under_a_client_is_told_and_seen_by_the_instance(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there, there.served() as server:
            port = server.port
            async with joined(server.url, "batch_1") as client:
                first = (await client.hear())["data"]["instance"]
                await server.close()
                with pytest.raises(ConnectionClosed) as closed:
                    await client.hear()
                assert closed.value.rcvd is not None
                assert closed.value.rcvd.code == 1012
        async with world(tmp_path) as there, there.served(port) as server, joined(server.url, "batch_1") as client:
            again = await client.hear()
            assert again["data"]["instance"] != first
            assert again["seq"] == 0

    run(scenario())


def test_two_clients_on_one_batch_start_it_once_and_see_the_same(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            world(tmp_path) as there,
            there.served() as server,
            joined(server.url, "batch_1") as one,
            joined(server.url, "batch_1") as two,
        ):
            await one.hear()
            await two.hear()
            answers = await asyncio.gather(*(there.call("POST", "/api/batches/batch_1/start") for _ in range(2)))
            assert sorted(status for status, _ in answers) == [200, 409]
            assert await one.hear() == await two.hear()

    run(scenario())


def test_a_failing_step_is_told_as_the_record_has_it(tmp_path: Path) -> None:
    async def scenario(there: World) -> None:
        failed = execution(1, verdict=Verdict.FAIL)
        await there.station.commit(failed, step(failed, 1, "rail", 9.9, verdict=Verdict.FAIL, error="too high"))
        async with there.served() as server, joined(server.url, "batch_1") as client:
            await client.hear()
            there.station.bus.publish("sequence_complete", "batch_1", {"execution_id": failed.execution_id})
            (only,) = (await client.hear())["data"]["steps"]
            assert (only["pass"], only["verdict"], only["error"]) == (False, "fail", "too high")

    async def whole() -> None:
        async with world(tmp_path) as there:
            await scenario(there)

    run(whole())
