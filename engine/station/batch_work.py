"""What the services and actions of the chart ``batch`` do, and what a batch's process may ask of the master."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from engine.errors import EngineError
from engine.ports import Outcome, StoreError
from engine.sequence.records import (
    Item,
    Shown,
    item_from_json,
)
from engine.sequence.telling import told
from engine.service.host import Call, MachineHost
from engine.station import meters
from engine.station.bus import BATCH_STATUS, CRASH
from engine.station.errors import (
    CommandError,
    ParameterProblem,
    ParametersError,
)
from engine.station.hall import Command, Execution, Hall
from engine.station.process import StartError, WorkerProcess, next_identity, run_until_dead
from engine.station.rpc import Handler, RemoteError
from engine.station.settings import BatchSettings
from engine.station.status import BatchStatus, Progress
from engine.store.station_ports import StoredExecution

log = structlog.get_logger(__name__)

_PROMPT_FIELDS: Final = ("id", "step", "text", "choices", "default", "timeout")  # as they are shown
_STATUSES: Final = {"boot": "starting", "leaving": "stopping"}
_END_MARGIN_S: Final = 2.0
_STARTED_WITHIN_S: Final = 60.0
_RECOVERY_READY_S: Final = 60.0


@dataclass(slots=True)
class BatchWork:
    """``settings``, the machine of its life, and its process if it has one."""

    settings: BatchSettings
    hall: Hall
    host: MachineHost = field(init=False)
    process: WorkerProcess | None = None
    progress: Progress = field(default_factory=Progress)
    _executions: dict[str, Execution] = field(default_factory=dict)
    _commands: dict[str, Command] = field(default_factory=dict)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _stoppers: set[asyncio.Task[None]] = field(default_factory=set)
    _tasks: asyncio.TaskGroup | None = None

    @property
    def id(self) -> str:
        """Its id."""
        return self.settings.id

    def status(self) -> BatchStatus:
        """How it is now."""
        raise NotImplementedError

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

    async def recall(self, _call: Call) -> Outcome:
        """``batch.recall``."""
        await self.hall.take_in(self.id)
        reason = "the station's master was gone"
        await self.hall.settle(self.id, reason)
        return Outcome("owed", {"reason": reason}) if await self.hall.owed(self.id) else Outcome("clean")

    async def settle(self, _call: Call, reason: str) -> Outcome:
        """``batch.settle``."""
        process = self.process
        if process is not None:
            await process.kill("its batch is over")
        self.process = None
        self._fail_open(reason)
        # Its last breath may have been to write down what it could not tell.
        await self.hall.take_in(self.id)
        owed = await self.hall.settle(self.id, reason)
        self.progress.end()
        return Outcome("owed", {"reason": reason}) if owed else Outcome("clean")

    async def spawn(self, _call: Call) -> Outcome:
        """``worker.spawn``."""
        if self.hall.is_closing:
            return Outcome("refused", {"reason": "the station is being stopped"})
        try:
            self.process = await self._up()
        except StartError as error:
            return Outcome("refused", {"reason": str(error)})
        return Outcome("ready")

    async def _up(self) -> WorkerProcess:
        """A process that is ready. Cancelled, there is none."""
        if self.process is not None:
            await self.process.kill("a new process takes its place")
        async with self.hall.starting:
            identity = next_identity(self.id)
            process = self.hall.start_process(self.hall.orders(self.settings, identity), self.handlers())
            self.process = process
            self._changed_now()
            try:
                await process.wait_ready()
            except BaseException:
                await asyncio.shield(process.kill("it did not become ready"))
                raise
        self.progress.total = int(process.facts.get("total", 0))
        return process

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
            await process.end(reason, self._longest_end(process))
            self.process = None
        self._fail_open(reason)
        return Outcome("ended")

    async def execute(self, _call: Call, execution: str) -> Outcome:
        """``worker.execute``."""
        wanted, process = self._executions[execution], self.process
        assert process is not None
        self.progress.begin(execution)
        args = {
            "execution_id": execution, "parameters": dict(wanted.parameters),
            "serial": wanted.serial, "operator": wanted.operator,
        }  # fmt: skip
        try:
            answer = await process.rpc.call("start_sequence", args, within=_STARTED_WITHIN_S)
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
        args = {"hardware": wanted.hardware, "command": wanted.command, "params": dict(wanted.params)}
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

    async def recover(self, _call: Call) -> Outcome:
        """``worker.recover``: the cleanups that are owed, each once, in one fresh process."""
        for stored in await self.hall.owed(self.id):
            try:
                await self._recover(stored)
            except (StartError, RemoteError, TimeoutError, StoreError) as error:
                await self._drop_process("its cleanup failed")
                return Outcome("failed", {"reason": f"the cleanup could not be done: {error or 'it took too long'}"})
        await self._drop_process("its cleanup is done")
        still = await self.hall.owed(self.id)
        return Outcome("failed", {"reason": "the cleanup left no record"}) if still else Outcome("cleaned")

    async def _recover(self, stored: StoredExecution) -> None:
        record = stored.record
        if self.process is None or not self.process.is_alive:
            async with asyncio.timeout(_RECOVERY_READY_S):
                self.process = await self._up()
        process = self.process
        loop = asyncio.get_running_loop()
        wanted = Execution({}, "", "", loop.create_future(), loop.create_future())
        self._executions[record.execution_id] = wanted
        self.progress.begin(record.execution_id)
        watching = asyncio.create_task(process.watch(self.settings.limits.heartbeat, lambda _pid: None))
        try:
            steps = [step.to_json() for step in stored.steps]
            args = {"execution": record.to_json(), "steps": steps, "reason": record.reason or "its process died"}
            await process.rpc.call("cleanup", args, within=_STARTED_WITHIN_S)
            async with asyncio.timeout(self._longest_end(process)):
                await run_until_dead(process, asyncio.shield(wanted.ended))
        finally:
            watching.cancel()
            self._executions.pop(record.execution_id, None)
            self.progress.end()

    async def _drop_process(self, reason: str) -> None:
        process, self.process = self.process, None
        if process is not None:
            await process.end(reason, self._longest_end(process))

    async def waive(self, _call: Call) -> Outcome:
        """``batch.waive``."""
        for stored in await self.hall.owed(self.id):
            await self.hall.waive(stored.record.execution_id)
        return Outcome("waived")

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
        asyncio.get_running_loop().call_soon(self._tell, said, self.progress.step != before)

    def _tell(self, items: Sequence[Item], is_at_another_step: bool) -> None:  # noqa: FBT001 - for call_soon
        for item in items:
            shown = told(item, self.progress.total, self.hall.clock.now())
            if shown is not None:
                self.hall.tell(self.id, self.progress, shown)
        if is_at_another_step:
            self._changed_now()

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

    @staticmethod
    def _longest_end(process: WorkerProcess) -> float:
        """What a process needs at most to end a run; it keeps to that itself, and is killed a little later."""
        return float(process.facts.get("longest_end", 0.0)) + _END_MARGIN_S

    def _status(self) -> str:
        top = next(iter(self.host.interpreter.configuration), "boot")
        return _STATUSES.get(top, top)

    def _fail_open(self, reason: str) -> None:
        """Nobody waits for a process that is gone."""
        error = CommandError("worker_gone", reason)
        for wanted in self._executions.values():
            if not wanted.begun.done():
                wanted.begun.set_exception(error)
                wanted.begun.exception()  # also when nobody asked: it is told by the batch's status
            wanted.ended.cancel()
        self._executions.clear()
        for command in self._commands.values():
            self._orphaned(command)
        self._commands.clear()
        self.progress.prompts.clear()

    def _orphaned(self, command: Command) -> None:
        if not command.answer.done():
            command.answer.set_exception(
                CommandError("worker_gone", "the process is gone; what came of it is not known")
            )
            command.answer.exception()

    def _moved(self) -> None:
        self._changed_now()

    def _changed_now(self) -> None:
        self.hall.bus.publish(BATCH_STATUS, self.id, self.status().to_json())
        if self._tasks is not None:
            self._tasks.create_task(self._notify())

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()
