"""One run of a sequence: its machine, its records, and an end that always goes through the cleanup."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from engine.chart.model import Chart
from engine.clock import Clock
from engine.effects import MachineEnded
from engine.errors import EngineError
from engine.sequence.bench import Bench
from engine.sequence.book import Book
from engine.sequence.bounds import MORE_S
from engine.sequence.flow import FlowServices
from engine.sequence.host import Host
from engine.sequence.model import CANCEL_S, Package
from engine.sequence.package import recovery_charts, resume_chart
from engine.sequence.parameters import resolve_parameters
from engine.sequence.ports import Operator, Recorder, Resources
from engine.sequence.records import (
    LOG,
    SEQUENCE_COMPLETE,
    ExecutionRecord,
    ExecutionStatus,
    Record,
    Shown,
    StepRecord,
    StepStatus,
    Verdict,
    plain,
    worst,
)
from engine.sequence.work import Work

_FINAL_COMMIT_S: Final = 10.0


class ResumeError(EngineError):
    """A run cannot be gone on with at this step."""


class SequenceRun(FlowServices):
    """Runs a package once. ``run`` may be awaited once; ``stop`` may be called at any time, from the loop.

    Raises DiagnosticError when the parameters are not what the sequence declares. ``first_seq`` and ``first_order``
    are the last ones of an execution that is gone on with (``resume``, ``cleanup_only``).
    """

    def __init__(
        self,
        package: Package,
        parameters: Mapping[str, object],
        bench: Bench,
        recorder: Recorder,
        operator: Operator,
        resources: Resources,
        clock: Clock,
        *,
        execution_id: str | None = None,
        batch_id: str = "",
        first_seq: int = 0,
        first_order: int = 0,
    ) -> None:
        self.execution_id = execution_id or str(uuid.uuid4())
        self.batch_id = batch_id
        self.parameters = resolve_parameters(package, parameters)
        book = Book(self.execution_id, recorder, clock, first_seq, first_order)
        results: dict[str, object] = dict.fromkeys(package.named)
        work = Work(
            self.execution_id, self.parameters, results, bench, operator, resources, book.show, asked=first_order
        )
        super().__init__(package, book, work, resources, bench)
        self._clock = clock
        self._started_at: datetime | None = None
        self._host: Host | None = None

    # What the owner calls --------------------------------------------------------------------------------------------

    async def run(self) -> ExecutionRecord:
        """Run to the end, cleanup included; the execution's last record, which is kept by then (``unrecorded``).

        A cancelled task is a stop: the cleanup is done before it ends.
        """
        self._book.held.append(self._record(ExecutionStatus.RUNNING))
        host = self._make_host(self.package.chart)
        if self._stop_reason is not None:
            host.stop()
        return await self._to_the_end(self._live(host, None))

    async def resume(self, name: str, records: Sequence[StepRecord]) -> ExecutionRecord:
        """Go on at a step with an execution that its process did not survive. ``records`` are its steps' so far.

        Raises ResumeError for a step of which the sequence does not say ``resumable: true``.
        """
        step = self.package.named.get(name)
        if step is None or not step.is_resumable:
            raise ResumeError(f"'{name}' may not be resumed: the sequence does not say 'resumable: true' of it")
        self._take_over(records)
        self._book.verdict = worst((Verdict.PASS, *(one.verdict for one in records if one.verdict is not None)))
        for record in records:
            if record.name in self._work.results and record.verdict is not None:
                self._work.recall(record)
        host = self._make_host(resume_chart(self.package, step))
        if self._stop_reason is not None:
            host.stop()
        return await self._to_the_end(self._live(host, None))

    async def cleanup_only(self, reason: str, records: Sequence[StepRecord] = ()) -> ExecutionRecord:
        """Do the cleanup of an execution that its process did not survive; its last record says so.

        ``records`` are its steps' so far: those that were underway are closed.
        """
        self._take_over(records)
        charts = recovery_charts(self.package, [record.name for record in sorted(records, key=lambda one: one.order)])
        return await self._to_the_end(self._recover(charts, reason))

    def stop(self, reason: str = "stopped") -> None:
        """End the run through its cleanup. A second time, or once the cleanup runs, it changes nothing."""
        if self._stop_reason is None and not self._is_cleaning:
            self._stop_reason = reason
            if self._host is not None:
                self._host.stop()

    @property
    def needs_new_process(self) -> bool:
        """Whether a driver's call was left behind: nobody knows what it will still do in this process."""
        return self._bench.needs_new_process

    @property
    def unrecorded(self) -> tuple[Record, ...]:
        """What could not be kept, in order; empty when all is well."""
        return tuple(one for one in self._book.held if not isinstance(one, Shown))

    @property
    def is_cleaning(self) -> bool:
        """Whether the cleanup has begun."""
        return self._is_cleaning

    @property
    def current_steps(self) -> tuple[str, ...]:
        """The steps that are underway."""
        return tuple(self._open)

    # The life of a run -----------------------------------------------------------------------------------------------

    def _make_host(self, chart: Chart) -> Host:
        settings = self.parameters if self.package.is_chart else {}
        declared = {name: one.default for name, one in chart.settings.items()}
        host = Host(chart, {**declared, **settings}, self._clock, self._serve, self._perform, self._decisions)
        host.log = lambda level, message: self._book.show(LOG, {"level": level, "message": message})
        host.patience = {"hw.call": CANCEL_S + MORE_S}  # as a step has; a call that still acts holds its hardware
        host.after = self._after
        host.timed_out = self._timed_out
        self._work.machine = host.interpreter
        self._host = host
        return host

    async def _live(self, host: Host, interrupted: str | None) -> ExecutionRecord:
        began = self._clock.monotonic()
        end = await host.run()
        await self._put_away()
        record = self._last_record(end, interrupted, self._clock.monotonic() - began)
        self._book.held.append(record)
        facts = {"status": record.status.value, "overall_pass": record.overall_pass, "duration": record.duration}
        verdict = record.verdict.value if record.verdict is not None else None
        self._book.show(SEQUENCE_COMPLETE, {**facts, "verdict": verdict, "reason": record.reason})
        await self._book.try_commit(_FINAL_COMMIT_S)
        return record

    async def _recover(self, charts: Sequence[Chart], reason: str) -> ExecutionRecord:
        """Each cleanup that is owed, one after the other; the last one ends the run."""
        for chart in charts[:-1]:
            await self._cleaning_host(chart).run()
        return await self._live(self._cleaning_host(charts[-1]), reason)

    def _cleaning_host(self, chart: Chart) -> Host:
        host = self._make_host(chart)
        host.stop()
        return host

    async def _to_the_end(self, life: Any) -> ExecutionRecord:
        task: asyncio.Task[ExecutionRecord] = asyncio.ensure_future(life)
        cancelled: asyncio.CancelledError | None = None
        while not task.done():
            try:
                await asyncio.shield(task)
            except asyncio.CancelledError as error:
                if task.cancelled():
                    raise
                cancelled = error
                self.stop("cancelled")
        if cancelled is not None:
            raise cancelled
        return task.result()

    def _take_over(self, records: Sequence[StepRecord]) -> None:
        """Steps that were underway when their process died will not end any more."""
        for record in records:
            if record.status is StepStatus.RUNNING:
                seq, error = self._book.next_seq(), "interrupted: the process died"
                closed = replace(record, seq=seq, status=StepStatus.FAILED, verdict=Verdict.ABORTED, error=error)
                self._book.held.append(closed)
            if record.is_cleanup:
                self._book.again.setdefault(record.path, []).append(record)

    async def _put_away(self) -> None:
        """No lock outlives the run, and no record stays open."""
        self._settle([*self._open])
        for step in list(self._locks):
            self._unlock(step)
        if self._background:
            await asyncio.wait(self._background)

    def _record(self, status: ExecutionStatus, **more: Any) -> ExecutionRecord:
        package = self.package
        self._started_at = self._started_at or self._clock.now()
        return ExecutionRecord(
            self.execution_id, self._book.next_seq(), self.batch_id, package.name, package.version, status,
            parameters={name: plain(value) for name, value in self.parameters.items()},
            started_at=self._started_at, is_simulated=self._bench.is_simulated, package_hash=package.content_hash,
            **more,
        )  # fmt: skip

    def _last_record(self, end: MachineEnded, interrupted: str | None, duration: float) -> ExecutionRecord:
        verdict, status, reason = self._book.verdict, ExecutionStatus.COMPLETED, self._fault or None
        if end.why == "faulted":
            verdict, reason = worst((verdict, Verdict.ERROR)), end.reason
        if verdict is Verdict.ERROR:
            status = ExecutionStatus.FAILED
        if self._stop_reason is not None:
            verdict, status, reason = Verdict.ABORTED, ExecutionStatus.STOPPED, self._stop_reason
        if interrupted is not None:
            verdict, status, reason = Verdict.ABORTED, ExecutionStatus.INTERRUPTED, interrupted
        more = {"completed_at": self._clock.now(), "duration": duration, "reason": reason, "verdict": verdict}
        return self._record(status, **more)
