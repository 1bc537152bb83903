"""Sends results to the backend: the gateway's own chart ``upload`` with the station's queue and backend behind it.

So results wait, are tried again, are parked and are found delivered by the very rules that weighing records are.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final, Protocol, Self

import structlog

from engine.bindings.shipped import shipped_registry
from engine.chart.declare import resolve_settings
from engine.chart.load import load_chart
from engine.clock import Clock
from engine.documents.tree import Map
from engine.events import Event
from engine.ports import Delivery, DeliveryKind, Outcome, StoreError
from engine.runtime.interpreter import Interpreter
from engine.runtime.program import Program
from engine.service.host import Call, MachineHost, Surroundings
from engine.store.station import StationStore
from engine.store.station_ports import QueuedResult, StoredExecution, SyncAttempt

log = structlog.get_logger(__name__)

CHART: Final = "upload"
AT_ONCE: Final = 8
_HEALTH_MOST_S: Final = 30.0
_END_S: Final = 2.0

Body = Callable[[StoredExecution], dict[str, Any]]


class Backend(Protocol):
    """What is sent to (``engine.net.results``)."""

    async def post_result(self, execution_id: str, body: str, *, may_have_arrived: bool) -> Delivery:
        """Deliver one result."""
        ...

    async def is_healthy(self) -> bool:
        """Whether it is there."""
        ...

    async def close(self) -> None:
        """Let go."""
        ...


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What a round of sending came to; ``error``: why some are still waiting."""

    sent: int
    waiting: int
    parked: int
    error: str | None = None


