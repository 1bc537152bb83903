"""A scene as nodes and edges, measured and named, the way Graphviz is told it and answers."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from random import Random

from engine.chart.model import StateKind
from engine.render.blocks import LABEL_PADDING, LINE, PSEUDO, Block, Ink, Span, box_block, label_block
from engine.render.scene import Box, Link, Scene


class Order(Enum):
    """Which order of the states is downwards. A chart is mostly written in the order of its flow, but not always."""

    WRITTEN = "as the chart is written"
    NEAR = "the fewest transitions from the start first"
    DEEP = "each path from the start to its end"


@dataclass(frozen=True, slots=True)
class Plan:
    """One way to lay a scene out; several are tried and the best picture wins."""

    direction: str = "TB"
    columns: int = 34  # the longest line of a label
    order: Order = Order.WRITTEN
    is_roomy: bool = False  # more room above compound states, for the arrows into them
    shuffle: int = 0  # 0: states as the chart has them; else the seed of another order


@dataclass(frozen=True, slots=True)
class Edge:
    """A line between two nodes, from the upper to the lower one; ``points_up`` when its arrow is at the upper one."""

    id: str
    upper: str
    lower: str
    has_arrow: bool
    points_up: bool
    upper_cluster: str | None = None  # ends at this state's border instead of at the node
    lower_cluster: str | None = None
    is_dashed: bool = False


@dataclass(frozen=True, slots=True)
class Dot:
    """A pseudo-state: the initial dot, or a small box that says when an edge inwards is taken."""

    name: str
    text: str

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in px."""
        return (Span(self.text, Ink.NOTE).width + 2 * LABEL_PADDING, LINE + 4) if self.text else (PSEUDO, PSEUDO)


