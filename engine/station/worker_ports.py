"""A run's borders in a batch's process: its master keeps records and finds the operator, locks are files."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import TypeVar

from engine.sequence.ports import Prompt
from engine.sequence.records import ExecutionRecord, Item, Shown
from engine.station.locks import Locks, step_lock
from engine.station.rpc import NoAnswerError, RefusedError, Rpc

Told = TypeVar("Told", bound=Item)
Dress = Callable[[ExecutionRecord], ExecutionRecord]


class MasterRecorder:
    """Has records kept by the master, which answers once they are in its database, and tells everybody of them."""

    def __init__(self, rpc: Rpc, show: Callable[[bytes], None], dress: Dress) -> None:
        self._rpc, self._show, self._dress = rpc, show, dress
        self.is_begun = asyncio.Event()  # the first records are kept

    def dressed(self, items: Sequence[Told]) -> list[Told | ExecutionRecord]:
        """Records with what only the process knows: serial number, operator, and when the execution began."""
        return [self._dress(one) if isinstance(one, ExecutionRecord) else one for one in items]

    async def commit(self, items: Sequence[Item]) -> None:
        """Keep them. Raises RemoteError when the master cannot, NoAnswerError when it is gone."""
        await self._rpc.call("commit", {"items": [one.to_json() for one in self.dressed(items)]})
        self.is_begun.set()

    def show(self, event: Shown) -> None:
        """Show something."""
        self._show(json.dumps(event.to_json(), ensure_ascii=False).encode())


class RemoteOperator:
    """Hands questions to the master; the answer comes as a command."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self._open: dict[str, tuple[Prompt, asyncio.Future[str]]] = {}

    async def ask(self, prompt: Prompt) -> str:
        """Wait for the answer, however long it takes: the run keeps the time."""
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._open[prompt.id] = (prompt, answer)
        try:
            await self._rpc.call("prompt", {"prompt": asdict(prompt)})
            return await answer
        finally:
            del self._open[prompt.id]

    def answer(self, prompt_id: str, text: str) -> None:
        """What the operator said. Raises RefusedError for a question that is not open, or an answer that is none."""
        if prompt_id not in self._open:
            raise RefusedError("no_prompt", f"no question '{prompt_id}' waits for an answer")
        prompt, answer = self._open[prompt_id]
        if prompt.choices and text not in prompt.choices:
            raise RefusedError("no_choice", f"'{text}' is no answer to this; answers are {', '.join(prompt.choices)}")
        if not answer.done():
            answer.set_result(text)


class SharedResources:
    """Step locks are files; a rendezvous is where the master says that all are there."""

    def __init__(self, rpc: Rpc, locks: Locks) -> None:
        self._rpc, self._locks = rpc, locks
        self._meetings: dict[str, asyncio.Future[None]] = {}

    async def acquire(self, name: str) -> None:
        """Wait for a lock."""
        await self._locks.wait_for(step_lock(name))

    async def release(self, name: str) -> None:
        """Give it back."""
        self._locks.release(step_lock(name))

    async def rendezvous(self, name: str, members: int) -> None:
        """Wait until so many batches are here."""
        met = self._meetings[name] = asyncio.get_running_loop().create_future()
        try:
            await self._rpc.call("meet", {"name": name, "members": members})
            await met
        except asyncio.CancelledError:
            await self._leave(name)
            raise
        finally:
            del self._meetings[name]

    async def _leave(self, name: str) -> None:
        try:
            await self._rpc.call("part", {"name": name}, within=1.0)
        except NoAnswerError:
            return  # nobody is left who counts

    def met(self, name: str) -> None:
        """All are there."""
        meeting = self._meetings.get(name)
        if meeting is not None and not meeting.done():
            meeting.set_result(None)


def dresser(serial: str, operator: str, begun: ExecutionRecord | None) -> Dress:
    """What completes the records of an execution; ``begun``: one that another process had begun."""

    def dress(record: ExecutionRecord) -> ExecutionRecord:
        if begun is None or begun.started_at is None:
            return replace(record, serial=serial, operator=operator)
        ended = record.completed_at
        return replace(
            record,
            serial=begun.serial,
            operator=begun.operator,
            parameters=begun.parameters,
            sequence_version=begun.sequence_version,
            package_hash=begun.package_hash,
            started_at=begun.started_at,
            duration=max(0.0, (ended - begun.started_at).total_seconds()) if ended is not None else None,
        )

    return dress
