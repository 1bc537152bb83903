"""Korean: what can be wrong with an unmanned terminal."""

from __future__ import annotations

from typing import Final

from engine.documents.catalog.entry import Entry

ENTRIES: Final[dict[str, Entry]] = {
    "terminal-needed": Entry(
        "차트는 단말기에 시키는데({order}) 이 라인에는 단말기가 없습니다",
        "화면, 등, 음성, 온도, 영수증은 그 라인의 SUWOL-1000 단말기 것입니다. 단말기가 없으면 시킨 것은 사라지고 "
        "인쇄는 실패합니다.",
        "라인에 protocol: suwol-1000인 장치를 두거나, weighing처럼 단말기가 없는 차트를 쓰세요",
    ),
    "terminal-poll-range": Entry(
        "무인 단말기는 100~200 ms마다 폴링합니다. {value}{value:은/는} 안 됩니다",
        "9600 baud에서 한 번 주고받는 데 88.5 ms가 걸리고, 카드는 단말기에서 한 번의 폴링만 기다립니다.",
        "poll: 150 ms로 쓰거나 지우세요",
    ),
}
