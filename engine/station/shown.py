"""Hands on what batches show: as events for everybody, and into the status of their batch."""

from __future__ import annotations

import json
from typing import Final

import structlog

from engine.sequence.records import LOCK_WAIT, PROMPT, PROMPT_CLOSED, Shown
from engine.station.bus import Bus
from engine.station.status import Progress

log = structlog.get_logger(__name__)

_HERE: Final = "here"


class Screens:
    """What is shown passes through here."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def show(self, batch_id: str, progress: Progress, data: bytes) -> None:
        """Something that a batch's process sends to be shown. What is none is told and dropped."""
        try:
            raw = json.loads(data)
            if raw["kind"] == _HERE:
                return
            shown = Shown.from_json(raw)
        except (ValueError, KeyError, TypeError) as error:
            log.warning("station.shown.refused", batch=batch_id, size=len(data), reason=repr(error))
            return
        self.tell(batch_id, progress, shown)

    def tell(self, batch_id: str, progress: Progress, shown: Shown) -> None:
        """Tell everybody of something."""
        if shown.kind == LOCK_WAIT:
            progress.waits[str(shown.data.get("step"))] = str(shown.data.get("resource"))
        elif shown.kind == PROMPT:
            progress.ask(shown.data)
        elif shown.kind == PROMPT_CLOSED:
            progress.close(str(shown.data.get("id")))
        self._bus.publish(shown.kind, batch_id, {**shown.data, "execution_id": shown.execution_id}, shown.at)
