"""The parameters that several routes share, and that no other are given to a route that takes some."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from fastapi import Query, Request
from fastapi.routing import APIRoute
from pydantic import AwareDatetime, BeforeValidator
from starlette.routing import BaseRoute

from engine.station.web.models import ShownStatus
from engine.station.web.problems import FieldProblem, ProblemError
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


Names = Mapping[tuple[str, frozenset[str]], frozenset[str]]


def taken_names(routes: Iterable[BaseRoute]) -> Names:
    """The query parameters of each route, by its path and methods."""
    of_api = (one for one in routes if isinstance(one, APIRoute))
    return {(one.path, frozenset(one.methods or ())): frozenset(_names(one.dependant)) for one in of_api}


def _names(dependant: Any) -> Iterator[str]:
    yield from (one.alias for one in dependant.query_params)
    for inner in dependant.dependencies:
        yield from _names(inner)


async def refuse_strangers(request: Request) -> None:
    """A filter with a typing error in its name must not find everything, nor one that is given twice find half.

    What takes no parameters at all may be asked with any: browsers' scripts add some against caches.
    """
    if not request.url.query:
        return
    route: APIRoute = request.scope["route"]
    names: Names = request.app.state.taken_names
    taken = names[route.path, frozenset(route.methods or ())]
    given = Counter(name for name, _ in request.query_params.multi_items())
    wrong = [_stranger(name, taken) for name in given if taken and name not in taken]
    wrong += [
        FieldProblem(field=name, message="is given more than once", code="repeated-parameter")
        for name, times in given.items()
        if name in taken and times > 1
    ]
    if wrong:
        detail = "; ".join(f"{one.field}: {one.message}" for one in wrong)
        raise ProblemError(422, "bad-request", detail, errors=wrong)


def _stranger(name: str, taken: Iterable[str]) -> FieldProblem:
    message = f"there is no such parameter here; there are {', '.join(sorted(taken))}"
    return FieldProblem(field=name, message=message, code="unknown-parameter")
