"""Who may come in: keys, sessions, origins, names, sizes, and how often somebody may be wrong."""

from __future__ import annotations

import asyncio
import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from engine.clock import SystemClock
from engine.station.settings import AuthSettings, ServerSettings, StationSettings
from engine.station.web import socket as socket_module
from engine.station.web.door import MAX_BODY
from engine.station.web.keys import FILE, KeyRing, KeyRingError
from engine.station.web.service import OpenDoorError, StationService
from engine.station.web.sessions import COOKIE, LIFETIME_S
from tests.station.face_kit import PlayedStation, World, run, world

HEALTH = "/api/system/health"
NOW = datetime(2026, 1, 31, tzinfo=UTC)


class SetClock(SystemClock):
    """A clock that a test sets forward."""

    ahead = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.ahead)

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


async def refused(there: World, status: int, code: str, **options: Any) -> Any:
    response = await there.client.get(HEALTH, **options)
    assert (response.status_code, response.json()["code"]) == (status, code)
    return response


def test_a_key_is_shown_once_and_kept_as_a_hash_that_only_its_owner_reads(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    key = ring.new("line-3", NOW)
    text = (tmp_path / FILE).read_text()
    assert key not in text
    assert len(json.loads(text)[0]["sha256"]) == 64
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert ring.owner(key) == "line-3"
    assert ring.owner(key + "x") is None
    assert ring.owner("") is None
    with pytest.raises(KeyRingError, match="already"):
        ring.new("line-3", NOW)


def test_another_process_adds_and_revokes_keys_while_the_station_runs(tmp_path: Path) -> None:
    ours, theirs = KeyRing(tmp_path), KeyRing(tmp_path)
    assert ours.keys == ()
    key = theirs.new("mes", NOW)
    assert ours.owner(key) == "mes"
    with pytest.raises(KeyRingError, match="there are mes"):
        theirs.revoke("nobody")
    theirs.revoke("mes")
    assert ours.owner(key) is None


def test_a_file_of_keys_that_is_none_opens_no_door(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"a": 1')
    with pytest.raises(KeyRingError, match=FILE):
        KeyRing(tmp_path).owner("x")


def test_keys_that_cannot_be_read_let_nobody_in(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path, wants_key=True) as there:
            (tmp_path / FILE).write_text("x")
            await refused(there, 503, "keys-unreadable", headers={"X-API-Key": "slk_any"})

    run(scenario())


def test_without_a_key_everything_but_signing_in_is_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path, wants_key=True) as there:
            key = there.face.door.ring.new("line-3", NOW)
            response = await refused(there, 401, "unauthorized")
            assert response.headers["www-authenticate"] == "Bearer"
            assert response.headers["content-type"] == "application/problem+json"
            for path in ("/api/batches", "/api/openapi.json", "/api/nothing"):
                assert (await there.call("GET", path))[0] == 401
            await refused(there, 401, "unauthorized", headers={"X-API-Key": "slk_wrong"})
            await refused(there, 401, "unauthorized", headers={"Authorization": "Basic abc"})
            for headers in ({"X-API-Key": key}, {"Authorization": f"Bearer {key}"}, {"Authorization": f"bearer {key}"}):
                assert (await there.client.get(HEALTH, headers=headers)).status_code == 200

    run(scenario())


def test_the_name_of_the_key_stands_in_the_audit_log_and_is_the_operator(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path, wants_key=True) as there:
            headers = {"X-API-Key": there.face.door.ring.new("line-3", NOW)}
            await there.call("POST", "/api/batches/batch_1/start", headers=headers)
            _, run_ = await there.call("POST", "/api/batches/batch_1/sequence/start", headers=headers)
            _, log = await there.call("GET", "/api/audit", headers=headers)
            assert {one["actor"] for one in log["items"]} == {"line-3"}
            assert (await there.call("GET", f"/api/results/{run_['executionId']}", headers=headers))[1][
                "operator"
            ] == "line-3"

    run(scenario())


def test_a_browser_signs_in_once_and_its_cookie_outlives_a_restart_but_not_its_key(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = SetClock()
        async with world(tmp_path, wants_key=True, clock=clock) as there:
            key = there.face.door.ring.new("line-3", NOW)
            status, body = await there.call("POST", "/api/session", json={"key": "slk_wrong"})
            assert (status, body["code"]) == (401, "unauthorized")
            response = await there.client.post("/api/session", json={"key": key})
            assert response.json() == {"name": "line-3", "keyRequired": True}
            cookie = response.headers["set-cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=strict" in cookie
            value = there.client.cookies[COOKIE]
            assert key not in value
            assert (await there.client.get(HEALTH)).status_code == 200
            await there.client.delete("/api/session")
            assert (await there.client.get(HEALTH)).status_code == 401
        async with world(tmp_path, wants_key=True, clock=clock) as there:
            there.client.cookies.set(COOKIE, value)
            assert (await there.client.get(HEALTH)).status_code == 200
            clock.ahead = LIFETIME_S + 1
            await refused(there, 401, "unauthorized")
            clock.ahead = 0
            there.client.cookies.clear()
            other = "1" if value.endswith("0") else "0"
            for forged in (value[:-1] + other, value + "0", "", "a.b.c", "..", value.replace(".", ""), "가"):
                header = {"Cookie": f"{COOKIE}={forged}".encode()}
                await refused(there, 401, "unauthorized", headers=header)
            there.face.door.ring.revoke("line-3")
            there.client.cookies.set(COOKIE, value)
            await refused(there, 401, "unauthorized")

    run(scenario())


def test_wrong_keys_are_slowed_down_by_address_and_right_ones_that_are_known_there_are_not(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = SetClock()
        async with world(tmp_path, wants_key=True, clock=clock) as there:
            ring = there.face.door.ring
            right, late = {"X-API-Key": ring.new("a", NOW)}, {"X-API-Key": ring.new("b", NOW)}
            wrong = {"X-API-Key": "slk_wrong"}
            assert (await there.client.get(HEALTH, headers=right)).status_code == 200
            for _ in range(6):
                await refused(there, 401, "unauthorized", headers=wrong)
            response = await refused(there, 429, "too-many-wrong-keys", headers=wrong)
            assert 1 <= int(response.headers["retry-after"]) <= 2
            await refused(there, 429, "too-many-wrong-keys", headers=late)
            status, body = await there.call("POST", "/api/session", json={"key": "slk_wrong"})
            assert (status, body["code"]) == (429, "too-many-wrong-keys")
            assert (await there.client.get(HEALTH, headers=right)).status_code == 200
            clock.ahead = 10
            assert (await there.client.get(HEALTH, headers=late)).status_code == 200

    run(scenario())


def test_pages_of_others_and_other_names_for_this_machine_are_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:
            await refused(there, 403, "foreign-origin", headers={"Origin": "http://evil.example"})
            await refused(there, 403, "foreign-origin", headers={"Origin": "null"})
            await refused(there, 403, "foreign-origin", headers={"Origin": "http://127.0.0.1:9999"})
            await refused(there, 403, "foreign-host", headers={"Host": "evil.example:8080"})
            await refused(there, 403, "foreign-host", headers={"Host": "[::1"})
            for host in ("127.0.0.1:8080", "localhost:8080", "[::1]:8080"):
                good = await there.client.get(HEALTH, headers={"Origin": f"http://{host}", "Host": host})
                assert good.status_code == 200
                assert "access-control-allow-origin" not in good.headers
            preflight = await there.client.options(
                "/api/batches", headers={"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
            )
            assert preflight.status_code == 403

    run(scenario())


def test_bodies_are_bounded_whether_they_say_their_size_or_not(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:
            url, headers = "/api/batches/batch_1/manual", {"content-type": "application/json"}
            large = b'{"hardware": "' + b"x" * MAX_BODY + b'"}'
            response = await there.client.post(url, content=large, headers=headers)
            assert (response.status_code, response.json()["code"]) == (413, "too-large")

            async def parts() -> Any:
                for start in range(0, len(large), 65536):
                    yield large[start : start + 65536]

            response = await there.client.post(url, content=parts(), headers=headers)
            assert (response.status_code, response.json()["code"]) == (413, "too-large")

    run(scenario())


def test_a_station_that_is_being_stopped_refuses(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:
            there.face.door.is_closed = True
            response = await refused(there, 503, "stopping")
            assert response.headers["retry-after"] == "10"

    run(scenario())


def test_a_socket_wants_a_key_or_a_cookie_from_an_origin_of_ours(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path, wants_key=True) as there, there.served() as server:
            key = there.face.door.ring.new("line-3", NOW)
            cookie = {"Cookie": f"{COOKIE}={there.face.door.sessions.cookie('line-3')}"}
            ours = {"Origin": server.url}

            async def tried(headers: dict[str, str]) -> int:
                try:
                    async with connect(server.url.replace("http", "ws") + "/ws", additional_headers=headers) as socket:
                        await socket.send('{"type": "subscribe", "batch_ids": ["batch_1"]}')
                        await asyncio.wait_for(socket.recv(), 5)
                        return 101
                except InvalidStatus as error:
                    return error.response.status_code

            assert await tried({}) == 401
            assert await tried({"X-API-Key": "slk_wrong"}) == 401
            assert await tried({"X-API-Key": key}) == 101
            assert await tried({"Authorization": f"Bearer {key}"}) == 101
            assert await tried(cookie) == 401
            assert await tried({**cookie, "Origin": "http://evil.example"}) == 403
            assert await tried({"X-API-Key": key, "Origin": "http://evil.example"}) == 403
            assert await tried({**cookie, **ours}) == 101
            assert await tried(ours) == 401

    run(scenario())


def test_a_key_that_is_taken_away_ends_its_sessions_and_its_sockets_also_when_another_gets_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_module, "_ASKED_EVERY_S", 0.02)

    async def scenario() -> None:
        async with world(tmp_path, wants_key=True) as there, there.served() as server:
            ring = there.face.door.ring
            ring.new("line-3", NOW)
            header = {"Cookie": f"{COOKIE}={there.face.door.sessions.cookie('line-3')}"}
            assert (await there.call("GET", "/api/batches", headers=header))[0] == 200
            others = {"X-API-Key": ring.new("line-4", NOW)}
            url = server.url.replace("http", "ws") + "/ws"
            async with (
                connect(url, additional_headers={**header, "Origin": server.url}) as out,
                connect(url, additional_headers=others) as stays,
            ):
                ring.revoke("line-3")
                ring.new("line-3", NOW)
                with pytest.raises(ConnectionClosed):
                    await asyncio.wait_for(out.recv(), 5)
                assert out.close_code == 1008
                await stays.send('{"type": "subscribe", "batch_ids": ["batch_1"]}')
                assert "snapshot" in str(await asyncio.wait_for(stays.recv(), 5))
            assert (await there.call("GET", "/api/batches", headers=header))[0] == 401

    run(scenario())


def test_a_host_that_others_reach_without_keys_is_not_served(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:
            settings = StationSettings("x", "x", tmp_path, server=ServerSettings("0.0.0.0", 0, AuthSettings(False)))
            service = StationService(PlayedStation(settings, there.station.store), {})  # type: ignore[arg-type]
            with pytest.raises(OpenDoorError, match="engine station key new"):
                async with service:
                    raise AssertionError("the door is open")

    run(scenario())
