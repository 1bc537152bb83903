"""``/api/results``: what was measured, and its exports."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse, Response

from engine.sequence.junit import junit_xml
from engine.station.web import models
from engine.station.web.face import TheFace
from engine.station.web.problems import documented, not_found
from engine.station.web.query import Limit, Offset, result_filter
from engine.station.web.result_csv import result_csv
from engine.store.station_ports import ResultFilter, StoredExecution

router = APIRouter(prefix="/api/results", tags=["results"])

_EXPORTS: Final = {
    200: {
        "description": "The result as a file.",
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/ExecutionResult"}},
            "text/csv": {"schema": {"type": "string"}},
            "application/xml": {"schema": {"type": "string"}},
        },
    }
}


@router.get("", response_model=models.ResultPage)
async def list_results(
    face: TheFace, wanted: Annotated[ResultFilter, Depends(result_filter)], offset: Offset = 0, limit: Limit = 50
) -> Response:
    """The newest results first, and how many there are in all."""
    page = await face.store.page(wanted, offset, limit)
    items = [models.summary_json(one) for one in page.items]
    return models.json_answer({"items": items, "total": page.total, "offset": offset, "limit": limit})


@router.get("/{execution_id}", response_model_exclude_none=True, responses=documented(404))
async def get_result(face: TheFace, execution_id: str) -> models.ExecutionResult:
    """One result with its steps."""
    return models.result(await _found(face, execution_id))


@router.get(
    "/{execution_id}/export",
    response_class=Response,
    responses={**documented(404), **_EXPORTS},  # type: ignore[dict-item]
)
async def export_result(
    face: TheFace,
    execution_id: str,
    format: Annotated[Literal["json", "csv", "junit"], Query(description="`junit` is XML that CI servers read.")] = (
        "json"
    ),
) -> Response:
    """One result as a file: JSON, CSV with a line for each measurement, or JUnit XML."""
    stored = await _found(face, execution_id)
    if format == "csv":
        return _file(result_csv(stored).encode("utf-8-sig"), "text/csv", f"{stored.record.execution_id}.csv")
    if format == "junit":
        xml = junit_xml(stored.record, stored.steps)
        return _file(xml, "application/xml", f"{stored.record.execution_id}.xml")
    name = f"{stored.record.execution_id}.json"
    return JSONResponse(models.result_json(stored), headers={"Content-Disposition": _attachment(name)})


async def _found(face: TheFace, execution_id: str) -> StoredExecution:
    stored = await face.store.find(execution_id)
    if stored is None:
        raise not_found("result", execution_id)
    return stored


def _file(body: bytes, media_type: str, name: str) -> Response:
    return Response(body, media_type=media_type, headers={"Content-Disposition": _attachment(name)})


def _attachment(name: str) -> str:
    safe = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "._-") else "_" for letter in name)
    return f'attachment; filename="{safe}"'
