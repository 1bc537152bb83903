"""A scene in Graphviz' language.

A transition is three things: a line out of its source, a box with its label, and a line into each target. So a label
stands on its edge, has a size of our own measuring, and never lies on another. A compound state is a cluster; lines
from and to it end at its border.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from engine.chart.model import ROOT, StateKind
from engine.render.blocks import CIRCLE, Block
from engine.render.graph import Dot, Edge, Graph, Plan, cluster_name, label_name
from engine.render.palette import ACTIVE_FILL, ACTIVE_LINE, BORDER, CHANGES, LINE_COLOUR
from engine.render.scene import Box, Change, Scene

_POINTS: Final = 72.0  # an inch; a px of ours is one of Graphviz' points
_ROOM: Final = 10.0  # font size of the stand-in for a cluster's header


def dot_text(scene: Scene) -> str:
    """The whole graph with its texts, for anybody's Graphviz."""
    graph = Graph(scene, Plan())
    title = _lines(graph.blocks[ROOT].text_lines + scene.notes)
    head = (
        f"  graph [rankdir={graph.plan.direction}, compound=true, nodesep=0.35, ranksep=0.36];",
        f'  graph [labelloc=t, labeljust=l, fontname="sans-serif", fontsize=11, label="{title}"];',
        f'  node [shape=box, style="rounded,filled", fillcolor=white, color="{BORDER}"];',
        '  node [fontname="sans-serif", fontsize=11];',
        f'  edge [arrowsize=0.7, color="{LINE_COLOUR}"];',
    )
    return "\n".join(_Writer(graph, has_texts=True).write(head)) + "\n"


def layout_text(graph: Graph) -> str:
    """The graph without its texts: only what a layout depends on."""
    plan = graph.plan
    head = (
        f"  graph [rankdir={plan.direction}, compound=true, nodesep=0.35, ranksep=0.36, labeljust=l];",
        '  node [shape=box, label="", fixedsize=true];',
    )
    return "\n".join(_Writer(graph, has_texts=False).write(head))


