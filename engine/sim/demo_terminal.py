"""What a demo of unmanned terminals has beside the others: a card table, and a receipt for every box."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from engine.clock import SystemClock
from engine.ports import Card
from engine.sim.boxes import Box
from engine.sim.terminal import SimulatedTerminal
from engine.store import open_store

TERMINAL_CHART: Final = "terminal-weighing"
_STORE: Final = "sqlite:///ledger.sqlite"  # as the hall's site.yaml names it


async def write_cards(folder: Path, cards: Sequence[str]) -> None:
    """Make the cards known, as ``engine cards import`` does, before the service starts."""
    known = [Card(card, f"{number}호", kind="owner") for number, card in enumerate(cards, start=1)]
    async with await open_store(_STORE, base_dir=folder, clock=SystemClock()) as store:
        await store.save_cards(known)


def receipt_problems(boxes: Sequence[Box], terminals: Sequence[SimulatedTerminal]) -> Iterator[str]:
    """Whatever box has not one receipt, with its card and its weight."""
    if not terminals:
        return
    receipts = [receipt.data for terminal in terminals for receipt in terminal.receipts]
    for box in boxes:
        own = [receipt for receipt in receipts if box.card.encode() in receipt]
        if len(own) != 1:
            yield f"{box}: {len(own)} receipts instead of one"
        elif f"{box.weight} kg".encode() not in own[0]:
            yield f"{box}: its receipt has another weight"
    if len(receipts) > len(boxes):
        yield f"{len(receipts)} receipts for {len(boxes)} boxes"
