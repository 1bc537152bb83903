"""A run without a station: records kept in memory, resources shared within one process, an operator by the book."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from engine.clock import Clock, SystemClock
from engine.sequence.ports import OperatorAbsentError, Prompt
from engine.sequence.records import ExecutionRecord, Item, Shown, StepRecord
from engine.sequence.telling import told


@dataclass(slots=True)
class MemoryRecorder:
    """Keeps the newest record of every step, in order; ``on_show`` is told what is shown. ``total``: of its steps."""

    on_show: Callable[[Shown], None] | None = None
    total: int = 0
    clock: Clock = field(default_factory=SystemClock)
    execution: ExecutionRecord | None = None
    commits: int = 0
    _steps: dict[int, StepRecord] = field(default_factory=dict)

    @property
    def steps(self) -> tuple[StepRecord, ...]:
        """The newest record of every step."""
        return tuple(self._steps[order] for order in sorted(self._steps))

    async def commit(self, items: Sequence[Item]) -> None:
        """Keep them, and tell of them."""
        self.commits += 1
        for item in items:
            if isinstance(item, ExecutionRecord):
                self.execution = item
            elif isinstance(item, StepRecord):
                self._steps[item.order] = item
        now = self.clock.now()
        for item in items:
            shown = told(item, item.to_json(), self.total, now)
            if shown is not None:
                self.show(shown)

    def show(self, event: Shown) -> None:
        """Hand it on."""
        if self.on_show is not None:
            self.on_show(event)


@dataclass(slots=True)
class ReadyOperator:
    """Answers by itself: what ``answers`` says for a step; ``is_simulated``: else the default, or the first choice."""

    answers: Mapping[str, str] = field(default_factory=dict)
    is_simulated: bool = False

    async def ask(self, prompt: Prompt) -> str:
        """The answer. Raises OperatorAbsentError when there is none for this step."""
        if prompt.step in self.answers:
            return self.answers[prompt.step]
        if self.is_simulated and (prompt.default is not None or prompt.choices):
            return prompt.default if prompt.default is not None else prompt.choices[0]
        raise OperatorAbsentError(f"nobody is here to answer; an answer beforehand is --answer {prompt.step}=TEXT")


@dataclass(slots=True)
class LocalResources:
    """Locks and meeting points of the runs in one process."""

    _locks: dict[str, asyncio.Lock] = field(default_factory=dict)
    _meetings: dict[str, list[asyncio.Future[None]]] = field(default_factory=dict)

    async def acquire(self, name: str) -> None:
        """Wait until the resource is ours."""
        await self._locks.setdefault(name, asyncio.Lock()).acquire()

    async def release(self, name: str) -> None:
        """Give it back."""
        lock = self._locks.get(name)
        if lock is not None and lock.locked():
            lock.release()

    async def rendezvous(self, name: str, members: int) -> None:
        """Wait until so many are here."""
        waiting = self._meetings.setdefault(name, [])
        here: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append(here)
        if len(waiting) >= members:
            self._meetings[name] = []
            for one in waiting:
                one.set_result(None)
        try:
            await here
        finally:
            if here in waiting and not here.done():
                waiting.remove(here)
            if here.cancelled():
                self._meetings[name] = [one for one in self._meetings.get(name, []) if one is not here]
