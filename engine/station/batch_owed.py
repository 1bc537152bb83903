"""What a batch does when its process is gone: find out what is owed, and see to it in a fresh one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from engine.ports import Outcome, StoreError
from engine.service.host import Call
from engine.station.batch_base import STARTED_WITHIN_S, BatchBase
from engine.station.hall import Execution
from engine.station.process import StartError, WorkerProcess, run_until_dead
from engine.station.rpc import RemoteError
from engine.store.station_ports import StoredExecution

_READY_S: Final = 60.0


class BatchOwed(BatchBase):
    """The services of the chart that settle, recover and waive."""

    __slots__ = ()

    async def recall(self, _call: Call) -> Outcome:
        """``batch.recall``."""
        await self.hall.take_in(self.id)
        return await self._owed("the station's master was gone")

    async def settle(self, _call: Call, reason: str) -> Outcome:
        """``batch.settle``."""
        process = self.process
        if process is not None:
            await process.kill("its batch is over")
        self.process = None
        self._fail_open(reason)
        # Its last breath may have been to write down what it could not tell.
        await self.hall.take_in(self.id)
        outcome = await self._owed(reason)
        self.progress.end()
        return outcome

    async def _owed(self, reason: str) -> Outcome:
        """Record what was underway as interrupted, and tell what is owed."""
        await self.hall.settle(self.id, reason)
        owed = await self.hall.owed(self.id)
        if not owed:
            return Outcome("clean")
        return Outcome("owed", {"reason": reason, "execution": owed.execution_id, "step": owed.step})

    async def recover(self, _call: Call) -> Outcome:
        """``worker.recover``: the cleanups that are owed, each once, in one fresh process."""
        try:
            for stored in (await self.hall.owed(self.id)).executions:
                await self._recover(stored)
            if (await self.hall.owed(self.id)).mark is not None:  # and no cleanup of an execution has made up for it
                await self._tidy()
        except (StartError, RemoteError, TimeoutError, StoreError) as error:
            await self._drop_process("its cleanup failed")
            return Outcome("failed", {"reason": f"the cleanup could not be done: {error or 'it took too long'}"})
        await self._drop_process("its cleanup is done")
        await self.hall.take_in(self.id)
        still = await self.hall.owed(self.id)
        return Outcome("failed", {"reason": "the cleanup left no record"}) if still else Outcome("cleaned")

    async def _recover(self, stored: StoredExecution) -> None:
        record = stored.record
        process = await self._fresh()
        loop = asyncio.get_running_loop()
        wanted = Execution({}, "", "", loop.create_future(), loop.create_future())
        self._executions[record.execution_id] = wanted
        self.progress.begin(record.execution_id)
        try:
            with self._watched(process):
                args = {**as_sent(stored), "reason": record.reason or "its process died"}
                await process.rpc.call("cleanup", args, within=STARTED_WITHIN_S)
                async with asyncio.timeout(self.longest_end(process)):
                    await run_until_dead(process, asyncio.shield(wanted.ended))
        finally:
            self._executions.pop(record.execution_id, None)
            self.progress.end()

    async def _tidy(self) -> None:
        """The cleanup of what was driven by hand; the process finishes the mark."""
        process = await self._fresh()
        with self._watched(process):
            reason = {"reason": str(self.host.interpreter.data["reason"])}
            await process.rpc.call("tidy", reason, within=self.longest_end(process))

    async def _fresh(self) -> WorkerProcess:
        if self.process is None or not self.process.is_alive:
            async with asyncio.timeout(_READY_S):
                self.process = await self._up()
        return self.process

    @contextmanager
    def _watched(self, process: WorkerProcess) -> Iterator[None]:
        """A process that hangs meanwhile is killed."""
        watching = asyncio.create_task(process.watch(self.settings.limits.heartbeat, lambda _pid: None))
        try:
            yield
        finally:
            watching.cancel()

    async def _drop_process(self, reason: str) -> None:
        process, self.process = self.process, None
        if process is not None:
            await process.end(reason, self.longest_end(process))

    async def waive(self, _call: Call) -> Outcome:
        """``batch.waive``."""
        await self.hall.waive(self.id)
        return Outcome("waived")


def as_sent(stored: StoredExecution) -> Mapping[str, Any]:
    """An execution that another process has begun, as arguments of a call."""
    return {"execution": stored.record.to_json(), "steps": [step.to_json() for step in stored.steps]}
