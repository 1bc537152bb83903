"""What the steps of all features share: names, patterns, and plain questions to the World."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from engine.ports import WeighingRecord
from engine.testing.twin_server import TwinRequest
from engine.testing.world import World, q
from engine.units import Quantity

MACHINES = {"계량": None, "등록": "registration", "전송": "upload", "스트리밍": "streaming"}
ROUTES = {"조회": "lookup", "등록": "register", "heartbeat": "heartbeat", "기록": "records", "스트림": "stream"}

MASS = r"(?P<mass>[\d.]+ k?g)"
SECONDS = r"(?P<seconds>[\d.]+)초"
WORD = r"\"(?P<word>[^\"]+)\""
LINE = r"(?:\"(?P<line>[^\"]+)\"에 )?"


@dataclass
class Plan:
    """What a scenario lays down before the gateway is switched on."""

    world: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, object] = field(default_factory=dict)
    machine_settings: dict[str, dict[str, object]] = field(default_factory=dict)
    is_carried_out: bool = False

    def change(self) -> None:
        """Settings are read when the gateway is built: a scenario that changes them later would change nothing."""
        assert not self.is_carried_out, "settings stand before everything else"


@dataclass
class Notes:
    """What a scenario remembers while it runs."""

    touched_at: float = 0.0
    marked_at: float = 0.0
    token: str | None = None


def scalar(text: str) -> object:
    """A setting as YAML would read it."""
    if text in {"true", "false"}:
        return text == "true"
    return int(text) if text.isdigit() else text


def requests_since(world: World, notes: Notes, route: str) -> list[TwinRequest]:
    return [request for request in world.server.requests if request.route == route and request.at >= notes.marked_at]


def intervals_of(world: World, route: str) -> list[float]:
    """Seconds between one request of a kind and the next."""
    times = [request.at for request in world.server.requests if request.route == route]
    return [later - earlier for earlier, later in pairwise(times)]


def only_record(world: World) -> WeighingRecord:
    [record] = world.records
    return record


def records_of(world: World, *, card: str | None = None, mass: str | None = None) -> list[WeighingRecord]:
    return [
        record
        for record in world.records
        if card in {None, record.rfid_uid} and (mass is None or Quantity(record.weight, record.unit) == q(mass))
    ]


def script(world: World, route: str, answer: str, times: int | None) -> None:
    """Order an answer: ``503``, ``503과 Retry-After 120초``, ``웹 페이지``, ``침묵``, ``끊김``."""
    name: Any = ROUTES[route]
    server = world.server
    if answer == "웹 페이지":
        server.show_portal(name, times=times)
    elif answer == "침묵":
        server.keep_silent(name, times=times)
    elif answer == "처리 후 끊김":
        server.lose_answer(name, times=times)
    else:
        code, _, rest = answer.partition("과 Retry-After ")
        retry_after = float(rest.removesuffix("초")) if rest else None
        server.answer(name, int(code), retry_after=retry_after, times=times)
