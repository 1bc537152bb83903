"""What a chart has to do with other charts: what it sends, what it handles, which charts it invokes, what it declares.

Facts are plain enough to be kept as JSON, so that a chart that has not changed need not be built to check its
neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from engine.chart.model import ROOT, Chart, Sent, TransitionKind
from engine.documents.tree import Map, Mark
from engine.errors import Position

DECLARED: Final = ("states", "events", "data", "settings")


@dataclass(frozen=True, slots=True)
class Child:
    """A chart that another one invokes, and the settings it is given: as written (in plain JSON), with their places."""

    chart: str
    position: Position
    settings: Mapping[str, tuple[Any, Mark]]

    def given(self) -> Map:
        """The settings as the document has them."""
        found = Map(("", 0, 0, 0, 0, False))
        for name, (value, mark) in self.settings.items():
            found[name] = Decimal(repr(value)) if isinstance(value, float) else value  # documents hold no floats
            found.marks[name] = mark
        return found


@dataclass(frozen=True, slots=True)
class Facts:
    """What others need to know of one chart."""

    name: str
    file: str
    handles: tuple[str, ...] = ()  # event descriptors
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of each declared event
    sends: tuple[Sent, ...] = ()
    children: tuple[Child, ...] = ()
    declares: Mapping[str, Mapping[str, Position]] = field(default_factory=dict)  # by DECLARED
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # as declared, in plain JSON


def facts_of(chart: Chart, file: str, root: Map) -> Facts:
    """The facts of a chart that could be built; ``root`` is its document, for what the model does not keep."""
    handled = {t.event: None for state in chart.in_order for t in state.transitions if t.kind is TransitionKind.EVENT}
    return Facts(
        name=chart.name,
        file=file,
        handles=tuple(event for event in handled if event is not None),
        fields={name: tuple(event.fields) for name, event in chart.events.items()},
        sends=chart.footprint.sends,
        children=tuple(_children(root)),
        declares={
            "states": {name: s.position for name, s in chart.states.items() if name != ROOT and "/" not in name},
            "events": {name: e.position for name, e in chart.events.items()},
            "data": {name: d.position for name, d in chart.data.items() if "/" not in name},
            "settings": {name: s.position for name, s in chart.settings.items()},
        },
        settings=_plain(root.section("settings")),
    )


def _children(body: Map) -> list[Child]:
    """The charts that a state, or one inside it, invokes."""
    found: list[Child] = []
    invokes = body.get("invoke")
    for invoke in invokes if isinstance(invokes, list) else [invokes]:
        if isinstance(invoke, Map) and isinstance(invoke.get("chart"), str):
            given = invoke.section("with")
            settings = {name: (_plain(value), given.marks[name]) for name, value in given.items()}
            found.append(Child(str(invoke["chart"]), invoke.at("chart"), settings))
    for inner in body.section("states").values():
        if isinstance(inner, Map):
            found += _children(inner)
    return found


def _plain(value: Any) -> Any:
    """A value of a document in what JSON has."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return float(value) if isinstance(value, Decimal) else value


# As JSON ----------------------------------------------------------------------------------------------------------


def to_json(facts: Facts) -> dict[str, Any]:
    """The facts as JSON."""
    return {
        "name": facts.name,
        "file": facts.file,
        "handles": list(facts.handles),
        "fields": {name: list(fields) for name, fields in facts.fields.items()},
        "sends": [[s.event, s.to, _fields(s), place(s.position)] for s in facts.sends],
        "children": [[c.chart, place(c.position), c.settings] for c in facts.children],
        "declares": {kind: {n: place(p) for n, p in names.items()} for kind, names in facts.declares.items()},
        "settings": facts.settings,
    }


def from_json(raw: Mapping[str, Any]) -> Facts:
    """The facts that :func:`to_json` kept."""
    return Facts(
        name=raw["name"],
        file=raw["file"],
        handles=tuple(raw["handles"]),
        fields={name: tuple(fields) for name, fields in raw["fields"].items()},
        sends=tuple(
            Sent(event, to, None if fields is None else tuple((n, Position(*p)) for n, p in fields), Position(*at))
            for event, to, fields, at in raw["sends"]
        ),
        children=tuple(
            Child(chart, Position(*at), {name: (value, tuple(mark)) for name, (value, mark) in settings.items()})
            for chart, at, settings in raw["children"]
        ),
        declares={k: {n: Position(*p) for n, p in names.items()} for k, names in raw["declares"].items()},
        settings=raw["settings"],
    )


def _fields(sent: Sent) -> list[tuple[str, tuple[str, int, int]]] | None:
    return None if sent.fields is None else [(name, place(position)) for name, position in sent.fields]


def place(position: Position) -> tuple[str, int, int]:
    """A position as JSON."""
    return position.file, position.line, position.column
