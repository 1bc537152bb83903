"""Manual control in a batch's process: one command at a time, and the cleanup that is due after it.

From its first command on the hardware is as somebody left it. That is marked in the station's data until a cleanup is
done: of the next run, of this process when it ends, or of a fresh one when it dies.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import structlog

from engine.clock import Clock
from engine.errors import DiagnosticError, EngineError
from engine.sequence.bench import Bench
from engine.sequence.bounds import cleanup_states
from engine.sequence.local import LocalResources, MemoryRecorder, ReadyOperator
from engine.sequence.model import CANCEL_S, Package
from engine.sequence.records import Verdict, plain
from engine.sequence.run import SequenceRun
from engine.station import by_hand
from engine.station.by_hand import Mark
from engine.station.orders import Orders
from engine.station.worker_frame import told

log = structlog.get_logger(__name__)

_WITHIN_S: Final = 30.0
_MORE_S: Final = 1.0


class ManualControl:
    """The hardware of one process, driven by hand."""

    def __init__(self, orders: Orders, package: Package, bench: Bench, clock: Clock) -> None:
        self._folder, self._batch_id = orders.by_hand, orders.batch_id
        self._package, self._bench, self._clock = package, bench, clock
        has_cleanup = bool(package.cleanup) or (package.is_chart and bool(cleanup_states(package.chart)))
        self._mark = by_hand.find(self._folder, self._batch_id) if has_cleanup else None
        self._is_marking = has_cleanup
        self._call: asyncio.Task[object] | None = None

    @property
    def is_commanding(self) -> bool:
        """Whether a command is underway."""
        return self._call is not None

    async def command(
        self, hardware: str, command: str, params: Mapping[str, object], parameters: Mapping[str, object]
    ) -> dict[str, Any]:
        """Give one command to one driver; its result, or why there is none. ``parameters``: the batch's."""
        try:
            self._bench.check(hardware, command, params)
        except EngineError as error:
            return {"problem": str(error)}
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._call = asyncio.create_task(self._driven(hardware, command, params, parameters))
        try:
            value, wrong = await self._outcome(self._call)
        finally:
            self._call = None
        return {
            "value": value, "error": wrong, "duration": loop.time() - began, "replace": self._bench.needs_new_process,
        }  # fmt: skip

    async def _outcome(self, call: asyncio.Task[object]) -> tuple[Any, str | None]:
        done, _ = await asyncio.wait({call}, timeout=_WITHIN_S)
        if not done:
            await self.give_up()
            return None, f"no answer within {_WITHIN_S:g} s"
        if call.cancelled():
            return None, "it was given up: the batch's process is ending"
        error = call.exception()  # whatever a driver raises is what came of its command
        if isinstance(error, Exception):
            return None, told(error)
        return plain(call.result()), None

    async def _driven(
        self, hardware: str, command: str, params: Mapping[str, object], parameters: Mapping[str, object]
    ) -> object:
        if self._is_marking and (self._mark is None or not self._mark.is_owed):
            mark = Mark(self._batch_id, self._clock.now().isoformat(), f"{hardware}.{command}", dict(parameters))
            await asyncio.to_thread(by_hand.keep, self._folder, mark)  # before the command, as a step's start is
            self._mark = mark
        return await self._bench.call(hardware, command, params)

    async def give_up(self) -> None:
        """Cancel the command that is underway, if one is; the bench gives it its time, and abandons it then."""
        call = self._call
        if call is not None:
            call.cancel()
            await asyncio.wait({call}, timeout=CANCEL_S + _MORE_S)

    def cleaned(self) -> None:
        """A run has done its cleanup: that is the hardware's, whoever drove it before."""
        if self._mark is not None:
            self._mark = None
            try:
                by_hand.drop(self._folder, self._batch_id)
            except OSError as error:
                log.error("station.mark.not_dropped", reason=str(error))  # noqa: TRY400 - it is cleaned up once more

    async def tidy(self, reason: str) -> None:
        """Do the cleanup if it is due. Raises OSError when it cannot be noted that it was done."""
        mark = self._mark
        if mark is None or not mark.is_owed:
            return
        log.warning("station.hardware.tidying", since=mark.since, command=mark.command, reason=reason)
        recorder = MemoryRecorder()  # no execution that anybody looks for
        await self._run(mark.parameters, recorder).cleanup_only(reason)
        steps = tuple(
            {"step": one.name, "verdict": _name(one.verdict), "is_pass": one.is_pass, "error": one.error}
            for one in recorder.steps
        )
        self._mark = mark.cleaned(reason, steps)
        await asyncio.to_thread(by_hand.keep, self._folder, self._mark)

    def _run(self, parameters: Mapping[str, object], recorder: MemoryRecorder) -> SequenceRun:
        def make(given: Mapping[str, object]) -> SequenceRun:
            return SequenceRun(
                self._package, given, self._bench, recorder, ReadyOperator(), LocalResources(), self._clock,
                batch_id=self._batch_id,
            )  # fmt: skip

        try:
            return make(parameters)
        except DiagnosticError:  # the package was changed meanwhile; it must be switched off all the same
            log.warning("station.cleanup.parameters_changed", batch=self._batch_id)
            return make({})


def _name(verdict: Verdict | None) -> str | None:
    return verdict.value if verdict is not None else None
