"""What people see of a demo is aligned, whole and true, with Korean titles of double width."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from engine.ports import StoreCounts
from engine.service.gateway import GatewayStatus, LineStatus, MachineStatus
from engine.sim.audit import LocalRow, audit
from engine.sim.backend import RecordRow
from engine.sim.boxes import Box
from engine.sim.demo_view import LiveView, PlainView, Result, Scene, make_view, screen, summary
from engine.units import Quantity

STATUS = GatewayStatus(
    machines=(
        MachineStatus("registration", "registration", "게이트웨이 등록", ("waiting",), "승인 대기"),
        MachineStatus("dock-1", "weighing", "계량", ("measuring",), "계량 중"),
        MachineStatus("dock-2", "weighing", "계량", ("occupied",), "저울 비우기 대기"),
    ),
    lines=(LineStatus("dock-1", Quantity("12.340", "kg")), LineStatus("dock-2", None)),
)
SCENE = Scene(
    elapsed=12.3,
    server_url="http://127.0.0.1:40000",
    is_online=False,
    status=STATUS,
    counts=StoreCounts(total=5, sent=3, waiting=2, rejected=0),
    server_records=4,
    stream_messages=17,
    boxes_placed=6,
    boxes_done=5,
    boxes=8,
)
BOX = Box("dock-1", 1, "0100000001", Decimal("4.900"))


def drawn(renderable: object, width: int = 100) -> list[str]:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def result(local: list[LocalRow], problems: list[str] | None = None) -> Result:
    report = audit([BOX], local, [])
    return Result(
        audit=report,
        problems=[*(problems or []), *report.problems],
        boxes=1,
        lines=1,
        seed=7,
        offline=10.0,
        elapsed=30.0,
        stopped_in=0.1,
        stream_messages=3,
    )


def test_the_live_screen_is_a_rectangle_of_constant_height() -> None:
    view = LiveView(Console(file=io.StringIO()))
    heights = set()
    for number in range(9):
        lines = drawn(screen(SCENE, list(view._news), height=40))
        assert {cell_len(line) for line in lines} == {100}
        heights.add(len(lines))
        view.tell(
            1.5 * number, "weighing.record.committed", {"card": "0100000001", "weight": "4.900 kg", "long": "가" * 90}
        )
    assert len(heights) == 1


@pytest.mark.parametrize(("height", "news"), [(19, 6), (17, 4), (13, 0), (5, 0)])
def test_a_low_terminal_shows_fewer_events_and_all_machines(height: int, news: int) -> None:
    lines = drawn(screen(SCENE, [Text(f"event {number}") for number in range(6)], height))
    assert sum("event" in line for line in lines) == news
    assert len(lines) < max(height, 13)
    assert any("저울 비우기 대기" in line for line in lines)
    assert any("boxes 5/8" in line for line in lines)


def test_the_live_screen_shows_machines_weights_records_and_progress() -> None:
    text = "\n".join(drawn(screen(SCENE, [], height=40)))
    for shown in ("승인 대기", "measuring", "12.340 kg", "---", "offline", "boxes 5/8"):
        assert shown in text
    assert "records here 5   sent 3   outbox 2   at the server 4   stream messages 17" in text


def test_without_a_terminal_each_event_is_one_line() -> None:
    console = Console(file=io.StringIO(), width=40)
    view = make_view(console)
    assert isinstance(view, PlainView)
    values = {"card": "0100000001", "weight": "4.900 kg", "uuid": "12345678-9abc", "event": "x", "level": "info"}
    view.tell(1.234, "weighing.record.committed", values)
    view.tell(2.0, "hall.server.came_online", {})
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines() == [
        '  1.23 s  weighing.record.committed   card=0100000001 weight="4.900 kg" uuid=12345678',
        "  2.00 s  hall.server.came_online   ",
    ]


def test_a_terminal_gets_the_live_screen_and_a_dumb_one_does_not() -> None:
    assert isinstance(make_view(Console(file=io.StringIO(), force_terminal=True, _environ={"TERM": "xterm"})), LiveView)
    assert isinstance(make_view(Console(file=io.StringIO(), force_terminal=True, _environ={"TERM": "dumb"})), PlainView)


def test_the_summary_of_a_failure_names_the_box_and_where_to_look() -> None:
    text = "\n".join(drawn(summary(result([], ["the gateway did not open its stream"]), Path("/somewhere"))))
    assert "WRONG" in text
    assert "box 1 on dock-1 (card 0100000001, 4.900 kg): missing here" in text
    assert "the gateway did not open its stream" in text
    assert "/somewhere" in text
    assert "FAILED: 3 problems" in text
    assert "OK:" not in text


def test_the_summary_counts_right_boxes_past_the_first_forty() -> None:
    boxes = [Box("dock-1", n, f"01{n:08X}", Decimal("4.900")) for n in range(1, 61)]
    here = [LocalRow(box.card, box.card, box.weight, "dock-1", is_sent=True) for box in boxes[:-1]]
    now = datetime(2026, 1, 1, tzinfo=UTC)
    there = [RecordRow(box.card, box.card, box.weight, now, "", now, 0.0) for box in boxes]
    report = audit(boxes, here, there)
    text = "\n".join(drawn(summary(replace(result([]), audit=report, problems=report.problems), None)))
    assert "19 more" in text
    assert text.count("WRONG") == 1
    assert "FAILED: 1 problem" in text


def test_the_summary_of_a_success_says_how_many_boxes() -> None:
    good = replace(result([]), problems=[])
    assert "OK: 1 box, each recorded once here and once at the server" in "\n".join(drawn(summary(good, None)))
