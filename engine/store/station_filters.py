"""Which executions are wanted, as SQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from engine.sequence.records import ExecutionStatus
from engine.store.station_ports import ResultFilter

_CONDITIONS: Final[Mapping[str, str]] = {
    "batch_id": "batch_id = $batch_id",
    "sequence_name": "sequence_name = $sequence_name",
    "status": "status = $status",
    "overall_pass": "overall_pass = $overall_pass",
    "serial": "serial = $serial",
    "since": "started_at >= $since",
    "until": "started_at < $until",
}
# What was interrupted is shown as failed (requirements, 4.3), and found as such.
_FAILED: Final = f"status IN ('{ExecutionStatus.FAILED.value}', '{ExecutionStatus.INTERRUPTED.value}')"


def condition(wanted: ResultFilter) -> tuple[str, dict[str, object]]:
    """A condition on ``executions``, and the values that it names."""
    values = wanted.values()
    parts = [_CONDITIONS[name] for name in values]
    if wanted.status == ExecutionStatus.FAILED.value:
        parts[list(values).index("status")] = _FAILED
        del values["status"]
    return " AND ".join(parts) or "TRUE", values
