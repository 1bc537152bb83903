"""Hands what happens to whoever listens: encoded once, numbered by batch, never waiting for anybody.

The messages of one batch are numbered 1, 2, 3 ... for as long as the station runs; a snapshot has the number of the
newest message that it includes, so that the next one is that plus one. Whoever does not read is dropped. What somebody
has to react to (a question, a crash, a wait for a lock) is repeated to those who come later, as long as it stands.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import structlog

from engine.clock import Clock
from engine.ports import StoreError
from engine.sequence.records import (
    LOCK_WAIT,
    PROMPT,
    PROMPT_CLOSED,
    SEQUENCE_COMPLETE,
    STEP_COMPLETE,
    STEP_START,
)
from engine.station.bus import BATCH_STATUS, CRASH, SNAPSHOT, Bus, StationEvent
from engine.station.status import BatchStatus
from engine.station.web.models import result_json
from engine.station.web.words import event_data, frame, message, status_data
from engine.store.station import StationStore

log = structlog.get_logger(__name__)

EVERY: Final = "*"  # subscribes to all batches, those to come among them
MOST_WAITING: Final = 2_000  # messages
MOST_BYTES: Final = 4_000_000
TOGETHER_S: Final = 0.002  # between two writes to a client: a write costs more than a message
WriteNow = Callable[[bytes], bool]
_UP_AGAIN: Final = frozenset({"running", "idle"})


class Batches(Protocol):
    """What the hub asks of the station."""

    bus: Bus
    store: StationStore

    def status(self, batch_id: str) -> BatchStatus:
        """How a batch is. Raises NoSuchBatchError."""
        ...

    @property
    def batch_ids(self) -> Collection[str]:
        """All batches."""
        ...


class Listener:
    """One client: what it has still to be sent. ``gone`` is set when it is to be let go.

    ``write_now`` sends bytes if it can without waiting, and tells whether it did; what it does not send, and what
    comes behind that, is for whoever awaits :meth:`take`.
    """

    def __init__(self, limit: int = MOST_WAITING, write_now: WriteNow | None = None) -> None:
        self.batches: set[str] = set()
        self.gone = asyncio.Event()
        self.is_slow = False
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._limit = limit
        self._write_now = write_now
        self._is_taken = False  # something that was taken is being sent: nothing may overtake it
        self._arrived = asyncio.Event()
        self._told = 0

    def put(self, framed: bytes) -> None:
        """Hand it a message; never waits. One that has too much before it already is dropped."""
        if self.gone.is_set():
            return
        if len(self._waiting) >= self._limit or self._size > MOST_BYTES:
            self.is_slow = True
            self._waiting.clear()
            self.gone.set()
            self.wake()
            return
        self._waiting.append(framed)
        self._size += len(framed)

    def wake(self) -> None:
        """Have what waits sent: at once if that can be, or by whoever takes it."""
        if self._write_now is not None and self._waiting and not self._is_taken:
            whole = b"".join(self._waiting)
            if self._write_now(whole):
                self._clear()
                return
        self._arrived.set()

    def next_number(self) -> int:
        """The number of a message that is for it alone."""
        self._told += 1
        return self._told

    async def take(self) -> bytes:
        """What waits, in one piece; nothing when it is to be let go. What was taken before is sent by then."""
        self._is_taken = False
        while not self._waiting and not self.gone.is_set():
            self._arrived.clear()
            await self._arrived.wait()
        whole = b"".join(self._waiting)
        self._clear()
        self._is_taken = True
        return whole

    def _clear(self) -> None:
        self._waiting.clear()
        self._size = 0


@dataclass(slots=True)
class _Stream:
    """The messages of one batch. ``standing``: what is repeated to those who come later."""

    number: int = 0
    listeners: set[Listener] = field(default_factory=set)
    standing: dict[str, StationEvent] = field(default_factory=dict)
    held: deque[StationEvent] | None = None  # behind a message that is being completed
    running: dict[object, str] = field(default_factory=dict)  # steps that are underway, by their order


class Hub:
    """Between the station's bus and its sockets."""

    def __init__(self, station: Batches, clock: Clock, spawn: Callable[[Any], object]) -> None:
        self.instance = uuid.uuid4().hex  # another after every restart: numbers begin anew
        self._station, self._clock, self._spawn = station, clock, spawn
        self._streams: dict[str, _Stream] = {}
        self._listeners: set[Listener] = set()
        self._everywhere: set[Listener] = set()
        self._due: set[Listener] = set()  # have something that is not sent yet
        self._flush: asyncio.TimerHandle | None = None
        self._flushed = 0.0  # by the loop's clock
        station.bus.listeners.append(self._happened)

    @property
    def listeners(self) -> int:
        """How many clients there are."""
        return len(self._listeners)

    def running(self, batch_id: str) -> Collection[str]:
        """The steps of a batch that are underway."""
        return tuple(self._stream(batch_id).running.values())

    # Clients ---------------------------------------------------------------------------------------------------------

    def join(self, write_now: WriteNow) -> Listener:
        """A client has come; it hears nothing yet."""
        listener = Listener(write_now=write_now)
        self._listeners.add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """A client has gone."""
        self._listeners.discard(listener)
        self._everywhere.discard(listener)
        for batch_id in listener.batches:
            self._stream(batch_id).listeners.discard(listener)
        listener.gone.set()

    def subscribe(self, listener: Listener, batch_ids: Collection[str]) -> list[str]:
        """Tell it how these batches are, and all that happens from there on; those that there are not."""
        known = self._station.batch_ids
        wanted = list(dict.fromkeys(batch_ids))
        if EVERY in wanted:
            self._everywhere.add(listener)
            wanted = [*known, *(one for one in wanted if one != EVERY and one not in known)]
        for batch_id in wanted:
            if batch_id in known:
                self._enter(listener, batch_id)
        return [one for one in wanted if one not in known]

    def unsubscribe(self, listener: Listener, batch_ids: Collection[str]) -> None:
        """Tell it nothing more of these batches."""
        if EVERY in batch_ids:
            self._everywhere.discard(listener)
            batch_ids = list(listener.batches)
        for batch_id in listener.batches.intersection(batch_ids):
            listener.batches.discard(batch_id)
            self._stream(batch_id).listeners.discard(listener)

    def tell(self, listener: Listener, type_: str, data: Mapping[str, object]) -> None:
        """Something for one client alone."""
        listener.put(frame(message(type_, None, listener.next_number(), self._clock.now(), data)))
        listener.wake()

    def _enter(self, listener: Listener, batch_id: str) -> None:
        stream = self._stream(batch_id)
        stream.listeners.add(listener)
        listener.batches.add(batch_id)
        data = {**status_data(self._station.status(batch_id)), "instance": self.instance}
        listener.put(frame(message(SNAPSHOT, batch_id, stream.number, self._clock.now(), data)))
        for event in stream.standing.values():
            told = {**event_data(event.type, event.at, event.data), "repeated": True}
            listener.put(frame(message(event.type, batch_id, stream.number, event.at, told)))
        listener.wake()

    # What happens ----------------------------------------------------------------------------------------------------

    def _happened(self, event: StationEvent) -> None:
        if not event.batch_id:
            return
        stream = self._stream(event.batch_id)
        if stream.held is not None:
            stream.held.append(event)
        elif event.type == SEQUENCE_COMPLETE:
            stream.held = deque()
            self._spawn(self._complete(stream, event))
        else:
            self._publish(stream, event.type, event)

    async def _complete(self, stream: _Stream, event: StationEvent) -> None:
        """A sequence's end is told with its steps, as they are on record; what comes meanwhile is told after it."""
        more: dict[str, Any] = {"steps": []}
        try:
            stored = await self._station.store.find(str(event.data.get("execution_id", "")))
            if stored is not None:
                told = result_json(stored)
                more = {"status": told["status"], "steps": told["steps"]}  # an interrupted one has failed
        except StoreError as error:
            log.warning("station.steps.not_told", batch=event.batch_id, reason=str(error))
        finally:
            self._publish(stream, SEQUENCE_COMPLETE, event, more)
            held, stream.held = stream.held or deque(), None
            for one in held:
                self._happened(one)

    def _publish(
        self, stream: _Stream, type_: str, event: StationEvent, more: Mapping[str, object] | None = None
    ) -> None:
        stream.number += 1
        self._keep_standing(stream, event)
        if not stream.listeners:
            return
        framed = frame(self._text(stream.number, type_, event, more or {}))
        for listener in stream.listeners:
            listener.put(framed)
        self._due |= stream.listeners
        if self._flush is None:
            # At once after a pause, but not before what is told in the same breath.
            loop = asyncio.get_running_loop()
            self._flush = loop.call_at(max(loop.time(), self._flushed + TOGETHER_S), self._flush_now)

    def _flush_now(self) -> None:
        due, self._due, self._flush = self._due, set(), None
        self._flushed = asyncio.get_running_loop().time()
        for listener in due:
            listener.wake()

    def _text(self, number: int, type_: str, event: StationEvent, more: Mapping[str, object]) -> str:
        told = _without_nothing(event) if type_ == BATCH_STATUS else event_data(type_, event.at, event.data)
        return message(type_, event.batch_id, number, event.at, {**told, **more})

    def _keep_standing(self, stream: _Stream, event: StationEvent) -> None:
        standing, data = stream.standing, event.data
        _keep_running(stream.running, event)
        match event.type:
            case kind if kind == PROMPT:
                standing[f"prompt/{data.get('id')}"] = event
            case kind if kind == PROMPT_CLOSED:
                standing.pop(f"prompt/{data.get('id')}", None)
            case kind if kind == LOCK_WAIT:
                standing[f"lock/{data.get('step')}"] = event
            case kind if kind in {STEP_START, STEP_COMPLETE}:
                standing.pop(f"lock/{data.get('step')}", None)
            case kind if kind == CRASH:
                _drop(standing, "prompt/", "lock/")
                standing["crash"] = event
            case kind if kind == SEQUENCE_COMPLETE:
                _drop(standing, "prompt/", "lock/")
            case kind if kind == BATCH_STATUS and data.get("status") in _UP_AGAIN:
                standing.pop("crash", None)

    def _stream(self, batch_id: str) -> _Stream:
        stream = self._streams.get(batch_id)
        if stream is None:  # a batch that was not there when those came who want to hear of all
            stream = self._streams[batch_id] = _Stream(listeners=set(self._everywhere))
            for listener in self._everywhere:
                listener.batches.add(batch_id)
        return stream

    def forget(self, batch_id: str) -> None:
        """A batch is no more."""
        stream = self._streams.pop(batch_id, None)
        for listener in stream.listeners if stream is not None else ():
            listener.batches.discard(batch_id)


def _keep_running(running: dict[object, str], event: StationEvent) -> None:
    if event.type == STEP_START:
        running[event.data.get("order")] = str(event.data.get("step"))
    elif event.type == STEP_COMPLETE:
        running.pop(event.data.get("order"), None)
    elif event.type in {SEQUENCE_COMPLETE, CRASH}:
        running.clear()


def _without_nothing(event: StationEvent) -> dict[str, object]:
    told = event_data(BATCH_STATUS, event.at, event.data)
    return {name: value for name, value in told.items() if value is not None and value not in ("", [])}


def _drop(standing: dict[str, StationEvent], *heads: str) -> None:
    for key in [key for key in standing if key.startswith(heads)]:
        del standing[key]
