"""Steps of terminal.feature alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hall_support import MASS, WORD, Plan, only_record
from pytest_bdd import given, parsers, scenarios, then, when

from engine.ports import Card
from engine.testing.terminal_world import TerminalWorld
from engine.testing.world import q
from parsers.suwol import KeyKind

scenarios("terminal.feature")

NUMBERS: dict[str, KeyKind] = {"차량": "vehicle", "거래처": "customer", "품목": "product"}


@pytest.fixture
def world(plan: Plan) -> Iterator[TerminalWorld]:
    plan.is_carried_out = True
    cards = plan.world.pop("cards", [])
    with TerminalWorld(settings=plan.settings, cards=cards, **plan.world) as world:
        yield world


@given(parsers.re(r"카드 목록에 (?P<stopped>정지된 )?\"(?P<uid>\w+)\" \"(?P<name>\S+)\" 카드가 있다"))
def _card(plan: Plan, uid: str, name: str, stopped: str | None) -> None:
    plan.change()
    plan.world.setdefault("cards", []).append(Card(uid, name, is_active=not stopped, kind="owner"))


@given("프린터에 종이가 없다")
def _no_paper(world: TerminalWorld) -> None:
    world.terminal().has_paper = False


@given("프린터가 멈춰 있다")
def _jammed(world: TerminalWorld) -> None:
    world.terminal().is_jammed = True


@when(parsers.re(rf"(?P<what>차량|거래처|품목) 번호 {WORD}[을를] 넣는다"))
def _type(hall: TerminalWorld, what: str, word: str) -> None:
    hall.press(NUMBERS[what], word)


@when("재출력 키를 누른다")
def _reprint(hall: TerminalWorld) -> None:
    hall.press("reprint")


@when("영수증을 찍기 시작한다")
def _printing(hall: TerminalWorld) -> None:
    hall.until(lambda: hall.is_in("printing"))


@when(parsers.re(rf"차트가 {MASS}을 보이라고 한다"))
def _show(hall: TerminalWorld, mass: str) -> None:
    hall._terminals.show("dock-1", q(mass), "")


@then(parsers.re(r"(?P<color>녹색|적색)등이 켜져 있다"))
def _lit(hall: TerminalWorld, color: str) -> None:
    terminal = hall.terminal()
    assert (terminal.is_green, terminal.is_red) == (color == "녹색", color == "적색")


@then(parsers.re(r"음성 (?P<number>\d+)번이 나왔다"), converters={"number": int})
def _said(hall: TerminalWorld, number: int) -> None:
    assert number in [voice for _, voice in hall.terminal().voices]


@then(parsers.re(rf"음성이 {WORD} 순서로 나왔다"))
def _said_in_order(hall: TerminalWorld, word: str) -> None:
    assert " ".join(str(voice) for _, voice in hall.terminal().voices) == word


@then(parsers.re(rf"화면에 무게 {WORD}이 보인다"))
def _shown(hall: TerminalWorld, word: str) -> None:
    assert hall.terminal().shown.weight == word


@then(
    parsers.re(r"팬은 (?P<fan>\d+)도, 히터는 (?P<heater>\d+)도로 정해져 있다"), converters={"fan": int, "heater": int}
)
def _climate(hall: TerminalWorld, fan: int, heater: int) -> None:
    assert hall.terminal().set_points == (fan, heater)


@then(parsers.re(r"영수증이 (?P<count>\d+)장 나왔다"), converters={"count": int})
def _receipts(hall: TerminalWorld, count: int) -> None:
    assert len(hall.terminal().receipts) == count


@then(parsers.re(rf"영수증에 {WORD} 글이 있다"))
def _printed(hall: TerminalWorld, word: str) -> None:
    assert word.encode("cp949") in hall.terminal().receipts[-1].data


@then("영수증의 QR 코드는 기록 번호다")
def _qr(hall: TerminalWorld) -> None:
    data = hall.terminal().receipts[-1].data
    uuid = only_record(hall).uuid.encode()
    assert b"\x1d(k" + bytes((len(uuid) + 3, 0)) + b"1P0" + uuid in data
    assert b"\x1dv0" not in data, "a raster would take the line for many seconds"


@then("영수증은 모두 같다")
def _same_receipts(hall: TerminalWorld) -> None:
    assert len({receipt.data for receipt in hall.terminal().receipts}) == 1


@then(parsers.re(r"기록에 차량 \"(?P<vehicle>\d+)\", 거래처 \"(?P<customer>\d+)\", 품목 \"(?P<product>\d+)\"가 있다"))
def _numbers(hall: TerminalWorld, vehicle: str, customer: str, product: str) -> None:
    extra = only_record(hall).extra
    assert (extra["vehicle"], extra["customer"], extra["product"]) == (vehicle, customer, product)
    assert (extra["name"], extra["kind"]) == ("김선장", "owner")


@then("거절되었다고 기록된다")
def _refused(hall: TerminalWorld) -> None:
    refusals = [entry for entry in hall.logs if entry["event"] == "terminal.order.refused"]
    assert ["does not fit" in str(entry["reason"]) for entry in refusals] == [True]
