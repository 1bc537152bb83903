"""한국어: station.yaml에서 잘못될 수 있는 것."""

from __future__ import annotations

from typing import Final

from engine.documents.catalog.entry import Entry

ENTRIES: Final[dict[str, Entry]] = {
    "duplicate-batch": Entry(
        "'{batch}'라는 배치가 또 있습니다",
        "결과와 메시지는 배치를 id로 구별합니다. 배치마다 id가 달라야 합니다.",
        "둘 중 하나의 id를 바꾸세요",
    ),
    "host-without-auth": Entry(
        "'{host}'에는 다른 컴퓨터도 접속할 수 있는데 'auth'가 켜져 있지 않습니다",
        "API에 닿는 사람은 장비를 움직일 수 있습니다. 열쇠 없이 쓸 수 있는 것은 이 컴퓨터뿐입니다.",
        "server에 'auth: {{enabled: true}}'를 넣거나 'host: 127.0.0.1'로 쓰세요",
    ),
    "batch-without-work": Entry(
        "이 배치는 할 일이 없습니다",
        "배치는 시퀀스를 실행하거나 게이트웨이의 라인입니다.",
        "'sequencePackage: 이름'을 넣거나 'chart: weighing'과 'devices'를 넣으세요",
    ),
    "batch-key-misplaced": Entry(
        "'{key}'{key:은/는} '{other}'{other:와/과} 함께 쓸 수 없습니다",
        "배치는 장비로 시퀀스를 실행하거나 차트와 장치를 가진 라인입니다. 둘 다일 수는 없습니다.",
        "'{key}', '{other}' 가운데 하나를 지우세요",
    ),
    "line-without-gateway": Entry(
        "이 배치는 라인인데 스테이션에 'gateway'가 없습니다",
        "라인의 기록은 'gateway'에 적힌 서버로 갑니다.",
        "파일에 'gateway: {{server: {{url: ...}}}}'를 넣으세요",
    ),
    "bad-fault": Entry(
        "'{fault}'{fault:은/는} 결함이 아닙니다: {detail}",
        "결함은 어느 장비의 어느 명령에 무슨 일이 일어나는지를 적습니다.",
        "'psu.on=exception'이나 'dmm.read=drift:0.05%10'처럼 쓰세요",
    ),
    "faults-not-simulated": Entry(
        "결함은 모의 장비에만 넣을 수 있습니다",
        "실제 장비에 일부러 문제를 일으키지 않습니다.",
        "배치에 'simulate: true'를 넣거나 결함을 지우세요",
    ),
    "broken-sequence": Entry(
        "시퀀스 '{name}'{name:은/는} 실행할 수 없습니다. {place}에 오류가 있습니다",
        "배치에는 오류 없는 시퀀스가 있어야 합니다.",
        "'engine validate'로 시퀀스를 따로 검사하세요",
    ),
}
