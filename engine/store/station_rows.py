"""Records as rows of a station's tables, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engine.sequence.records import ExecutionRecord, ExecutionStatus, Measurement, StepRecord, StepStatus, Verdict
from engine.store.station_ports import AuditEntry, QueuedResult
from engine.store.texts import clean_text, parse_utc, utc_text


def execution_columns(record: ExecutionRecord) -> dict[str, object]:
    """What a record of an execution says, as columns."""
    return {
        "batch_id": clean_text(record.batch_id),
        "sequence_name": clean_text(record.sequence_name),
        "sequence_version": clean_text(record.sequence_version),
        "status": record.status.value,
        "verdict": _name(record.verdict),
        "overall_pass": record.overall_pass,
        "parameters": to_json(record.parameters),
        "started_at": _time_text(record.started_at),
        "completed_at": _time_text(record.completed_at),
        "duration": record.duration,
        "reason": _clean(record.reason),
        "is_simulated": record.is_simulated,
        "package_hash": record.package_hash,
        "serial": clean_text(record.serial),
        "operator": clean_text(record.operator),
        "needs_cleanup": False,  # whoever sends a record runs, or has done its cleanup
    }


def step_columns(record: StepRecord) -> dict[str, object]:
    """What a record of a step says, as columns."""
    return {
        "name": clean_text(record.name),
        "path": clean_text(record.path),
        "title": clean_text(record.title),
        "status": record.status.value,
        "passed": record.is_pass,
        "verdict": _name(record.verdict),
        "started_at": _time_text(record.started_at),
        "completed_at": _time_text(record.completed_at),
        "duration": record.duration,
        "result": to_json(record.result),
        "measurements": json.dumps([m.to_json() for m in record.measurements], ensure_ascii=False),
        "error": _clean(record.error),
        "attempts": record.attempts,
        "is_cleanup": record.is_cleanup,
    }


def execution(row: Any) -> ExecutionRecord:
    """The last record of an execution."""
    return ExecutionRecord(
        execution_id=row.id,
        seq=row.last_seq,
        batch_id=row.batch_id,
        sequence_name=row.sequence_name,
        sequence_version=row.sequence_version,
        status=ExecutionStatus(row.status),
        parameters=json.loads(row.parameters),
        verdict=Verdict(row.verdict) if row.verdict else None,
        started_at=_parsed(row.started_at),
        completed_at=_parsed(row.completed_at),
        duration=row.duration,
        reason=row.reason,
        is_simulated=bool(row.is_simulated),
        package_hash=row.package_hash,
        serial=row.serial,
        operator=row.operator,
    )


def step(row: Any) -> StepRecord:
    """The last record of a step. How it was numbered is of no more use."""
    return StepRecord(
        execution_id=row.execution_id,
        seq=0,
        order=row.step_order,
        name=row.name,
        path=row.path,
        status=StepStatus(row.status),
        verdict=Verdict(row.verdict) if row.verdict else None,
        started_at=_parsed(row.started_at),
        completed_at=_parsed(row.completed_at),
        duration=row.duration,
        result=json.loads(row.result),
        measurements=tuple(Measurement.from_json(one) for one in json.loads(row.measurements)),
        error=row.error,
        attempts=row.attempts,
        is_cleanup=bool(row.is_cleanup),
        title=row.title,
    )


def queued(row: Any) -> QueuedResult:
    """A result that waits."""
    return QueuedResult(
        execution_id=row.execution_id,
        created_at=parse_utc(row.created_at),
        retry_count=row.retry_count,
        last_error=row.last_error,
        may_have_arrived=bool(row.may_have_arrived),
    )


def entry(row: Any) -> AuditEntry:
    """An entry of the audit log."""
    return AuditEntry(parse_utc(row.at), row.actor, row.action, row.batch_id, json.loads(row.detail), row.outcome)


def to_json(values: Mapping[str, object]) -> str:
    """Values as the text of one column."""
    return json.dumps(dict(values), ensure_ascii=False)


def _name(verdict: Verdict | None) -> str | None:
    return None if verdict is None else verdict.value


def _clean(text: str | None) -> str | None:
    return None if text is None else clean_text(text)


def _time_text(moment: datetime | None) -> str | None:
    return None if moment is None else utc_text(moment)


def _parsed(text: str | None) -> datetime | None:
    return parse_utc(text) if text else None


def seconds_since(started_at: str | None, now: datetime) -> float | None:
    """The time since a stored moment, never below 0: clocks are set."""
    return max(0.0, (now - parse_utc(started_at)).total_seconds()) if started_at else None
