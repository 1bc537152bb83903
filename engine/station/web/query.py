"""The parameters that several routes share."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from fastapi import Query
from pydantic import AwareDatetime, BeforeValidator

from engine.station.web.models import ShownStatus
from engine.store.station_ports import ResultFilter

_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _moment(raw: object) -> object:
    """A moment as text with its offset: a bare number or a date alone is none."""
    if not isinstance(raw, str) or _RFC3339.fullmatch(raw) is None:
        raise ValueError("write a moment as 2025-01-01T12:00:00Z or with an offset such as +09:00")
    try:
        return datetime.fromisoformat(raw.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"this is no moment: {error}") from error


Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]
Name = Annotated[str, Query(max_length=255)]


# Not a plain function: the framework would call that in a thread, for every request.
async def result_filter(
    batch: Annotated[str | None, Query(max_length=255, description="Of this batch.", examples=["batch_1"])] = None,
    sequence: Annotated[
        str | None, Query(max_length=255, description="Of this sequence.", examples=["power_board"])
    ] = None,
    status: Annotated[ShownStatus | None, Query(description="In this status.")] = None,
    passed: Annotated[
        Literal["true", "false"] | None, Query(alias="pass", description="With this overall result.")
    ] = None,
    serial: Annotated[str | None, Query(max_length=255, description="Of the unit with this serial number.")] = None,
    since: Annotated[
        Moment | None, Query(description="Started then or later.", examples=["2025-01-01T00:00:00Z"])
    ] = None,
    until: Annotated[Moment | None, Query(description="Started before.", examples=["2025-02-01T00:00:00Z"])] = None,
) -> ResultFilter:
    """Which results are wanted."""
    return ResultFilter(
        batch_id=batch,
        sequence_name=sequence,
        status=status,
        overall_pass=None if passed is None else passed == "true",
        serial=serial,
        since=since,
        until=until,
    )


Offset = Annotated[int, Query(ge=0, le=1_000_000_000, description="How many to leave out.")]
Limit = Annotated[int, Query(ge=1, le=500, description="How many at most.")]
