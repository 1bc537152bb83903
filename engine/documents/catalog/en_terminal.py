"""English: what can be wrong with an unmanned terminal."""

from __future__ import annotations

from typing import Final

from engine.documents.catalog.entry import Entry

ENTRIES: Final[dict[str, Entry]] = {
    "terminal-poll-range": Entry(
        "a terminal is polled every 100 to 200 ms, not every {value}",
        "One exchange takes 88.5 ms at 9600 baud, and a card waits in the terminal for one poll only.",
        "write poll: 150 ms, or leave it out",
    ),
}
