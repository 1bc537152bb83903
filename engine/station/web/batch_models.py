"""What the API says and hears of batches (requirements 4.1, 4.2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import Field

from engine.station.settings import BatchSettings
from engine.station.status import BatchStatus
from engine.station.web.models import Body, Shape
from engine.station.web.plainness import Text, Values, Word

StatusName = Literal["idle", "starting", "running", "stopping", "error"]


class Prompt(Shape):
    """A question to the operator that waits for an answer."""

    id: str
    step: str
    text: str
    choices: list[str] = Field(default_factory=list)
    default: str | None = Field(default=None, description="Answers when nobody does in time.")
    timeout: float | None = Field(default=None, description="Seconds from when it was asked.")


class Resumable(Shape):
    """A run that a crash has interrupted where it may be gone on with: `POST .../sequence/resume`, or `.../cleanup`."""

    execution_id: str
    step: str = Field(description="Where it would be gone on with; the step is begun anew.")


class BatchState(Shape):
    """`BatchStatus` of the requirements, and what else a screen wants to know."""

    id: str = Field(examples=["batch_1"])
    name: str
    status: StatusName
    pid: int | None = None
    current_step: str | None = None
    step_index: int | None = None
    total_steps: int | None = None
    progress: float | None = Field(default=None, ge=0, le=1)
    sequence_name: str | None = None
    sequence_version: str | None = None
    started_at: datetime | None = None
    elapsed: float | None = Field(default=None, description="Seconds.")
    execution_id: str | None = None
    state: str = Field(default="", description="The state of the chart `batch`, finer than `status`.")
    reason: str | None = Field(default=None, description="Why it is in `error`.")
    owes_cleanup: bool = Field(default=False, description="A run died and nobody has cleaned up after it.")
    prompts: list[Prompt] = Field(default_factory=list)
    waits_for: list[str] = Field(default_factory=list, description="Locks that its steps wait for.")
    resumable: Resumable | None = Field(default=None, description="After a crash, as long as nobody has decided.")
    line_state: str | None = Field(default=None, description="Of a gateway's line: where its chart is, by title.")


class BatchDetail(BatchState):
    """A batch with what station.yaml says of it."""

    sequence_package: str = Field(examples=["power_board"])
    hardware: dict[str, Any]
    parameters: dict[str, Any]
    auto_start: bool
    simulate: bool
    after_crash: Literal["cleanup", "ask"]


class Started(Shape):
    """A batch's process is up."""

    status: StatusName
    pid: int | None = None


class Stopped(Shape):
    """How the batch is now."""

    status: StatusName


class RunRequest(Body):
    """What a run is started with."""

    parameters: Values = Field(default_factory=dict, examples=[{"vin": 12.0}], description="Over station.yaml's.")
    serial: Text = Field(default="", examples=["SN-0042"], description="Of the unit under test.")
    operator: Text = Field(default="", examples=["김철수"], description="Who runs it; else whose key it is.")


class RunStarted(Shape):
    """The run is on record."""

    execution_id: str


class StopRequest(Body):
    """Why a run is stopped."""

    reason: Text = Field(default="stopped by hand", examples=["wrong board"])


class ManualRequest(Body):
    """One command of one piece of hardware."""

    hardware: Word = Field(examples=["psu"])
    command: Word = Field(examples=["on"])
    params: Values = Field(default_factory=dict, examples=[{"voltage": 5.0}])


class CommandResult(Shape):
    """What came of a command."""

    success: bool
    value: Any = None
    error: str | None = None
    duration: float = Field(description="Seconds.")


class Answer(Body):
    """The answer to a question."""

    prompt_id: Word
    answer: Text = Field(examples=["예"])


class BatchRequest(Body):
    """A batch as station.yaml has it (requirements 4.1)."""

    name: Word | None = Field(default=None, examples=["3번 라인"])
    sequence_package: Word = Field(examples=["power_board"])
    hardware: dict[str, Values] = Field(default_factory=dict, examples=[{"psu": {"port": "/dev/ttyUSB0"}}])
    parameters: Values = Field(default_factory=dict)
    auto_start: bool = False
    simulate: bool = False
    after_crash: Literal["cleanup", "ask"] = "cleanup"


class NewBatch(BatchRequest):
    """A batch that there is not yet."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", examples=["batch_3"])


USUAL: Final[Mapping[str, Any]] = {
    "hardware": {}, "parameters": {}, "autoStart": False, "simulate": False, "after_crash": "cleanup",
}  # fmt: skip


def written(wanted: BatchRequest) -> dict[str, Any]:
    """A batch as station.yaml has it."""
    values: dict[str, Any] = {
        "name": wanted.name,
        "sequencePackage": wanted.sequence_package,
        "hardware": wanted.hardware,
        "parameters": wanted.parameters,
        "autoStart": wanted.auto_start,
        "simulate": wanted.simulate,
        "after_crash": wanted.after_crash,
    }
    return {name: value for name, value in values.items() if value is not None}


def state_fields(status: BatchStatus) -> dict[str, Any]:
    """A status in the API's words."""
    plain: dict[str, Any] = {name: getattr(status, name) for name in status.__slots__}
    for name in ("sequence_name", "sequence_version", "reason", "line_state"):
        plain[name] = plain[name] or None
    plain["resumable"] = Resumable.model_construct(None, **status.resumable) if status.resumable is not None else None
    plain["prompts"] = [prompt(one) for one in status.prompts]
    plain["waits_for"] = list(status.waits_for)
    return plain


def state(status: BatchStatus) -> BatchState:
    """A batch in a list."""
    return BatchState.model_construct(**state_fields(status))


def prompt(raw: Mapping[str, Any]) -> Prompt:
    """A question."""
    given = {name: raw.get(name) for name in ("id", "step", "text", "default", "timeout")}
    return Prompt.model_construct(**given, choices=list(raw.get("choices") or ()))


def detail(status: BatchStatus, settings: BatchSettings, written: Mapping[str, Any] | None) -> BatchDetail:
    """A batch with its settings; ``written``: as its file has it, where variables stand for what is secret."""
    hardware = {name: dict(values) for name, values in settings.hardware.items()}
    return BatchDetail.model_construct(
        **state_fields(status),
        sequence_package=settings.package if written is None else str(written.get("sequencePackage", "")),
        hardware=hardware if written is None else dict(written.get("hardware") or {}),
        parameters=dict(settings.parameters if written is None else written.get("parameters") or {}),
        auto_start=settings.auto_start,
        simulate=settings.simulate,
        after_crash=settings.after_crash,
    )
