"""The newest log lines of the station and its batches, in memory, for screens; the whole log is in files."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from engine.sequence.records import CLEANUP_START, ERROR, LOCK_WAIT, LOG, RENDEZVOUS_WAIT, RETRY
from engine.station.bus import CRASH, Bus, StationEvent

KEPT: Final = 5_000
LEVELS: Final = ("debug", "info", "warning", "error")
_OF_EVENTS: Final[Mapping[str, str]] = {
    ERROR: "error", CRASH: "error", RETRY: "warning", LOCK_WAIT: "info", RENDEZVOUS_WAIT: "info",
    CLEANUP_START: "info",
}  # fmt: skip
_NOT_VALUES: Final = frozenset({"event", "level", "timestamp"})


@dataclass(frozen=True, slots=True)
class Line:
    """One line. ``source`` is ``sequence`` or ``station``; ``number`` counts them all."""

    number: int
    at: datetime
    level: str
    batch_id: str
    source: str
    message: str
    values: Mapping[str, object]


class Logbook:
    """Keeps what was logged last."""

    def __init__(self, bus: Bus, kept: int = KEPT) -> None:
        self._lines: deque[Line] = deque(maxlen=kept)
        self._count = 0
        bus.listeners.append(self._happened)

    def page(self, *, batch_id: str | None, level: str, text: str, after: int, limit: int) -> list[Line]:
        """The newest lines first: of one batch or of all, at least so grave, holding a text, younger than ``after``."""
        grave = set(LEVELS[LEVELS.index(level) :])
        wanted = (
            line
            for line in reversed(self._lines)
            if line.number > after
            and line.level in grave
            and batch_id in {None, line.batch_id}
            and text.casefold() in line.message.casefold()
        )
        return list(islice(wanted, limit))

    def take(self, event: str, values: dict[str, Any]) -> None:
        """What the station logs itself (a sink of ``engine.service.logs``)."""
        level = str(values.get("level", "info"))
        told = {name: str(value) for name, value in values.items() if name not in _NOT_VALUES}
        try:
            at = datetime.fromisoformat(str(values.get("timestamp")))
        except ValueError:
            return
        self._add(at, level, str(values.get("batch") or ""), "station", event, told)

    def _happened(self, event: StationEvent) -> None:
        data = event.data
        if event.type == LOG:
            self._add(event.at, str(data.get("level")), event.batch_id, "sequence", str(data.get("message")), {})
        elif event.type in _OF_EVENTS:
            said = data.get("message") or data.get("reason") or data.get("error") or data.get("resource") or ""
            values = {name: value for name, value in data.items() if value is not None}
            text = f"{event.type}: {said}" if said else event.type
            self._add(event.at, _OF_EVENTS[event.type], event.batch_id, "sequence", text, values)

    def _add(
        self, at: datetime, level: str, batch_id: str, source: str, message: str, values: Mapping[str, object]
    ) -> None:
        self._count += 1
        known = level if level in LEVELS else "info"
        self._lines.append(Line(self._count, at.astimezone(UTC), known, batch_id, source, message, values))
