"""How a batch is: what ``BatchStatus`` of the requirements (4.2) tells, and what else a screen wants to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.clock import Clock
from engine.sequence.records import ExecutionRecord, Record, StepStatus


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """``status`` is idle, starting, running, stopping or error; ``state`` the chart's own, finer word.

    ``current_step`` and the rest are of the execution that runs; None when none does. ``progress`` is 0 to 1,
    ``elapsed`` seconds. ``reason``: why it is in ``error``. ``prompts`` wait for ``Station.answer``.
    """

    id: str
    name: str
    status: str
    state: str
    pid: int | None = None
    execution_id: str | None = None
    current_step: str | None = None
    step_index: int | None = None
    total_steps: int | None = None
    progress: float | None = None
    sequence_name: str = ""
    sequence_version: str = ""
    started_at: datetime | None = None
    elapsed: float | None = None
    reason: str = ""
    owes_cleanup: bool = False
    prompts: tuple[Mapping[str, Any], ...] = ()
    waits_for: tuple[str, ...] = ()  # locks that its steps wait for
    line_state: str = ""  # where the chart of a gateway's line is
    resumable: Mapping[str, str] | None = None  # execution_id, step: may be gone on with, while nobody has decided

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values, names as here."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        # As every other moment of the API is written: with Z.
        plain["started_at"] = self.started_at.isoformat().replace("+00:00", "Z") if self.started_at else None
        plain["prompts"], plain["waits_for"] = list(self.prompts), list(self.waits_for)
        return plain


@dataclass(slots=True)
class Progress:
    """How far an execution is, as its records tell."""

    total: int = 0
    execution_id: str | None = None
    step: str | None = None
    index: int = 0
    done: int = 0
    started_at: datetime | None = None
    prompts: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    waits: dict[str, str] = field(default_factory=dict)  # by step
    line_state: str = ""
    _closed: set[str] = field(default_factory=set)  # questions that wait no more

    def begin(self, execution_id: str) -> None:
        """An execution begins."""
        self.end()
        self.execution_id = execution_id

    def end(self) -> None:
        """Nothing runs."""
        self.line_state = ""
        self.execution_id, self.step, self.index, self.done, self.started_at = None, None, 0, 0, None
        self.prompts.clear()
        self.waits.clear()
        self._closed.clear()

    def ask(self, prompt: Mapping[str, Any]) -> None:
        """A question is open. It is told twice, by what is shown and by a call, whichever is first."""
        if str(prompt["id"]) not in self._closed:
            self.prompts[str(prompt["id"])] = prompt

    def close(self, prompt_id: str) -> None:
        """A question waits no more."""
        self._closed.add(prompt_id)
        self.prompts.pop(prompt_id, None)

    def note(self, record: Record) -> None:
        """A record was kept."""
        if record.execution_id != self.execution_id:
            return
        if isinstance(record, ExecutionRecord):
            self.started_at = self.started_at or record.started_at
        elif record.status is StepStatus.RUNNING:
            self.step, self.index = record.name, record.order
            self.waits.pop(record.name, None)
        else:
            self.done += 1

    def told(self, clock: Clock) -> dict[str, Any]:
        """What a status says of it."""
        if self.execution_id is None:
            return {"total_steps": self.total or None}
        began = self.started_at
        return {
            "execution_id": self.execution_id,
            "current_step": self.step,
            "step_index": self.index,
            # A repeat makes more of a sequence than it has steps: the eleventh of ten there is not.
            "total_steps": max(self.total, self.index),
            "progress": min(self.done / self.total, 1.0) if self.total else 0.0,
            "started_at": began,
            "elapsed": max(0.0, (clock.now() - began).total_seconds()) if began is not None else 0.0,
            "prompts": tuple(self.prompts.values()),
            "waits_for": tuple(self.waits.values()),
        }
