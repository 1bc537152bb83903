"""``engine demo --chart terminal-weighing``: the real service polls simulated terminals; each box has its receipt."""

from __future__ import annotations

import os
import subprocess
import sys
from decimal import Decimal

from engine.devices.terminal.receipt import receipt
from engine.sim.boxes import Box
from engine.sim.demo import CHARTS
from engine.sim.demo_terminal import receipt_problems
from engine.sim.hall import Hall
from engine.sim.terminal import Receipt, SimulatedTerminal
from parsers.suwol_device import weight_field

WITHIN_S = 90.0


def test_a_box_is_weighed_recorded_and_has_its_receipt():
    ended = subprocess.run(
        [sys.executable, "-m", "engine", "demo", "--chart", CHARTS[1], "--boxes", "1"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1", "COLUMNS": "200"},
        timeout=WITHIN_S,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout
    assert ended.stdout.splitlines()[-1].startswith("OK: 1 box")
    told = [line.split()[2] for line in ended.stdout.splitlines() if line.split()[1:2] == ["s"]]
    committed, printed = told.index("weighing.record.committed"), told.index("terminal.printer.answered")
    assert committed < printed, "the receipt comes after the record"


def test_the_cards_of_a_hall_are_known_before_its_boxes_are_made():
    hall = Hall(lines=2, seed=7, has_terminals=True)
    known = hall.cards(3)
    made = [hall._box_maker(number) for number in (1, 2)]
    assert known == [maker.make()[0].card for maker in made for _ in range(3)]
    assert {len(card) for card in known} == {8}


def test_a_box_without_its_receipt_is_told():
    box = Box("dock-1", 1, "01A2B3C4", Decimal("6.210"))
    terminal = SimulatedTerminal(lambda _at: weight_field(None, is_stable=False))
    assert list(receipt_problems([box], [])) == [], "a hall without terminals prints nothing"
    assert list(receipt_problems([box], [terminal])) == [f"{box}: 0 receipts instead of one"]
    terminal.receipts = [Receipt(receipt(["01A2B3C4", "6.200 kg"]), 0.0)]
    assert list(receipt_problems([box], [terminal])) == [f"{box}: its receipt has another weight"]
    terminal.receipts = [Receipt(receipt(["01A2B3C4", "6.210 kg"]), 0.0)]
    assert list(receipt_problems([box], [terminal])) == []
