"""What the routes work with, in one place, and how a route gets it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Depends, Request

from engine.clock import Clock
from engine.store.station import StationStore
from engine.store.station_ports import AuditEntry

if TYPE_CHECKING:
    from engine.station.catalog import Catalog
    from engine.station.editing import StationFile
    from engine.station.sync import ResultSync
    from engine.station.web.door import Door
    from engine.station.web.hub import Hub
    from engine.station.web.logbook import Logbook
    from engine.station.web.ports import StationPort

_DISK_S: Final = 5.0


@dataclass(slots=True)
class Face:
    """The station as the API sees it. ``sync`` None: no backend; ``editor`` None: no file.

    ``cut`` ends the connection of a client; ``editing``: the file is changed by one at a time.
    """

    station: StationPort
    store: StationStore
    clock: Clock
    catalog: Catalog
    hub: Hub
    door: Door
    logbook: Logbook
    started_at: datetime
    began: float  # of the monotonic clock
    database: Path
    sync: ResultSync | None = None
    editor: StationFile | None = None
    cut: Callable[[object], None] = lambda _client: None
    editing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _disk: tuple[float, float] | None = None  # when it was looked at, and how full it was

    def uptime(self) -> float:
        """Seconds since the face was made."""
        return round(self.clock.monotonic() - self.began, 3)

    async def disk_percent(self) -> float:
        """How full the disk of the data is, as df counts it; at most some seconds old."""
        now = self.clock.monotonic()
        if self._disk is None or now - self._disk[0] >= _DISK_S:
            used = await asyncio.to_thread(shutil.disk_usage, self.station.settings.data)  # a network's disk may hang
            self._disk = now, round(100 * used.used / (used.used + used.free), 1)
        return self._disk[1]

    async def note(self, actor: str, action: str, batch_id: str, detail: dict[str, object], outcome: str) -> None:
        """Put something that somebody did into the audit log."""
        await self.store.add_audit(AuditEntry(self.clock.now(), actor, action, batch_id, detail, outcome))


# Not a plain function: the framework would call that in a thread, for every request.
async def _face(request: Request) -> Face:
    face: Face = request.app.state.face
    return face


async def _actor(request: Request) -> str:
    """Who asks: the name of the key that was shown, or where the request came from."""
    name: str = request.scope.get("actor", "")
    return name or (f"local:{request.client.host}" if request.client is not None else "local")


TheFace = Annotated["Face", Depends(_face)]
Actor = Annotated[str, Depends(_actor)]
