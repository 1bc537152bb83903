"""Steps of registration.feature alone."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hall_support import ROUTES, Notes, Plan
from pytest_bdd import given, parsers, scenarios, then, when

from engine.events import Event
from engine.testing.world import IDENTITY, World

scenarios("registration.feature")


@pytest.fixture
def plan() -> Plan:
    """Without a line, unless a scenario says so: what is told here takes minutes."""
    return Plan(world={"lines": ()})


@given(parsers.re(r"저장소를 (?P<times>\d+)번 읽지 못한다"), converters={"times": int})
def _unreadable_store(world: World, times: int) -> None:
    world.store.fail("load_gateway", times=times)


@given(parsers.re(r"토큰 저장이 (?P<times>\d+)번 실패한다"), converters={"times": int})
def _failing_token(world: World, times: int) -> None:
    world.store.fail("save_token", times=times)


@given(parsers.re(r"토큰 버리기가 (?P<times>\d+)번 실패한다"), converters={"times": int})
def _failing_drop(world: World, times: int) -> None:
    world.store.fail("forget_token", times=times)


@given("서버는 상태를 active라고 하지만 토큰을 주지 않는다")
def _active_without_token(world: World) -> None:
    document = {"mac_address": IDENTITY.mac_address, "status": "active", "access_token": None}
    world.server.answer("lookup", 200, document, times=None)


@when("등록에 토큰이 거절되었다고 알린다")
def _told_of_refusal(world: World) -> None:
    world.tell("registration", Event("gateway.unauthorized", {"reason": "401"}, "upload"))


@then("등록 요청에는 MAC 주소, 호스트 이름, IP 주소, 이름이 있다")
def _registration_body(world: World) -> None:
    [request] = world.server.requests_of("register")
    assert request.body == {
        "mac_address": IDENTITY.mac_address,
        "hostname": IDENTITY.hostname,
        "ip_address": IDENTITY.ip_address,
        "name": IDENTITY.name,
    }


@then(parsers.re(r"요청의 순서는 \"(?P<order>[^\"]+)\"이다"))
def _order(world: World, notes: Notes, order: str) -> None:
    seen: list[Any] = [r.route for r in world.server.requests if r.at >= notes.marked_at]
    expected = [ROUTES[name] for name in order.split(", ")]
    assert [route for route in seen if route in expected][: len(expected)] == expected


@then("서버가 준 토큰이 저장되어 있다")
def _token_kept(world: World) -> None:
    granted = world.server.backend.gateways[IDENTITY.mac_address].access_token
    assert granted is not None
    assert world.gateway.access_token == granted


@then("모든 heartbeat 요청은 그 토큰을 보였다")
def _token_shown(world: World, notes: Notes) -> None:
    beats = [request for request in world.server.requests_of("heartbeat") if request.at >= notes.marked_at]
    assert {request.token for request in beats} == {world.gateway.access_token}


@then("마지막 생존 신호의 시각이 저장되어 있다")
def _last_heartbeat(world: World) -> None:
    [*_, last] = world.server.backend.heartbeats
    kept = world.gateway.last_heartbeat
    assert kept is not None
    assert abs((kept - last.arrived_at).total_seconds()) < 0.1


@then("서버가 꺼져 있을 때 두 게이트웨이의 조회는 같은 때에 오지 않는다")
def _jitter_differs() -> None:
    times = []
    for seed in (1, 2):
        with World((), approved=False, seed=seed) as world:
            world.server.down()
            world.start()
            world.advance(120)
            times.append([request.at for request in world.server.requests_of("lookup")[1:]])
    assert not set(times[0]) & set(times[1])
    assert all(later > earlier for one in times for earlier, later in pairwise(one))
