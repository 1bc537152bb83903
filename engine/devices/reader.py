"""A card reader as the charts know it: a card is read once, and leaves once."""

from __future__ import annotations

from collections.abc import Callable

from engine.clock import Clock
from engine.devices.presence import CardPresence, PresenceEvent
from engine.devices.settings import DeviceSettings
from engine.devices.timer import CallLater, LazyTimer
from engine.events import Event
from parsers import CardReading


class Reader:
    """Turns card readings into ``card.read`` and ``card.left``, and an outage into ``rfid.lost`` and ``rfid.back``."""

    def __init__(
        self, name: str, settings: DeviceSettings, *, clock: Clock, call_later: CallLater, emit: Callable[[Event], None]
    ) -> None:
        self.name = name
        self._presence = CardPresence(settings.leave_after)
        self._clock = clock
        self._emit = emit
        self._is_lost = False
        self._leaving = LazyTimer(clock, call_later, self._look_who_left)

    def link_changed(self, is_up: bool, reason: str) -> None:  # noqa: FBT001 - the shape of on_link
        """The port is open, or is not and ``reason`` says why. A reader says nothing while it has no card."""
        if self._is_lost is not is_up:
            return
        self._is_lost = not is_up
        # A card that lay there before the outage lies there after it, as far as anybody knows: it has not been touched.
        self._presence.keep(self._clock.monotonic(), forever=not is_up)
        self._tell([])
        if is_up:
            self._emit(Event("rfid.back", {"reason": "port open again"}, self.name))
        else:
            self._emit(Event("rfid.lost", {"reason": reason}, self.name))

    def sight(self, reading: CardReading) -> None:
        """The reader sent a card, or said that none is there: its leaving is still a matter of ``leave_after``."""
        if reading.uid is None:
            return
        self._tell(self._presence.sight(reading.uid, self._clock.monotonic()))

    def stop(self) -> None:
        """No event comes after this."""
        self._leaving.clear()

    def _look_who_left(self) -> None:
        self._tell(self._presence.tick(self._clock.monotonic()))

    def _tell(self, events: list[PresenceEvent]) -> None:
        deadline = self._presence.next_deadline()
        if deadline is None:
            self._leaving.clear()
        else:
            self._leaving.set(deadline)
        for event in events:
            self._emit(Event(f"card.{event.kind}", {"uid": event.uid}, self.name))
