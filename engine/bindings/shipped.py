"""The guards, actions and services that ship with the engine: their declarations, and the guards' meaning."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from engine.bindings.registry import Help, Parameter, Registry
from engine.bindings.station import register_station
from engine.bindings.terminal import register_terminal
from engine.bindings.types import DURATION, FLAG, INT, LIST, MAP, MASS, TEXT, TIME, UUID, WINDOW, ValueType
from engine.bindings.window import Window
from engine.units import Quantity

SIGNAL_PATTERNS: Final = ("saved", "gave_up", "unknown_card", "failed", "held", "replaced")

# Two clocks' roundings apart: far below what any scale's interval means.
_TIME_ROUNDING_S: Final = 1e-6


def window_is_stable(
    window: Window,
    for_: float,
    within: Quantity,
    at_least: Quantity,
    max_gap: float,
    min_readings: int,
) -> bool:
    """Whether the newest readings were steady for ``for_`` seconds (FR-03).

    Looks back from the newest reading over an unbroken run: every reading has a weight of at least ``at_least``, none
    says motion or overload, no two neighbours are further apart than ``max_gap`` seconds, and the largest and the
    smallest differ by at most ``within``. True when such a run of ``min_readings`` or more covers ``for_`` seconds.
    """
    newest = window.newest
    if newest is None or newest.weight is None or newest.weight < at_least:
        return False
    low = high = newest.weight.base
    previous = newest.at
    for count, sample in enumerate(window.newest_first(), start=1):
        weight = sample.weight
        if weight is None or sample.is_stable is False or sample.status != "ok":
            return False
        if previous - sample.at > max_gap + _TIME_ROUNDING_S:
            return False
        base = weight.base
        low, high = min(low, base), max(high, base)
        if high - low > within.base or base < at_least.base:
            return False
        previous = sample.at
        if count >= min_readings and newest.at - sample.at >= for_ - _TIME_ROUNDING_S:
            return True
    return False


def _register_guards(registry: Registry) -> None:
    registry.guard(
        "window_is_stable",
        MappingProxyType(
            {
                "window": Parameter(WINDOW, help=Help("the readings to look at", "살펴볼 측정값들")),
                "for": Parameter(DURATION, help=Help("how long it must have been steady", "얼마 동안 일정해야 하는지")),
                "within": Parameter(MASS, help=Help("largest minus smallest at most", "최댓값과 최솟값의 차이 한도")),
                "at_least": Parameter(MASS, help=Help("lighter loads never count", "이보다 가벼우면 세지 않는다")),
                "max_gap": Parameter(DURATION, 0.5, Help("longest silence between readings", "측정값 사이 최대 간격")),
                "min_readings": Parameter(INT, 3, Help("fewest readings", "최소 측정 횟수")),
            }
        ),
        help=Help(
            "The load was steady: no motion, no overload, no gap, within the tolerance, for long enough.",
            "무게가 안정되었다: 흔들림, 과부하, 끊김 없이 허용 폭 안에서 충분히 오래 유지되었다.",
        ),
    )(window_is_stable)


def _register_actions(registry: Registry) -> None:
    registry.action(
        "signal.show",
        MappingProxyType(
            {"pattern": Parameter(ValueType("choice", SIGNAL_PATTERNS), help=Help("what to tell", "알릴 내용"))}
        ),
        help=Help("Show a pattern on the line's light or buzzer.", "라인의 경광등이나 부저로 알린다."),
        source=__name__,
    )
    registry.action(
        "stream.send_latest",
        help=Help(
            "Send the newest weight of every line that has a new one.", "새 무게가 있는 라인마다 최신 무게를 보낸다."
        ),
        source=__name__,
    )


_UNREACHABLE: Final = MappingProxyType({"reason": TEXT, "retry_after": DURATION})


def _register_store(registry: Registry) -> None:
    registry.service(
        "store.load_gateway",
        "store",
        outcomes={"registered": {}, "unregistered": {"approved_before": FLAG}},
        is_repeatable=True,
        help=Help("Look for a valid token in the local database.", "로컬 DB에서 유효한 토큰을 찾는다."),
        source=__name__,
    )
    registry.service(
        "store.save_token",
        "store",
        outcomes={"saved": {}},
        is_repeatable=True,
        help=Help("Keep the token that the server has just given.", "서버가 방금 준 토큰을 저장한다."),
        source=__name__,
    )
    registry.service(
        "store.forget_token",
        "store",
        MappingProxyType({"reason": Parameter(TEXT, "", Help("why, for the log", "이유(기록용)"))}),
        outcomes={"done": {}},
        is_repeatable=True,
        help=Help("Drop the local token; weighing records stay.", "로컬 토큰을 지운다. 계량 기록은 남는다."),
        source=__name__,
    )
    registry.service(
        "store.save_record",
        "store",
        MappingProxyType(
            {
                "id": Parameter(
                    UUID, help=Help("minted once, so that a repeat is the same record", "한 번만 만든 고유 번호")
                ),
                "rfid_uid": Parameter(TEXT, help=Help("the card", "카드 번호")),
                "weight": Parameter(MASS, help=Help("as displayed", "표시된 무게")),
                "measured_at": Parameter(TIME, help=Help("when it was found stable", "안정된 시각")),
                "frame": Parameter(TEXT, "", Help("the scale's own bytes, in hex", "저울이 보낸 바이트(16진)")),
                "extra": Parameter(MAP, {}, Help("what is kept beside the weight", "무게와 함께 남길 값들")),
                "take": Parameter(
                    TEXT,
                    None,
                    Help(
                        "the key of a remembered row, used up in the same commit; without it nothing is committed",
                        "같은 저장에서 써 버릴 기억의 키. 그 기억이 없으면 아무것도 저장하지 않는다",
                    ),
                ),
            }
        ),
        outcomes={"saved": {}, "full": {"reason": TEXT}, "missing": {}},
        only_with={"missing": "take"},
        is_repeatable=True,  # the same uuid is the same record
        help=Help("Commit a weighing record durably.", "계량 기록을 확실히 저장한다."),
        source=__name__,
    )
    registry.service(
        "store.last_record",
        "store",
        outcomes={"found": {"rfid_uid": TEXT, "weight": MASS, "measured_at": TIME}, "none": {}},
        is_repeatable=True,
        help=Help("The newest record of this line.", "이 라인의 가장 최근 기록."),
        source=__name__,
    )
    registry.service(
        "store.pending_records",
        "store",
        MappingProxyType({"limit": Parameter(INT, 8, Help("at most so many", "최대 개수"))}),
        outcomes={"found": {"records": LIST}, "none": {}},
        is_repeatable=True,
        help=Help("The oldest records not yet delivered.", "아직 보내지 않은 가장 오래된 기록들."),
        source=__name__,
    )
    registry.service(
        "store.save_deliveries",
        "store",
        MappingProxyType({"deliveries": Parameter(LIST, help=Help("what came of each", "기록마다의 결과"))}),
        outcomes={"saved": {}},
        is_repeatable=True,
        help=Help("Note which records were delivered, parked or must be tried again.", "전송 결과를 기록한다."),
        source=__name__,
    )


_KEY: Final = Parameter(
    TEXT,
    help=Help(
        "one name for all lines, such as 'truck/${data.uid}'", "모든 라인이 함께 쓰는 이름, 'truck/${data.uid}'처럼"
    ),
)


def _register_remembered(registry: Registry) -> None:
    registry.service(
        "store.remember",
        "store",
        MappingProxyType(
            {
                "key": _KEY,
                "fields": Parameter(
                    MAP,
                    help=Help(
                        "texts, flags, numbers, durations, masses and times by name",
                        "이름 붙인 값들: 글, 예/아니오, 수, 시간, 무게, 시각",
                    ),
                ),
                "expires": Parameter(
                    DURATION, None, Help("gone after this; without it, never", "이만큼 지나면 사라진다")
                ),
            }
        ),
        outcomes={"saved": {}},
        is_repeatable=True,  # the same key holds the same
        help=Help(
            "Keep values under a key, in place of what was there; they outlive machine and restart.",
            "값들을 키 아래에 남긴다. 있던 것은 바뀐다. 머신이나 재시작과 상관없이 남는다.",
        ),
        source=__name__,
    )
    registry.service(
        "store.recall",
        "store",
        MappingProxyType({"key": _KEY}),
        outcomes={"found": {"fields": MAP, "saved_at": TIME}, "absent": {}},
        is_repeatable=True,
        help=Help(
            "What is kept under a key, unless it has expired.", "키 아래에 남아 있는 값들. 기한이 지났으면 없다."
        ),
        source=__name__,
    )
    registry.service(
        "store.forget",
        "store",
        MappingProxyType({"key": _KEY}),
        outcomes={"done": {}},
        is_repeatable=True,
        help=Help("Keep nothing under a key any more.", "키 아래에 남긴 것을 지운다."),
        source=__name__,
    )


def _register_cards(registry: Registry) -> None:
    registry.service(
        "cards.lookup",
        "store",
        MappingProxyType(
            {"uid": Parameter(TEXT, help=Help("the card, as its reader gave it", "리더가 읽은 카드 번호"))}
        ),
        outcomes={"known": {"name": TEXT, "kind": TEXT, "extra": MAP}, "unknown": {}, "inactive": {"name": TEXT}},
        is_repeatable=True,
        help=Help(
            "Look a card up in the local card table (engine cards import).",
            "로컬 카드 목록(engine cards import)에서 카드를 찾는다.",
        ),
        source=__name__,
    )
    registry.service(
        "cards.refresh",
        "network",
        outcomes={
            "refreshed": {"added": INT, "changed": INT},
            "unsupported": {"reason": TEXT},
            "unreachable": _UNREACHABLE,
        },
        is_repeatable=True,
        help=Help(
            "Take the server's cards into the local table, where site.yaml says cards.url.",
            "site.yaml에 cards.url이 있으면 서버의 카드를 로컬 목록에 받아 온다.",
        ),
        source=__name__,
    )


def _register_server(registry: Registry) -> None:
    registry.service(
        "server.find_gateway",
        "network",
        outcomes={
            "approved": {"status": TEXT},
            "pending": {"status": TEXT},
            "missing": {},
            "unreachable": _UNREACHABLE,
        },
        is_repeatable=True,
        help=Help("Ask the server what it knows of this gateway.", "서버에 이 게이트웨이의 상태를 묻는다."),
        source=__name__,
    )
    registry.service(
        "server.register_gateway",
        "network",
        outcomes={"registered": {}, "refused": {"reason": TEXT}, "unreachable": _UNREACHABLE},
        is_repeatable=True,
        help=Help("Ask the server to register this gateway.", "서버에 등록을 요청한다."),
        source=__name__,
    )
    registry.service(
        "server.send_heartbeat",
        "network",
        outcomes={"alive": {}, "refused": {"reason": TEXT}, "unreachable": _UNREACHABLE},
        is_repeatable=True,
        help=Help("Tell the server that this gateway is alive.", "서버에 생존 신호를 보낸다."),
        source=__name__,
    )
    registry.service(
        "server.post_records",
        "network",
        MappingProxyType({"records": Parameter(LIST, help=Help("as store.pending_records gave them", "보낼 기록들"))}),
        outcomes={
            "posted": {
                "deliveries": LIST,
                "delivered": INT,
                "failed": INT,
                "unauthorized": FLAG,
                "retry_after": DURATION,
                "reason": TEXT,
            }
        },
        is_repeatable=True,  # uuids make a repeat harmless
        help=Help("Post records, a few at a time, and tell what came of each.", "기록을 보내고 각각의 결과를 알린다."),
        source=__name__,
    )
    registry.service(
        "stream.session",
        "network",
        outcomes={"closed": _UNREACHABLE, "unauthorized": {"reason": TEXT}},
        is_repeatable=True,
        events=("stream.opened", "stream.start", "stream.stop"),
        help=Help("Hold the WebSocket to the server open.", "서버와의 웹소켓을 유지한다."),
        source=__name__,
    )


def shipped_registry() -> Registry:
    """A new registry with everything that ships."""
    registry = Registry()
    _register_guards(registry)
    _register_actions(registry)
    _register_store(registry)
    _register_remembered(registry)
    _register_cards(registry)
    _register_server(registry)
    register_terminal(registry)
    register_station(registry)
    return registry
