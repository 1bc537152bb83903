"""One run of a sequence: its machine, its records, and an end that always goes through the cleanup."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import structlog

from engine.chart.model import Chart, State
from engine.clock import Clock
from engine.effects import MachineEnded
from engine.errors import EngineError
from engine.ports import Outcome
from engine.sequence.bench import Bench
from engine.sequence.book import CLEANUP_COMMIT_S, Book, Finding, OpenStep
from engine.sequence.host import Host
from engine.sequence.limits import LIMITS, Limit, judge
from engine.sequence.model import Package, Step, StepKind
from engine.sequence.package import recovery_chart, resume_chart
from engine.sequence.parameters import resolve_parameters
from engine.sequence.ports import Operator, Recorder, Resources
from engine.sequence.records import (
    CLEANUP_START,
    ERROR,
    LOCK_WAIT,
    LOG,
    RETRY,
    SEQUENCE_COMPLETE,
    ExecutionRecord,
    ExecutionStatus,
    Record,
    StepRecord,
    StepStatus,
    Verdict,
    plain,
    worst,
)
from engine.sequence.work import Work, described

log = structlog.get_logger(__name__)

_FINAL_COMMIT_S: Final = 10.0
_OUTCOMES: Final[Mapping[Verdict, str]] = {
    Verdict.PASS: "passed", Verdict.MARGINAL: "marginal", Verdict.INCONCLUSIVE: "inconclusive", Verdict.FAIL: "failed",
}  # fmt: skip


class ResumeError(EngineError):
    """A run cannot be gone on with at this step."""


class SequenceRun:
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
        self.package = package
        self.execution_id = execution_id or str(uuid.uuid4())
        self.batch_id = batch_id
        self.parameters = resolve_parameters(package, parameters)
        self._bench, self._resources, self._clock = bench, resources, clock
        self._book = Book(self.execution_id, recorder, clock, package.total, first_seq, first_order)
        results: dict[str, object] = dict.fromkeys(package.named)
        self._work = Work(self.execution_id, self.parameters, results, bench, operator, resources, self._book.show)
        self._open: dict[str, OpenStep] = {}
        self._left: list[str] = []
        self._late: set[str] = set()  # states whose service took too long
        self._locks: dict[str, str] = {}
        self._rounds: dict[str, int] = {}
        self._around = _repeats_around(package)
        self._cleanup_states = _cleanup_states(package.chart) if package.is_chart else frozenset()
        self._is_cleaning = False
        self._stop_reason: str | None = None
        self._fault = ""
        self._background: set[asyncio.Task[None]] = set()
        self._host: Host | None = None
        self._services: Mapping[str, Callable[[str, Mapping[str, Any]], Awaitable[Outcome]]] = {
            **dict.fromkeys(
                ("step.call", "step.prompt", "step.wait", "step.measure", "step.rendezvous"), self._serve_step
            ),
            "step.lock": self._lock,
            "hw.call": self._hw_call, "measure": self._measure, "ask": self._ask,
        }  # fmt: skip
        self._decisions: Mapping[str, Callable[[Mapping[str, Any]], Outcome]] = {
            "step.decide": self._decide,
            "step.again": self._again,
        }
        self._performers: Mapping[str, Callable[[str], None]] = {
            "step.begin": self._begin, "step.end": self._left.append, "step.unlock": self._unlock,
            "step.rounds": self._reset_rounds,
        }  # fmt: skip

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
        return await self._to_the_end(self._live(self._make_host(resume_chart(self.package, step)), None))

    async def cleanup_only(self, reason: str, records: Sequence[StepRecord] = ()) -> ExecutionRecord:
        """Do the cleanup of an execution that its process did not survive; its last record says so.

        ``records`` are its steps' so far: those that were underway are closed.
        """
        self._take_over(records)
        host = self._make_host(recovery_chart(self.package))
        host.stop()
        return await self._to_the_end(self._live(host, reason))

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
        return tuple(self._book.held)

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

    async def _put_away(self) -> None:
        """No lock outlives the run, and no record stays open."""
        self._settle([*self._open])
        for step in list(self._locks):
            self._unlock(step)
        if self._background:
            await asyncio.wait(self._background)

    def _record(self, status: ExecutionStatus, **more: Any) -> ExecutionRecord:
        package = self.package
        self._started_at = getattr(self, "_started_at", None) or self._clock.now()
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

    def _after(self, started: bool) -> None:  # noqa: FBT001 - the shape of Host.after
        self._settle(self._left)
        if self._book.held and not started:
            # Nothing is begun that would take them along (one side of a parallel is done, say).
            self._in_background(self._late_commit())

    async def _late_commit(self) -> None:
        await self._book.try_commit(CLEANUP_COMMIT_S)

    def _in_background(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    # Actions of the chart --------------------------------------------------------------------------------------------

    def _perform(self, action: str, args: Mapping[str, Any]) -> None:
        if action == "sequence.cleanup":
            self._start_cleaning()
        else:
            self._performers[action](str(args["step"]))

    def _start_cleaning(self) -> None:
        self._settle(self._left)
        self._is_cleaning = True
        self._book.show(CLEANUP_START, {"reason": self._stop_reason or self._fault})

    def _begin(self, name: str) -> None:
        self._settle(self._left)
        step = self.package.named[name]
        self._open[name] = self._book.open(name, self._path(name), step.title, is_cleanup=step.is_cleanup)

    def _settle(self, names: list[str]) -> None:
        """Close the steps that were left. Not at once: what a time-out has to say comes after the state's exit."""
        for name in list(names):
            step = self._open.pop(name, None)
            if step is not None:
                finding, counts = step.finding, True
                if finding is None:
                    finding, counts = self._aborted(), self._stop_reason is not None
                self._close(step, finding, counts=counts)
        self._left.clear()

    def _aborted(self) -> Finding:
        """A step that was left before it was done. That another one's failure did this says nothing of this one."""
        reason = self._stop_reason or "another step ended the run first"
        return Finding(Verdict.ABORTED, error=reason)

    def _close(self, step: OpenStep, finding: Finding, *, counts: bool = True) -> None:
        record = self._book.close(step, finding, counts=counts)
        if finding.verdict is Verdict.ERROR:
            self._fault = self._fault or f"{record.name}: {finding.error}"
            self._book.show(ERROR, {"code": "STEP_ERROR", "message": finding.error, "step": record.name})

    def _timed_out(self, state: str) -> None:
        """The service of a state took too long; called before the state is left."""
        self._late.add(state)
        name, _, part = state.partition("/")
        step = self.package.named.get(name)
        lock = step.lock if step is not None and part == "lock" else None
        if lock is not None:
            self._failed_outright(name, f"the lock '{lock.name}' could not be had within {lock.timeout:g} s")
        elif name in self._open:
            within = f" after {step.timeout:g} s" if step is not None and step.timeout is not None else ""
            self._open[name].finding = Finding(Verdict.ERROR, error=f"timed out{within}")

    def _skip(self, name: str) -> None:
        self._settle(self._left)
        for step in self.package.named[name].walk():
            if step.kind.is_leaf:
                self._book.skip(step.name, self._path(step.name), step.title, is_cleanup=step.is_cleanup)

    def _failed_outright(self, name: str, reason: str) -> None:
        """A step that could not even begin leaves a record all the same."""
        self._settle(self._left)
        step = self.package.named[name]
        opened = self._book.open(name, self._path(name), step.title, is_cleanup=step.is_cleanup)
        self._close(opened, Finding(Verdict.ERROR, error=reason))

    def _unlock(self, name: str) -> None:
        resource = self._locks.pop(name, None)
        if resource is not None:
            self._in_background(self._resources.release(resource))

    def _reset_rounds(self, name: str) -> None:
        self._rounds[name] = 0

    def _path(self, name: str) -> str:
        around = [f"{one}[{self._rounds.get(one, 0)}]" if is_repeat else one for one, is_repeat in self._around[name]]
        return "/".join((*around, name))

    # Services of the chart -------------------------------------------------------------------------------------------

    async def _serve(self, state: str, service: str, args: Mapping[str, Any]) -> Outcome:
        return await self._services[service](state, args)

    async def _serve_step(self, _state: str, args: Mapping[str, Any]) -> Outcome:
        step = self.package.named[args["step"]]
        open_ = self._open[step.name]
        if open_.attempts:
            error = open_.finding.error if open_.finding is not None else f"timed out after {step.timeout} s"
            self._book.show(RETRY, {"step": step.name, "attempt": open_.attempts + 1, "error": error})
        open_.attempts += 1
        open_.finding = None
        open_.finding = finding = await self._found(step)
        outcome = _OUTCOMES.get(finding.verdict)
        return Outcome("error", {"reason": finding.error or ""}) if outcome is None else Outcome(outcome)

    async def _found(self, step: Step) -> Finding:
        try:
            await self._commit(is_cleanup=step.is_cleanup)
            return await self._work.do(step)
        except Exception as error:  # noqa: BLE001 - whatever a driver raises is what was found of its step
            finding = Finding(Verdict.ERROR, error=described(error))
            self._work.remember(step, finding, None)
            return finding

    async def _commit(self, *, is_cleanup: bool) -> None:
        """Nothing is driven before it is on record that it begins; but a cleanup is done whatever the store says."""
        if is_cleanup:
            await self._book.try_commit(CLEANUP_COMMIT_S)
        else:
            await self._book.commit()

    def _decide(self, args: Mapping[str, Any]) -> Outcome:
        name = str(args["step"])
        try:
            if self._work.value(self.package.named[name].when):
                return Outcome("yes")
        except Exception as error:  # noqa: BLE001 - an expression that failed is told in the step's record
            self._failed_outright(name, f"when: {described(error)}")
            return Outcome("error", {"reason": described(error)})
        self._skip(name)
        return Outcome("no")

    def _again(self, args: Mapping[str, Any]) -> Outcome:
        step = self.package.named[args["step"]]
        done = self._rounds.get(step.name, 0)
        try:
            if step.times is not None and done >= self._work.value(step.times):
                return Outcome("no")
            if done and step.until is not None and self._work.value(step.until):
                return Outcome("no")
        except Exception as error:  # noqa: BLE001 - as above
            self._failed_outright(step.name, f"repeat: {described(error)}")
            return Outcome("error", {"reason": described(error)})
        self._rounds[step.name] = done + 1
        return Outcome("yes")

    async def _lock(self, _state: str, args: Mapping[str, Any]) -> Outcome:
        name = str(args["step"])
        lock = self.package.named[name].lock
        assert lock is not None
        self._book.show(LOCK_WAIT, {"step": name, "resource": lock.name})
        try:
            await self._resources.acquire(lock.name)
        except EngineError as error:
            self._failed_outright(name, f"the lock '{lock.name}' could not be had: {error}")
            raise
        self._locks[name] = lock.name
        return Outcome("locked")

    # Services of a full chart ----------------------------------------------------------------------------------------

    async def _hw_call(self, state: str, args: Mapping[str, Any]) -> Outcome:
        async def work() -> tuple[Finding, Outcome]:
            is_cleanup = state in self._cleanup_states
            given = args["with"]
            value = await self._bench.call(args["hardware"], args["command"], given, is_cleanup=is_cleanup)
            return Finding(Verdict.PASS, {"value": plain(value)}), Outcome("done", {"value": value})

        return await self._recorded(state, args, work)

    async def _measure(self, state: str, args: Mapping[str, Any]) -> Outcome:
        async def work() -> tuple[Finding, Outcome]:
            limits = tuple(Limit(kind, args["limits"][kind]) for kind in LIMITS if kind in args["limits"])
            found = judge(args["name"], args["value"], args["unit"], limits)
            return Finding(found.verdict, {}, (found,)), Outcome(_OUTCOMES[found.verdict])

        return await self._recorded(state, args, work)

    async def _ask(self, state: str, args: Mapping[str, Any]) -> Outcome:
        async def work() -> tuple[Finding, Outcome]:
            answer = await self._work.ask(str(args["step"] or state), args["text"], tuple(args["choices"] or ()))
            return Finding(Verdict.PASS, {"answer": answer}), Outcome("answered", {"answer": answer})

        return await self._recorded(state, args, work)

    async def _recorded(
        self, state: str, args: Mapping[str, Any], work: Callable[[], Awaitable[tuple[Finding, Outcome]]]
    ) -> Outcome:
        """A service of a chart leaves a record by itself: the chart does not speak of steps."""
        name = str(args["step"] or state)
        is_cleanup = state in self._cleanup_states
        self._is_cleaning = self._is_cleaning or is_cleanup
        opened = self._book.open(name, name, "", is_cleanup=is_cleanup)
        finding: Finding | None = None
        try:
            await self._commit(is_cleanup=is_cleanup)
            finding, outcome = await work()
        except asyncio.CancelledError:
            finding = self._late_or_aborted(state)
            raise
        except Exception as error:  # noqa: BLE001 - whatever a driver raises is what was found
            finding = Finding(Verdict.ERROR, error=described(error))
            outcome = Outcome("error", {"reason": described(error)})
        finally:
            if finding is not None:
                self._close(opened, finding)
        return outcome

    def _late_or_aborted(self, state: str) -> Finding:
        if state in self._late:
            self._late.discard(state)
            return Finding(Verdict.ERROR, error="timed out")
        if self._stop_reason is not None:
            return self._aborted()
        return Finding(Verdict.ERROR, error="the chart did not wait for the answer")


def _repeats_around(package: Package) -> dict[str, tuple[tuple[str, bool], ...]]:
    """For each step, the frames around it from the outside in, and whether each is a repeat."""
    found: dict[str, tuple[tuple[str, bool], ...]] = {}

    def walk(steps: tuple[Step, ...], above: tuple[tuple[str, bool], ...]) -> None:
        for step in steps:
            found[step.name] = above
            for branch in step.branches:
                walk(branch, (*above, (step.name, step.kind is StepKind.REPEAT)))

    walk(package.steps, ())
    walk(package.cleanup, ())
    return found


def _cleanup_states(chart: Chart) -> frozenset[str]:
    """The states inside any ``finally`` of a chart."""

    def is_cleanup(state: State) -> bool:
        return state.parent is not None and state.parent.finally_ == state.id

    return frozenset(s.id for s in chart.states.values() if is_cleanup(s) or any(map(is_cleanup, s.ancestors())))
