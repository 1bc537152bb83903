"""Steps of truck.feature alone, and a power cut at every single moment of a truck's two weighings."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest
from hall_support import MASS, Plan, only_record, records_of
from pytest_bdd import given, parsers, scenarios, then, when

from engine.ports import Remembered, WeighingRecord
from engine.testing.world import Change, World, q
from engine.units import Quantity

scenarios("truck.feature")

AT = r"(?:\"(?P<line>[^\"]+)\"에서 )?"


@pytest.fixture
def plan() -> Plan:
    """A weighbridge: a slower scale than the hall's."""
    return Plan(world={"scale_hz": 10.0, "chart": "truck-weighing"})


@pytest.fixture
def hall(world: World) -> World:
    """The gateway, switched on for longer than a card may lie on a reader that is switched on."""
    if not world.is_running:
        for scale in world.scales.values():
            scale.division = Decimal("0.001")
        world.start()
        world.advance(3.0)
    return world


def drive_on(world: World, mass: str, line: str | None = None) -> None:
    world.put(q(mass), line, settle=2.0)


def drive_off(world: World, line: str | None = None) -> None:
    world.remove(line)
    world.advance(0.5)


def kept(world: World, card: str) -> Remembered | None:
    return world.loop.run(world.store.inner.recall(f"truck/{card}"))


@given(parsers.re(r"site\.yaml에 upload\.fields (?P<fields>\{.+\})가 있다"), converters={"fields": json.loads})
def _upload_fields(world: World, fields: dict[str, str]) -> None:
    world.server.upload_fields = fields


@given("저장소가 첫 무게를 남긴 뒤 1분 동안 대답하지 않는다")
def _late_remember(world: World) -> None:
    world.store.slow("remember", after=60.0)


@given("저장소가 기록을 저장한 뒤 1분 동안 대답하지 않는다")
def _late_record(world: World) -> None:
    world.store.slow("save_record", after=60.0)


@when("계량대가 g 단위로 표시한다")
def _grams(hall: World) -> None:
    hall.scale().unit, hall.scale().division = "g", Decimal(1)


@when(parsers.re(rf"{MASS} 트럭이 올라온다"))
def _drive_on(hall: World, mass: str) -> None:
    drive_on(hall, mass)


@when("트럭이 내려간다")
def _drive_off(hall: World) -> None:
    drive_off(hall)


@when(parsers.re(rf"\"(?P<card>\w+)\" 트럭이 {MASS}으로 올라와 카드를 댄다"))
def _drive_on_and_touch(hall: World, card: str, mass: str) -> None:
    drive_on(hall, mass)
    hall.card(card)
    hall.advance(7.0)


@when(parsers.re(rf"{AT}\"(?P<card>\w+)\" 트럭을 {MASS}으로 계량한다"))
def _weigh(hall: World, card: str, mass: str, line: str | None) -> None:
    drive_on(hall, mass, line)
    hall.card(card, line)
    hall.advance(7.0)
    drive_off(hall, line)


@when(parsers.re(r"정전이 (?P<hours>\d+)시간 이어진다"), converters={"hours": int})
def _long_power_cut(hall: World, hours: int) -> None:
    hall.restart(after=hours * 3600)
    hall.advance(3.0)


@when(parsers.re(r"다른 곳에서 \"(?P<card>\w+)\" 트럭의 첫 무게를 가져간다"))
def _taken_elsewhere(hall: World, card: str) -> None:
    hall.loop.run(hall.store.inner.forget(f"truck/{card}"))


@then(parsers.re(rf"\"(?P<card>\w+)\" 트럭의 순중량 {MASS}이 한 번 기록된다"))
def _net(hall: World, card: str, mass: str) -> None:
    [record] = records_of(hall, card=card)
    assert Quantity(record.weight, record.unit) == q(mass)


@then(
    parsers.re(rf"총중량은 {MASS}, 공차중량은 {MASS.replace('mass', 'tare')}이다"),
)
def _gross_and_tare(hall: World, mass: str, tare: str) -> None:
    record = only_record(hall)
    assert (record.extra["gross"], record.extra["tare"]) == (q(mass), q(tare))
    assert record.extra["first_at"] < record.measured_at  # type: ignore[operator]
    assert record.took == f"truck/{record.rfid_uid}"


