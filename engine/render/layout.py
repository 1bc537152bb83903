"""Finds the best of several layouts, and says where everything stands in it.

Graphviz finds a good order of the boxes, not always the best one: it depends on the order they are given in. So a
scene is laid out in several ways, each picture is judged (:mod:`engine.render.judge`), and the best one is taken. The
ways tried depend on the scene alone, so one chart always gives one picture.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from engine.chart.model import StateKind
from engine.render.dot import layout_text
from engine.render.graph import Edge, Graph, Order, Plan
from engine.render.graphviz import lay_out
from engine.render.judge import Picture, Point, Rect, Verdict, judge
from engine.render.scene import Scene

_FEW: Final = 60  # states and edges of a chart that is laid out in many ways
_MANY: Final = 200
_CLUSTER: Final = "cluster "


@dataclass(frozen=True, slots=True)
class Curve:
    """A line as Graphviz draws it: one start point, then three points for each Bezier piece; ``tip`` of its arrow."""

    edge: Edge
    points: tuple[Point, ...]
    tip: Point | None


@dataclass(slots=True)
class Layout:
    """Where everything stands, in px from the upper left corner."""

    graph: Graph
    width: float
    height: float
    nodes: dict[str, Rect]  # by the names of engine.render.graph
    clusters: dict[str, Rect]  # by state
    curves: list[Curve] = field(default_factory=list)


def best_layout(scene: Scene) -> Layout:
    """The layout with the fewest crossings and the best shape. Raises GraphvizError."""
    ways = plans(scene)
    if len(ways) == 1:  # judging a chart that large takes longer than laying it out
        return layout_of(scene, ways[0])
    return min((layout_of(scene, plan) for plan in ways), key=lambda layout: judged(layout).badness)


def judged(layout: Layout) -> Verdict:
    """How bad a layout is."""
    blocks = layout.graph.blocks
    return judge(
        Picture(
            layout.width,
            layout.height,
            [(curve.points, frozenset({curve.edge.upper, curve.edge.lower})) for curve in layout.curves],
            layout.nodes,
            [Rect(at.x, at.y, blocks[state].width, blocks[state].height) for state, at in layout.clusters.items()],
            list(_regions(layout)),
            [(area, _inside(layout, area)) for area in layout.clusters.values()],
        )
    )


def _inside(layout: Layout, area: Rect) -> frozenset[str]:
    return frozenset(
        name for name, at in layout.nodes.items() if area.contains((at.x + at.width / 2, at.y + at.height / 2))
    )


def _regions(layout: Layout) -> Iterator[list[Rect]]:
    places = {**layout.nodes, **layout.clusters}
    for box in layout.graph.scene.boxes.values():
        if box.kind is StateKind.PARALLEL:
            yield [places[child] for child in box.children]


def plans(scene: Scene) -> list[Plan]:
    """The layouts to try: fewer for a large chart."""
    size = len(scene.boxes) + len(scene.links())
    tries = 6 if size <= _FEW else 2 if size <= _MANY else 1
    orders = tuple(Order) if size <= _MANY else (Order.WRITTEN,)
    room = (False, True) if size <= _MANY else (False,)
    down = [Plan("TB", 34, order, roomy, shuffle) for shuffle in range(tries) for order in orders for roomy in room]
    across = [Plan("LR", 40, order) for order in orders] if size <= _FEW else []
    return across + down


def layout_of(scene: Scene, plan: Plan) -> Layout:
    """Lay a scene out in one way. Raises GraphvizError."""
    graph = Graph(scene, plan)
    answer = lay_out(layout_text(graph))
    _, _, width, height = _numbers(answer["bb"])
    layout = Layout(graph, width, height, {}, {})
    for found in answer.get("objects", []):
        _place(layout, found)
    edges = {edge.id: edge for edge in graph.edges()}
    layout.curves = [curve for found in answer.get("edges", []) for curve in _curves(found, edges, height)]
    return layout


def _place(layout: Layout, found: Mapping[str, Any]) -> None:
    name = str(found["name"])
    if name.startswith(_CLUSTER):
        left, bottom, right, top = _numbers(found["bb"])
        layout.clusters[name.removeprefix(_CLUSTER)] = Rect(left, layout.height - top, right - left, top - bottom)
    elif "pos" in found:
        x, y = _numbers(found["pos"])
        width, height = float(found["width"]) * 72, float(found["height"]) * 72
        layout.nodes[name] = Rect(x - width / 2, layout.height - y - height / 2, width, height)


def _curves(found: Mapping[str, Any], edges: Mapping[str, Edge], height: float) -> Iterator[Curve]:
    for spline in str(found.get("pos", "")).split(";"):
        tip: Point | None = None
        points: list[Point] = []
        for word in spline.split():
            marked = re.fullmatch(r"([se]),(.*)", word)
            x, y = _numbers(marked[2] if marked else word)
            if marked:
                tip = (x, height - y)
            else:
                points.append((x, height - y))
        if points:
            yield Curve(edges[str(found["id"])], tuple(points), tip)


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(number) for number in text.split(","))
