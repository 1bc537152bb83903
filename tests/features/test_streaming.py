"""Steps of streaming.feature alone."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import pairwise

from hall_support import SECONDS, Notes, Plan
from pytest_bdd import given, parsers, scenarios, then, when

from engine.testing.twin_server import TwinMessage
from engine.testing.world import MAC_ADDRESS, World
from engine.units import Quantity

scenarios("streaming.feature")

ROUNDING_S = 1e-6
READING_S = 0.02


def messages_since(world: World, notes: Notes, line: str | None = None) -> list[TwinMessage]:
    return [m for m in world.server.messages if m.at >= notes.marked_at and line in {None, m.message.get("line")}]


@given("현장의 단위는 g이다")
def _grams(plan: Plan) -> None:
    plan.change()
    plan.world["unit"] = "g"


@given("서버는 번호를 주지 않는다")
def _no_ids(world: World) -> None:
    world.server.backend.sends_id = False


@given(parsers.re(rf"메시지 하나를 보내는 데 {SECONDS} 걸린다"), converters={"seconds": float})
def _slow_connection(world: World, seconds: float) -> None:
    world.server.stream_latency = seconds


@when(parsers.re(r"서버가 (?P<command>[A-Z_]+)을 보낸다"))
def _command(hall: World, command: str) -> None:
    hall.server.command(command)


@when("서버가 연결을 끊는다")
def _drop(hall: World) -> None:
    hall.server.drop_streams()


@when("지금부터 메시지를 센다")
def _mark(hall: World, notes: Notes) -> None:
    # What has come from the loop's last turn belongs to the time before.
    hall.advance(READING_S)
    notes.marked_at = hall.clock.monotonic()


@when("무게가 0.2초마다 1 kg씩 늘어난다")
def _rising(hall: World) -> None:
    for kilograms in range(1, 26):
        hall.put(Quantity(kilograms, "kg"), settle=0.0)
        hall.advance(0.2)


@when(parsers.re(rf"저울이 {SECONDS} 동안 멈춘다"), converters={"seconds": float})
def _silence(hall: World, seconds: float) -> None:
    hall.pause_scale(seconds)


@then(parsers.re(r"무게 메시지가 (?P<count>\d+)번 왔다"), converters={"count": int})
def _messages(hall: World, notes: Notes, count: int) -> None:
    assert len(messages_since(hall, notes)) == count


@then(parsers.re(r"무게 메시지가 (?P<count>\d+)번보다 (?P<what>많이|적게) 왔다"), converters={"count": int})
def _many_messages(hall: World, notes: Notes, count: int, what: str) -> None:
    came = len(messages_since(hall, notes))
    assert came > count if what == "많이" else 0 < came < count


@then(parsers.re(r"모든 메시지는 (?P<document>\{.+\})이다"))
def _documents(hall: World, notes: Notes, document: str) -> None:
    expected = json.loads(document, parse_float=Decimal)
    assert [m.message for m in messages_since(hall, notes) if m.message != expected] == []


@then(parsers.re(rf"메시지의 간격은 적어도 {SECONDS}다"), converters={"seconds": float})
def _paced(hall: World, notes: Notes, seconds: float) -> None:
    lines = {message.message.get("line") for message in hall.server.messages}
    for line in lines:
        times = [m.at for m in hall.server.messages if m.message.get("line") == line]
        assert len(times) > 1
        assert all(later - earlier >= seconds - ROUNDING_S for earlier, later in pairwise(times))


@then("메시지마다 그 순간에 표시된 무게가 있다")
def _newest(hall: World) -> None:
    assert len(hall.server.messages) > 1
    for message in hall.server.messages:
        taken_at = message.at - hall.server.stream_latency
        latest = [s for s in hall.scale().shown if s.at <= taken_at + ROUNDING_S and s.at > taken_at - 2 * READING_S]
        assert message.message["value"] in {int(s.weight.value) for s in latest if s.weight is not None}


@then(parsers.re(r"\"(?P<line>[^\"]+)\"의 메시지는 모두 (?P<value>[\d.]+)이고 (?P<count>\d+)번보다 많이 왔다"))
def _of_line(hall: World, notes: Notes, line: str, value: str, count: str) -> None:
    came = messages_since(hall, notes, line)
    assert len(came) > int(count)
    assert {m.message["value"] for m in came} == {Decimal(value)}


@then(parsers.re(r"\"(?P<line>[^\"]+)\"의 메시지는 오지 않았다"))
def _none_of_line(hall: World, notes: Notes, line: str) -> None:
    assert messages_since(hall, notes, line) == []


@then(parsers.re(r"스트림 주소는 (?P<which>서버가 준 번호|MAC 주소)다"))
def _address(hall: World, which: str) -> None:
    expected = MAC_ADDRESS if which == "MAC 주소" else str(hall.server.backend.gateways[MAC_ADDRESS].id)
    assert {request.body["gateway_id"] for request in hall.server.requests_of("stream")} == {expected}


@then("스트림 요청은 토큰을 보였다")
def _token(hall: World) -> None:
    assert {request.token for request in hall.server.requests_of("stream")} == {hall.gateway.access_token}


@then(parsers.re(r"열린 연결이 (?P<count>\d+)개다"), converters={"count": int})
def _open(hall: World, count: int) -> None:
    assert len(hall.server.streams) == count
