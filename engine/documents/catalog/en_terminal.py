"""English: what can be wrong with an unmanned terminal."""

from __future__ import annotations

from typing import Final

from engine.documents.catalog.entry import Entry

ENTRIES: Final[dict[str, Entry]] = {
    "terminal-needed": Entry(
        "the chart gives orders to a terminal ({order}), and this line has none",
        "Display, lights, voice, climate and receipts are those of the line's SUWOL-1000 terminal. Without one, orders "
        "go nowhere, and printing fails.",
        "give the line a device with protocol: suwol-1000, or take a chart without a terminal, such as weighing",
    ),
    "terminal-poll-range": Entry(
        "a terminal is polled every 100 to 200 ms, not every {value}",
        "One exchange takes 88.5 ms at 9600 baud, and a card waits in the terminal for one poll only.",
        "write poll: 150 ms, or leave it out",
    ),
}
