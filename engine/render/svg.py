"""Draws a layout as SVG: own drawing throughout, so that no text depends on Graphviz' idea of a font."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from engine.chart.model import StateKind
from engine.render.blocks import CIRCLE, LINE, PADDING, RULE, TITLE_LINE, Block, Ink, Line, Row, Span
from engine.render.graph import label_name
from engine.render.judge import Point, Rect, flattened
from engine.render.layout import Curve, Layout, best_layout
from engine.render.palette import CHANGES, DEPTHS
from engine.render.scene import Box, Change, Scene
from engine.render.svg_text import rows_below, style_sheet, text_line, where

_MARGIN: Final = 18.0
_SHORTEST: Final = 8.0  # length of an arrow's head
_LONGEST: Final = 10.0
_HALF: Final = 3.8  # half its width
_THICKEST: Final = 6.0


def svg_text(scene: Scene) -> str:
    """A whole SVG file. Raises GraphvizError."""
    return draw(best_layout(scene))


def draw(layout: Layout) -> str:
    """A layout with its title above it."""
    return "\n".join(_Drawing(layout).write()) + "\n"


class _Drawing:
    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.graph = layout.graph
        self.scene = layout.graph.scene
        self.root = self.graph.blocks[self.scene.root.id]

    def write(self) -> Iterator[str]:
        notes = [Line((Span(note, Ink.NOTE),)) for note in self.scene.notes]
        above = self.root.height + (len(notes) + self.scene.is_diff) * LINE + 4
        inner = max([self.layout.width, self.root.width, *(line.width + 2 * PADDING for line in notes)])
        width, height = inner + 2 * _MARGIN, above + self.layout.height + 2 * _MARGIN
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
            f'viewBox="0 0 {width:.0f} {height:.0f}" xml:space="preserve" role="img">'
        )
        yield f"<title>{escape(f'{self.scene.title} ({self.scene.name} {self.scene.version})')}</title>"
        yield f"<style>{style_sheet()}</style>"
        yield f'<rect class="ground" width="{width:.0f}" height="{height:.0f}"/>'
        yield from self._title(notes)
        yield f'<g transform="translate({_MARGIN:g} {_MARGIN + above:g})">'
        yield from self._clusters()
        for curve in self.layout.curves:
            yield from self._curve(curve)
        yield from self._pseudo_states()
        for box in self.scene.boxes.values():
            if box.id in self.layout.nodes:
                yield from self._state(box, self.layout.nodes[box.id])
        yield from self._labels()
        yield from self._cluster_headers()
        yield "</g>"
        yield "</svg>"

    # Around the picture ----------------------------------------------------------------------------------------------

    def _title(self, notes: list[Line]) -> Iterator[str]:
        box, block = self.scene.root, self.root
        yield f'<g class="state" data-state={quoteattr(box.id)}{where((box.position,))}>'
        yield from self._block(block, _MARGIN, _MARGIN - 8, block.width, has_rule=False)
        yield "</g>"
        top = _MARGIN + block.height - 6
        for index, line in enumerate(notes):
            yield text_line(line, _MARGIN + PADDING, top + index * LINE)
        if self.scene.is_diff:
            yield from _legend(_MARGIN + PADDING, top + len(notes) * LINE)

    # States ----------------------------------------------------------------------------------------------------------

    def _clusters(self) -> Iterator[str]:
        for state, rect in self.layout.clusters.items():
            box = self.scene.boxes[state]
            depth = min(len(self.scene.ancestors(state)) - 1, len(DEPTHS) - 1)
            fill = "" if box.change is not Change.NONE else f' style="fill: {DEPTHS[depth]}"'
            yield f'<g class="{self._classes(box)}">{_rectangle(f"box{self._region(box)}", rect, 9, fill)}</g>'

    def _cluster_headers(self) -> Iterator[str]:
        """Drawn last: a line into a compound state may pass behind its name."""
        for state, rect in self.layout.clusters.items():
            box, block = self.scene.boxes[state], self.graph.blocks[state]
            yield self._open(box)
            yield from self._block(block, rect.x, rect.y, rect.width, has_rule=bool(block.rows))
            yield "</g>"

    def _state(self, box: Box, rect: Rect) -> Iterator[str]:
        block = self.graph.blocks[box.id]
        yield self._open(box)
        if box.kind.is_history:
            yield _circle("box", rect, CIRCLE / 2)
            assert block.head is not None
            yield text_line(block.head, rect.x + rect.width / 2, rect.y + rect.height / 2 - 7, "middle")
        elif box.kind is StateKind.FINAL:
            yield from self._final(block, rect)
        else:
            yield _rectangle(f"box{self._region(box)}", rect, 9)
            yield from self._block(block, rect.x, rect.y, rect.width, has_rule=bool(block.rows))
        yield "</g>"

    def _final(self, block: Block, rect: Rect) -> Iterator[str]:
        is_above = self.graph.plan.direction == "TB"
        around = Rect(rect.x, rect.y, rect.width, CIRCLE) if is_above else Rect(rect.x, rect.y, CIRCLE, rect.height)
        yield _circle("box", around, CIRCLE / 2 - 1)
        yield _circle("dot", around, CIRCLE / 2 - 6)
        if is_above:
            left, top = rect.x + (rect.width - block.width) / 2, rect.y + CIRCLE - 4
        else:
            left, top = rect.x + CIRCLE - 4, rect.y + (rect.height - block.height) / 2
        yield from self._block(block, left, top, block.width, has_rule=False)

    def _block(self, block: Block, x: float, y: float, width: float, *, has_rule: bool) -> Iterator[str]:
        """The names and rows of a state."""
        top = y + PADDING - 2
        if block.head is not None:
            yield text_line(block.head, x + PADDING, top)
            top += TITLE_LINE
        if has_rule:
            yield f'<line class="rule" x1="{x + 1:g}" x2="{x + width - 1:g}" y1="{top + 3:g}" y2="{top + 3:g}"/>'
        yield from rows_below(block.rows, x + PADDING, top + RULE - 2, width - 2 * PADDING)

    def _pseudo_states(self) -> Iterator[str]:
        for dot in (dot for dots in self.graph.dots.values() for dot in dots):
            rect = self.layout.nodes[dot.name]
            if dot.text:
                yield _rectangle("port", rect, rect.height / 2)
                middle = Line((Span(dot.text, Ink.NOTE),))
                yield text_line(middle, rect.x + rect.width / 2, rect.y + 2, "middle")
            else:
                yield _circle("dot", rect, rect.width / 2)

    def _open(self, box: Box) -> str:
        names = " ".join(filter(None, self.scene.names(box)))
        told = f"{names}\n{'before: ' + box.was if box.was else ''}".strip()
        place = where((box.position,))
        return f'<g class="{self._classes(box)}" data-state={quoteattr(box.id)}{place}><title>{escape(told)}</title>'

    def _classes(self, box: Box) -> str:
        return " ".join(filter(None, ("state", box.change.value, "active" if box.is_active else "")))

    def _region(self, box: Box) -> str:
        is_region = box.parent is not None and self.scene.boxes[box.parent].kind is StateKind.PARALLEL
        return " region" if is_region else ""

    # Transitions -----------------------------------------------------------------------------------------------------

    def _labels(self) -> Iterator[str]:
        for index, (link, block) in enumerate(zip(self.graph.links, self.graph.labels, strict=True)):
            rect = self.layout.nodes[label_name(index)]
            classes = " ".join(filter(None, ("label", link.change.value, "never" if link.count == 0 else "")))
            yield f'<g class="{classes}" data-link="{index}">'
            yield _rectangle("card", rect, 5)
            top = rect.y + (rect.height - sum(len(row.lines) for row in block.rows) * LINE) / 2
            rows = [_undimmed(row) for row in block.rows] if link.count == 0 else block.rows
            yield from rows_below(rows, rect.x + 6, top, rect.width - 12)
            yield "</g>"

    def _curve(self, curve: Curve) -> Iterator[str]:
        edge, points = curve.edge, list(curve.points)
        number, kind, _ = (*edge.id.split(" ", 2), "")[:3]
        link = self.graph.links[int(number)] if number.isdigit() else None
        data = f' data-link="{number}"' if link is not None and kind in {"from", "to"} else ""
        change = link.change if link is not None else Change.NONE
        never = "never" if link is not None and link.count == 0 else ""
        classes = " ".join(filter(None, ("line", "dashed" if edge.is_dashed else "", change.value, never)))
        thick = f' style="stroke-width: {_thickness(link.count):.1f}"' if link is not None and link.count else ""
        yield f'<path class="{classes}"{data}{thick} d="{_path(points)}"/>'
        if edge.has_arrow:
            tip_classes = " ".join(filter(None, ("tip", change.value, never)))
            yield f'<path class="{tip_classes}"{data} d="{_arrow(curve)}"/>'


def _legend(x: float, top: float) -> Iterator[str]:
    for change in CHANGES:
        yield f'<g class="{change.value}">{_rectangle("box", Rect(x, top + 3, 18, 10), 2)}</g>'
        word = Line((Span(change.value, Ink.NOTE),))
        yield text_line(word, x + 24, top)
        x += 24 + word.width + 16


def _undimmed(row: Row) -> Row:
    return Row(row.lines, row.full, row.positions, row.change, row.comes_back)


def _thickness(count: int) -> float:
    return min(_THICKEST, 1.3 + 0.7 * math.log2(1 + count))


def _path(points: list[Point]) -> str:
    start = f"M{points[0][0]:.1f},{points[0][1]:.1f}"
    return f"{start} C{' '.join(f'{x:.1f},{y:.1f}' for x, y in points[1:])}"


def _arrow(curve: Curve) -> str:
    """A triangle at the arrow's end. Graphviz leaves a short one, or none, where it cuts a line off at a border."""
    line = list(flattened(curve.points))
    if not curve.edge.points_up:
        line.reverse()
    tip = curve.tip or line[0]
    base = next((point for point in line if math.dist(point, tip) >= _SHORTEST), line[-1])
    length = math.dist(base, tip) or 1.0
    dx, dy = (tip[0] - base[0]) / length, (tip[1] - base[1]) / length
    long = min(max(length, _SHORTEST), _LONGEST)
    x, y, half = tip[0] - dx * long, tip[1] - dy * long, _HALF
    corners = (tip, (x - dy * half, y + dx * half), (x + dy * half, y - dx * half))
    return "M" + " L".join(f"{x:.1f},{y:.1f}" for x, y in corners) + " Z"


def _rectangle(classes: str, rect: Rect, radius: float, more: str = "") -> str:
    place = f'x="{rect.x:.1f}" y="{rect.y:.1f}" width="{rect.width:.1f}" height="{rect.height:.1f}" rx="{radius:g}"'
    return f'<rect class="{classes}" {place}{more}/>'


def _circle(classes: str, around: Rect, radius: float) -> str:
    x, y = around.x + around.width / 2, around.y + around.height / 2
    return f'<circle class="{classes}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}"/>'
