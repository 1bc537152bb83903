"""Steps of weighing.feature alone."""

from __future__ import annotations

from decimal import Decimal

from hall_support import SECONDS, Notes, only_record, records_of
from pytest_bdd import given, parsers, scenarios, then, when

from engine.events import Event
from engine.testing.world import World
from engine.units import Quantity

scenarios("weighing.feature")


def stable_at(world: World) -> float:
    """When the only record was found stable, in the clock's monotonic seconds."""
    age = (world.clock.now() - only_record(world).measured_at).total_seconds()
    return world.clock.monotonic() - age


@given("저울은 g 단위로 표시한다")
def _grams(world: World) -> None:
    world.scale().unit, world.scale().division = "g", Decimal(5)


@given(parsers.re(rf"저장소가 저장한 뒤 {SECONDS} 동안 대답하지 않는다"), converters={"seconds": float})
def _late_answer(world: World, seconds: float) -> None:
    world.store.slow("save_record", after=seconds)


@given(parsers.re(r"기록 저장이 (?P<times>\d+)번 실패한다"), converters={"times": int})
def _failing_store(world: World, times: int) -> None:
    world.store.fail("save_record", times=times)


@given("저장소를 여섯 번 읽지 못한다")
def _unreadable_store(world: World) -> None:
    world.store.fail("load_gateway", times=6)


@given(parsers.re(rf"계량이 시작할 때 저장소가 {SECONDS} 동안 대답하지 않는다"), converters={"seconds": float})
def _slow_boot(world: World, seconds: float) -> None:
    # The registration machine is started first and asks first; the line is the fourth to ask.
    world.store.slow("load_gateway", times=3)
    world.store.slow("load_gateway", after=seconds)


@when(parsers.re(rf"저울이 {SECONDS} 동안 아무것도 보내지 않는다"), converters={"seconds": float})
def _silence(hall: World, seconds: float) -> None:
    hall.pause_scale(seconds)
    hall.advance(seconds)


@when("표시기가 흔들린다고 말한다")
def _motion(hall: World) -> None:
    hall.scale().say_motion()


@when(parsers.re(r"표시가 (?P<grams>\d+) g씩 위아래로 흔들린다"))
def _shake(hall: World, grams: str) -> None:
    hall.scale().shake(Quantity(grams, "g"))


@when(parsers.re(r"리더기가 \"(?P<card>\w+)\" 카드를 또 읽는다"))
def _read_again(hall: World, card: str) -> None:
    hall.tell(None, Event("card.read", {"uid": card}))


@when("계량에 무게가 아닌 힘이 잘못 전달된다")
def _wrong_value(hall: World) -> None:
    data = {"value": Quantity(5, "N"), "stable": True, "status": "ok", "raw": b"", "at": hall.clock.monotonic()}
    hall.tell(None, Event("weight.read", data))


@then(parsers.re(r"카드를 댄 뒤 (?P<first>[\d.]+)초에서 (?P<last>[\d.]+)초 사이에 안정되었다"))
def _stable_between(hall: World, notes: Notes, first: str, last: str) -> None:
    took = round(stable_at(hall) - notes.touched_at, 3)
    assert float(first) <= took <= float(last)


@then("저울이 안정된 순간에 표시한 무게가 한 번 기록된다")
def _as_displayed(hall: World) -> None:
    [shown] = [shown.weight for shown in hall.scale().shown if abs(shown.at - stable_at(hall)) < 1e-6]
    record = only_record(hall)
    assert shown == Quantity(record.weight, record.unit)


@then("그 기록은 아직 전송되지 않았다")
def _not_sent(hall: World) -> None:
    assert not only_record(hall).is_sent


@then(parsers.re(r"\"(?P<card>\w+)\" 기록의 라인은 \"(?P<line>[^\"]+)\"이다"))
def _line_of(hall: World, card: str, line: str) -> None:
    [record] = records_of(hall, card=card)
    assert record.line == line


@then(parsers.re(r"그 기록의 단위는 \"(?P<unit>\w+)\"이다"))
def _unit_of(hall: World, unit: str) -> None:
    assert only_record(hall).unit == unit


@then(parsers.re(r"저장을 (?P<times>\d+)번 시도했고 모두 같은 번호다"), converters={"times": int})
def _same_uuid(hall: World, times: int) -> None:
    assert hall.store.saved == [only_record(hall).uuid] * times


@then(parsers.re(r"계량이 (?P<times>\d+)번 고장났다"), converters={"times": int})
def _faulted(hall: World, times: int) -> None:
    assert hall.faults() == times
