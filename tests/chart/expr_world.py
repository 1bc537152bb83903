"""A scope, values and a machine for trying expressions on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from engine.bindings.types import (
    ANY,
    DURATION,
    FLAG,
    INT,
    LIST,
    MAP,
    MASS,
    NUMBER,
    SECRET,
    TEXT,
    TIME,
    UUID,
    WINDOW,
    ValueType,
)
from engine.bindings.window import Sample, Window
from engine.chart.expr import ExpressionError, Scope, parse_expression, parse_template
from engine.ports import Secret
from engine.units import Quantity

DOOR = ValueType("choice", ("open", "closed"))
BOX = ValueType("map", fields=MappingProxyType({"weight": MASS, "lid": FLAG}))

SCOPE = Scope(
    settings={"min_weight": MASS, "give_up_after": DURATION, "limit": INT, "factor": NUMBER, "name": TEXT},
    data={
        "uid": TEXT, "id": UUID, "samples": WINDOW, "tries": INT, "door": DOOR, "started": TIME, "token": SECRET,
        "cards": LIST, "box": BOX, "extra": MAP, "gross": MASS, "since": DURATION, "done": FLAG, "for": TEXT,
    },
    event={"value": MASS, "stable": FLAG, "status": TEXT, "count": INT, "payload": ANY, "무게": MASS},
    states=("idle", "measuring"),
)  # fmt: skip
SETTINGS: Mapping[str, object] = MappingProxyType(
    {"min_weight": Quantity("50", "g"), "give_up_after": 30.0, "limit": 3, "factor": 1.5, "name": "dock-1"}
)
NOTHING: Mapping[str, object] = MappingProxyType(dict.fromkeys(SCOPE.data))
NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


@dataclass
class FakeMachine:
    """A machine in state idle whose ids and random numbers are counted out."""

    numbers: list[float] = field(default_factory=lambda: [0.5])
    ids: int = 0

    def is_active(self, state: str) -> bool:
        return state == "idle"

    def new_id(self) -> str:
        self.ids += 1
        return f"id-{self.ids}"

    def now(self) -> datetime:
        return NOW

    def random(self) -> float:
        return self.numbers.pop(0)


def window_of(*weights: str) -> Window:
    window = Window()
    for at, weight in enumerate(weights):
        window = window.add(Sample(float(at), Quantity(weight, "kg"), is_stable=True, status="ok", raw=b"\x02"))
    return window


DATA: Mapping[str, object] = MappingProxyType(
    {
        "uid": "04A1", "id": "7d1f", "samples": window_of("0.010", "12.340"), "tries": 2, "door": "open",
        "started": datetime(2026, 3, 1, 8, 59, tzinfo=UTC), "token": Secret("abcdefghijkl"), "cards": ["04A1", "04B2"],
        "box": {"weight": Quantity("1.5", "kg"), "lid": True}, "extra": {"lane": 4}, "gross": Quantity("20.00", "kg"),
        "since": 12.5, "done": False, "for": "hall",
    }
)  # fmt: skip
EVENT: Mapping[str, object] = MappingProxyType(
    {
        "value": Quantity("0.640", "kg"), "stable": True, "status": "ok", "count": 7, "payload": {"a": [1, {"b": 2}]},
        "무게": Quantity("2", "kg"),
    }
)  # fmt: skip


def evaluate(text: str, machine: FakeMachine | None = None, **changed: object) -> Any:
    """The value of an expression; ``changed`` replaces data or event fields."""
    function = parse_expression(text, SCOPE).function
    return function(*_values(changed), machine or FakeMachine())


def render(text: str, machine: FakeMachine | None = None, **changed: object) -> Any:
    """The value of a template; ``changed`` replaces data or event fields."""
    return parse_template(text, SCOPE).function(*_values(changed), machine or FakeMachine())


def refusal(text: str, scope: Scope = SCOPE) -> ExpressionError:
    """Why an expression is refused."""
    try:
        parse_expression(text, scope)
    except ExpressionError as error:
        return error
    raise AssertionError(f"{text!r} was taken")


def _values(changed: Mapping[str, object]) -> tuple[dict[str, object], Mapping[str, object], dict[str, object]]:
    data = {**DATA, **{name: value for name, value in changed.items() if name in SCOPE.data}}
    assert SCOPE.event is not None
    event = {**EVENT, **{name: value for name, value in changed.items() if name in SCOPE.event}}
    return data, SETTINGS, event
