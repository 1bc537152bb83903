"""The services of a full chart that stands for a sequence: each leaves a record by itself.

A part of :class:`engine.sequence.run.SequenceRun`, kept apart for its size.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from engine.ports import Outcome
from engine.sequence.bench import Bench
from engine.sequence.book import Book, Finding
from engine.sequence.bounds import cleanup_states
from engine.sequence.limits import LIMITS, Limit, judge
from engine.sequence.model import Package
from engine.sequence.ports import Resources
from engine.sequence.records import Verdict, plain
from engine.sequence.steps import OUTCOMES, StepServices
from engine.sequence.work import Work, described


class FlowServices(StepServices):
    """``hw.call``, ``measure`` and ``ask``, beside what steps need."""

    def __init__(self, package: Package, book: Book, work: Work, resources: Resources, bench: Bench) -> None:
        super().__init__(package, book, work, resources)
        self._bench = bench
        self._cleanup_states = cleanup_states(package.chart) if package.is_chart else frozenset[str]()
        self._services: Mapping[str, Callable[[str, Mapping[str, Any]], Awaitable[Outcome]]] = {
            **dict.fromkeys(
                ("step.call", "step.prompt", "step.wait", "step.measure", "step.rendezvous"), self._serve_step
            ),
            "step.lock": self._lock, "hw.call": self._hw_call, "measure": self._measure, "ask": self._ask,
        }  # fmt: skip

    async def _serve(self, state: str, service: str, args: Mapping[str, Any]) -> Outcome:
        return await self._services[service](state, args)

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
            return Finding(found.verdict, {}, (found,)), Outcome(OUTCOMES[found.verdict])

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
