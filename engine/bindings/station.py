"""What the chart of a batch's life orders of the station: a process, what runs in it, and what is owed when it died."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from engine.bindings.registry import Help, Parameter, Payload, Registry
from engine.bindings.types import TEXT

_REASON: Final = MappingProxyType({"reason": Parameter(TEXT, "", Help("why, for the record", "기록에 남길 이유"))})
_EXECUTION: Final = MappingProxyType({"execution": Parameter(TEXT, help=Help("its id", "실행 번호"))})
_WHY: Final[Payload] = {"reason": TEXT}
_OWED: Final[Payload] = {"reason": TEXT, "execution": TEXT, "step": TEXT}  # both empty: nothing can be gone on with


def register_station(registry: Registry) -> None:
    """Declare the services and the action of a batch."""
    registry.action(
        "worker.stop_sequence",
        _REASON,
        help=Help("Stop what runs, through its cleanup.", "실행 중인 시퀀스를 정리까지 마치고 멈춘다."),
        source=__name__,
    )
    _register_process(registry)
    _register_work(registry)
    _register_owed(registry)


def _register_process(registry: Registry) -> None:
    registry.service(
        "worker.spawn",
        "process",
        outcomes={"ready": {}, "refused": _WHY},
        help=Help("Start the batch's process and wait until it is ready.", "배치의 프로세스를 띄우고 준비를 기다린다."),
        source=__name__,
    )
    registry.service(
        "worker.watch",
        "process",
        outcomes={"died": _WHY},
        help=Help(
            "Watch the process; answers when it is dead, having killed it if it hangs or is over a limit.",
            "프로세스를 지켜본다. 멈췄거나 한도를 넘으면 죽이고, 죽으면 알린다.",
        ),
        source=__name__,
    )
    registry.service(
        "worker.end",
        "process",
        _REASON,
        outcomes={"ended": {}},
        help=Help("End the process, through the cleanup of what runs.", "실행 중인 것을 정리하고 프로세스를 끝낸다."),
        source=__name__,
    )


def _register_work(registry: Registry) -> None:
    registry.service(
        "worker.execute",
        "process",
        _EXECUTION,
        outcomes={"finished": {}, "spent": {}, "refused": _WHY},
        help=Help("Run the sequence once, to its end.", "시퀀스를 끝까지 한 번 실행한다."),
        source=__name__,
    )
    registry.service(
        "worker.resume",
        "process",
        _EXECUTION,
        outcomes={"finished": {}, "spent": {}, "refused": _WHY},
        help=Help(
            "Go on, to its end, with an execution whose process died at a step that may be resumed.",
            "이어서 실행할 수 있는 단계에서 죽은 실행을 끝까지 이어서 실행한다.",
        ),
        source=__name__,
    )
    registry.service(
        "worker.manual",
        "process",
        MappingProxyType({"command": Parameter(TEXT, help=Help("its id", "명령 번호"))}),
        outcomes={"done": {}, "spent": {}},
        help=Help("Give the hardware one command.", "하드웨어 명령을 하나 실행한다."),
        source=__name__,
    )


def _register_owed(registry: Registry) -> None:
    owed: dict[str, Payload] = {"owed": _OWED, "clean": {}}
    registry.service(
        "batch.recall",
        "process",
        outcomes=owed,
        help=Help(
            "Wait for a process that an earlier master left, take in its records, and tell what is owed: a cleanup, "
            "and the step at which the execution may be gone on with.",
            "이전 마스터가 남긴 프로세스를 기다려 그 기록을 받고, 남은 정리와 이어서 실행할 수 있는 단계를 알린다.",
        ),
        source=__name__,
    )
    registry.service(
        "batch.settle",
        "store",
        _REASON,
        outcomes=owed,
        help=Help(
            "Record what the dead process was at as interrupted, and tell what is owed, as batch.recall does.",
            "죽은 프로세스의 실행을 중단으로 기록하고, batch.recall처럼 남은 일을 알린다.",
        ),
        source=__name__,
    )
    registry.service(
        "worker.recover",
        "process",
        outcomes={"cleaned": {}, "failed": _WHY},
        help=Help("Do the cleanup that is owed, in a fresh process.", "남은 정리를 새 프로세스에서 한다."),
        source=__name__,
    )
    registry.service(
        "batch.waive",
        "store",
        outcomes={"waived": {}},
        help=Help("Nobody cleans up: the result stays as it is.", "정리하지 않기로 하고 결과를 그대로 둔다."),
        source=__name__,
    )
