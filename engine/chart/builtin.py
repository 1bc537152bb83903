"""The actions that are part of the language itself: their arguments, and what they do."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from engine.bindings.registry import ActionSpec, Help, Parameter, Parameters
from engine.bindings.types import ANY, DURATION, LIST, MAP, TEXT, WINDOW, ValueType

_LEVELS: Final = ("debug", "info", "warning", "error")
_WITH: Final = Parameter(MAP, {}, Help("what the event carries", "이벤트에 담을 값"))

ASSIGN: Final[Parameters] = {"data": Parameter(MAP, help=Help("data variables and their new values", "데이터와 새 값"))}
CANCEL: Final[Parameters] = {"id": Parameter(TEXT, help=Help("the id it was sent with", "보낼 때 준 id"))}
CHOOSE: Final[Parameters] = {
    "branches": Parameter(
        LIST,
        help=Help("tried in order; one without 'when' and 'guard' is the else", "차례로 살핀다. 조건 없는 것이 나머지"),
    )
}
LOG: Final[Parameters] = {
    "message": Parameter(ANY, help=Help("what to write, with ${...} filled in", "남길 말. ${...}는 채워진다")),
    "level": Parameter(ValueType("choice", _LEVELS), "info", Help("how much it matters", "얼마나 중요한지")),
}
RAISE: Final[Parameters] = {
    "event": Parameter(TEXT, help=Help("its name", "이벤트 이름")),
    "with": _WITH,
}
SEND: Final[Parameters] = {
    "event": Parameter(TEXT, help=Help("its name", "이벤트 이름")),
    "to": Parameter(
        TEXT,
        "self",
        Help(
            "a line's name, registration, upload, streaming, lines, everyone or self",
            "라인 이름, registration, upload, streaming, lines, everyone, self",
        ),
    ),
    "with": _WITH,
    "delay": Parameter(DURATION, None, Help("how much later it is sent", "얼마 뒤에 보낼지")),
    "id": Parameter(TEXT, None, Help("a name to cancel it by while it is delayed", "미루는 동안 취소할 때 쓸 이름")),
}
_WINDOW: Final[Parameters] = {
    "window": Parameter(WINDOW, help=Help("a data variable of type window", "window 종류의 데이터"))
}


def _spec(name: str, parameters: Parameters, english: str, korean: str) -> ActionSpec:
    return ActionSpec(name, parameters, Help(english, korean), __name__)


BUILT_IN_ACTIONS: Final[Mapping[str, ActionSpec]] = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            _spec("assign", ASSIGN, "Give data variables new values.", "데이터에 새 값을 넣는다."),
            _spec("cancel", CANCEL, "Take back a delayed event.", "미뤄 둔 이벤트를 취소한다."),
            _spec("choose", CHOOSE, "Do the actions of the first branch that fits.", "처음 맞는 갈래의 동작을 한다."),
            _spec("log", LOG, "Write a line into the log.", "로그에 한 줄을 남긴다."),
            _spec("raise", RAISE, "Send this machine an event, handled at once.", "자신에게 이벤트를 곧바로 보낸다."),
            _spec("send", SEND, "Send a machine an event, at once or later.", "기계에 이벤트를 보낸다. 나중에도."),
            _spec("window.add", _WINDOW, "Remember the reading that has come.", "방금 온 측정값을 기억한다."),
            _spec("window.clear", _WINDOW, "Forget the readings.", "측정값을 모두 잊는다."),
        )
    }
)
