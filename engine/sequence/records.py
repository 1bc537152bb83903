"""What a run of a sequence leaves behind: records that are kept for ever, and events that are only shown.

Names, types and meaning are those of the requirements, section 4 (camelCase is for the REST border alone). A record is
numbered within its execution (``seq`` 1, 2, 3 ...), so that one that is sent again is known and nothing is doubled. A
step has several records in turn (running, then what became of it): the one with the larger ``seq`` replaces the one of
the same ``order``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final, TypeAlias

from engine.events import NO_DATA
from engine.ports import Secret
from engine.units import Quantity


class Verdict(Enum):
    """What was found of a measurement, a step or a whole execution; in this order, each worse than the one before."""

    PASS = "pass"  # noqa: S105 - a verdict, no password
    MARGINAL = "marginal"  # within the limits, outside the band that is wanted
    INCONCLUSIVE = "inconclusive"  # there was nothing to judge by: no value, or one that is no number
    FAIL = "fail"  # outside the limits
    ERROR = "error"  # it could not be found out: an exception, a time-out, a cleanup that failed
    ABORTED = "aborted"  # it was stopped, or its process died

    @property
    def rank(self) -> int:
        """How bad it is, from 0."""
        return _RANKS[self]

    @property
    def is_pass(self) -> bool:
        """Whether it counts as passed: pass and marginal do."""
        return self in {Verdict.PASS, Verdict.MARGINAL}


_RANKS: Final = {verdict: rank for rank, verdict in enumerate(Verdict)}


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of them; of none, ``pass``."""
    return max(verdicts, key=lambda verdict: verdict.rank, default=Verdict.PASS)


