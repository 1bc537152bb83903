"""The application: every route, every problem, and the OpenAPI of both."""

from __future__ import annotations

import copy
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.types import ASGIApp

from engine import __version__
from engine.station.web import access, audit, batches, problems, reports, results, sequences, socket, system
from engine.station.web.door import NEEDS_NO_KEY, DoorMiddleware
from engine.station.web.examples import illustrate
from engine.station.web.face import Face
from engine.station.web.query import refuse_strangers, taken_names

_ABOUT = """Runs test sequences in isolated batch processes and keeps every result.

Errors are RFC 9457 problems with a stable `code`. Live events come over the WebSocket `/ws`:
send `{"type": "subscribe", "batch_ids": ["batch_1"]}` (`"*"` for every batch).
"""


def make_app(face: Face) -> FastAPI:
    """The routes, without the door."""
    # No pages of documentation: they would be fetched from elsewhere, and a test line has no such line.
    app = FastAPI(
        title="Station Service",
        version=__version__,
        description=_ABOUT,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=problems.documented(401, 403, 413, 422, 429, 503),
    )
    app.state.face = face
    app.state.routes = []
    for part in (system, batches, sequences, results, reports, audit, access):
        app.include_router(part.router, dependencies=[Depends(refuse_strangers)])
        app.state.routes += part.router.routes
    app.include_router(socket.router)
    app.state.taken_names = taken_names(app.state.routes)
    problems.install(app)
    app.openapi = lambda: _schema(app)  # type: ignore[method-assign] # FastAPI's way to change it
    return app


def guarded(face: Face) -> ASGIApp:
    """The routes behind the door."""
    return DoorMiddleware(make_app(face), face.door)


def _schema(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            openapi_version="3.1.0",
        )
        parts = schema.setdefault("components", {})
        problem = problems.ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
        parts["schemas"] |= problem.pop("$defs", {}) | {"Problem": problem}
        for unused in ("HTTPValidationError", "ValidationError"):
            parts["schemas"].pop(unused, None)
        parts["securitySchemes"] = {
            "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            "bearer": {"type": "http", "scheme": "bearer"},
        }
        if app.state.face.door.wants_key:
            schema["security"] = [{"key": []}, {"bearer": []}]
            for path in NEEDS_NO_KEY:
                for operation in schema["paths"][path].values():
                    operation["security"] = []
        schema["paths"] = copy.deepcopy(schema["paths"])  # statuses of one route share what they hold
        illustrate(schema["paths"])
        app.openapi_schema = schema
    return app.openapi_schema
