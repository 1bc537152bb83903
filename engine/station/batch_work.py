"""What the services and actions of the chart ``batch`` do, and what a batch's process may ask of the master."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import structlog

from engine.errors import EngineError
from engine.ports import Outcome
from engine.sequence.records import Item, Shown, StepStatus, item_from_json
from engine.sequence.telling import told
from engine.service.host import Call
from engine.station import meters
from engine.station.batch_base import STARTED_WITHIN_S
from engine.station.batch_owed import BatchOwed, as_sent
from engine.station.bus import CRASH
from engine.station.errors import CommandError, ParameterProblem, ParametersError
from engine.station.hall import Execution
from engine.station.process import StartError, WorkerProcess
from engine.station.rpc import Handler, RemoteError

log = structlog.get_logger(__name__)

_PROMPT_FIELDS: Final = ("id", "step", "text", "choices", "default", "timeout")  # as they are shown


class BatchWork(BatchOwed):
    """The services of a batch that is up."""

    __slots__ = ()

    # Services of the chart -------------------------------------------------------------------------------------------

    def handlers(self) -> dict[str, Handler]:
        """What its process may ask."""
        return {
            "commit": self._on_commit,
            "prompt": self._on_prompt,
            "ended": self._on_ended,
            "meet": self._on_meet,
            "part": self._on_part,
            **self.hall.line_handlers(self.settings),
        }

    async def spawn(self, _call: Call) -> Outcome:
        """``worker.spawn``."""
        if self.hall.is_closing:
            return Outcome("refused", {"reason": "the station is being stopped"})
        try:
            self.process = await self._up()
        except StartError as error:
            return Outcome("refused", {"reason": str(error)})
        return Outcome("ready")

    async def watch(self, _call: Call) -> Outcome:
        """``worker.watch``."""
        process = self.process
        if process is None:
            return Outcome("died", {"reason": "there is no process"})
        limits = self.settings.limits
        reason = await process.watch(limits.heartbeat, self._over_limit)
        log.error("station.worker.died", batch=self.id, pid=process.pid, reason=reason)
        running = self.progress.execution_id
        self.hall.bus.publish(CRASH, self.id, {"reason": reason, "execution_id": running, "pid": process.pid})
        return Outcome("died", {"reason": reason})

    async def end(self, _call: Call, reason: str) -> Outcome:
        """``worker.end``."""
        process = self.process
        if process is not None:
            await process.end(reason, self.longest_end(process))
            self.process = None
            await self.hall.take_in(self.id)  # it may have cleaned up after manual control
        self._fail_open(reason)
        return Outcome("ended")

    async def execute(self, _call: Call, execution: str) -> Outcome:
        """``worker.execute``."""
        wanted = self._executions[execution]
        self.progress.begin(execution)
        args = {
            "execution_id": execution, "parameters": dict(wanted.parameters),
            "serial": wanted.serial, "operator": wanted.operator,
        }  # fmt: skip
        return await self._run_to_its_end(execution, "start_sequence", args)

    async def resume(self, _call: Call, execution: str) -> Outcome:
        """``worker.resume``."""
        owed = await self.hall.owed(self.id)
        if owed.execution_id != execution:
            return self._refused(execution, CommandError("not_resumable", "there is nothing left to go on with"))
        stored = owed.executions[0]
        self.progress.begin(execution)
        self.progress.done = sum(step.status is not StepStatus.FAILED for step in stored.steps)
        return await self._run_to_its_end(execution, "resume_sequence", {**as_sent(stored), "step": owed.step})

    async def _run_to_its_end(self, execution: str, call: str, args: Mapping[str, object]) -> Outcome:
        wanted, process = self._executions[execution], self.process
        assert process is not None
        try:
            answer = await process.rpc.call(call, args, within=STARTED_WITHIN_S)
        except RemoteError as error:
            return self._refused(execution, CommandError(error.code, str(error)))
        if answer.get("problems"):
            return self._refused(execution, ParametersError([ParameterProblem(**one) for one in answer["problems"]]))
        wanted.begun.set_result(None)
        replace_ = await self._ended(wanted)
        del self._executions[execution]
        return Outcome("spent" if replace_ else "finished")

    async def _ended(self, wanted: Execution) -> bool:
        limit = self.settings.limits.time
        done, _ = await asyncio.wait({wanted.ended}, timeout=limit)
        if not done:
            log.error("station.execution.over_time", batch=self.id, limit_s=limit)
            await self._stop(f"it took longer than its limit of {limit:g} s")
        return await asyncio.shield(wanted.ended)

    def _refused(self, execution: str, error: EngineError) -> Outcome:
        wanted = self._executions.pop(execution)
        if not wanted.begun.done():
            wanted.begun.set_exception(error)
        self.progress.end()
        return Outcome("refused", {"reason": str(error)})

    async def command(self, _call: Call, command: str) -> Outcome:
        """``worker.manual``."""
        wanted, process = self._commands.pop(command), self.process
        assert process is not None
        args = {
            "hardware": wanted.hardware, "command": wanted.command, "params": dict(wanted.params),
            "parameters": dict(self.settings.parameters),
        }  # fmt: skip
        try:
            answer = await process.rpc.call("manual", args)
        except RemoteError as error:
            if not wanted.answer.done():
                wanted.answer.set_exception(CommandError(error.code, str(error)))
            return Outcome("done")
        except asyncio.CancelledError:
            self._orphaned(wanted)
            raise
        if not wanted.answer.done():
            wanted.answer.set_result(answer)
        return Outcome("spent" if answer.get("replace") else "done")

    def met(self, name: str) -> None:
        """All are at a meeting point."""
        if self.process is not None and self._tasks is not None:
            self._tasks.create_task(self._tell_met(self.process, name))

    async def _tell_met(self, process: WorkerProcess, name: str) -> None:
        try:
            await process.rpc.call("met", {"name": name}, within=5.0)
        except RemoteError as error:
            log.warning("station.meeting.not_told", batch=self.id, meeting=name, reason=str(error))

    def stop_sequence(self, reason: str) -> None:
        """``worker.stop_sequence``."""
        assert self._tasks is not None
        task = self._tasks.create_task(self._stop(reason or "stopped"))
        self._stoppers.add(task)
        task.add_done_callback(self._stoppers.discard)

    async def _stop(self, reason: str) -> None:
        process = self.process
        if process is None:
            return
        try:
            await process.rpc.call("stop_sequence", {"reason": reason}, within=self.settings.limits.heartbeat)
        except RemoteError as error:
            log.warning("station.stop.not_taken", batch=self.id, reason=str(error))

    # What its process says -------------------------------------------------------------------------------------------

    async def _on_commit(self, items: Sequence[Mapping[str, Any]]) -> None:
        said = [item_from_json(one) for one in items]
        kept = [one for one in said if not isinstance(one, Shown)]
        await self.hall.commit(kept)
        before = self.progress.step
        for record in kept:
            self.progress.note(record)
        # Not before the answer: the next step waits for that, a screen can wait for this.
        asyncio.get_running_loop().call_soon(self._tell, zip(said, items, strict=True), self.progress.step != before)

    def _tell(self, items: Iterable[tuple[Item, Mapping[str, Any]]], is_at_another_step: bool) -> None:  # noqa: FBT001 - for call_soon
        for item, plain in items:
            shown = told(item, plain, self.progress.total, self.hall.clock.now())
            if shown is not None:
                self.hall.tell(self.id, self.progress, shown)
        if is_at_another_step:
            self._publish_status()  # nobody waits for a step: waking those who wait for the status would be for nothing

    async def _on_prompt(self, prompt: dict[str, Any]) -> None:
        self.progress.ask({name: prompt[name] for name in _PROMPT_FIELDS})

    async def _on_ended(self, execution_id: str, replace: bool) -> None:  # noqa: FBT001 - as it is called
        await self.hall.take_in(self.id)  # if the store refused records for a while
        self.progress.end()
        wanted = self._executions.get(execution_id)
        if wanted is not None and not wanted.ended.done():
            wanted.ended.set_result(replace)

    async def _on_meet(self, name: str, members: int) -> None:
        self.hall.meet(name, members, self)

    async def _on_part(self, name: str) -> None:
        self.hall.part(name, self)

    # Itself ----------------------------------------------------------------------------------------------------------

    def _over_limit(self, pid: int) -> str | None:
        return meters.over_limit(pid, self.settings.limits)
