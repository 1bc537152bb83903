"""SVG pieces that hold text: escaping, rows with tooltips and places, the style sheet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from engine.errors import Position
from engine.render.blocks import BOLD, LINE, LOOP, Ink, Line, Row, ink_size
from engine.render.palette import (
    ACTIVE_FILL,
    ACTIVE_LINE,
    BORDER,
    CHANGE_FILLS,
    CHANGES,
    FONTS,
    GROUND,
    INKS,
    LABEL_BORDER,
    LINE_COLOUR,
    TEXT,
)  # fmt: skip

_BASELINE: Final = 12.0  # from the top of a line to where its letters stand
_BLEED: Final = 4.0  # a row's ground reaches so far beyond its text


def style_sheet() -> str:
    """The classes that the picture's elements have."""
    rules = [
        f"text {{ font-family: {FONTS}; font-size: 12px; fill: {TEXT}; }}",
        f".ground {{ fill: {GROUND}; }}",
        f".box {{ fill: {GROUND}; stroke: {BORDER}; stroke-width: 1.2; }}",
        f".inner {{ fill: none; stroke: {BORDER}; stroke-width: 1.2; }}",
        ".region { stroke-dasharray: 6 4; }",
        f".rule {{ stroke: {LABEL_BORDER}; }}",
        f".card {{ fill: {GROUND}; stroke: {LABEL_BORDER}; }}",
        f".dot {{ fill: {TEXT}; }}",
        f".port {{ fill: {GROUND}; stroke: {BORDER}; stroke-dasharray: 2 2; }}",
        f".line {{ fill: none; stroke: {LINE_COLOUR}; stroke-width: 1.3; }}",
        ".dashed { stroke-dasharray: 5 4; }",
        f".tip {{ fill: {LINE_COLOUR}; }}",
        ".back { fill: none; stroke-width: 1.3; }",
        ".hit { fill: transparent; }",
        f".active > .box, .active > .inner {{ stroke: {ACTIVE_LINE}; stroke-width: 2.6; }}",
        f".active > .box {{ fill: {ACTIVE_FILL}; }}",
        ".never { opacity: 0.38; }",
    ]
    for ink in Ink:
        weight = " font-weight: bold;" if ink in BOLD else ""
        rules.append(f".{ink.value} {{ fill: {INKS[ink]}; font-size: {ink_size(ink):g}px;{weight} }}")
    for change, colour in CHANGES.items():
        name = change.value
        rules += [
            f".{name} > .box, .{name} > .inner, .line.{name} {{ stroke: {colour}; stroke-width: 2; }}",
            f".{name} > .tip, .tip.{name} {{ fill: {colour}; }}",
            f".{name} > .hit, .{name} > .box {{ fill: {CHANGE_FILLS[change]}; }}",
        ]
    rules.append(".removed > .box, .line.removed { stroke-dasharray: 4 3; }")
    return "\n".join(rules)


def text_line(line: Line, x: float, top: float, anchor: str = "start") -> str:
    """One line of text whose line box begins at ``top``."""
    spans = "".join(f'<tspan class="{span.ink.value}">{escape(span.text)}</tspan>' for span in line.spans)
    middle = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{x + line.indent:g}" y="{top + _BASELINE:g}"{middle}>{spans}</text>'


def rows_below(rows: Sequence[Row], x: float, top: float, width: float) -> Iterator[str]:
    """Rows below one another, each with its tooltip and its place in the source."""
    for row in rows:
        height = len(row.lines) * LINE
        classes = " ".join(filter(None, ("row", row.change.value, "never" if row.count == 0 else "")))
        yield f'<g class="{classes}"{where(row.positions)}><title>{escape(row.full)}</title>'
        wide = width + 2 * _BLEED
        yield f'<rect class="hit" x="{x - _BLEED:g}" y="{top:g}" width="{wide:g}" height="{height:g}" rx="3"/>'
        for index, line in enumerate(row.lines):
            yield text_line(line, x, top + index * LINE)
        if row.comes_back:
            yield _back(row, x + width - LOOP / 2 + _BLEED, top + LINE / 2)
        yield "</g>"
        top += height


def where(positions: Sequence[Position]) -> str:
    """The attribute that says where in the source something stands."""
    return f" data-where={quoteattr(' '.join(map(str, positions)))}" if positions else ""


def _back(row: Row, x: float, y: float) -> str:
    """A small round arrow: the state is left and entered again."""
    colour = INKS[next(span.ink for span in row.lines[0].spans if span.ink is not Ink.COUNT)]
    return (
        f'<path class="back" stroke="{colour}" d="M{x + 3:g},{y - 3.6:g} A4.7,4.7 0 1 0 {x + 4.7:g},{y + 0.8:g}"/>'
        f'<path fill="{colour}" d="M{x + 0.4:g},{y - 5.6:g} l5.4,-0.6 l-1.2,5 z"/>'
    )
