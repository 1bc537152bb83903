"""The catalogue of everything a chart may name, as Markdown, in English or Korean."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final

from engine.bindings.registry import Help, Parameter, Parameters, Payload, Registry, ServiceSpec
from engine.bindings.types import ValueType
from engine.chart.builtin import BUILT_IN_ACTIONS
from engine.chart.expr_calls import FUNCTIONS
from engine.documents.language import Language
from engine.units import MASS_UNITS

_WORDS: Final[Mapping[str, Help]] = {
    "title": Help("What a chart may name", "차트에서 쓸 수 있는 것"),
    "guards": Help("Guards", "가드"),
    "guards-use": Help(
        "In `guard:`, alone or inside `all:`, `any:` and `not:`.",
        "`guard:`에, 또는 그 안의 `all:`, `any:`, `not:`에 쓴다.",
    ),
    "actions": Help("Actions", "동작"),
    "actions-use": Help(
        "In `entry:`, `exit:` and `actions:`; nothing waits for them.",
        "`entry:`, `exit:`, `actions:`에 쓴다. 기다리지 않는다.",
    ),
    "services": Help("Services", "서비스"),
    "services-use": Help(
        "In `invoke:`; each outcome is handled in its `on:`, `error` and `timeout` always among them.",
        "`invoke:`에 쓴다. 결과마다 `on:`에서 처리하며 `error`와 `timeout`은 언제나 있다.",
    ),
    "functions": Help("Functions of expressions", "식의 함수"),
    "argument": Help("Argument", "인자"),
    "type": Help("Type", "자료형"),
    "default": Help("Default", "기본값"),
    "meaning": Help("Meaning", "뜻"),
    "outcome": Help("Outcome", "결과"),
    "fields": Help("Fields of `event`", "`event`의 값"),
    "only-with": Help("only with", "이 인자를 줄 때만:"),
    "needed": Help("needed", "필수"),
    "repeatable": Help("May be repeated after a restart.", "재시작 뒤에 다시 해도 된다."),
    "events": Help("Sends while it runs", "도는 동안 보내는 이벤트"),
    "kind": Help("Asks", "묻는 곳"),
    "source": Help("From", "출처"),
}  # fmt: skip
_KINDS: Final[Mapping[str, Help]] = {
    "store": Help("the local database", "로컬 데이터베이스"),
    "network": Help("the server", "서버"),
    "hardware": Help("a device", "장치"),
    "process": Help("this process", "이 프로세스"),
}
_FUNCTIONS: Final[Mapping[str, Help]] = {
    "In": Help("Whether a state is active.", "그 상태에 있는지."),
    "q": Help("A mass or a duration, written out.", "무게나 시간을 그대로 쓴 값."),
    "format": Help("A value as text, rounded as the pattern shows.", "패턴에 맞게 반올림한 글."),
    "backoff": Help(
        "How long to wait before the next attempt: longer each time, up to max, partly random.",
        "다음 시도까지 기다릴 시간. 갈수록 길어지고 max를 넘지 않으며 일부는 무작위.",
    ),
    "min": Help("The smallest.", "가장 작은 것."),
    "max": Help("The largest.", "가장 큰 것."),
    "abs": Help("Without its sign.", "부호를 뗀 값."),
    "round": Help("Rounded, half to even.", "반올림(짝수 쪽)."),
    "len": Help("How many there are.", "개수."),
    "new_id": Help(
        "A fresh uuid; keep it in data, so that a repeat is the same.", "새 uuid. data에 두어야 다시 해도 같다."
    ),
    "now": Help("The calendar time of this event.", "이 이벤트의 시각."),
}  # fmt: skip
_UNITS: Final = {"duration": "ms, s, min, h, d", "mass": ", ".join(sorted(MASS_UNITS))}


def bindings_catalogue(registry: Registry, language: Language) -> str:
    """The whole catalogue."""
    return "\n".join(_Writer(registry, language).lines()) + "\n"


class _Writer:
    def __init__(self, registry: Registry, language: Language) -> None:
        self.registry = registry
        self.language = language

    def lines(self) -> Iterator[str]:
        """Every line of the catalogue."""
        yield f"# {self._word('title')}"
        yield from self._section("guards")
        for guard in self.registry.guards.values():
            yield from self._entry(guard.name, guard.help, guard.parameters, guard.source)
        yield from self._section("actions")
        for action in [*BUILT_IN_ACTIONS.values(), *self.registry.actions.values()]:
            yield from self._entry(action.name, action.help, action.parameters, action.source)
        yield from self._section("services")
        for service in self.registry.services.values():
            yield from self._entry(service.name, service.help, service.parameters, service.source)
            yield from self._service(service)
        yield from ("", f"## {self._word('functions')}", "")
        for name, function in FUNCTIONS.items():
            yield f"- `{function.usage}`: {self._say(_FUNCTIONS[name])}"

    def _section(self, name: str) -> Iterator[str]:
        yield from ("", f"## {self._word(name)}", "", self._word(f"{name}-use"))

    def _entry(self, name: str, text: Help, parameters: Parameters, source: str) -> Iterator[str]:
        yield from ("", f"### `{name}`", "", self._say(text))
        if not source.startswith("engine."):
            yield from ("", f"{self._word('source')}: {source}")
        if parameters:
            columns = ("argument", "type", "default", "meaning")
            yield from ("", *self._head(*columns))
            yield from (self._row(f"`{n}`", *self._argument(p)) for n, p in parameters.items())

    def _argument(self, parameter: Parameter) -> tuple[str, str, str]:
        default = self._word("needed") if parameter.is_required else _shown(parameter)
        return _type(parameter.type), default, self._say(parameter.help)

    def _service(self, service: ServiceSpec) -> Iterator[str]:
        yield from ("", f"{self._word('kind')}: {self._say(_KINDS[service.kind])}.")
        if service.is_repeatable:
            yield self._word("repeatable")
        if service.events:
            yield f"{self._word('events')}: {', '.join(f'`{event}`' for event in service.events)}."
        yield from ("", *self._head("outcome", "fields"))
        for name, payload in service.outcomes.items():
            condition = service.only_with.get(name)
            shown = f"`{name}`" if condition is None else f"`{name}` ({self._word('only-with')} `{condition}`)"
            yield self._row(shown, _payload(payload))

    def _head(self, *names: str) -> tuple[str, str]:
        return self._row(*map(self._word, names)), "|" + " --- |" * len(names)

    @staticmethod
    def _row(*cells: str) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    def _word(self, name: str) -> str:
        return self._say(_WORDS[name])

    def _say(self, text: Help) -> str:
        return text.ko if self.language == "ko" else text.en


def _type(type_: ValueType) -> str:
    units = _UNITS.get(type_.name)
    return f"{type_} ({units})" if units else str(type_)


def _payload(payload: Payload) -> str:
    return ", ".join(f"`{name}` {type_}" for name, type_ in payload.items())


def _shown(parameter: Parameter) -> str:
    value = parameter.default
    if value is None:
        return ""
    if parameter.type.name == "duration" and isinstance(value, int | float):
        return f"`{value:g} s`"
    return f"`{json.dumps(value, ensure_ascii=False, default=str)}`"
