"""The services and actions that the charts of sequences name: what steps come down to."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from engine.bindings.registry import Help, Parameter, Payload, Registry
from engine.bindings.shipped import shipped_registry
from engine.bindings.types import ANY, MAP, TEXT

_JUDGED: Final[dict[str, Payload]] = {"passed": {}, "marginal": {}, "inconclusive": {}, "failed": {}}
_NAME: Final = Parameter(TEXT, help=Help("the step", "단계 이름"))
_SHOWN: Final = Parameter(TEXT, "", Help("for people", "사람이 읽는 설명"))


def sequence_registry() -> Registry:
    """Everything a compiled sequence, or a chart that stands for one, may name; the guards are the shipped ones."""
    registry = Registry(guards=dict(shipped_registry().guards))
    _register_actions(registry)
    _register_steps(registry)
    _register_for_charts(registry)
    return registry


def _register_actions(registry: Registry) -> None:
    actions = {
        "step.begin": Help("A step begins: its record is opened.", "단계가 시작된다. 기록을 연다."),
        "step.end": Help("A step is left: its record is closed.", "단계가 끝난다. 기록을 닫는다."),
        "step.unlock": Help("Give a lock back.", "잠금을 돌려준다."),
        "step.rounds": Help("A repeat begins anew.", "반복을 처음부터 센다."),
    }
    for name, help_ in actions.items():
        registry.action(name, MappingProxyType({"step": _NAME}), help=help_, source=__name__)
    registry.action("sequence.cleanup", help=Help("The cleanup begins.", "정리를 시작한다."), source=__name__)


def _register_steps(registry: Registry) -> None:
    does = MappingProxyType({"step": _NAME, "does": _SHOWN})
    steps = {
        "step.call": Help("Give a driver a command and judge what comes of it.", "드라이버 명령을 실행하고 판정한다."),
        "step.prompt": Help("Ask the operator.", "작업자에게 묻는다."),
        "step.wait": Help("Let time pass.", "기다린다."),
        "step.measure": Help("Judge what earlier steps found.", "앞 단계의 결과를 판정한다."),
        "step.rendezvous": Help("Wait for other batches.", "다른 배치를 기다린다."),
    }
    for name, help_ in steps.items():
        registry.service(name, "hardware", does, outcomes=_JUDGED, help=help_, source=__name__)
    decisions = {
        "step.decide": Help("Whether a step's condition holds.", "단계의 조건이 맞는지 본다."),
        "step.again": Help("Whether another round is due.", "한 번 더 반복할지 본다."),
    }
    for name, help_ in decisions.items():
        registry.service(name, "process", does, outcomes={"yes": {}, "no": {}}, help=help_, source=__name__)
    registry.service(
        "step.lock",
        "process",
        does,
        outcomes={"locked": {}},
        help=Help("Wait for a resource that batches share.", "배치들이 함께 쓰는 자원을 기다린다."),
        source=__name__,
    )


def _register_for_charts(registry: Registry) -> None:
    registry.service(
        "hw.call",
        "hardware",
        MappingProxyType(
            {
                "hardware": Parameter(TEXT, help=Help("as in hardware:", "장비 이름")),
                "command": Parameter(TEXT, help=Help("of its driver", "드라이버 명령")),
                "with": Parameter(MAP, {}, Help("its arguments", "인자")),
                "step": Parameter(TEXT, "", Help("the record's name (default: the state)", "기록 이름(기본: 상태)")),
            }
        ),
        outcomes={"done": {"value": ANY}},
        help=Help("Give a driver a command; leaves a step's record.", "드라이버 명령을 실행하고 단계 기록을 남긴다."),
        source=__name__,
    )
    registry.service(
        "measure",
        "process",
        MappingProxyType(
            {
                "name": Parameter(TEXT, help=Help("of the measurement", "측정 이름")),
                "value": Parameter(ANY, help=Help("what is judged", "판정할 값")),
                "unit": Parameter(TEXT, "", Help("its unit", "단위")),
                "limits": Parameter(MAP, {}, Help("as under measure:", "measure와 같은 한계값")),
                "step": Parameter(TEXT, "", Help("the record's name (default: the state)", "기록 이름(기본: 상태)")),
            }
        ),
        outcomes=_JUDGED,
        help=Help("Judge a value by limits; leaves a step's record.", "값을 한계로 판정하고 단계 기록을 남긴다."),
        source=__name__,
    )
    registry.service(
        "ask",
        "process",
        MappingProxyType(
            {
                "text": Parameter(TEXT, help=Help("the question", "질문")),
                "choices": Parameter(ANY, (), Help("answers to choose from", "선택지")),
                "step": Parameter(TEXT, "", Help("the record's name (default: the state)", "기록 이름(기본: 상태)")),
            }
        ),
        outcomes={"answered": {"answer": TEXT}},
        help=Help("Ask the operator; leaves a step's record.", "작업자에게 묻고 단계 기록을 남긴다."),
        source=__name__,
    )