@then(parsers.re(r"서버의 기록에 (?P<document>\{.+\})와 첫 계량의 시각이 있다"))
def _at_the_server(hall: World, document: str) -> None:
    [row] = hall.server.records
    first_at: Any = only_record(hall).extra["first_at"]
    assert row.extra == {**json.loads(document, parse_float=Decimal), "first": first_at.isoformat()}


@then(parsers.re(rf"\"(?P<card>\w+)\" 트럭의 첫 무게 {MASS}이 남아 있다"))
def _first_weight(hall: World, card: str, mass: str) -> None:
    found = kept(hall, card)
    assert found is not None
    assert found.fields["weight"] == q(mass)


@then("남아 있는 첫 무게가 없다")
def _nothing_kept(hall: World) -> None:
    assert kept(hall, only_record(hall).rfid_uid) is None


@then(parsers.re(r"\"(?P<card>\w+)\" 트럭의 첫 무게가 없다"))
def _nothing_kept_of(hall: World, card: str) -> None:
    assert kept(hall, card) is None


@then("저장은 모두 같은 번호로 시도했다")
def _same_uuid(hall: World) -> None:
    assert set(hall.store.saved) == {only_record(hall).uuid}
    assert len(hall.store.saved) > 3


# A power cut at every moment ------------------------------------------------------------------------------------------

MOMENTS = 30  # turns of the loop from the stable weight on: more than all that is stored and told takes


class Watched(list[Change]):
    """The world's history, watched: run the world until a state is entered, to the very turn of its loop."""

    def __init__(self, world: World) -> None:
        super().__init__(world.history)
        self.world = world
        self.awaited: tuple[str, asyncio.Future[None]] = ("", world.loop.create_future())

    def append(self, change: Change) -> None:
        super().append(change)
        state, entered = self.awaited
        if state in change.states and not entered.done():
            entered.set_result(None)

    def run_until(self, state: str) -> None:
        self.awaited = (state, self.world.loop.create_future())
        self.world.loop.run_until_complete(self.awaited[1])


def weigh_with_a_power_cut(world: World, mass: str, told: str, turns: int) -> bool:
    """A truck weighs; the power fails so many turns after its weight was stable. Who saw no light touches again.

    Whether the light had been seen before the power failed.
    """
    seen = len(world.signals)
    drive_on(world, mass)
    world.card("T1")
    assert isinstance(world.history, Watched)
    world.history.run_until("recalling")
    for _ in range(turns):
        world.loop.run(asyncio.sleep(0))
    was_told = len(world.signals) > seen
    world.restart(after=1.0)
    world.advance(3.0)
    for _ in range(3):
        if told in [signal.pattern for signal in world.signals[seen:]]:
            break
        world.card("T1")
        world.advance(7.0)
    drive_off(world)
    return was_told


def one_day(first: int, second: int) -> tuple[list[WeighingRecord], list[bool]]:
    with World(chart="truck-weighing", scale_hz=10.0, machine_settings={"upload": {"interval": "1 h"}}) as world:
        world.history = Watched(world)
        world.start()
        world.advance(3.0)
        told = [weigh_with_a_power_cut(world, "40000 kg", "held", first)]
        assert world.records == []
        told.append(weigh_with_a_power_cut(world, "15000 kg", "saved", second))
        assert kept(world, "T1") is None
        assert world.is_in("ready")
        return world.records, told


@pytest.mark.parametrize("turns", range(MOMENTS))
def test_a_power_cut_at_any_moment_leaves_one_record(turns: int) -> None:
    [record], told = one_day(turns, MOMENTS - turns)
    # The moments cover all of it: before anything is kept, until after it was told.
    assert told[0] or turns < MOMENTS // 2
    assert told[1] or turns > MOMENTS // 2
    assert turns > 2 or not told[0]
    assert (record.weight, record.unit) == (25000, "kg")
    assert record.extra["gross"] == q("40000 kg")
