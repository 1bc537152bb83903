"""What goes wrong with a request, as RFC 9457 problems with stable codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.routing import Route

from engine.errors import EngineError
from engine.ports import StoreError

log = structlog.get_logger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
_TYPE: Final = "urn:scaleledger:problem:"


class FieldProblem(BaseModel):
    """What is wrong with one part of a request."""

    field: str = Field(description="Where it stands: `parameters.vin`, `limit`.", examples=["parameters.vin"])
    message: str = Field(examples=["'vin' is 20; at most 16 V"])
    code: str = Field(description="The kind of mistake, for programs.", examples=["setting-too-large"])


class ProblemBody(BaseModel):
    """RFC 9457, with a stable `code` beside `type`."""

    model_config = ConfigDict(title="Problem")

    type: str = Field(examples=[f"{_TYPE}unknown-batch"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    code: str = Field(description="Stable; what a program looks at.", examples=["unknown-batch"])
    detail: str = Field(examples=["no batch is called 'batch_9'"])
    instance: str = Field(examples=["/api/batches/batch_9"])
    errors: list[FieldProblem] = Field(default_factory=list)


class ProblemError(EngineError):
    """A request cannot be answered as asked."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldProblem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail
        self.errors, self.headers = tuple(errors), dict(headers or {})


def not_found(what: str, name: str) -> ProblemError:
    """404: ``what`` is ``batch``, ``result``, ``sequence`` or ``prompt``."""
    return ProblemError(HTTPStatus.NOT_FOUND, f"unknown-{what}", f"no {what} is called '{name}'")


def conflict(code: str, reason: str) -> ProblemError:
    """409: not in this state."""
    return ProblemError(HTTPStatus.CONFLICT, code, reason)


def unfit(field: str, message: str, code: str = "bad-value") -> ProblemError:
    """422 about one field."""
    errors = (FieldProblem(field=field, message=message, code=code),)
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "bad-request", f"{field}: {message}", errors=errors)


def problem_body(status: int, code: str, detail: str, path: str, errors: Sequence[FieldProblem] = ()) -> dict[str, Any]:
    """The JSON of a problem."""
    return ProblemBody(
        type=_TYPE + code,
        title=HTTPStatus(status).phrase,
        status=status,
        code=code,
        detail=detail,
        instance=path,
        errors=list(errors),
    ).model_dump()


def problem_response(
    status: int,
    code: str,
    detail: str,
    path: str,
    *,
    errors: Sequence[FieldProblem] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem as an answer."""
    body = problem_body(status, code, detail, path, errors)
    return JSONResponse(body, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The ``responses=`` of a route that may answer with problems."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def install(app: FastAPI) -> None:
    """Have every failure answered with a problem."""
    app.add_exception_handler(ProblemError, _told)
    app.add_exception_handler(RequestValidationError, _misfit)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(StoreError, _unstored)
    app.add_exception_handler(Exception, _bug)


async def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    return problem_response(
        error.status, error.code, error.detail, request.url.path, errors=error.errors, headers=error.headers
    )


async def _misfit(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = [_field_problem(one) for one in error.errors()]
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in _JSON:
        found = [_AS_JSON if one.field == "body" and one.code in _NOT_READ else one for one in found]
    detail = "; ".join(f"{one.field}: {one.message}" for one in found)
    return problem_response(422, "bad-request", detail, request.url.path, errors=found)


# What curl's -d sends is named a form, and then read as one text.
_JSON: Final = frozenset({"application/json"})
_NOT_READ: Final = frozenset({"model_attributes_type", "dict_type"})
_AS_JSON: Final = FieldProblem(field="body", message="send it with 'Content-Type: application/json'", code="not-json")


def _field_problem(raw: Mapping[str, Any]) -> FieldProblem:
    place = [str(part) for part in raw["loc"] if part not in {"body", "query", "path", "header"}]
    return FieldProblem(field=".".join(place) or "body", message=str(raw["msg"]), code=str(raw["type"]))


_CODES: Final = {404: "unknown-path", 405: "method-not-allowed", 413: "too-large"}


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.BAD_REQUEST:  # the framework's word for a body that cannot be read at all
        return problem_response(
            422,
            "bad-request",
            f"body: {error.detail}",
            request.url.path,
            errors=[FieldProblem(field="body", message=str(error.detail), code="unreadable")],
        )
    code = _CODES.get(error.status_code, "refused")
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_allowed(request)))
    return problem_response(error.status_code, code, str(error.detail), request.url.path, headers=headers)


def _allowed(request: Request) -> set[str]:
    """Of all routes of a path: the framework tells those of the first alone (RFC 9110, 10.2.1 wants them all)."""
    path = request.url.path
    routes = (one for one in request.app.state.routes if isinstance(one, Route))
    return {method for one in routes if one.path_regex.match(path) for method in one.methods or ()}


async def _unstored(request: Request, error: Exception) -> Response:
    log.error("station.request.store_failed", path=request.url.path, reason=str(error))
    return problem_response(503, "store-failed", str(error), request.url.path)


async def _bug(request: Request, error: Exception) -> Response:
    log.error("station.request.failed", path=request.url.path, exc_info=error)
    return problem_response(500, "bug", "something failed that should not; see the station's log", request.url.path)
