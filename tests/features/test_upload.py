"""Steps of upload.feature alone."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

import pytest
from hall_support import SECONDS, WORD, Plan, only_record, records_of
from pytest_bdd import given, parsers, scenarios, then, when

from engine.ports import WeighingRecord
from engine.testing.world import World

scenarios("upload.feature")


@pytest.fixture
def plan() -> Plan:
    """A slower scale than the hall's: what is told here takes minutes."""
    return Plan(world={"scale_hz": 5.0})


def add_records(world: World, count: int) -> None:
    """Committed by somebody whom the upload did not hear."""
    for _ in range(count):
        number = len(world.records) + 1
        record = WeighingRecord(
            str(UUID(int=number)), f"OLD{number}", Decimal(number), "kg", world.clock.now(), "dock-1"
        )
        world.loop.run(world.store.inner.save_record(record))


@given(parsers.re(r"지난번에 보내지 못한 기록이 (?P<count>\d+)건 있다"), converters={"count": int})
def _left_over(world: World, count: int) -> None:
    add_records(world, count)


@when(parsers.re(r"알림 없이 기록이 (?P<count>\d+)건 더 생긴다"), converters={"count": int})
def _unheard(world: World, count: int) -> None:
    add_records(world, count)


@given("서버가 다음 기록에 번호가 이미 있다고 답한다")
def _uuid_exists(world: World) -> None:
    world.server.answer("records", 400, {"uuid": ["weighing record with this uuid already exists."]})


@given(parsers.re(r"서버는 같은 번호를 다시 받으면 (?P<style>400|409|200)으로 답한다"))
def _duplicate_style(world: World, style: Literal["400", "409", "200"]) -> None:
    world.server.backend.duplicate_style = style


@given(parsers.re(rf"서버의 대답은 {SECONDS} 걸린다"), converters={"seconds": float})
@when(parsers.re(rf"서버의 대답은 {SECONDS} 걸린다"), converters={"seconds": float})
def _slow_server(world: World, seconds: float) -> None:
    world.server.latency = seconds


@given("저장소가 전송 결과를 적지 못하고 멈춰 있다")
def _stuck_notes(world: World) -> None:
    world.store.slow("save_deliveries", before=1000.0, times=None)


@given(parsers.re(r"전송 결과 적기가 (?P<times>\d+)번 실패한다"), converters={"times": int})
def _failing_notes(world: World, times: int) -> None:
    world.store.fail("save_deliveries", times=times)


@then("모든 기록이 전송되었다")
def _all_sent(world: World) -> None:
    assert world.records
    assert all(record.is_sent and record.rejected_reason is None for record in world.records)


@then(parsers.re(r"\"(?P<card>\w+)\" 기록은 전송되었다"))
def _sent(world: World, card: str) -> None:
    [record] = records_of(world, card=card)
    assert record.is_sent


@then(parsers.re(r"\"(?P<card>\w+)\" 기록은 아직 전송되지 않았다"))
def _unsent(world: World, card: str) -> None:
    [record] = records_of(world, card=card)
    assert not record.is_sent
    assert record.rejected_reason is None


@then(parsers.re(rf"\"(?P<card>\w+)\" 기록은 {WORD} 때문에 따로 두었다"))
def _parked(world: World, card: str, word: str) -> None:
    [record] = records_of(world, card=card)
    assert not record.is_sent
    assert word in str(record.rejected_reason)


@then(parsers.re(rf"저장된 지 {SECONDS} 안에 서버에 닿았다"), converters={"seconds": float})
def _at_once(world: World, seconds: float) -> None:
    [row] = world.server.records
    assert (row.arrived_at - only_record(world).measured_at).total_seconds() <= seconds


@then("기록 요청의 내용은 저장된 기록과 같다")
def _body(world: World) -> None:
    record = only_record(world)
    [request] = world.server.requests_of("records")
    measured_at = datetime.fromisoformat(str(request.body["measured_at"]))
    assert request.body == {
        "uuid": record.uuid,
        "rfid_uid": "A1",
        "weight": Decimal("12.34"),
        "measured_at": request.body["measured_at"],
    }
    assert measured_at.utcoffset() is not None
    assert measured_at == record.measured_at


@then("기록 요청은 토큰을 보였다")
def _token(world: World) -> None:
    assert {request.token for request in world.server.requests_of("records")} == {world.gateway.access_token}


@then("기록은 저장된 순서대로 보내졌다")
def _in_order(world: World) -> None:
    sent = dict.fromkeys(request.body["uuid"] for request in world.server.requests_of("records"))
    assert list(sent) == [record.uuid for record in world.records]


@then(parsers.re(r"동시에 보낸 기록은 많아야 (?P<count>\d+)건이었다"), converters={"count": int})
def _bounded(world: World, count: int) -> None:
    assert world.server.most_at_once["records"] == count
