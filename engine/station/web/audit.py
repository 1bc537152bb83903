"""``/api/audit``: who did what."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from engine.station.web import models
from engine.station.web.face import TheFace
from engine.station.web.query import Limit, Offset

router = APIRouter(prefix="/api/audit", tags=["audit"])


@router.get("")
async def list_audit(
    face: TheFace,
    batch: Annotated[str | None, Query(max_length=255, description="Of this batch.")] = None,
    offset: Offset = 0,
    limit: Limit = 50,
) -> models.AuditPage:
    """The newest entries first."""
    entries, total = await face.store.audit(batch, offset, limit)
    return models.AuditPage.model_construct(
        items=[models.audit_item(one) for one in entries], total=total, offset=offset, limit=limit
    )
