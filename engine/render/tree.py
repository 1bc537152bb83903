"""A scene as a tree for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from engine.chart.model import StateKind
from engine.render.measure import columns, wrap
from engine.render.scene import Box, Change, Scene, merged
from engine.render.summary import SIGNS, fact_summary, reaction_summary

_KINDS: Final = {
    StateKind.PARALLEL: "parallel",
    StateKind.FINAL: "final",
    StateKind.SHALLOW_HISTORY: "history H",
    StateKind.DEEP_HISTORY: "history H*",
}
_NARROWEST: Final = 40
_MOST_LINES: Final = 8


def tree_text(scene: Scene, width: int | None = None) -> str:
    """The whole chart; lines longer than ``width`` columns are broken."""
    return "".join(f"{line}\n" for line in _Tree(scene, width).write())


class _Tree:
    def __init__(self, scene: Scene, width: int | None) -> None:
        self.scene = scene
        self.width = width

    def write(self) -> Iterator[str]:
        scene = self.scene
        yield f"{scene.title}  {scene.name} {scene.version}  {scene.file}"
        for note in scene.notes:
            yield from self._line("", "", note)
        yield from self._body(scene.root, "")

    def _body(self, box: Box, rail: str) -> Iterator[str]:
        """Facts and reactions of a state, then its children. ``rail`` is what stands left of all of them."""
        bar = "│  " if box.children else "   "
        for fact in box.facts:
            yield from self._line(rail + bar, rail + bar + "    ", fact_summary(fact))
        for reaction in merged(box.reactions):
            goes = f" → {', '.join(reaction.targets)}" if reaction.targets and not reaction.comes_back else ""
            yield from self._line(rail + bar, rail + bar + "    ", reaction_summary(reaction) + goes)
        for number, child in enumerate(box.children):
            is_last = number == len(box.children) - 1
            yield from self._state(self.scene.boxes[child], box, rail, is_last=is_last)

    def _state(self, box: Box, parent: Box, rail: str, *, is_last: bool) -> Iterator[str]:
        dot = "●" if box.id in parent.initial and parent.kind is StateKind.COMPOUND else " "
        names = "  ".join(filter(None, self.scene.names(box)))
        kind = _KINDS.get(box.kind)
        if box.kind.is_history and box.initial:
            kind = f"{kind} → {', '.join(box.initial)}"
        about = [*([kind] if kind else []), *box.marks, *(["ACTIVE"] if box.is_active else [])]
        told = f"  ({', '.join(about)})" if about else ""
        yield f"{rail}{'└─' if is_last else '├─'}{dot} {SIGNS[box.change]}{names}{told}"
        inner = rail + ("   " if is_last else "│  ")
        if box.change is Change.CHANGED:
            for line in box.was.split("\n"):
                yield f"{inner}   was {line}"
        yield from self._body(box, inner)

    def _line(self, first: str, rest: str, text: str) -> Iterator[str]:
        if self.width is None:
            yield first + text
            return
        room = max(_NARROWEST, self.width - columns(rest))
        lines = wrap(text, room, _MOST_LINES)
        yield first + lines[0]
        for line in lines[1:]:
            yield rest + line
