"""Tells everybody what happens in a station: each event has a number, and whoever does not read is dropped."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Final, Self

from engine.clock import Clock
from engine.events import NO_DATA

BATCH_STATUS: Final = "batch_status"
CRASH: Final = "crash"  # reason, executionless or of an execution
SNAPSHOT: Final = "snapshot"

_MOST_WAITING: Final = 5_000


@dataclass(frozen=True, slots=True)
class StationEvent:
    """``seq`` counts all events of a master's life from 1: a gap in what is received is something lost."""

    seq: int
    type: str
    batch_id: str
    at: datetime
    data: Mapping[str, object] = field(default_factory=lambda: NO_DATA, hash=False)


class Subscription:
    """What one subscriber has still to read. ``is_dropped``: it read too slowly, and gets nothing any more.

    ``async for event in subscription`` ends when it is closed or dropped. ``batch_ids`` None: of all batches.
    """

    def __init__(self, bus: Bus, batch_ids: Collection[str] | None) -> None:
        self.batch_ids = None if batch_ids is None else set(batch_ids)
        self.is_dropped = False
        self._bus = bus
        self._events: deque[StationEvent] = deque()
        self._arrived = asyncio.Event()
        self._is_closed = False

    def wants(self, batch_id: str) -> bool:
        """Whether events of a batch are for it; those of no batch are for everybody."""
        return not batch_id or self.batch_ids is None or batch_id in self.batch_ids

    def put(self, event: StationEvent) -> None:
        """Hand it an event; never waits."""
        if len(self._events) >= _MOST_WAITING:
            self.is_dropped = True
            self.close()
            return
        self._events.append(event)
        self._arrived.set()

    def close(self) -> None:
        """Get nothing any more. Harmless a second time."""
        self._is_closed = True
        self._bus.leave(self)
        self._arrived.set()

    def take(self) -> Sequence[StationEvent]:
        """Everything that is there, without waiting."""
        events = tuple(self._events)
        self._events.clear()
        return events

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> StationEvent:
        while not self._events:
            if self._is_closed:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        return self._events.popleft()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Bus:
    """Numbers events and hands each to whoever wants it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seq = 0
        self._subscriptions: set[Subscription] = set()
        self.listeners: list[Callable[[StationEvent], None]] = []  # within the master; told at once

    @property
    def seq(self) -> int:
        """The number of the newest event."""
        return self._seq

    def publish(self, type_: str, batch_id: str, data: Mapping[str, object], at: datetime | None = None) -> None:
        """Tell everybody. ``at``: when it happened, if not now."""
        self._seq += 1
        event = StationEvent(self._seq, type_, batch_id, at or self._clock.now(), data)
        for listener in self.listeners:
            listener(event)
        for subscription in tuple(self._subscriptions):
            if subscription.wants(batch_id):
                subscription.put(event)

    def subscribe(self, batch_ids: Collection[str] | None = None) -> Subscription:
        """Begin to listen. What was before is in a snapshot, which the station makes in the same breath."""
        subscription = Subscription(self, batch_ids)
        self._subscriptions.add(subscription)
        return subscription

    def leave(self, subscription: Subscription) -> None:
        """Stop listening."""
        self._subscriptions.discard(subscription)
