"""What a batch whose process is gone is owed: a cleanup, and perhaps that its execution is gone on with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from engine.errors import DiagnosticError
from engine.sequence.records import StepStatus, Verdict
from engine.station.by_hand import Mark
from engine.station.settings import BatchSettings
from engine.store.station_ports import StoredExecution

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Owed:
    """``executions`` and ``mark`` (of manual control) want a cleanup. ``step``: where the one execution may go on."""

    executions: tuple[StoredExecution, ...] = ()
    mark: Mark | None = None
    step: str = ""

    def __bool__(self) -> bool:
        return bool(self.executions) or self.mark is not None

    @property
    def execution_id(self) -> str:
        """The execution that may be gone on with; empty when there is none."""
        return self.executions[0].record.execution_id if self.step else ""


def interrupted_step(stored: StoredExecution) -> str:
    """The step that an execution was at when its process died; empty when its cleanup had begun, or none was."""
    if not stored.steps or any(step.is_cleanup for step in stored.steps):
        return ""
    last = stored.steps[-1]
    was_cut_off = last.status is StepStatus.FAILED and last.verdict is Verdict.ABORTED
    return last.name if was_cut_off else ""


def resumable_step(executions: Sequence[StoredExecution], settings: BatchSettings, folders: Sequence[Path]) -> str:
    """The step at which the one execution that is owed a cleanup may be gone on with; empty when there is none.

    Reads the sequence's files; blocking. What has changed since is for the process that goes on to refuse.
    """
    step = interrupted_step(executions[0]) if len(executions) == 1 else ""
    return step if step and step in _resumable(settings, folders) else ""


def _resumable(settings: BatchSettings, folders: Sequence[Path]) -> set[str]:
    from engine.documents.source import load_yaml  # what reads sequences: only after a crash
    from engine.sequence.outline import Outline, RawStep
    from engine.sequence.package import find_package

    def walk(steps: Sequence[RawStep]) -> Iterator[RawStep]:
        for step in steps:
            yield step
            for branch in step.branches if "lock" not in step.body else ():  # a lock around it would not be had
                yield from walk(branch)

    try:
        file, shown = find_package(settings.package, folders)
        outline = Outline(file.parent, str(Path(shown).parent), [])
        steps = outline.read(load_yaml(file, shown).root.get("steps"), is_cleanup=False)
    except (DiagnosticError, OSError) as error:
        log.warning("station.sequence.unreadable", batch=settings.id, sequence=settings.package, reason=str(error))
        return set()
    return {step.name for step in walk(steps) if step.body.get("resumable") is True}
