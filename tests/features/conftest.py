"""What all features say: the hall, the server, time. Steps are thin; what they ask is asked of the World."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hall_support import (
    LINE,
    MACHINES,
    MASS,
    ROUTES,
    SECONDS,
    WORD,
    Notes,
    Plan,
    intervals_of,
    records_of,
    requests_since,
    scalar,
    script,
)
from pytest_bdd import given, parsers, then, when

from engine.testing.world import World, q


@pytest.fixture
def plan() -> Plan:
    return Plan()


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def world(plan: Plan) -> Iterator[World]:
    """The gateway, switched off as yet."""
    plan.is_carried_out = True
    with World(settings=plan.settings, machine_settings=plan.machine_settings, **plan.world) as world:
        yield world


@pytest.fixture
def hall(world: World) -> World:
    """The gateway, switched on for half a second, unless the scenario has switched it on itself."""
    if not world.is_running:
        world.start()
        world.advance(0.5)
    return world


# Before it is switched on ---------------------------------------------------------------------------------------------


@given("승인된 게이트웨이가 있다")
def _an_approved_gateway(plan: Plan) -> None:
    plan.change()
    plan.world["approved"] = True


@given("서버가 모르는 게이트웨이가 있다")
def _an_unknown_gateway(plan: Plan) -> None:
    plan.change()
    plan.world["approved"] = False


@given(parsers.re(rf"라인은 {WORD}이다"))
def _lines(plan: Plan, word: str) -> None:
    plan.change()
    plan.world["lines"] = tuple(word.split(", "))


@given(parsers.re(r"(?:(?P<machine>\S+)의 )?설정 (?P<name>\w+)(?:은|는) \"(?P<value>[^\"]+)\"이다"))
def _setting(plan: Plan, machine: str | None, name: str, value: str) -> None:
    plan.change()
    other = MACHINES[machine or "계량"]
    settings = plan.settings if other is None else plan.machine_settings.setdefault(other, {})
    settings[name] = scalar(value)


@given(parsers.re(r"저울은 1초에 (?P<hz>[\d.]+)번 보낸다"), converters={"hz": float})
def _scale_rate(plan: Plan, hz: float) -> None:
    plan.change()
    plan.world["scale_hz"] = hz


@given(parsers.re(r"지터의 씨앗은 (?P<seed>\d+)이다"), converters={"seed": int})
def _seed(plan: Plan, seed: int) -> None:
    plan.change()
    plan.world["seed"] = seed


# Time and power -------------------------------------------------------------------------------------------------------


@when("게이트웨이를 켠다")
def _switch_on(world: World) -> None:
    world.start()


@when(parsers.re(rf"{SECONDS}가 지난다"), converters={"seconds": float})
def _time_passes(hall: World, seconds: float) -> None:
    hall.advance(seconds)


@when("지금부터 요청을 센다")
def _mark(world: World, notes: Notes) -> None:
    notes.marked_at = world.clock.monotonic()


@when("전원이 나갔다가 들어온다")
def _power_cut(hall: World) -> None:
    hall.restart(after=1.0)


# Cards and boxes ------------------------------------------------------------------------------------------------------


@when(parsers.re(rf"{LINE}\"(?P<card>\w+)\" 카드를 댄다"))
def _touch(hall: World, notes: Notes, card: str, line: str | None) -> None:
    notes.touched_at = hall.clock.monotonic()
    hall.card(card, line)


@when(parsers.re(r"\"(?P<card>\w+)\" 카드를 리더기에 놓아둔다"))
def _leave_card(hall: World, card: str) -> None:
    hall.leave_card(card)


@when("카드를 치운다")
def _take_card(hall: World) -> None:
    hall.take_card()


@when(parsers.re(rf"{LINE}(?P<still>흔들림 없이 )?{MASS} 상자를 올린다"))
def _put(hall: World, mass: str, still: str | None, line: str | None) -> None:
    hall.put(q(mass), line, settle=0.0 if still else 0.5)


@when("저울을 비운다")
def _empty(hall: World) -> None:
    hall.remove()


@when(parsers.re(rf"\"(?P<card>\w+)\" 카드로 {MASS} 상자를 계량한다"))
def _weigh(hall: World, card: str, mass: str) -> None:
    hall.weigh(card, q(mass))


@given(parsers.re(rf"저장소가 기록을 저장하는 데 {SECONDS} 걸린다"), converters={"seconds": float})
def _slow_store(world: World, seconds: float) -> None:
    world.store.slow("save_record", before=seconds)


@given("디스크가 가득 찼다")
def _full_disk(world: World) -> None:
    world.store.fail("save_record", times=None, is_full=True)


@when("저장소가 정상이 된다")
def _store_recovers(world: World) -> None:
    world.store.clear()


@when("저울 연결이 끊긴다")
def _scale_lost(hall: World) -> None:
    hall.lose_scale()


@when("저울 연결이 돌아온다")
def _scale_back(hall: World) -> None:
    hall.restore_scale()


@when(parsers.re(rf"저울이 {WORD}만 보낸다"))
def _scale_says(hall: World, word: Any) -> None:
    hall.scale().say(word)


# The server -----------------------------------------------------------------------------------------------------------


@given("서버가 꺼져 있다")
@when("서버가 꺼진다")
def _server_down(world: World) -> None:
    world.server.down()


@when("서버가 켜진다")
def _server_up(world: World) -> None:
    world.server.up()


@when("서버가 게이트웨이를 승인한다")
def _approve(world: World) -> None:
    world.server.approve()


@when("서버가 토큰을 회수한다")
def _revoke(world: World) -> None:
    world.server.revoke()


@when("서버가 게이트웨이를 삭제한다")
def _delete(world: World) -> None:
    world.server.delete()


@given(parsers.re(r"서버가 (?P<times>모든|다음) (?P<route>\S+)에 (?P<answer>.+?)(?:으로|로) 답한다"))
@when(parsers.re(r"서버가 (?P<times>모든|다음) (?P<route>\S+)에 (?P<answer>.+?)(?:으로|로) 답한다"))
def _server_answers(world: World, times: str, route: str, answer: str) -> None:
    script(world, route, answer, None if times == "모든" else 1)


@when("서버가 다시 제대로 답한다")
def _server_behaves(world: World) -> None:
    world.server.clear()


# What came of it ------------------------------------------------------------------------------------------------------


@then(parsers.re(r"(?P<machine>계량|등록|전송|스트리밍)(?:은|는) (?P<state>[A-Z_]+) 상태다"))
def _is_in(hall: World, machine: str, state: str) -> None:
    assert hall.is_in(state.lower(), MACHINES[machine]), hall.states(MACHINES[machine])


@then("아무것도 기록되지 않는다")
def _nothing_recorded(hall: World) -> None:
    assert hall.records == []


@then(parsers.re(rf"{MASS}이 한 번 기록된다"))
def _recorded_once(hall: World, mass: str) -> None:
    assert len(records_of(hall, mass=mass)) == 1
    assert len(hall.records) == 1


@then(parsers.re(rf"\"(?P<card>\w+)\" 카드로 {MASS}이 한 번 기록된다"))
def _recorded_once_for(hall: World, card: str, mass: str) -> None:
    assert len(records_of(hall, card=card, mass=mass)) == 1


@then(parsers.re(r"\"(?P<card>\w+)\" 카드로는 아무것도 기록되지 않는다"))
def _nothing_for(hall: World, card: str) -> None:
    assert records_of(hall, card=card) == []


@then(parsers.re(rf"{MASS}은 기록되지 않는다"))
def _not_recorded(hall: World, mass: str) -> None:
    assert records_of(hall, mass=mass) == []


@then(parsers.re(rf"{WORD} 신호가 (?P<times>\d+)번 나온다"), converters={"times": int})
def _signal_shown(hall: World, word: str, times: int) -> None:
    assert hall.shown_patterns().count(word) == times


@then(parsers.re(rf"로그에 {WORD} 줄이 있다"))
def _logged(hall: World, word: str) -> None:
    assert any(word in message for message in hall.messages_logged())


@then(parsers.re(r"(?P<route>\S+) 요청이 (?P<times>\d+)번 있었다"), converters={"times": int})
def _requests(world: World, notes: Notes, route: str, times: int) -> None:
    assert len(requests_since(world, notes, ROUTES[route])) == times


@then(parsers.re(r"(?P<route>\S+) 요청이 (?P<times>\d+)번보다 적게 있었다"), converters={"times": int})
def _fewer_requests(world: World, notes: Notes, route: str, times: int) -> None:
    assert len(requests_since(world, notes, ROUTES[route])) < times


@then(parsers.re(r"(?P<route>\S+) 요청이 다시 있었다"))
def _more_requests(world: World, notes: Notes, route: str) -> None:
    assert requests_since(world, notes, ROUTES[route])


@then(
    parsers.re(r"(?P<route>\S+) 요청의 간격은 1초부터 두 배씩 (?P<most>\d+)초까지 늘어나는 한도 안에서 들쭉날쭉하다"),
    converters={"most": int},
)
def _backs_off(world: World, route: str, most: int) -> None:
    intervals = intervals_of(world, ROUTES[route])
    latency = 0.1
    assert len(intervals) > 10
    assert all(seconds <= min(2**index, most) + latency for index, seconds in enumerate(intervals))
    assert max(intervals) > 10 * intervals[0]
    assert len({round(seconds, 2) for seconds in intervals}) > len(intervals) // 2


@then(parsers.re(r"토큰을 (?P<times>\d+)번 버렸다"), converters={"times": int})
def _dropped(world: World, times: int) -> None:
    assert [entry["event"] for entry in world.logs].count("gateway.token.dropped") == times


@then("토큰이 없다")
def _no_token(world: World) -> None:
    assert world.gateway.access_token is None


@then(parsers.re(r"서버에 기록이 (?P<count>\d+)건 있다"), converters={"count": int})
def _server_has(world: World, count: int) -> None:
    assert len(world.server.records) == count


@then("서버의 기록은 로컬 기록과 하나씩 일치한다")
def _same_on_both_sides(world: World) -> None:
    local = [(record.uuid, record.rfid_uid, record.weight) for record in world.records]
    assert sorted((row.uuid, row.rfid_uid, row.weight) for row in world.server.records) == sorted(local)
