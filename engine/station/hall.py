"""What a batch needs of its station, and what it keeps of what it was asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from engine.clock import Clock
from engine.sequence.records import Record, Shown
from engine.station.bus import Bus
from engine.station.meetings import Member
from engine.station.orders import Orders
from engine.station.owed import Owed
from engine.station.process import WorkerProcess
from engine.station.rpc import Handler
from engine.station.settings import BatchSettings
from engine.station.status import Progress


class Hall(Protocol):
    """What a batch needs of its station."""

    clock: Clock
    bus: Bus
    is_closing: bool
    starting: asyncio.Semaphore  # how many processes may get ready at a time: they take a core each

    async def commit(self, records: Sequence[Record]) -> None:
        """Keep records."""
        ...

    def tell(self, batch_id: str, progress: Progress, shown: Shown) -> None:
        """Tell everybody of something that a batch shows."""
        ...

    def orders(self, batch: BatchSettings, identity: str) -> Orders:
        """What a process of a batch is told."""
        ...

    def start_process(self, orders: Orders, handlers: Mapping[str, Handler]) -> WorkerProcess:
        """Start one, with its wires connected. Raises StartError."""
        ...

    def line_handlers(self, batch: BatchSettings) -> Mapping[str, Handler]:
        """What the process of a line may ask; nothing for a sequence. Raises StartError without a gateway."""
        ...

    async def take_in(self, batch_id: str) -> None:
        """Wait for what an earlier master left of a batch, and take its records in."""
        ...

    async def settle(self, batch_id: str, reason: str) -> None:
        """Record a batch's running executions as interrupted."""
        ...

    async def owed(self, batch_id: str) -> Owed:
        """What is owed to a batch."""
        ...

    async def waive(self, batch_id: str) -> None:
        """Nobody cleans up after it."""
        ...

    def meet(self, name: str, members: int, batch: Member) -> None:
        """A batch is at a meeting point."""
        ...

    def part(self, name: str, batch: Member) -> None:
        """It no longer waits there."""
        ...


@dataclass(slots=True)
class Execution:
    """An execution that was asked for."""

    parameters: Mapping[str, object]
    serial: str
    operator: str
    begun: asyncio.Future[None]
    ended: asyncio.Future[bool]  # whether the process has to be replaced


@dataclass(slots=True)
class Command:
    """A manual command that was asked for."""

    hardware: str
    command: str
    params: Mapping[str, object]
    answer: asyncio.Future[Mapping[str, Any]]
