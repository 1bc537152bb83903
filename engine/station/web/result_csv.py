"""A result as CSV: a line for each measurement, and one for each step that measured nothing."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from engine.sequence.records import StepRecord
from engine.store.station_ports import StoredExecution

HEAD: Final = (
    "executionId", "batchId", "sequenceName", "sequenceVersion", "serial", "operator", "startedAt", "order", "step",
    "path", "status", "pass", "verdict", "duration", "measurement", "value", "unit", "limits", "measurementVerdict",
    "error",
)  # fmt: skip
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def result_csv(stored: StoredExecution) -> str:
    """The whole file, with its line of names."""
    return csv_text(HEAD, _lines(stored))


def csv_text(head: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    """Lines as CSV. A text that a spreadsheet would take for a formula gets a quote before it."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(head)
    writer.writerows([_cell(value) for value in line] for line in lines)
    return out.getvalue()


def _lines(stored: StoredExecution) -> Iterator[tuple[object, ...]]:
    record = stored.record
    start = record.started_at.isoformat() if record.started_at is not None else ""
    of_all = (
        record.execution_id, record.batch_id, record.sequence_name, record.sequence_version, record.serial,
        record.operator, start,
    )  # fmt: skip
    for step in stored.steps:
        for measured in _measured(step):
            yield (*of_all, *_step(step), *measured, step.error)


def _step(step: StepRecord) -> tuple[object, ...]:
    verdict = step.verdict.value if step.verdict is not None else None
    return (step.order, step.name, step.path, step.status.value, step.is_pass, verdict, step.duration)


def _measured(step: StepRecord) -> Iterator[tuple[object, ...]]:
    for one in step.measurements:
        yield (one.name, one.value, one.unit, one.limits, one.verdict.value)
    if not step.measurements:
        yield (None,) * 5


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
