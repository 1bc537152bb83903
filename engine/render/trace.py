"""Counts in a scene how often each transition was taken, from a recorded trace.

A trace is a file of JSON lines, one macrostep each::

    {"event": "card.read", "transitions": [{"source": "ready", "event": "card.read", "targets": ["measuring"],
     "where": "machines/weighing.yaml:88:22"}], "configuration": ["measuring"]}

Lines like :class:`engine.runtime.trace.Macrostep` writes them. ``where`` may also be two numbers, ``line`` and
``column``. Whatever else a line carries is ignored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from engine.render.scene import Reaction, Scene


class TraceError(EngineError):
    """A trace cannot be read."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One transition of a macrostep, as far as the trace tells."""

    source: str
    event: str | None
    targets: tuple[str, ...] | None
    line: int | None
    column: int | None


@dataclass(slots=True)
class Counted:
    """What became of a trace's lines."""

    macrosteps: int = 0
    transitions: int = 0
    unreadable: int = 0  # lines that are not JSON objects
    unknown: int = 0  # transitions that the chart does not have: another version of it, or another chart


def count_trace(scene: Scene, path: Path) -> Counted:
    """Put counts on every reaction of a scene. Raises TraceError when the file is not a trace at all."""
    try:
        with path.open(encoding="utf-8", errors="replace") as lines:
            counted = count(scene, lines)
    except OSError as error:
        raise TraceError(f"the trace '{path}' cannot be read: {error.strerror or error}") from error
    if not counted.macrosteps:
        raise TraceError(
            f"'{path}' holds no macrosteps; a trace has one JSON object a line, each with a list 'transitions'"
        )
    steps = f"{counted.macrosteps:,} macrostep{'s' if counted.macrosteps != 1 else ''}"
    taken = f"{counted.transitions:,} transitions taken"
    scene.notes.append(f"{taken} in {steps} of {path.name}; those without a count never")
    return counted


def count(scene: Scene, lines: Iterable[str]) -> Counted:
    """Put counts on every reaction of a scene."""
    index = _index(scene)
    for box in scene.boxes.values():
        for reaction in box.reactions:
            reaction.count = 0
    counted = Counted()
    for line in lines:
        if not line.strip():
            continue
        taken = _macrostep(line)
        if taken is None:
            counted.unreadable += 1
            continue
        counted.macrosteps += 1
        for transition in taken:
            _count_one(scene, index, transition, counted)
    return counted


_Index = dict[tuple[str, int, int], list[Reaction]]


def _index(scene: Scene) -> _Index:
    found: _Index = {}
    for box in scene.boxes.values():
        for reaction in box.reactions:
            for at in reaction.positions:
                found.setdefault((box.id, at.line, at.column), []).append(reaction)
    return found


def _count_one(scene: Scene, index: _Index, taken: Taken, counted: Counted) -> None:
    box = scene.boxes.get(taken.source)
    if box is not None and box.finally_ is not None and taken.targets == (box.finally_,):
        return  # the runtime's own way into a cleanup
    exact = index.get((taken.source, taken.line or 0, taken.column or 0), [])
    reaction = _best(exact, taken) or _best([] if box is None else box.reactions, taken, is_exact=False)
    if reaction is None:
        counted.unknown += 1
        return
    reaction.count = (reaction.count or 0) + 1
    counted.transitions += 1


def _best(candidates: list[Reaction], taken: Taken, *, is_exact: bool = True) -> Reaction | None:
    """The reaction that was taken: by place if the file is as it was, else by event and targets.

    Several may stand at one place, where a retry was written out.
    """
    alike = [r for r in candidates if taken.targets in {None, r.targets} and taken.event in {None, r.event}]
    if is_exact:
        return alike[0] if alike else candidates[0] if len(candidates) == 1 else None
    told = taken.event is not None or taken.targets is not None
    return alike[0] if alike and told else None


def _macrostep(line: str) -> list[Taken] | None:
    try:
        step = json.loads(line)
    except ValueError:
        return None
    if not isinstance(step, dict) or not isinstance(step.get("transitions"), list):
        return None
    return [] if step.get("error") else list(_taken(step["transitions"]))  # what failed was undone


def _taken(transitions: list[Any]) -> Iterator[Taken]:
    for raw in transitions:
        if isinstance(raw, dict) and isinstance(raw.get("source"), str):
            line, column = _place(raw)
            event, targets = raw.get("event"), raw.get("targets")
            yield Taken(
                raw["source"],
                event if isinstance(event, str) else None,
                tuple(map(str, targets)) if isinstance(targets, list) else None,
                line,
                column,
            )


def _place(raw: Mapping[str, Any]) -> tuple[int | None, int | None]:
    where = re.search(r":(\d{1,9}):(\d{1,9})$", str(raw.get("where", "")))
    if where is not None:
        return int(where[1]), int(where[2])
    line, column = raw.get("line"), raw.get("column")
    return (line if isinstance(line, int) else None), (column if isinstance(column, int) else None)
