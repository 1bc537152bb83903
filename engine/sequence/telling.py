"""How records are told to a screen: a step that begins, a step that has ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from engine.sequence.records import STEP_COMPLETE, STEP_START, Item, Shown, StepRecord, StepStatus

_BEGUN: Final = ("path", "order", "title", "is_cleanup")
_ENDED: Final = (*_BEGUN, "duration", "verdict", "status", "result", "measurements", "error", "attempts")


def told(item: Item, plain: Mapping[str, Any], total: int, now: datetime) -> Shown | None:
    """What a screen is told of it; None of an execution, whose owner tells more of it than a record knows.

    ``plain`` is its ``to_json()``, which whoever received it has at hand; ``total`` the number of steps that the
    sequence has, of which a repeat makes more; ``now`` for what has no time of its own.
    """
    if isinstance(item, Shown):
        return item
    if not isinstance(item, StepRecord):
        return None
    if item.status is StepStatus.RUNNING:
        data = {"step": item.name, "index": item.order, "total": max(total, item.order), **_picked(plain, _BEGUN)}
        return Shown(STEP_START, item.execution_id, item.started_at or now, data)
    data = {"step": item.name, "pass": item.is_pass, **_picked(plain, _ENDED)}
    return Shown(STEP_COMPLETE, item.execution_id, item.completed_at or now, data)


def _picked(plain: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: plain[name] for name in names}
