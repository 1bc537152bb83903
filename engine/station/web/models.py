"""What the API says of results, in the shapes of the requirements (4.3, 4.4): camelCase, what is absent is left out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic_core import to_json
from starlette.responses import Response

from engine.sequence.records import ExecutionStatus, StepRecord
from engine.store.station_ports import AuditEntry, StoredExecution

ShownStatus = Literal["running", "completed", "failed", "stopped"]
VerdictName = Literal["pass", "marginal", "inconclusive", "fail", "error", "aborted"]

camel_name: Final = cache(to_camel)


class Shape(BaseModel):
    """A JSON object of the API."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class Body(BaseModel):
    """A JSON object that a client sends: what it does not know is refused."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", strict=True)


class MeasurementShape(Shape):
    """A judged value of a step."""

    name: str = Field(examples=["v3v3"])
    value: Any = Field(default=None, examples=[3.312])
    unit: str = Field(examples=["V"])
    verdict: VerdictName
    limits: str = Field(examples=["3.135 ... 3.465"])


class StepResult(Shape):
    """Requirements 4.4, and what else is known of a step."""

    name: str = Field(examples=["rail_3v3"])
    order: int
    status: Literal["pending", "running", "completed", "failed", "skipped"]
    is_pass: bool = Field(alias="pass")
    started_at: datetime | None = None
    completed_at: datetime | None = None
    duration: float | None = Field(default=None, description="Seconds.")
    result: dict[str, Any] = Field(default_factory=dict)
    error: str | None = None
    path: str = Field(examples=["burn_in[2]/sample"])
    title: str = ""
    verdict: VerdictName | None = None
    measurements: list[MeasurementShape] = Field(default_factory=list)
    attempts: int = 1
    is_cleanup: bool = False


class ExecutionSummary(Shape):
    """Requirements 4.3 without the steps: what lists hold."""

    id: str
    batch_id: str = Field(examples=["batch_1"])
    sequence_name: str = Field(examples=["power_board"])
    sequence_version: str = Field(examples=["1.2.0"])
    status: ShownStatus = Field(description="An execution whose process died is `failed`, with its `reason`.")
    overall_pass: bool
    parameters: dict[str, Any]
    started_at: datetime | None = None
    completed_at: datetime | None = None
    duration: float | None = Field(default=None, description="Seconds.")
    synced_at: datetime | None = Field(default=None, description="When the backend had it.")
    verdict: VerdictName | None = None
    reason: str | None = None
    is_interrupted: bool = Field(default=False, description="Its process died.")
    is_simulated: bool = False
    package_hash: str = ""
    serial: str = Field(default="", description="Of the unit under test.")
    operator: str = ""


class ExecutionResult(ExecutionSummary):
    """Requirements 4.3."""

    steps: list[StepResult]


class ResultPage(Shape):
    """A part of the list of results, newest first."""

    items: list[ExecutionSummary]
    total: int = Field(description="How many fit the filters in all.")
    offset: int
    limit: int


class AuditItem(Shape):
    """Who did what."""

    at: datetime
    actor: str
    action: str
    batch_id: str
    detail: dict[str, Any]
    outcome: str


class AuditPage(Shape):
    """A part of the audit log, newest first."""

    items: list[AuditItem]
    total: int
    offset: int
    limit: int


Offset = Annotated[int, Field(ge=0, le=1_000_000_000)]
Limit = Annotated[int, Field(ge=1, le=500)]


def shown_status(status: ExecutionStatus) -> ShownStatus:
    """The word of the requirements for a status: an interrupted execution has failed."""
    shown: ShownStatus = "failed" if status is ExecutionStatus.INTERRUPTED else status.value
    return shown


def summary_fields(stored: StoredExecution) -> dict[str, Any]:
    """What all shapes of an execution say."""
    record = stored.record
    return {
        "id": record.execution_id,
        "batch_id": record.batch_id,
        "sequence_name": record.sequence_name,
        "sequence_version": record.sequence_version,
        "status": shown_status(record.status),
        "overall_pass": record.overall_pass,
        "parameters": dict(record.parameters),
        "started_at": record.started_at,
        "completed_at": record.completed_at,
        "duration": record.duration,
        "synced_at": stored.synced_at,
        "verdict": record.verdict.value if record.verdict is not None else None,
        "reason": record.reason,
        "is_interrupted": record.status is ExecutionStatus.INTERRUPTED,
        "is_simulated": record.is_simulated,
        "package_hash": record.package_hash,
        "serial": record.serial,
        "operator": record.operator,
    }


def summary_json(stored: StoredExecution) -> dict[str, Any]:
    """An execution in a list: the fields of ``ExecutionSummary``."""
    return aliased(summary_fields(stored))


def aliased(values: Mapping[str, Any]) -> dict[str, Any]:
    """Fields by the names that the API has for them; what is absent is left out.

    For lists: to make a model of each item takes three times as long as all the rest of an answer.
    """
    return {camel_name(name): value for name, value in values.items() if value is not None}


def json_answer(value: object) -> Response:
    """Plain values, times among them, as an answer; a number that is none is null."""
    return Response(to_json(value), media_type="application/json")


def result(stored: StoredExecution) -> ExecutionResult:
    """An execution with its steps."""
    steps = [step_result(step) for step in stored.steps]
    return ExecutionResult.model_construct(**summary_fields(stored), steps=steps)


def result_json(stored: StoredExecution) -> dict[str, Any]:
    """An execution with its steps as plain JSON: what a client gets, and what the backend gets."""
    return result(stored).model_dump(mode="json", by_alias=True, exclude_none=True)


def step_result(step: StepRecord) -> StepResult:
    """A step of a result."""
    return StepResult.model_construct(
        name=step.name,
        order=step.order,
        status=step.status.value,
        is_pass=step.is_pass,
        started_at=step.started_at,
        completed_at=step.completed_at,
        duration=step.duration,
        result=dict(step.result),
        error=step.error,
        path=step.path,
        title=step.title,
        verdict=step.verdict.value if step.verdict is not None else None,
        measurements=[MeasurementShape.model_construct(**one.to_json()) for one in step.measurements],
        attempts=step.attempts,
        is_cleanup=step.is_cleanup,
    )


def audit_item(entry: AuditEntry) -> AuditItem:
    """An entry of the audit log."""
    return AuditItem.model_construct(
        at=entry.at,
        actor=entry.actor,
        action=entry.action,
        batch_id=entry.batch_id,
        detail=dict(entry.detail),
        outcome=entry.outcome,
    )