class StepStatus(Enum):
    """How far a step is (4.4). What was found of it stands in its verdict."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"  # it did its work and was judged, whatever the verdict: ``pass`` may be false
    FAILED = "failed"  # it could not: an error, a time-out, or it was stopped meanwhile
    SKIPPED = "skipped"  # its condition did not hold


class ExecutionStatus(Enum):
    """How far an execution is (4.3)."""

    RUNNING = "running"
    COMPLETED = "completed"  # it came to its end and was judged, whatever the verdict
    FAILED = "failed"  # an error ended it or befell it
    STOPPED = "stopped"  # somebody asked for it
    INTERRUPTED = "interrupted"  # its process died; shown as failed, with the reason


@dataclass(frozen=True, slots=True)
class Measurement:
    """A judged value. ``limits`` is how the sequence wrote them, for people; ``value`` is plain JSON."""

    name: str
    value: object
    unit: str
    verdict: Verdict
    limits: str = ""

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {**_shallow(self), "verdict": self.verdict.value}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Measurement:
        """What ``to_json`` gave. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(**{**raw, "verdict": Verdict(raw["verdict"])})


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One record about one step of one execution.

    ``order`` counts the steps of an execution as they were begun or skipped, from 1, cleanup included; a step that a
    ``repeat`` runs five times has five orders. ``path`` tells where it stands: ``burn_in[2]/measure`` is the second
    round's. ``result`` holds ``value`` (what the driver gave) or ``answer`` (what the operator gave), as plain JSON.
    """

    execution_id: str
    seq: int
    order: int
    name: str
    path: str
    status: StepStatus
    verdict: Verdict | None = None  # None while it runs, and of a step that was skipped
    started_at: datetime | None = None
    completed_at: datetime | None = None
    duration: float | None = None  # seconds, of the monotonic clock
    result: Mapping[str, object] = field(default_factory=lambda: NO_DATA, hash=False)
    measurements: tuple[Measurement, ...] = ()
    error: str | None = None
    attempts: int = 1
    is_cleanup: bool = False
    title: str = ""

    @property
    def is_pass(self) -> bool:
        """``pass`` of the requirements: it was judged as passed or marginal. A skipped step stands in nobody's way."""
        return self.status is StepStatus.SKIPPED or (self.verdict is not None and self.verdict.is_pass)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; ``kind`` tells it from an execution's record."""
        return {
            **_shallow(self),
            "kind": "step",
            "status": self.status.value,
            "verdict": self.verdict.value if self.verdict is not None else None,
            "started_at": _text(self.started_at),
            "completed_at": _text(self.completed_at),
            "result": dict(self.result),
            "measurements": [measurement.to_json() for measurement in self.measurements],
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> StepRecord:
        """What ``to_json`` gave. Raises KeyError, TypeError or ValueError for anything else."""
        given = {name: value for name, value in raw.items() if name != "kind"}
        verdict = given["verdict"]
        given.update(
            status=StepStatus(given["status"]),
            verdict=Verdict(verdict) if verdict is not None else None,
            started_at=_time(given["started_at"]),
            completed_at=_time(given["completed_at"]),
            measurements=tuple(Measurement.from_json(one) for one in given["measurements"]),
        )
        return cls(**given)


@dataclass(frozen=True, slots=True)
class ExecutionRecord:
    """One record about one execution: its first says that it runs, its last what became of it."""

    execution_id: str
    seq: int
    batch_id: str
    sequence_name: str
    sequence_version: str
    status: ExecutionStatus
    parameters: Mapping[str, object] = field(default_factory=lambda: NO_DATA, hash=False)
    verdict: Verdict | None = None  # None while it runs
    started_at: datetime | None = None
    completed_at: datetime | None = None
    duration: float | None = None  # seconds
    reason: str | None = None  # why it was stopped, failed or interrupted
    is_simulated: bool = False
    package_hash: str = ""  # of sequence.yaml and what it includes
    serial: str = ""  # of the unit under test
    operator: str = ""  # who started it

    @property
    def overall_pass(self) -> bool:
        """``overallPass`` of the requirements; false while it runs."""
        return self.verdict is not None and self.verdict.is_pass

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; ``kind`` tells it from a step's record."""
        return {
            **_shallow(self),
            "kind": "execution",
            "status": self.status.value,
            "verdict": self.verdict.value if self.verdict is not None else None,
            "parameters": dict(self.parameters),
            "started_at": _text(self.started_at),
            "completed_at": _text(self.completed_at),
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> ExecutionRecord:
        """What ``to_json`` gave. Raises KeyError, TypeError or ValueError for anything else."""
        given = {name: value for name, value in raw.items() if name != "kind"}
        verdict = given["verdict"]
        given.update(
            status=ExecutionStatus(given["status"]),
            verdict=Verdict(verdict) if verdict is not None else None,
            started_at=_time(given["started_at"]),
            completed_at=_time(given["completed_at"]),
        )
        return cls(**given)


Record: TypeAlias = StepRecord | ExecutionRecord


_KINDS: Final[Mapping[str, type[StepRecord | ExecutionRecord]]] = {"step": StepRecord, "execution": ExecutionRecord}


def record_from_json(raw: Mapping[str, Any]) -> Record:
    """A record of either kind. Raises KeyError, TypeError or ValueError for anything else."""
    return _KINDS[raw["kind"]].from_json(raw)


# Kinds of what is only shown (requirements 3.2.3, and what else a screen wants to know).
STEP_START: Final = "step_start"  # step, order, path, index, total
STEP_COMPLETE: Final = "step_complete"  # step, order, path, duration, pass, verdict, status, result, error
SEQUENCE_COMPLETE: Final = "sequence_complete"  # status, overall_pass, verdict, duration, reason
LOG: Final = "log"  # level, message
ERROR: Final = "error"  # code, message, step
PROMPT: Final = "prompt"  # id, step, text, choices, default, timeout
PROMPT_CLOSED: Final = "prompt_closed"  # id, step
LOCK_WAIT: Final = "lock_wait"  # step, resource
RENDEZVOUS_WAIT: Final = "rendezvous_wait"  # step, name, members
RETRY: Final = "retry"  # step, attempt, error
CLEANUP_START: Final = "cleanup_start"  # reason


@dataclass(frozen=True, slots=True)
class Shown:
    """Something for a screen: nothing is lost when it is."""

    kind: str
    execution_id: str
    at: datetime
    data: Mapping[str, object] = field(default_factory=lambda: NO_DATA, hash=False)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {**_shallow(self), "at": self.at.isoformat(), "data": plain(self.data)}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Shown:
        """What ``to_json`` gave. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(**{**raw, "at": datetime.fromisoformat(raw["at"])})


Item: TypeAlias = Record | Shown  # what a run tells, in its order


def item_from_json(raw: Mapping[str, Any]) -> Item:
    """What the ``to_json`` of a record or of something shown gave. Raises KeyError, TypeError or ValueError."""
    return record_from_json(raw) if raw["kind"] in _KINDS else Shown.from_json(raw)


def plain(value: object) -> Any:
    """A value as JSON can hold it: a number that is none is None; a quantity is its text, a secret only hints at it."""
    if isinstance(value, Secret):
        return repr(value)
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return plain(float(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Quantity | Enum) else repr(value)


def _shallow(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in _NAMES[type(record)]}


_NAMES: Final = {
    kind: tuple(one.name for one in fields(kind)) for kind in (Measurement, StepRecord, ExecutionRecord, Shown)
}


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text is not None else None
