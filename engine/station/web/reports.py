"""``/api/reports``: what many results say together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from engine.station.web.face import TheFace
from engine.station.web.models import Shape
from engine.station.web.query import result_filter
from engine.station.web.result_csv import csv_text
from engine.station.yields import YieldReport, yield_report
from engine.store.station_ports import ResultFilter
from engine.store.station_reports import read_yield

router = APIRouter(prefix="/api/reports", tags=["reports"])


class FailingShape(Shape):
    """A step that did not pass."""

    step: str = Field(examples=["rail_3v3"])
    runs: int = Field(description="In how many runs.")
    verdicts: dict[str, int]
    share: float = Field(description="Of all that did not pass, 0 to 1.")
    cumulative: float = Field(description="With the steps before it.")


class CapabilityShape(Shape):
    """A measurement over many runs."""

    step: str
    name: str
    unit: str
    limits: str = Field(description="Of the newest run.")
    count: int
    failed: int
    marginal: int
    mean: float | None
    deviation: float | None = Field(description="Of the sample.")
    lowest: float | None
    highest: float | None
    low: float | None = Field(description="The lower limit.")
    high: float | None = Field(description="The upper limit.")
    cp: float | None
    cpk: float | None = Field(description="Null without limits, with fewer than two values, or without any spread.")


class YieldShape(Shape):
    """First-pass yield, Pareto by step, Cpk per measurement. Runs without a serial number are units of their own."""

    runs: int
    passed: int
    units: int
    first_passes: int
    final_passes: int
    run_yield: float | None
    first_pass_yield: float | None
    final_yield: float | None
    verdicts: dict[str, int]
    pareto: list[FailingShape]
    measurements: list[CapabilityShape]


_FORMS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The report.",
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/YieldShape"}},
            "text/csv": {"schema": {"type": "string"}},
        },
    }
}


@router.get("/yield", response_model=YieldShape, responses=_FORMS)
async def get_yield(
    face: TheFace,
    wanted: Annotated[ResultFilter, Depends(result_filter)],
    format: Annotated[Literal["json", "csv"], Query()] = "json",
) -> Response:
    """The yield of the runs that are over and fit the filters."""
    rows = await asyncio.to_thread(read_yield, face.database, wanted)
    report = yield_report(rows)
    if format == "csv":
        text = csv_text(("kind", "step", "name", "unit", "figure", "value"), _lines(report))
        headers = {"Content-Disposition": 'attachment; filename="yield.csv"'}
        return Response(text.encode("utf-8-sig"), media_type="text/csv", headers=headers)
    return JSONResponse(YieldShape(**asdict(report)).model_dump(mode="json", by_alias=True))


def _lines(report: YieldReport) -> Iterator[tuple[object, ...]]:
    for figure in (
        "runs", "passed", "units", "first_passes", "final_passes", "run_yield", "first_pass_yield", "final_yield",
    ):  # fmt: skip
        yield ("yield", "", "", "", figure, getattr(report, figure))
    for verdict, count in report.verdicts.items():
        yield ("verdict", "", "", "", verdict, count)
    for failing in report.pareto:
        yield ("pareto", failing.step, "", "", "runs", failing.runs)
        yield ("pareto", failing.step, "", "", "share", failing.share)
        yield ("pareto", failing.step, "", "", "cumulative", failing.cumulative)
    for one in report.measurements:
        for figure in (
            "count",
            "failed",
            "marginal",
            "mean",
            "deviation",
            "lowest",
            "highest",
            "low",
            "high",
            "cp",
            "cpk",
        ):
            yield ("measurement", one.step, one.name, one.unit, figure, getattr(one, figure))
