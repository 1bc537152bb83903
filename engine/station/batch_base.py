"""What a batch in the master is made of: its settings, the machine of its life, its process, and who waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from engine.service.host import MachineHost
from engine.station.bus import BATCH_STATUS
from engine.station.errors import CommandError
from engine.station.hall import Command, Execution, Hall
from engine.station.process import WorkerProcess, next_identity
from engine.station.rpc import Handler
from engine.station.settings import BatchSettings
from engine.station.status import BatchStatus, Progress

STARTED_WITHIN_S: Final = 60.0  # for an execution to be on record
_STATUSES: Final = {"boot": "starting", "leaving": "stopping"}
_END_MARGIN_S: Final = 2.0


@dataclass(slots=True)
class BatchBase:
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

    def handlers(self) -> Mapping[str, Handler]:
        """What its process may ask."""
        raise NotImplementedError

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

    @staticmethod
    def longest_end(process: WorkerProcess) -> float:
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

    def _publish_status(self) -> None:
        self.hall.bus.publish(BATCH_STATUS, self.id, self.status().to_json())

    def _changed_now(self) -> None:
        self._publish_status()
        if self._tasks is not None:
            self._tasks.create_task(self._notify())

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()
