"""A test station: everything that REST, WebSocket and the terminal ask of it.

    async with Station(settings, clock) as station:
        await station.ready()
        execution = await station.start_sequence("batch_1", {"vin": 12})

All methods are for the loop that entered it, which must be the main thread's: processes are started from there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import structlog

from engine.ports import StoreError
from engine.station.batch import Batch
from engine.station.bus import BATCH_STATUS, StationEvent, Subscription
from engine.station.errors import NoSuchBatchError, StationError, WrongStateError
from engine.station.house import House
from engine.station.settings import BatchSettings
from engine.station.status import BatchStatus
from engine.store.station_ports import AuditEntry, StoredExecution

log = structlog.get_logger(__name__)


class Station(House):
    """The master. ``store`` is its database, for whoever lists results; ``settings`` as they were read.

    ``starts`` False: batches of ``autoStart`` wait for :meth:`auto_start`.
    """

    @property
    def batch_ids(self) -> tuple[str, ...]:
        """All batches, in the order of station.yaml."""
        return tuple(self._batches)

    def status(self, batch_id: str) -> BatchStatus:
        """How a batch is. Raises NoSuchBatchError."""
        return self._batch(batch_id).status()

    def statuses(self) -> Sequence[BatchStatus]:
        """How all batches are."""
        return [batch.status() for batch in self._batches.values()]

    def batch_settings(self, batch_id: str) -> BatchSettings:
        """What station.yaml says of a batch. Raises NoSuchBatchError."""
        return self._batch(batch_id).settings

    def configuration(self, batch_id: str) -> tuple[str, ...]:
        """The active states of a batch's chart, to draw it. Raises NoSuchBatchError."""
        return self._batch(batch_id).host.interpreter.configuration

    async def start_batch(self, batch_id: str, *, actor: str = "") -> BatchStatus:
        """Start a batch's process; how the batch is once that is ready, or has failed (``error``, with the reason).

        Legal from idle and from error; a cleanup that is owed is done first. Raises NoSuchBatchError, WrongStateError.
        """
        batch = self._open_batch(batch_id)
        await self._audited(batch, "batch.start", actor, {}, lambda: batch.post("batch.start"))
        return await batch.wait_settled()

    async def stop_batch(self, batch_id: str, *, actor: str = "") -> BatchStatus:
        """End a batch's process, through the cleanup of what runs. Raises NoSuchBatchError, WrongStateError."""
        batch = self._batch(batch_id)
        await self._audited(batch, "batch.stop", actor, {}, lambda: batch.post("batch.stop"))
        return await batch.wait_settled()

    async def restart_batch(self, batch_id: str, *, actor: str = "") -> BatchStatus:
        """Stop and start one batch; no other is touched. Raises NoSuchBatchError, WrongStateError."""
        if self._batch(batch_id).refusal("batch.stop") is None:
            await self.stop_batch(batch_id, actor=actor)
        return await self.start_batch(batch_id, actor=actor)

    async def start_sequence(
        self,
        batch_id: str,
        parameters: Mapping[str, object] | None = None,
        *,
        serial: str = "",
        operator: str = "",
    ) -> str:
        """Run the batch's sequence once; the execution's id, once it is on record.

        ``parameters`` come over those of station.yaml. Raises NoSuchBatchError, WrongStateError, ParametersError with
        everything that is wrong with them, CommandError when the process could not begin.
        """
        return await self._open_batch(batch_id).start_sequence(parameters or {}, serial, operator)

    async def resume_sequence(self, batch_id: str, *, actor: str = "") -> str:
        """Go on with the run that a crash has interrupted; its execution's id, once it is on record that it runs again.

        Only before the cleanup that it is owed (``after_crash: ask``), and only where its process died at a step of
        which the sequence says ``resumable: true``: that step is begun anew, in a fresh process, with the hardware as
        the dead one left it. Raises NoSuchBatchError, WrongStateError with what is missing, and CommandError or
        ParametersError when the new process could not go on; then the cleanup is still owed.
        """
        batch = self._open_batch(batch_id)
        detail = dict(batch.status().resumable or {})
        try:
            execution_id = await batch.resume_sequence()
        except StationError as error:
            await self._audit(batch, "sequence.resume", actor, detail, f"{error.code}: {error}")
            await batch.wait_settled()
            raise
        await self._audit(batch, "sequence.resume", actor, detail, "ok")
        return execution_id

    async def stop_sequence(self, batch_id: str, reason: str = "stopped", *, actor: str = "") -> BatchStatus:
        """Stop what runs, through its cleanup; returns at once. A second time it changes nothing.

        Raises NoSuchBatchError, and WrongStateError when nothing runs.
        """
        batch = self._batch(batch_id)
        await self._audited(
            batch, "sequence.stop", actor, {"reason": reason}, lambda: batch.post("sequence.stop", {"reason": reason})
        )
        return batch.status()

    async def wait_sequence(self, batch_id: str, execution_id: str) -> StoredExecution | None:
        """Wait until an execution is over, also by a crash, and cleaned up after as far as that is done by itself."""
        batch = self._batch(batch_id)
        await batch.wait_execution(execution_id)
        await batch.wait_settled()
        return await self.store.find(execution_id)

    async def manual(
        self, batch_id: str, hardware: str, command: str, params: Mapping[str, object] | None = None, *, actor: str = ""
    ) -> Mapping[str, Any]:
        """Give hardware one command: ``{"value", "error", "duration"}``; ``{"problem": ...}`` when there is none such.

        Legal only while the batch is running and nothing runs in it. In the audit log, whatever comes of it. Raises
        NoSuchBatchError, WrongStateError, CommandError when the process is gone.
        """
        batch = self._open_batch(batch_id)
        detail = {"hardware": hardware, "command": command, "params": dict(params or {})}
        try:
            answer = await batch.manual(hardware, command, params or {})
        except StationError as error:
            await self._audit(batch, "manual", actor, detail, f"{error.code}: {error}")
            raise
        problem = answer.get("problem") or answer.get("error")
        await self._audit(batch, "manual", actor, detail, str(problem or f"ok: {answer.get('value')}"))
        return {name: value for name, value in answer.items() if name != "replace"}

    async def answer(self, batch_id: str, prompt_id: str, text: str, *, actor: str = "") -> None:
        """Answer a question of a sequence. Raises NoSuchBatchError, NoSuchPromptError, CommandError."""
        batch = self._batch(batch_id)
        await batch.answer(prompt_id, text)
        await self._audit(batch, "answer", actor, {"prompt": prompt_id, "text": text}, "ok")

    async def run_cleanup(self, batch_id: str, *, actor: str = "") -> BatchStatus:
        """Do the cleanup that a batch is owed (``after_crash: ask``). Raises NoSuchBatchError, WrongStateError."""
        batch = self._open_batch(batch_id)
        await self._audited(batch, "cleanup.run", actor, {}, lambda: batch.post("cleanup.run"))
        return await batch.wait_settled()

    async def waive_cleanup(self, batch_id: str, *, actor: str = "") -> BatchStatus:
        """Nobody will clean up: the result stays as it is. Raises NoSuchBatchError, WrongStateError."""
        batch = self._batch(batch_id)
        await self._audited(batch, "cleanup.waive", actor, {}, lambda: batch.post("cleanup.waive"))
        return await batch.wait_settled()

    async def add_batch(self, settings: BatchSettings) -> None:
        """Take a new batch in; it rests. Raises WrongStateError when there is one of this id."""
        if settings.id in self._batches:
            raise WrongStateError(f"there is a batch '{settings.id}' already")
        await self._take_in(settings).wait_settled()
        log.info("station.batch.added", batch=settings.id)

    async def replace_batch(self, settings: BatchSettings) -> None:
        """Give a batch other settings. Raises NoSuchBatchError; WrongStateError unless it rests and owes nothing."""
        batch = self._batch(settings.id)
        self._refuse_unless_over(batch)
        batch.host.abandon()
        await self._take_in(settings).wait_settled()
        log.info("station.batch.changed", batch=settings.id)

    async def remove_batch(self, batch_id: str) -> None:
        """Let a batch go; its results stay. Raises NoSuchBatchError, WrongStateError as ``replace_batch`` does."""
        batch = self._batch(batch_id)
        self._refuse_unless_over(batch)
        batch.host.abandon()
        del self._batches[batch_id]
        log.info("station.batch.removed", batch=batch_id)

    def _refuse_unless_over(self, batch: Batch) -> None:
        status = batch.status()
        if status.status not in {"idle", "error"} or status.owes_cleanup or status.pid is not None:
            owed = ", and a cleanup is owed" if status.owes_cleanup else ""
            raise WrongStateError(f"batch '{batch.id}' is {status.status}{owed}; stop it first")

    def subscribe(self, batch_ids: Collection[str] | None = None) -> tuple[Sequence[StationEvent], Subscription]:
        """What a newcomer has to know, and everything from there on, without a gap.

        The snapshot is a ``batch_status`` of each batch (with its open prompts, lock waits and reason), all numbered
        like the newest event. ``async for event in subscription`` reads on; close it, or use it in a ``with``.
        """
        subscription = self.bus.subscribe(batch_ids)
        now, seq = self.clock.now(), self.bus.seq
        events = [
            StationEvent(seq, BATCH_STATUS, batch.id, now, batch.status().to_json())
            for batch in self._batches.values()
            if subscription.wants(batch.id)
        ]
        return events, subscription

    # Itself ----------------------------------------------------------------------------------------------------------

    def _batch(self, batch_id: str) -> Batch:
        batch = self._batches.get(batch_id)
        if batch is None:
            raise NoSuchBatchError(f"there is no batch '{batch_id}'; there are: {', '.join(self._batches) or 'none'}")
        return batch

    def _open_batch(self, batch_id: str) -> Batch:
        batch = self._batch(batch_id)
        if self.is_closing:
            raise WrongStateError("the station is being stopped")
        return batch

    async def _audited(self, batch: Batch, action: str, actor: str, detail: Mapping[str, object], do: Any) -> None:
        outcome = "ok"
        try:
            do()
        except StationError as error:
            outcome = f"{error.code}: {error}"
            raise
        finally:
            await self._audit(batch, action, actor, detail, outcome)

    async def _audit(self, batch: Batch, action: str, actor: str, detail: Mapping[str, object], outcome: str) -> None:
        try:
            await self.store.add_audit(AuditEntry(self.clock.now(), actor, action, batch.id, detail, outcome))
        except StoreError as error:
            log.error("station.audit.failed", batch=batch.id, action=action, reason=str(error))  # noqa: TRY400
