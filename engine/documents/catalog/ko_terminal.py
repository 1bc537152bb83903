"""Korean: what can be wrong with an unmanned terminal."""

from __future__ import annotations

from typing import Final

from engine.documents.catalog.entry import Entry

ENTRIES: Final[dict[str, Entry]] = {
    "terminal-poll-range": Entry(
        "무인 단말기는 100~200 ms마다 폴링합니다. {value}{value:은/는} 안 됩니다",
        "9600 baud에서 한 번 주고받는 데 88.5 ms가 걸리고, 카드는 단말기에서 한 번의 폴링만 기다립니다.",
        "poll: 150 ms로 쓰거나 지우세요",
    ),
}
