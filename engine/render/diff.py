"""Compares a chart's scene with another's: what a site added, removed and changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from engine.chart.model import ROOT, TransitionKind
from engine.render.scene import Box, Change, Fact, Reaction, Scene

Item = TypeVar("Item", Fact, Reaction)
_TOLD: Final = (Change.ADDED, Change.REMOVED, Change.CHANGED)


def mark_changes(scene: Scene, other: Scene) -> None:
    """Mark everything in ``scene`` that ``other`` has differently, and put in, as removed, what only ``other`` has."""
    for state, old in other.boxes.items():
        new = scene.boxes.get(state)
        if new is None:
            _put_in(scene, other, old)
        else:
            _compare(new, old)
    for state, new in scene.boxes.items():
        if state not in other.boxes:
            _mark_whole(new, Change.ADDED)
    scene.boxes = {box.id: box for box in _in_order(scene, ROOT)}
    scene.notes += [_summary(scene, other), *_setting_notes(scene, other)]


def _compare(new: Box, old: Box) -> None:
    was = list(_differences(new, old))
    if was:
        new.change, new.was = Change.CHANGED, "\n".join(was)
    new.facts = _matched(new.facts, old.facts, _fact_kind)
    new.reactions = _matched(new.reactions, old.reactions, _reaction_kind)


def _differences(new: Box, old: Box) -> Iterator[str]:
    if new.title != old.title:
        yield f"title: {old.title or 'none'}"
    if new.kind is not old.kind:
        yield f"type: {old.kind.value}"
    if new.parent != old.parent:
        yield f"in: {old.parent}"
    if new.initial != old.initial:
        yield f"{'default' if old.kind.is_history else 'initial'}: {', '.join(old.initial) or 'none'}"
    if new.marks != old.marks:
        yield f"tags: {', '.join(old.marks) or 'none'}"
    if new.finally_ != old.finally_:
        yield f"finally: {old.finally_ or 'none'}"


def _fact_kind(fact: Fact) -> object:
    return fact.kind


def _reaction_kind(reaction: Reaction) -> object:
    """Two reactions of one kind are the same one, changed: they share the id, or what makes them and the targets.

    The names of timers and invokes carry their number in the state, which says nothing here.
    """
    event = (reaction.event or "").rpartition("/")
    made_by = {TransitionKind.TIMER: "", TransitionKind.OUTCOME: event[2]}.get(reaction.kind, reaction.event)
    return reaction.id or (reaction.kind, made_by, reaction.targets)


def _matched(new: Sequence[Item], old: Sequence[Item], kind_of: Callable[[Item], object]) -> list[Item]:
    """``new`` with what changed marked, then what only ``old`` has."""
    rest = list(old)
    for item in new:
        same = next((r for r in rest if r.full == item.full and kind_of(r) == kind_of(item)), None)
        if same is not None:
            rest.remove(same)
        else:
            item.change = Change.ADDED
    for item in new:
        if item.change is Change.ADDED:
            before = next((r for r in rest if kind_of(r) == kind_of(item)), None)
            if before is not None:
                rest.remove(before)
                item.change, item.was = Change.CHANGED, before.full
    found = list(new)
    for item in rest:
        item.change = Change.REMOVED  # of the other scene, which is not drawn itself
        found.append(item)
    return found


def _put_in(scene: Scene, other: Scene, old: Box) -> None:
    """A removed state stands where it stood: behind its elder sibling."""
    ghost = replace(
        old, children=[], facts=[replace(f) for f in old.facts], reactions=[replace(r) for r in old.reactions]
    )
    _mark_whole(ghost, Change.REMOVED)
    scene.boxes[old.id] = ghost
    assert old.parent is not None  # only the root has none, and every chart has one
    siblings, before = scene.boxes[old.parent].children, other.boxes[old.parent].children
    elder = next((s for s in reversed(before[: before.index(old.id)]) if s in siblings), None)
    siblings.insert(0 if elder is None else siblings.index(elder) + 1, old.id)


def _mark_whole(box: Box, change: Change) -> None:
    box.change = change
    for fact in box.facts:
        fact.change = change
    for reaction in box.reactions:
        reaction.change = change


def _in_order(scene: Scene, state: str) -> Iterator[Box]:
    box = scene.boxes[state]
    yield box
    for child in box.children:
        yield from _in_order(scene, child)


def _summary(scene: Scene, other: Scene) -> str:
    counts = Counter(scene.changes())
    told = [f"{counts[change]} {change.value}" for change in _TOLD if counts[change]]
    return f"compared with {other.name} {other.version} ({other.file}): {', '.join(told) or 'the same flow'}"


def _setting_notes(scene: Scene, other: Scene) -> Iterator[str]:
    for name in dict.fromkeys([*other.settings, *scene.settings]):
        old, new = other.settings.get(name), scene.settings.get(name)
        if old is None and new is not None:
            yield f"settings.{name}: new, {new[0] or 'no default'}"
        elif new is None and old is not None:
            yield f"settings.{name}: removed, was {old[0] or 'without default'}"
        elif old is not None and new is not None and old[0] != new[0]:
            yield f"settings.{name}: {old[0] or 'none'} → {new[0] or 'none'}"
