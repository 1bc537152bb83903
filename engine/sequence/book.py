"""The book of one run: opens and closes the records of steps, numbers them, and has them kept in few commits.

The result of a step is held until the next one is about to begin: its start is in the same commit, which is awaited
before any driver is called. What is shown goes the same way while records wait: nothing is told before it is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import structlog

from engine.clock import Clock
from engine.sequence.ports import Recorder
from engine.sequence.records import (
    Item,
    Measurement,
    Shown,
    StepRecord,
    StepStatus,
    Verdict,
    worst,
)

log = structlog.get_logger(__name__)

CLEANUP_COMMIT_S: Final = 2.0  # what a commit may take while hardware waits to be switched off


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of an attempt at a step."""

    verdict: Verdict
    result: Mapping[str, object] = field(default_factory=dict)
    measurements: tuple[Measurement, ...] = ()
    error: str | None = None


@dataclass(slots=True)
class OpenStep:
    """A step that is underway."""

    record: StepRecord
    began: float  # the clock's monotonic seconds
    attempts: int = 0
    finding: Finding | None = None
    before: int = 0  # attempts of a process that died meanwhile


@dataclass(slots=True)
class Book:
    """All records of one execution pass through here."""

    execution_id: str
    recorder: Recorder
    clock: Clock
    seq: int = 0
    order: int = 0
    verdict: Verdict = Verdict.PASS  # the worst of the steps so far
    held: list[Item] = field(default_factory=list)  # what is shown waits here for the records before it
    # Steps of a cleanup that are on record, by path. Nobody knows what half a cleanup has left, so that all of it is
    # done again; on record it is one cleanup all the same.
    again: dict[str, list[StepRecord]] = field(default_factory=dict)
    _committing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def next_seq(self) -> int:
        """The number of the next record."""
        self.seq += 1
        return self.seq

    def open(self, name: str, path: str, title: str, *, is_cleanup: bool) -> OpenStep:
        """A step begins. It is kept with the next commit."""
        order, before = self._place(path)
        record = StepRecord(
            self.execution_id, self.next_seq(), order, name, path, StepStatus.RUNNING,
            started_at=self.clock.now(), is_cleanup=is_cleanup, title=title,
        )  # fmt: skip
        self.held.append(record)
        return OpenStep(record, self.clock.monotonic(), before=before)

    def _place(self, path: str) -> tuple[int, int]:
        """The order of a step that begins or is skipped, and how often it was tried before."""
        earlier = self.again.get(path)
        if earlier:
            record = earlier.pop(0)
            return record.order, 0 if record.status is StepStatus.SKIPPED else record.attempts
        self.order += 1
        return self.order, 0

    def close(self, step: OpenStep, finding: Finding, *, counts: bool = True) -> StepRecord:
        """A step has ended. ``counts``: its verdict is one of the execution."""
        could_not = finding.verdict in {Verdict.ERROR, Verdict.ABORTED}
        record = replace(
            step.record,
            seq=self.next_seq(),
            status=StepStatus.FAILED if could_not else StepStatus.COMPLETED,
            verdict=finding.verdict,
            completed_at=self.clock.now(),
            duration=self.clock.monotonic() - step.began,
            result=finding.result,
            measurements=finding.measurements,
            error=finding.error,
            attempts=step.before + max(step.attempts, 1),
        )
        if counts:
            is_bad_cleanup = record.is_cleanup and not finding.verdict.is_pass
            self.verdict = worst((self.verdict, finding.verdict, *([Verdict.ERROR] if is_bad_cleanup else [])))
        self.held.append(record)
        return record

    def skip(self, name: str, path: str, title: str, *, is_cleanup: bool) -> None:
        """A step's condition did not hold."""
        order, _ = self._place(path)
        record = StepRecord(
            self.execution_id, self.next_seq(), order, name, path, StepStatus.SKIPPED,
            is_cleanup=is_cleanup, title=title,
        )  # fmt: skip
        self.held.append(record)

    def show(self, kind: str, data: Mapping[str, object]) -> None:
        """Show something once the records before it are kept."""
        event = Shown(kind, self.execution_id, self.clock.now(), data)
        if self.held:
            self.held.append(event)
        else:
            self.recorder.show(event)

    async def commit(self) -> None:
        """Have everything kept that is held. Raises EngineError when it is not; then it stays held.

        Cancelled or failed, the same records come again with the next commit: who keeps them knows them by ``seq``.
        """
        async with self._committing:
            items = tuple(self.held)
            if items:
                await self.recorder.commit(items)
            del self.held[: len(items)]
            while self.held and isinstance(event := self.held[0], Shown):  # what was shown meanwhile waits for nothing
                self.recorder.show(event)
                del self.held[0]

    async def try_commit(self, within: float) -> bool:
        """As ``commit``, but never in the way of a cleanup: what is not kept in time stays held."""
        try:
            async with asyncio.timeout(within):
                await self.commit()
        except Exception as error:  # noqa: BLE001 - hardware must be switched off whatever the store says
            log.error("sequence.record.not_kept", held=len(self.held), reason=f"{type(error).__name__}: {error}")  # noqa: TRY400
            return False
        return True
