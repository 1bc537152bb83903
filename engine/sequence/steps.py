"""What the chart of a sequence asks for while it runs: steps are begun, done, judged, skipped, and closed on record.

A part of :class:`engine.sequence.run.SequenceRun`, kept apart for its size.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from engine.errors import EngineError
from engine.ports import Outcome
from engine.sequence.book import CLEANUP_COMMIT_S, Book, Finding, OpenStep
from engine.sequence.model import Package, Step, StepKind
from engine.sequence.ports import Resources
from engine.sequence.records import CLEANUP_START, ERROR, LOCK_WAIT, RETRY, Verdict
from engine.sequence.work import Work, described

OUTCOMES: Final[Mapping[Verdict, str]] = {
    Verdict.PASS: "passed", Verdict.MARGINAL: "marginal", Verdict.INCONCLUSIVE: "inconclusive", Verdict.FAIL: "failed",
}  # fmt: skip


class StepServices:
    """The services and actions of steps, and what they share."""

    def __init__(self, package: Package, book: Book, work: Work, resources: Resources) -> None:
        self.package = package
        self._book, self._work, self._resources = book, work, resources
        self._open: dict[str, OpenStep] = {}
        self._left: list[str] = []
        self._late: set[str] = set()  # states whose service took too long
        self._locks: dict[str, str] = {}
        self._rounds: dict[str, int] = {}
        self._around = _repeats_around(package)
        self._is_cleaning = False
        self._stop_reason: str | None = None
        self._fault = ""
        self._background: set[asyncio.Task[None]] = set()
        self._performers: Mapping[str, Callable[[str], None]] = {
            "step.begin": self._begin, "step.end": self._left.append, "step.unlock": self._unlock,
            "step.rounds": self._reset_rounds,
        }  # fmt: skip
        self._decisions: Mapping[str, Callable[[Mapping[str, Any]], Outcome]] = {
            "step.decide": self._decide,
            "step.again": self._again,
        }

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

    async def _serve_step(self, _state: str, args: Mapping[str, Any]) -> Outcome:
        step = self.package.named[args["step"]]
        open_ = self._open[step.name]
        if open_.attempts:
            error = open_.finding.error if open_.finding is not None else f"timed out after {step.timeout} s"
            self._book.show(RETRY, {"step": step.name, "attempt": open_.attempts + 1, "error": error})
        open_.attempts += 1
        open_.finding = None
        open_.finding = finding = await self._found(step)
        outcome = OUTCOMES.get(finding.verdict)
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
            if self._work.holds(self.package.named[name].when):
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
                if not done:
                    self._skip(step.name)
                return Outcome("no")
            if done and step.until is not None and self._work.holds(step.until):
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
            # What was before is on record, and the waiting is seen, however long it takes.
            await self._commit(is_cleanup=self.package.named[name].is_cleanup)
            await self._resources.acquire(lock.name)
        except EngineError as error:
            self._failed_outright(name, f"the lock '{lock.name}' could not be had: {error}")
            raise
        self._locks[name] = lock.name
        return Outcome("locked")


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
