"""A scene as a Mermaid state diagram, for a README, a wiki or an issue.

Mermaid knows no history, no ``finally`` and no edge from a compound state to its own inside, so these are small states
of their own here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from engine.chart.model import ROOT, StateKind
from engine.render.measure import shorten
from engine.render.palette import ACTIVE_FILL, ACTIVE_LINE, CHANGE_FILLS, CHANGES
from engine.render.scene import Box, Change, Link, Scene
from engine.render.summary import box_summary, reaction_summary

# What Mermaid would read as its own syntax, as its entity codes.
_CODES: Final = {character: f"#{ord(character)};" for character in "#;:<>{}%`"} | {'"': "#quot;"}
_BREAK: Final = "<br/>"
_MOST_COLUMNS: Final = 96
_KEYWORDS: Final = frozenset(
    {
        "accdescr", "acctitle", "as", "chart", "choice", "class", "classdef", "click", "concurrent", "constructor",
        "default", "direction", "end", "fork", "hide", "history", "href", "join", "left", "note", "of", "over",
        "right", "root", "scale", "state", "style", "title",
    }
)  # fmt: skip


def mermaid_text(scene: Scene) -> str:
    """The whole diagram."""
    return "\n".join(_Writer(scene).write()) + "\n"


class _Writer:
    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.ids = _ids(scene)
        self.homes: dict[str, list[Link]] = {}
        for link in scene.links():
            self.homes.setdefault(scene.home(link), []).append(link)

    def write(self) -> Iterator[str]:
        scene = self.scene
        yield "---"
        yield f"title: {_yaml(f'{scene.title} ({scene.name} {scene.version})')}"
        yield "---"
        yield "stateDiagram-v2"
        for note in scene.notes:
            yield f"    %% {note}"
        for line in box_summary(scene.root):
            yield f"    %% {line}"
        yield from self._inside(scene.root, "    ")
        yield from self._classes()

    def _inside(self, box: Box, indent: str) -> Iterator[str]:
        for number, child in enumerate(box.children):
            if number and box.kind is StateKind.PARALLEL:
                yield f"{indent}--"
            yield from self._state(self.scene.boxes[child], indent)
        if box.kind is StateKind.COMPOUND:
            for target in box.initial:
                yield f"{indent}[*] --> {self.ids[target]}"
        if box.finally_ in box.children:
            yield f'{indent}state "on leaving" as {self.ids[box.id]}_leaving'
            yield f"{indent}{self.ids[box.id]}_leaving --> {self.ids[box.finally_]}"
        # Regions are walls in Mermaid: what leads from one to another stands behind all of them.
        for link in self.homes.get(box.id, []):
            yield from self._link(box, link, indent)

    def _state(self, box: Box, indent: str) -> Iterator[str]:
        name = self.ids[box.id]
        if box.kind.is_history:
            yield f'{indent}state "{"H*" if box.kind is StateKind.DEEP_HISTORY else "H"}" as {name}'
            for target in box.initial:
                yield f"{indent}{name} --> {self.ids[target]}"
            return
        summary = [_escaped(shorten(line, _MOST_COLUMNS)) for line in box_summary(box)]
        title = _escaped(" · ".join([*filter(None, self.scene.names(box)), *box.marks]))
        if box.children:
            yield f'{indent}state "{title}" as {name} {{'
            yield from self._inside(box, indent + "    ")
            yield f"{indent}}}"
            if summary:
                yield f"{indent}note right of {name} : {_BREAK.join(summary)}"
            return
        yield f'{indent}state "{title}" as {name}'
        for line in summary:
            yield f"{indent}{name} : {line}"
        if box.kind is StateKind.FINAL:
            yield f"{indent}{name} --> [*]"

    def _link(self, home: Box, link: Link, indent: str) -> Iterator[str]:
        source = self.ids[link.source] if link.source != ROOT else "chart"
        if home.id == link.source:
            source = f"{source}_any"
            yield f'{indent}state "any state" as {source}'
        summaries = (shorten(reaction_summary(reaction), _MOST_COLUMNS) for reaction in link.reactions)
        label = _BREAK.join(map(_escaped, summaries))
        for target in link.targets:
            yield f"{indent}{source} --> {self.ids[target]} : {label}"

    def _classes(self) -> Iterator[str]:
        looks = {"active": (ACTIVE_FILL, ACTIVE_LINE)}
        looks |= {change.value: (CHANGE_FILLS[change], CHANGES[change]) for change in CHANGES}
        for look, (fill, line) in looks.items():
            members = [self.ids[box.id] for box in self.scene.boxes.values() if _look(box) == look]
            if members:
                yield f"    classDef {look} fill:{fill},stroke:{line},stroke-width:2px"
                yield f"    class {','.join(members)} {look}"


def _look(box: Box) -> str:
    if box.id == ROOT:
        return ""
    return box.change.value if box.change is not Change.NONE else "active" if box.is_active else ""


def _ids(scene: Scene) -> dict[str, str]:
    """An id that Mermaid takes for each state: its keywords are words that a chart may use too."""
    found: dict[str, str] = {ROOT: "chart"}
    taken: set[str] = set(_KEYWORDS)
    for state in scene.boxes:
        if state != ROOT:
            plain = re.sub(r"\W", "_", state)
            while plain.lower() in taken:
                plain += "_"
            taken.add(plain.lower())
            found[state] = plain
    return found


def _escaped(text: str) -> str:
    return "".join(_CODES.get(character, character) for character in text)


def _yaml(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
