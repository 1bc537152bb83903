"""The gateway in a station's master: one ledger, registration, upload and streaming for the lines of all batches.

A line itself lives in its batch's process (:mod:`engine.station.line_worker`). What its chart asks of the store comes
here as a call, which is answered after the commit; messages between machines and the newest weight come and go.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import structlog

from engine.bindings.shipped import shipped_registry
from engine.clock import Clock
from engine.effects import Perform, SendEvent
from engine.errors import Diagnostic, DiagnosticError
from engine.events import Event
from engine.runtime.codec import decode_map, decode_value
from engine.service.charts import Charts
from engine.service.core import GatewayCore
from engine.service.host import Call, Surroundings
from engine.service.uplink import UplinkSettings
from engine.station.line_wire import STATE, WEIGHT, Messages, deliver, outcome_to_json
from engine.station.process import WorkerProcess
from engine.station.rpc import Handler, RefusedError
from engine.station.settings import LEDGER_URL
from engine.units import Quantity

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Caller:
    """The chart of a line, as far as its records tell it."""

    name: str
    version: str


class LineHall:
    """Enter it before the lines are started; leave it after they have ended. ``data`` is where the ledger is.

    Raises DiagnosticError when a setting is not what the gateway's charts take, and when it is entered StoreError.
    """

    def __init__(self, settings: UplinkSettings, data: Path, clock: Clock, *, names_lines: bool) -> None:
        problems: list[Diagnostic] = []
        charts = Charts(shipped_registry(), data)
        self._core = GatewayCore(settings, charts, clock, problems, names_lines=names_lines)
        if problems:
            raise DiagnosticError(problems)
        self._data = data
        self._around: Surroundings
        self._tasks: asyncio.TaskGroup
        self._messages: dict[str, Messages] = {}  # by line: to its process
        self._exit = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(await self._core.open(LEDGER_URL, self._data))
            self._tasks = await stack.enter_async_context(asyncio.TaskGroup())
            stack.push_async_callback(self._core.end)
            self._around = self._core.surround(self._tasks.create_task, {}, {})
            self._core.start()
            self._exit = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exit.aclose()

    # A line's process ------------------------------------------------------------------------------------------------

    def handlers(self, line: str) -> Mapping[str, Handler]:
        """What the process of a line may ask."""

        async def serve(service: str, machine: str, chart: list[str], args: Any) -> dict[str, Any]:
            if machine.partition("/")[0] != line:
                raise RefusedError("not_yours", f"'{machine}' is no machine of line '{line}'")
            function = self._around.services.get(service)
            if function is None:
                raise RefusedError("no_service", f"the gateway has no service '{service}'")
            name, version = chart
            call = Call(machine, _Caller(name, version), lambda event: self._post(line, event))
            return outcome_to_json(await function(call, **decode_map(args)))

        return {"serve": serve, "messages": self._on_messages, **self._snapshots(line)}

    def _snapshots(self, line: str) -> Mapping[str, Handler]:
        store = self._core.store

        def owned(machine: str) -> str:
            if machine.partition("/")[0] != line:
                raise RefusedError("not_yours", f"'{machine}' is no machine of line '{line}'")
            return machine

        async def save(machine: str, document: str) -> None:
            await store.save_snapshot(owned(machine), document)

        async def load(machine: str) -> str | None:
            return await store.load_snapshot(owned(machine))

        async def drop(machine: str) -> None:
            await store.drop_snapshot(owned(machine))

        return {"save_snapshot": save, "load_snapshot": load, "drop_snapshot": drop}

    async def serve(self, process: WorkerProcess) -> None:
        """Carry messages to a line's process while it lives; its rpc has to be entered."""
        line, messages = process.batch_id, Messages(process.rpc)
        self._messages[line] = messages
        self._core.router.add(line, lambda event: self._post(line, event), is_line=True)
        carrying = self._tasks.create_task(messages.run())
        try:
            await process.dead.wait()
        finally:
            carrying.cancel()
            if self._messages.get(line) is messages:
                del self._messages[line]
                self._core.weights.update(line, None)

    def _post(self, line: str, event: Event) -> None:
        messages = self._messages.get(line)
        if messages is not None:  # without a process it learns from the store, when it is back, what it has to know
            messages.put(event.origin or "", SendEvent(line, event.name, event.data))

    async def _on_messages(self, messages: list[dict[str, Any]]) -> None:
        def send(sender: str, message: SendEvent) -> None:
            self._core.router.route(sender, message.to, Event(message.event, message.data, sender))

        def perform(sender: str, order: Perform) -> None:
            self._around.performers[order.action](sender, **order.args)

        deliver(messages, send, perform)

    # What it shows ---------------------------------------------------------------------------------------------------

    def show(self, line: str, data: bytes) -> str | None:
        """Take what a line's process shows: its weight; the text when it is the line's state."""
        try:
            raw = json.loads(data)
            if raw["kind"] == STATE:
                return str(raw["state"])
            if raw["kind"] == WEIGHT and line in self._messages:
                weight = decode_value(raw["value"])
                self._core.weights.update(line, weight if isinstance(weight, Quantity) else None)
        except (ValueError, KeyError, TypeError, ArithmeticError) as error:
            log.warning("station.shown.refused", batch=line, size=len(data), reason=repr(error))
        return None
