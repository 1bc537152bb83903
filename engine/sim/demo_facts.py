"""What the service of a demo does, learned as anyone could: from the facts that it logs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from engine.sim.boxes import Box

Tell = Callable[[str, Mapping[str, Any]], None]


class Facts:
    """A sink for ``engine.service.logs``. Facts may come from any thread; ``tell`` is called on the loop, in order."""

    def __init__(self, loop: asyncio.AbstractEventLoop, tell: Tell) -> None:
        self.committed: set[str] = set()  # cards
        self.outbox: set[str] = set()  # uuids that are committed, and neither delivered nor parked
        self.faults: list[str] = []  # what a machine of the service could not do; there is never a good reason for one
        self.open_ports: set[str] = set()
        self.is_approved = False
        self.stream_commands: list[str] = []  # what the server asked the service for
        self._loop = loop
        self._tell = tell
        self._changed = asyncio.Event()

    def __call__(self, event: str, values: dict[str, Any]) -> None:
        """A fact was logged."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._take, event, dict(values))

    async def wait_until(self, predicate: Callable[[], bool]) -> None:
        """Until something that was logged makes ``predicate`` true."""
        while not predicate():
            self._changed.clear()
            await self._changed.wait()

    async def wait_committed(self, box: Box) -> None:
        """Until the box's record is durable."""
        await self.wait_until(lambda: box.card in self.committed)

    def _take(self, event: str, values: Mapping[str, Any]) -> None:
        match event:
            case "weighing.record.committed":
                self.committed.add(str(values["card"]))
                self.outbox.add(str(values["uuid"]))
            case "upload.record.delivered" | "upload.record.parked":
                self.outbox.discard(str(values["uuid"]))
            case "gateway.approval.stored":
                self.is_approved = True
            case "machine.faulted" | "machine.effect.failed" | "machine.service.failed":
                self.faults.append(f"{event}: {values.get('machine')}: {values.get('reason', values)}")
            case "stream.command.received":
                self.stream_commands.append(str(values["command"]))
            case "serial.link.opened":
                self.open_ports.add(str(values["port"]))
            case "serial.link.lost":
                self.open_ports.discard(str(values["port"]))
        self._changed.set()
        self._tell(event, values)
