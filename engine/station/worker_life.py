"""What a batch's process does from its hello to its end.

It ends itself when its master is gone (its standard input ends): what runs goes through its cleanup, bounded, and what
no master took is written to the spool. Nothing that its drivers started outlives it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import structlog

from engine.clock import SystemClock
from engine.errors import DiagnosticError, EngineError
from engine.sequence.bench import Bench
from engine.sequence.faults import parse_fault
from engine.sequence.model import CANCEL_S, Package
from engine.sequence.package import load_package
from engine.sequence.parameters import resolve_parameters
from engine.sequence.records import ExecutionRecord, ExecutionStatus, StepRecord, Verdict
from engine.sequence.run import SequenceRun
from engine.station.locks import hardware_lock
from engine.station.manual import ManualControl
from engine.station.orders import Orders
from engine.station.rpc import Handler, RefusedError, RemoteError
from engine.station.spool import write_spool
from engine.station.worker_frame import END_MARGIN_S, WorkerFrame, live_through, told
from engine.station.worker_ports import MasterRecorder, RemoteOperator, SharedResources, dresser

log = structlog.get_logger(__name__)

_ENDED_S: Final = 10.0  # for telling that a run has ended
MISSING: Final = "parameter-missing"


class Worker(WorkerFrame):
    """One process of a batch that runs a sequence."""

    def __init__(self, orders: Orders) -> None:
        super().__init__(orders)
        self._run: SequenceRun | None = None
        self._why_over = ""
        self._running: asyncio.Task[None] | None = None
        self._recorder: MasterRecorder | None = None
        self._package: Package
        self._bench: Bench
        self._manual_control: ManualControl
        self._operator: RemoteOperator
        self._resources: SharedResources

    def handlers(self) -> Mapping[str, Handler]:
        """What its master may ask."""
        return {
            "start_sequence": self._start_sequence, "resume_sequence": self._resume_sequence,
            "stop_sequence": self._stop_sequence, "cleanup": self._cleanup, "manual": self._manual, "tidy": self._tidy,
            "answer": self._answer, "met": self._met, "status": self._status,
        }  # fmt: skip

    # Getting ready ---------------------------------------------------------------------------------------------------

    def prepare(self) -> dict[str, Any]:
        """Load the package, and take its hardware."""
        orders = self._orders
        self._operator = RemoteOperator(self._rpc)
        self._resources = SharedResources(self._rpc, self._locks)
        package = load_package(orders.package, list(map(Path, orders.folders)))
        if not orders.simulate:  # what is simulated is everybody's own
            for resource in dict.fromkeys(one.lock for one in package.hardware.values() if one.lock is not None):
                self._locks.take(hardware_lock(resource))
        faults = tuple(map(parse_fault, orders.faults))
        self._bench = Bench(
            package.hardware, config=orders.hardware, simulate=orders.simulate, faults=faults, devices=_open_device
        )
        self._package = package
        self._manual_control = ManualControl(orders, package, self._bench, SystemClock())
        return {
            "name": package.name, "version": package.version, "title": package.title, "total": package.total,
            "longest_end": self.longest_end(), "hash": package.content_hash,
        }  # fmt: skip

    # What the master asks --------------------------------------------------------------------------------------------

    async def _start_sequence(
        self, execution_id: str, parameters: Mapping[str, object], serial: str, operator: str
    ) -> dict[str, Any]:
        """Begin; answered once the execution is on record, or with what is wrong with the parameters."""
        self._refuse_if_busy()
        try:
            run = self._make(execution_id, parameters, dresser(serial, operator, None))
        except DiagnosticError as error:
            return {"problems": self._problems(parameters, error)}
        self._begin(run, run.run())
        await self._wait_begun()
        return {}

    def _problems(self, given: Mapping[str, object], error: DiagnosticError) -> list[dict[str, str]]:
        """What is wrong with parameters, each problem with the parameter that it is of."""
        found = [_problem(one, str(one.params["name"])) for one in error.diagnostics if one.code == MISSING]
        for name, value in given.items():
            try:
                resolve_parameters(self._package, {name: value})
            except DiagnosticError as own:
                found += [_problem(one, name) for one in own.diagnostics if one.code != MISSING]
        return found

    async def _cleanup(self, execution: Mapping[str, Any], steps: Sequence[Mapping[str, Any]], reason: str) -> None:
        """Make up for the cleanup of an execution whose process has died."""
        self._refuse_if_busy()
        begun = ExecutionRecord.from_json(execution)
        records = [StepRecord.from_json(one) for one in steps]
        dress, numbers = dresser(begun.serial, begun.operator, begun), _numbers(begun, records)
        try:
            run = self._make(begun.execution_id, begun.parameters, dress, **numbers)
        except DiagnosticError:  # the package was changed meanwhile; it must be switched off all the same
            log.warning("station.cleanup.parameters_changed", execution=begun.execution_id)
            run = self._make(begun.execution_id, {}, dress, **numbers)
        self._begin(run, run.cleanup_only(reason, records))

    async def _resume_sequence(
        self, execution: Mapping[str, Any], steps: Sequence[Mapping[str, Any]], step: str
    ) -> dict[str, Any]:
        """Go on with an execution whose process has died; answered once it is on record that it runs again."""
        self._refuse_if_busy()
        begun = ExecutionRecord.from_json(execution)
        if begun.package_hash != self._package.content_hash:
            raise RefusedError("sequence_changed", "the sequence has been changed since this run of it was interrupted")
        if step not in self._package.named or not self._package.named[step].is_resumable:
            raise RefusedError("not_resumable", f"the sequence does not say 'resumable: true' of '{step}'")
        records = [StepRecord.from_json(one) for one in steps]
        again = replace(
            begun, seq=begun.seq + 1, status=ExecutionStatus.RUNNING, verdict=None, completed_at=None, duration=None,
            reason=None,
        )  # fmt: skip
        dress = dresser(begun.serial, begun.operator, begun)
        try:
            run = self._make(begun.execution_id, begun.parameters, dress, **_numbers(again, records))
        except DiagnosticError as error:
            return {"problems": self._problems(begun.parameters, error)}
        self._begin(run, self._go_on(run, again, step, records))
        await self._wait_begun()
        return {}

    async def _go_on(
        self, run: SequenceRun, again: ExecutionRecord, step: str, records: Sequence[StepRecord]
    ) -> ExecutionRecord:
        """It runs again, before anything is driven; the step that was cut off says nothing of the run any more."""
        assert self._recorder is not None
        await self._recorder.commit([again])
        if self._over.is_set():
            return await run.cleanup_only(again.reason or "its process was ended before it could go on", records)
        return await run.resume(step, [one for one in records if one.verdict is not Verdict.ABORTED])

    def _make(self, execution_id: str, parameters: Mapping[str, object], dress: Any, **numbers: int) -> SequenceRun:
        resolve_parameters(self._package, parameters)
        recorder = MasterRecorder(self._rpc, self._wires.show, dress)
        run = SequenceRun(
            self._package, parameters, self._bench, recorder, self._operator, self._resources, SystemClock(),
            execution_id=execution_id, batch_id=self._orders.batch_id, **numbers,
        )  # fmt: skip
        self._recorder = recorder
        return run

    def _begin(self, run: SequenceRun, life: Any) -> None:
        self._run = run
        self._running = asyncio.create_task(self._live_through(run, life))

    async def _wait_begun(self) -> None:
        assert self._recorder is not None
        assert self._running is not None
        begun = asyncio.create_task(self._recorder.is_begun.wait())
        await asyncio.wait({begun, self._running}, return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()

    async def _live_through(self, run: SequenceRun, life: Any) -> None:
        replace = True
        try:
            await life
            replace = run.needs_new_process
        except Exception:
            log.exception("station.run.failed", execution=run.execution_id)
        self._spool()
        self._run = None
        if run.is_cleaning:
            self._manual_control.cleaned()
        ended = {"execution_id": run.execution_id, "replace": replace}
        try:
            await self._rpc.call("ended", ended, within=_ENDED_S)
        except RemoteError as error:
            log.warning("station.end.not_told", execution=run.execution_id, reason=str(error))

    async def _stop_sequence(self, reason: str) -> bool:
        """Stop through the cleanup; whether anything ran."""
        run = self._run
        if run is None:
            return False
        await self._wait_begun()  # a run that is gone on with can be stopped once it is on record that it is
        run.stop(reason)
        return True

    async def _manual(
        self, hardware: str, command: str, params: Mapping[str, object], parameters: Mapping[str, object]
    ) -> dict[str, Any]:
        """One command of one driver; its result, or why there is none."""
        self._refuse_if_busy()
        return await self._manual_control.command(hardware, command, params, parameters)

    async def _tidy(self, reason: str) -> None:
        """Make up for the cleanup after manual control in a process that has died; nothing if a run's has done it."""
        self._refuse_if_busy()
        await self._manual_control.tidy(reason)

    async def _answer(self, prompt_id: str, text: str) -> None:
        self._operator.answer(prompt_id, text)

    async def _met(self, name: str) -> None:
        self._resources.met(name)

    async def _status(self) -> dict[str, Any]:
        run = self._run
        if run is None:
            return {"execution_id": None, "steps": [], "is_cleaning": False}
        return {"execution_id": run.execution_id, "steps": list(run.current_steps), "is_cleaning": run.is_cleaning}

    def _refuse_if_busy(self) -> None:
        if self._run is not None or self._manual_control.is_commanding or self._over.is_set():
            raise RefusedError("busy", "this batch is busy")

    # The end ---------------------------------------------------------------------------------------------------------

    def stop(self, reason: str) -> None:
        """Stop the run, through its cleanup."""
        self._why_over = self._why_over or reason
        if self._run is not None:
            self._run.stop(reason)

    async def wind_down(self) -> None:
        """Wait for the run's end, and close the hardware."""
        if self._running is not None:
            await asyncio.wait({self._running}, timeout=self.longest_end())
        self._spool()
        if self._run is None:
            await self._tidy_up()
        await self._bench.close()

    async def _tidy_up(self) -> None:
        """Nobody drives the hardware any more: it is cleaned up after whoever did so by hand."""
        await self._manual_control.give_up()
        try:
            async with asyncio.timeout(self.longest_end()):
                await self._manual_control.tidy(self._why_over)
        except (OSError, EngineError, TimeoutError) as error:
            log.error("station.hardware.not_tidied", reason=told(error))  # noqa: TRY400 - the mark stays: it is owed

    def longest_end(self) -> float:
        """Seconds from a stop to the end of the cleanup at most."""
        cancel = max((step.cancel_s for step in self._package.named.values()), default=CANCEL_S)
        return cancel + self._package.longest_cleanup + END_MARGIN_S

    def last_breath(self) -> None:
        """Keep the records that no master has."""
        self._spool()

    def _spool(self) -> None:
        run = self._run
        if run is None or self._recorder is None or not run.unrecorded:
            return
        try:
            file = write_spool(self._orders.spool, run.execution_id, self._recorder.dressed(run.unrecorded))
            log.warning("station.records.spooled", execution=run.execution_id, file=str(file))
        except OSError as error:
            log.error("station.spool.failed", execution=run.execution_id, reason=str(error))  # noqa: TRY400


async def live(orders: Orders) -> int:
    """All of it; the process's exit code."""
    return await live_through(Worker(orders))


def _numbers(begun: ExecutionRecord, records: Sequence[StepRecord]) -> dict[str, int]:
    """Where the numbers of an execution go on."""
    return {"first_seq": begun.seq, "first_order": max((one.order for one in records), default=0)}


def _open_device(kind: str, name: str, config: Mapping[str, object]) -> object:
    from engine.service.sequence_devices import open_device  # serial ports: only where a sequence has one

    return open_device(kind, name, config)


def _problem(diagnostic: Any, field: str) -> dict[str, str]:
    """What is wrong with one parameter, for whoever gave it."""
    from engine.documents.render import language_from_env, message  # with every text: only for what is wrong

    return {"field": field, "code": diagnostic.code, "message": message(diagnostic, language_from_env())}