class ResultSync:
    """Use it as a context manager: it sends for as long as it is entered. ``body`` makes the JSON of a result."""

    def __init__(self, store: StationStore, backend: Backend, *, clock: Clock, interval: float, body: Body) -> None:
        self.is_connected = False
        self._store, self._backend, self._clock, self._body = store, backend, clock, body
        self._interval = interval
        self._in_doubt: set[str] = set()
        self._turn = asyncio.Lock()
        self._host: MachineHost
        self._tasks: asyncio.TaskGroup
        self._health: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        self._tasks = await asyncio.TaskGroup().__aenter__()
        self._host = self._make_host()
        self._host.start()
        self._health = self._tasks.create_task(self._ask_health())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._health.cancel()
        self._host.stop()
        await self._host.wait_ended(_END_S)
        await self._tasks.__aexit__(None, None, None)
        await self._backend.close()

    def wake(self) -> None:
        """A result has been committed: do not wait for the next round."""
        self._host.post(Event("record.committed", {}, "station"))

    async def sync_now(self) -> SyncResult:
        """Send everything that waits, at once, whatever pause was being made. Raises StoreError."""
        async with self._turn:
            self._host.post(Event("gateway.dropped", {}, "station"))  # the chart lets go of what it is sending
            try:
                return await self._send_all()
            finally:
                self._host.post(Event("gateway.approved", {}, "station"))

    async def flush(self, within: float) -> None:
        """As far as it goes in time, before an end."""
        try:
            async with asyncio.timeout(within):
                done = await self.sync_now()
                log.info("station.sync.flushed", sent=done.sent, waiting=done.waiting)
        except TimeoutError:
            log.warning("station.sync.flush_ended", within_s=within)
        except StoreError as error:
            log.warning("station.sync.flush_failed", reason=str(error))

    # At once ---------------------------------------------------------------------------------------------------------

    async def _send_all(self) -> SyncResult:
        sent, tried, error = 0, set[str](), None
        while queued := [one for one in await self._store.queued(AT_ONCE) if one.execution_id not in tried]:
            deliveries = await self._post(queued)
            await self._note(deliveries)
            tried.update(one.uuid for one in deliveries)
            delivered = sum(one.kind is DeliveryKind.DELIVERED for one in deliveries)
            sent += delivered
            error = next((one.reason for one in deliveries if _is_waiting(one)), error)
            if error is not None and not delivered:
                break  # it is not there; the least tried come first, so that no few hold up the others
        waiting, parked = await self._store.queue_counts()
        return SyncResult(sent, waiting, parked, error)

    # The chart's services --------------------------------------------------------------------------------------------

    def _make_host(self) -> MachineHost:
        chart = load_chart(CHART, shipped_registry())
        given = Map(("", 1, 1, 1, 1, False))
        given["interval"] = f"{self._interval:g} s"
        given.marks["interval"] = ("", 1, 1, 1, 1, False)
        machine = SimpleNamespace(interpreter=Interpreter(Program(chart), resolve_settings(chart.settings, given, [])))
        around = Surroundings(
            clock=self._clock,
            loop=asyncio.get_running_loop(),
            services={
                "store.load_gateway": self._load_gateway,
                "store.pending_records": self._pending,
                "server.post_records": self._post_records,
                "store.save_deliveries": self._save,
            },
            performers={},
            route=lambda _from, _to, _event: None,  # a key that is refused is tried again: nobody hands out others
            spawn=self._spawn,
        )
        return MachineHost("sync", machine, around)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self._tasks.create_task(work)

    async def _load_gateway(self, _call: Call) -> Outcome:
        return Outcome("registered")

    async def _pending(self, _call: Call, limit: int) -> Outcome:
        queued = await self._store.queued(limit)
        return Outcome("found", {"records": list(queued)}) if queued else Outcome("none")

    async def _post_records(self, _call: Call, records: Sequence[QueuedResult]) -> Outcome:
        deliveries = await self._post(records)
        waiting = [one for one in deliveries if _is_waiting(one)]
        return Outcome(
            "posted",
            {
                "deliveries": deliveries,
                "delivered": sum(one.kind is DeliveryKind.DELIVERED for one in deliveries),
                "failed": len(waiting),
                "unauthorized": any(one.kind is DeliveryKind.UNAUTHORIZED for one in deliveries),
                "retry_after": max((one.retry_after or 0.0 for one in waiting), default=0.0),
                "reason": next((one.reason for one in waiting if one.reason), ""),
            },
        )

    async def _save(self, _call: Call, deliveries: Sequence[Delivery]) -> Outcome:
        await self._note(deliveries)
        return Outcome("saved")

    # What both do ----------------------------------------------------------------------------------------------------

    async def _post(self, queued: Sequence[QueuedResult]) -> list[Delivery]:
        doubted = {one.execution_id for one in queued if one.may_have_arrived or one.execution_id in self._in_doubt}
        self._in_doubt.update(one.execution_id for one in queued)
        deliveries = await asyncio.gather(
            *(self._post_one(one.execution_id, doubted=one.execution_id in doubted) for one in queued)
        )
        self.is_connected = not any(one.kind is DeliveryKind.UNREACHABLE for one in deliveries)
        return deliveries

    async def _post_one(self, execution_id: str, *, doubted: bool) -> Delivery:
        try:
            stored = await self._store.find(execution_id)
            if stored is None:
                return Delivery(execution_id, DeliveryKind.REJECTED, "there is no such result any more")
            body = json.dumps(self._body(stored), ensure_ascii=False)
            delivery = await self._backend.post_result(execution_id, body, may_have_arrived=doubted)
        except Exception as error:
            log.exception("station.sync.failed", execution=execution_id)
            return Delivery(execution_id, DeliveryKind.UNREACHABLE, f"{type(error).__name__}: {error}", None, doubted)
        return delivery

    async def _note(self, deliveries: Sequence[Delivery]) -> None:
        await self._store.save_attempts(
            [
                SyncAttempt(
                    one.uuid,
                    is_delivered=one.kind is DeliveryKind.DELIVERED,
                    is_rejected=one.kind is DeliveryKind.REJECTED,
                    reason=one.reason,
                    may_have_arrived=one.may_have_arrived,
                )
                for one in deliveries
            ]
        )
        self._in_doubt.difference_update(one.uuid for one in deliveries)
        for one in deliveries:
            if one.kind is DeliveryKind.DELIVERED:
                log.info("station.result.delivered", execution=one.uuid)
            elif one.kind is DeliveryKind.REJECTED:
                log.error("station.result.parked", execution=one.uuid, reason=one.reason)

    async def _ask_health(self) -> None:
        while True:
            with contextlib.suppress(Exception):  # whatever it is, it is not healthy then
                self.is_connected = await self._backend.is_healthy()
            await asyncio.sleep(min(self._interval, _HEALTH_MOST_S))


def _is_waiting(delivery: Delivery) -> bool:
    return delivery.kind in {DeliveryKind.UNREACHABLE, DeliveryKind.UNAUTHORIZED}
