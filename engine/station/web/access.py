"""``/api/session``: a browser shows its key once and gets a cookie."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import Field

from engine.station.web.door import address_of
from engine.station.web.face import TheFace
from engine.station.web.models import Body, Shape
from engine.station.web.problems import ProblemError, documented
from engine.station.web.sessions import COOKIE, LIFETIME_S

router = APIRouter(prefix="/api/session", tags=["session"])


class Login(Body):
    """What a browser shows."""

    key: str = Field(min_length=1, max_length=200, examples=["slk_..."])


class Session(Shape):
    """Who is signed in."""

    name: str = Field(description="Of the key; empty where no key is wanted.", examples=["line-3"])
    key_required: bool


@router.post("", responses=documented(429))
async def sign_in(face: TheFace, request: Request, response: Response, login: Login) -> Session:
    """Show a key; the cookie that comes back stands for it."""
    if not face.door.wants_key:
        return Session(name="", key_required=False)
    refusal, name = face.door.try_key(login.key, address_of(request.scope))
    if refusal is not None:
        raise ProblemError(refusal.status, refusal.code, refusal.detail, headers=refusal.headers)
    response.set_cookie(
        COOKIE, face.door.sessions.cookie(name), max_age=LIFETIME_S, httponly=True, samesite="strict",
        secure=request.url.scheme == "https",
    )  # fmt: skip
    return Session(name=name, key_required=True)


@router.delete("", status_code=204)
async def sign_out(response: Response) -> None:
    """Forget the cookie."""
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
