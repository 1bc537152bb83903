"""Lights states of a scene: where a machine is."""

from __future__ import annotations

from collections.abc import Iterable

from engine.chart.model import ROOT
from engine.documents.suggest import did_you_mean
from engine.errors import EngineError
from engine.render.scene import Scene


class UnknownStateError(EngineError):
    """A state is named that the chart does not have."""


def light(scene: Scene, states: Iterable[str]) -> None:
    """Mark states, and what they stand in, as active. Raises UnknownStateError."""
    for state in states:
        if state not in scene.boxes or state == ROOT:
            raise UnknownStateError(_unknown(scene, state))
        for name in (state, *scene.ancestors(state)):
            scene.boxes[name].is_active = name != ROOT


def _unknown(scene: Scene, state: str) -> str:
    known = [name for name in scene.boxes if name != ROOT]
    by_title = {box.title: box.id for box in scene.boxes.values() if box.title and box.id != ROOT}
    guess = by_title.get(state) or did_you_mean(state, known)
    hint = f"did you mean '{guess}'?" if guess else f"its states are {', '.join(known)}"
    return f"the chart '{scene.name}' has no state '{state}'; {hint}"
