"""``/api/system`` and ``/api/logs``: the station itself."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from engine import __version__
from engine.station.web.face import Actor, TheFace
from engine.station.web.models import Shape
from engine.station.web.problems import conflict, documented
from engine.station.web.query import Limit

router = APIRouter(prefix="/api", tags=["system"])

FULL_PERCENT = 80.0  # requirements, 6.2


class StationInfo(Shape):
    """Which station this is."""

    id: str = Field(examples=["station_1"])
    name: str
    version: str
    started_at: datetime
    uptime: float = Field(description="Seconds.")
    batches: int
    backend_url: str | None = None
    auth_required: bool


class HealthStatus(Shape):
    """`degraded`: a batch is in error, the backend is away, results are parked, or the disk is filling up."""

    status: Literal["ok", "degraded"]
    version: str
    backend_connected: bool = Field(alias="backend_connected", description="As the requirements write it (6.2).")
    disk_percent: float = Field(description="How full the disk of the data is.", examples=[41.5])
    batches: dict[str, int] = Field(description="How many by status.", examples=[{"running": 4}])
    queue_depth: int = Field(description="Results that wait for the backend.")
    queue_parked: int = Field(description="Results that the backend will never take.")
    uptime: float = Field(description="Seconds.")
    websocket_clients: int


class SyncOutcome(Shape):
    """`SyncResult` of the requirements."""

    sent: int
    waiting: int
    parked: int
    error: str | None = Field(description="Why some are waiting.")


class LogLine(Shape):
    """A line of the log."""

    number: int = Field(description="Counts all lines; ask with `after` for those behind it.")
    at: datetime
    level: Literal["debug", "info", "warning", "error"]
    batch_id: str
    source: Literal["sequence", "station"]
    message: str
    values: dict[str, Any]


@router.get("/system/info", response_model_exclude_none=True)
async def get_info(face: TheFace) -> StationInfo:
    """Which station this is."""
    settings = face.station.settings
    return StationInfo(
        id=settings.id,
        name=settings.name,
        version=__version__,
        started_at=face.started_at,
        uptime=face.uptime(),
        batches=len(face.station.batch_ids),
        backend_url=settings.backend.url if settings.backend is not None else None,
        auth_required=face.door.wants_key,
    )


@router.get("/system/health")
async def get_health(face: TheFace) -> HealthStatus:
    """How the station is."""
    counts = Counter(one.status for one in face.station.statuses())
    waiting, parked = await face.store.queue_counts()
    percent = await face.disk_percent()
    is_away = face.sync is not None and not face.sync.is_connected
    is_bad = bool(counts["error"]) or is_away or bool(parked) or percent >= FULL_PERCENT
    return HealthStatus(
        status="degraded" if is_bad else "ok",
        version=__version__,
        backend_connected=face.sync is not None and face.sync.is_connected,
        disk_percent=percent,
        batches=dict(counts),
        queue_depth=waiting,
        queue_parked=parked,
        uptime=face.uptime(),
        websocket_clients=face.hub.listeners,
    )


@router.post("/system/sync", responses=documented(409))
async def sync_now(face: TheFace, actor: Actor) -> SyncOutcome:
    """Send what waits to the backend at once."""
    if face.sync is None:
        raise conflict("no-backend", "station.yaml has no backend to send results to")
    done = await face.sync.sync_now()
    outcome = f"sent {done.sent}, waiting {done.waiting}, parked {done.parked}"
    await face.note(actor, "system.sync", "", {}, outcome if done.error is None else f"{outcome}: {done.error}")
    return SyncOutcome(sent=done.sent, waiting=done.waiting, parked=done.parked, error=done.error)


@router.get("/logs")
async def list_logs(
    face: TheFace,
    batch: Annotated[str | None, Query(max_length=255, description="Of this batch.")] = None,
    level: Annotated[Literal["debug", "info", "warning", "error"], Query(description="At least so grave.")] = "debug",
    text: Annotated[str, Query(max_length=255, description="That hold this text.")] = "",
    after: Annotated[int, Query(ge=0, le=1 << 53, description="Behind the line of this number.")] = 0,
    limit: Limit = 100,
) -> list[LogLine]:
    """The newest lines first, of the newest 5,000; the whole log is in files."""
    lines = face.logbook.page(batch_id=batch, level=level, text=text, after=after, limit=limit)
    return [
        LogLine.model_construct(
            number=one.number, at=one.at, level=one.level, batch_id=one.batch_id, source=one.source,
            message=one.message, values=dict(one.values),
        )
        for one in lines
    ]  # fmt: skip