@dataclass
class Graph:
    """Everything that a layout depends on."""

    scene: Scene
    plan: Plan

    @cached_property
    def links(self) -> list[Link]:
        """The edges of the scene, by the number that their labels are named with."""
        return self.scene.links()

    @cached_property
    def labels(self) -> list[Block]:
        """The label of each link."""
        return [label_block(link, self.plan.columns) for link in self.links]

    @cached_property
    def blocks(self) -> dict[str, Block]:
        """The text of each state."""
        return {box.id: box_block(self.scene, box) for box in self.scene.boxes.values()}

    @cached_property
    def homes(self) -> dict[str, list[int]]:
        """State -> the links whose labels stand in it."""
        found: dict[str, list[int]] = {}
        for index, link in enumerate(self.links):
            found.setdefault(self.scene.home(link), []).append(index)
        return found

    @cached_property
    def dots(self) -> dict[str, list[Dot]]:
        """Compound state -> what stands in it beside its children."""
        found: dict[str, list[Dot]] = {}
        inwards = {link.source for link in self.links if self.scene.home(link) == link.source}
        for box in self.scene.boxes.values():
            dots = found[box.id] = []
            if box.initial and box.kind is StateKind.COMPOUND:
                dots.append(Dot(initial_name(box.id), ""))
            if box.id in inwards:
                dots.append(Dot(port_name(box.id), "any state"))
            if box.finally_ in box.children:
                dots.append(Dot(leaving_name(box.id), "on leaving"))
        return found

    @cached_property
    def _order(self) -> dict[str, int]:
        is_written = self.plan.order is Order.WRITTEN
        states = self.scene.boxes if is_written else reached(self.scene, is_deep=self.plan.order is Order.DEEP)
        return {state: index for index, state in enumerate(states)}

    def members(self, box: Box) -> list[Box | int]:
        """A state's children, and the numbers of the links whose labels stand in it, in the order of the plan."""
        found: list[Box | int] = [self.scene.boxes[child] for child in box.children]
        found += self.homes.get(box.id, [])
        if self.plan.shuffle:
            Random(self.plan.shuffle).shuffle(found)  # noqa: S311 - the same picture every time is what is wanted
        return found

    def edges(self) -> list[Edge]:
        """Every line."""
        found: list[Edge] = []
        for box in self.scene.boxes.values():
            found += self._pseudo_edges(box)
        for index, link in enumerate(self.links):
            found += self._link_edges(index, link)
        if self.plan.shuffle:
            Random(self.plan.shuffle).shuffle(found)  # noqa: S311 - the same picture every time is what is wanted
        return found

    def _pseudo_edges(self, box: Box) -> list[Edge]:
        found: list[Edge] = []
        if box.kind is StateKind.COMPOUND or box.kind.is_history:
            start = box.id if box.kind.is_history else initial_name(box.id)
            for number, target in enumerate(box.initial):
                node, cluster = self._end(target)
                name = f"initial {number} of {box.id}"
                found.append(Edge(name, start, node, has_arrow=True, points_up=False, lower_cluster=cluster))
        if box.finally_ in box.children:
            node, cluster = self._end(box.finally_)
            name, start = f"finally of {box.id}", leaving_name(box.id)
            found.append(
                Edge(name, start, node, has_arrow=True, points_up=False, lower_cluster=cluster, is_dashed=True)
            )
        return found

    def _link_edges(self, index: int, link: Link) -> list[Edge]:
        label = label_name(index)
        source, source_cluster = self._start(link)
        upwards = source != port_name(link.source) and self._order[link.targets[0]] < self._order[link.source]
        found = [self._edge(f"{index} from", source, label, source_cluster, None, upwards=upwards, has_arrow=False)]
        for number, target in enumerate(link.targets):
            node, cluster = self._end(target)
            name = f"{index} to {number}"
            found.append(self._edge(name, label, node, None, cluster, upwards=upwards, has_arrow=True))
        return found

    def _edge(
        self,
        name: str,
        tail: str,
        head: str,
        tail_cluster: str | None,
        head_cluster: str | None,
        *,
        upwards: bool,
        has_arrow: bool,
    ) -> Edge:
        if upwards:
            return Edge(name, head, tail, has_arrow, True, head_cluster, tail_cluster)
        return Edge(name, tail, head, has_arrow, False, tail_cluster, head_cluster)

    def _start(self, link: Link) -> tuple[str, str | None]:
        if self.scene.home(link) == link.source:
            return port_name(link.source), None
        return self._end(link.source)

    def _end(self, state: str) -> tuple[str, str | None]:
        """The node that an edge leads to, and the cluster whose border it really ends at."""
        box = self.scene.boxes[state]
        while box.children:
            if box.initial and box.kind is StateKind.COMPOUND:
                return initial_name(box.id), state
            box = self.scene.boxes[box.children[0]]
        return box.id, state if box.id != state else None


def reached(scene: Scene, *, is_deep: bool) -> list[str]:
    """All states in the order they are reached from the start: along each path to its end, or all paths abreast."""
    found: dict[str, None] = {}
    waiting = deque([scene.root.id])
    while waiting:
        state = waiting.popleft()
        for entered in (*reversed(scene.ancestors(state)), state):
            if entered not in found:
                found[entered] = None
                following = list(_next(scene, entered))
                if is_deep:
                    waiting.extendleft(reversed(following))
                else:
                    waiting.extend(following)
    return [*found, *(state for state in scene.boxes if state not in found)]


def _next(scene: Scene, state: str) -> Iterator[str]:
    box = scene.boxes[state]
    yield from box.children if box.kind is StateKind.PARALLEL else box.initial
    for reaction in box.reactions:
        yield from reaction.targets


def initial_name(state: str) -> str:
    """The node of a compound state's initial dot."""
    return f"initial of {state}"


def port_name(state: str) -> str:
    """The node that edges from a compound state to its own inside begin at."""
    return f"inside {state}"


def leaving_name(state: str) -> str:
    """The node that the way into a compound state's cleanup begins at."""
    return f"leaving {state}"


def label_name(index: int) -> str:
    """The node of a transition's label."""
    return f"transition {index}"


def cluster_name(state: str) -> str:
    """The cluster of a compound state."""
    return f"cluster {state}"
