"""The text of a state's box and of an edge's label, broken into lines and measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from engine.chart.model import ROOT, StateKind, TransitionKind
from engine.errors import Position
from engine.render.measure import columns, text_width, wrap
from engine.render.scene import Box, Change, Fact, Link, Reaction, Scene

PADDING: Final = 10.0  # around the text of a state
LABEL_PADDING: Final = 6.0
LINE: Final = 16.0  # px from one line of text to the next
TITLE_LINE: Final = 18.0
RULE: Final = 9.0  # between a state's name and what is in it
PSEUDO: Final = 14.0  # an initial state's dot
CIRCLE: Final = 28.0  # a history or a final state
LOOP: Final = 18.0  # the arrow behind a reaction that comes back at once
_BOX_COLUMNS: Final = 46
_INDENT: Final = 12.0
_MOST_LINES: Final = 4  # of one guard or one list of actions; the whole text is in the tooltip


class Ink(Enum):
    """What a piece of text is: decides its size, weight and colour."""

    TITLE = "title"
    NAME = "name"
    MARK = "mark"
    FACT = "fact"
    EVENT = "event"
    TIMER = "timer"
    ALWAYS = "always"
    OUTCOME = "outcome"
    FAILURE = "failure"
    NOTE = "note"
    GUARD = "guard"
    ACTION = "action"
    COUNT = "count"


_SIZES: Final = {Ink.TITLE: 14.0, Ink.NAME: 11.0, Ink.MARK: 11.0, Ink.NOTE: 11.0}
BOLD: Final = frozenset({Ink.TITLE, Ink.EVENT, Ink.TIMER, Ink.ALWAYS, Ink.OUTCOME, Ink.FAILURE, Ink.COUNT})
_HEADS: Final = {
    TransitionKind.EVENT: Ink.EVENT,
    TransitionKind.TIMER: Ink.TIMER,
    TransitionKind.ALWAYS: Ink.ALWAYS,
    TransitionKind.OUTCOME: Ink.OUTCOME,
}


def ink_size(ink: Ink) -> float:
    """The font size of an ink in px."""
    return _SIZES.get(ink, 12.0)


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a line, all in one ink."""

    text: str
    ink: Ink

    @property
    def width(self) -> float:
        """In px."""
        return text_width(self.text, ink_size(self.ink), bold=self.ink in BOLD)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text, ``indent`` px from the left."""

    spans: tuple[Span, ...]
    indent: float = 0.0

    @property
    def width(self) -> float:
        """In px, with the indent."""
        return self.indent + sum(span.width for span in self.spans)

    @property
    def text(self) -> str:
        """Without inks; an indent is three spaces."""
        return ("   " if self.indent else "") + "".join(span.text for span in self.spans)


@dataclass(frozen=True, slots=True)
class Row:
    """Some lines that belong together: one fact, one reaction. ``full`` is what a tooltip tells."""

    lines: tuple[Line, ...]
    full: str
    positions: tuple[Position, ...]
    change: Change = Change.NONE
    comes_back: bool = False
    count: int | None = None

    @property
    def width(self) -> float:
        """In px, with the arrow of one that comes back."""
        return max(line.width for line in self.lines) + (LOOP if self.comes_back else 0.0)


@dataclass(frozen=True, slots=True)
class Block:
    """Rows below one another, under the names for a state, and the room they take with their padding."""

    head: Line | None
    rows: tuple[Row, ...]
    width: float
    height: float

    @property
    def text_lines(self) -> list[str]:
        """Everything as plain text."""
        head = [self.head.text] if self.head is not None else []
        return [*head, *(line.text for row in self.rows for line in row.lines)]


def box_block(scene: Scene, box: Box) -> Block:
    """What stands in a state's box, or in the header of a compound state."""
    head = Line(_names(scene, box))
    rows = (*(_fact_row(fact) for fact in box.facts), *(_reaction_row(r, _BOX_COLUMNS) for r in box.inside))
    width = max([head.width, *(row.width for row in rows)]) + 2 * PADDING
    lines = sum(len(row.lines) for row in rows)
    return Block(head, rows, width, 2 * PADDING - 4 + TITLE_LINE + (RULE + lines * LINE if rows else 0.0))


def label_block(link: Link, most: int) -> Block:
    """What stands on an edge, lines of at most ``most`` columns."""
    rows = tuple(_reaction_row(reaction, most) for reaction in link.reactions)
    lines = sum(len(row.lines) for row in rows)
    return Block(None, rows, max(row.width for row in rows) + 2 * LABEL_PADDING, lines * LINE + LABEL_PADDING)


def _names(scene: Scene, box: Box) -> tuple[Span, ...]:
    if box.id == ROOT:
        return Span(scene.title, Ink.TITLE), Span(f"  {scene.name} {scene.version}", Ink.NAME)
    if box.kind.is_history:
        return (Span("H" if box.kind is StateKind.SHALLOW_HISTORY else "H*", Ink.TITLE),)
    large, small = scene.names(box)
    spans = [Span(large, Ink.TITLE)]
    spans += [Span(f"  {small}", Ink.NAME)] if small else []
    spans += [Span("  " + " · ".join(box.marks), Ink.MARK)] if box.marks else []
    return tuple(spans)


def _fact_row(fact: Fact) -> Row:
    pieces = [Span(fact.kind.value, Ink.FACT), Span(f" {fact.short}", Ink.ACTION)]
    return Row(_flow(pieces, _BOX_COLUMNS), _with_was(fact.full, fact.was), (fact.position,), fact.change)


def _reaction_row(reaction: Reaction, most: int) -> Row:
    ink = Ink.FAILURE if reaction.is_failure else _HEADS.get(reaction.kind, Ink.EVENT)
    pieces = [Span(f"{reaction.count}× ", Ink.COUNT)] if reaction.count else []
    pieces.append(Span(reaction.head, ink))
    pieces += [Span(f" {reaction.note}", Ink.NOTE)] if reaction.note else []
    pieces += [Span(f" [{reaction.guard}]", Ink.GUARD)] if reaction.guard else []
    pieces += [Span(f" / {'; '.join(reaction.actions)}", Ink.ACTION)] if reaction.actions else []
    full = _with_was(reaction.full, reaction.was)
    return Row(_flow(pieces, most), full, reaction.positions, reaction.change, reaction.comes_back, reaction.count)


def _with_was(full: str, was: str) -> str:
    return f"{full}\nbefore:\n{was}" if was else full


def _flow(pieces: Sequence[Span], most: int) -> tuple[Line, ...]:
    """Pieces one after another; one that does not fit begins a new line, and takes at most four."""
    lines: list[list[Span]] = [[]]
    for piece in pieces:
        used = sum(columns(span.text) for span in lines[-1])
        if used + columns(piece.text) <= most:
            lines[-1].append(piece)
            continue
        parts = [Span(part, piece.ink) for part in wrap(piece.text.strip(), most, _MOST_LINES)]
        if lines[-1]:
            lines.append([])
        lines[-1].append(parts[0])
        lines += [[part] for part in parts[1:]]
    return tuple(Line(tuple(spans), _INDENT if index else 0.0) for index, spans in enumerate(lines))