class _Writer:
    def __init__(self, graph: Graph, *, has_texts: bool) -> None:
        self.graph = graph
        self.scene = graph.scene
        self.has_texts = has_texts

    def write(self, head: Iterable[str]) -> Iterator[str]:
        yield f"digraph {_quoted(self.scene.name)} {{"
        yield from head
        yield from self._inside(self.scene.root, "  ")
        yield from map(self._edge, self.graph.edges())
        yield "}"

    def _inside(self, box: Box, indent: str) -> Iterator[str]:
        """A compound state's dots, children, and the labels of the edges among them."""
        for dot in self.graph.dots[box.id]:
            yield f"{indent}{_quoted(dot.name)} [{self._dot(dot)}];"
        for member in self.graph.members(box):
            if isinstance(member, int):
                yield f"{indent}{_quoted(label_name(member))} [{self._label(member)}];"
            elif member.children:
                yield from self._cluster(member, indent)
            else:
                yield f"{indent}{_quoted(member.id)} [{self._state(member)}];"

    def _dot(self, dot: Dot) -> str:
        if not self.has_texts:
            return _size(*dot.size)
        look = f'label="{dot.text}", fontsize=10' if dot.text else 'shape=circle, label="", fillcolor=black'
        return f"{look}, {_size(*dot.size)}"

    def _cluster(self, box: Box, indent: str) -> Iterator[str]:
        block = self.graph.blocks[box.id]
        inner = indent + "  "
        yield f"{indent}subgraph {_quoted(cluster_name(box.id))} {{"
        if self.has_texts:
            style = "dashed,rounded" if self._is_region(box) else "rounded"
            yield f'{inner}graph [label="{_lines(block.text_lines)}", style="{style}", {_colours(box)}];'
        else:
            yield f"{inner}graph [{_room(block)}, margin=14];"
        yield from self._inside(box, inner)
        yield f"{indent}}}"

    def _state(self, box: Box) -> str:
        block = self.graph.blocks[box.id]
        if box.kind.is_history:
            text = f'label="{block.text_lines[0]}", ' if self.has_texts else ""
            return f"{text}shape=circle, {_size(CIRCLE, CIRCLE)}"
        width, height = state_size(box, block, self.graph.plan.direction)
        if not self.has_texts:
            return _size(width, height)
        borders = ", peripheries=2" if box.kind is StateKind.FINAL else ""
        dashed = ', style="rounded,filled,dashed"' if self._is_region(box) else ""
        return f'label="{_lines(block.text_lines)}", {_size(width, height)}{borders}{dashed}, {_colours(box)}'

    def _label(self, index: int) -> str:
        block = self.graph.labels[index]
        if not self.has_texts:
            return _size(block.width, block.height)
        colour = CHANGES.get(self.graph.links[index].change, "black")
        text = _lines(block.text_lines)
        return f'label="{text}", color=white, fontsize=10, fontcolor="{colour}", {_size(block.width, block.height)}'

    def _is_region(self, box: Box) -> bool:
        return box.parent is not None and self.scene.boxes[box.parent].kind is StateKind.PARALLEL

    def _edge(self, edge: Edge) -> str:
        attributes = [f"id={_quoted(edge.id)}"]
        attributes.append(f"dir={'none' if not edge.has_arrow else 'back' if edge.points_up else 'forward'}")
        if edge.upper_cluster is not None:
            attributes.append(f"ltail={_quoted(cluster_name(edge.upper_cluster))}")
        if edge.lower_cluster is not None:
            attributes.append(f"lhead={_quoted(cluster_name(edge.lower_cluster))}")
        if self.graph.plan.is_roomy and edge.lower_cluster is not None and edge.has_arrow and not edge.points_up:
            attributes.append("minlen=2")
        if edge.is_dashed:
            attributes.append("style=dashed")
        attributes += self._ports(edge)
        return f"  {_quoted(edge.upper)} -> {_quoted(edge.lower)} [{', '.join(attributes)}];"

    def _ports(self, edge: Edge) -> Iterator[str]:
        """The circle of a final state is at the near side of its text: lines must lead there."""
        near = "n" if self.graph.plan.direction == "TB" else "w"
        for node, end in ((edge.upper, "tailport"), (edge.lower, "headport")):
            box = self.scene.boxes.get(node)
            if box is not None and box.kind is StateKind.FINAL and not self.has_texts:
                yield f"{end}={near}"


def state_size(box: Box, block: Block, direction: str) -> tuple[float, float]:
    """The room of a state without children: a final one has a circle above its text, or left of it."""
    if box.kind is not StateKind.FINAL:
        return block.width, block.height
    if direction == "TB":
        return max(block.width, CIRCLE), block.height + CIRCLE
    return block.width + CIRCLE, max(block.height, CIRCLE)


def _room(block: Block) -> str:
    """A cluster label of this size: Graphviz knows that a Courier letter is 0.6 em wide and a line 1.2 em high."""
    letters = max(1, round(block.width / (0.6 * _ROOM)))
    more_lines = max(1, round(block.height / (1.2 * _ROOM))) - 1
    text = "m" * letters + "\\nm" * more_lines
    return f'fontname=Courier, fontsize={_ROOM:g}, label="{text}"'


def _colours(box: Box) -> str:
    if box.change is not Change.NONE:
        return f'color="{CHANGES[box.change]}", penwidth=2'
    if box.is_active:
        return f'color="{ACTIVE_LINE}", fillcolor="{ACTIVE_FILL}", penwidth=2'
    return f'color="{BORDER}"'


def _size(width: float, height: float) -> str:
    return f"width={width / _POINTS:.3f}, height={height / _POINTS:.3f}"


def _lines(lines: Iterable[str]) -> str:
    """Lines of a label, each flush left."""
    return "".join(f"{_escaped(line)}\\l" for line in lines)


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
