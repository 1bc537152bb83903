"""A scale as the charts know it: weights with a unit, and whether it is there at all."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from engine.clock import Clock
from engine.devices.filters import Displayed, NoiseFilter
from engine.devices.settings import DeviceSettings
from engine.devices.timer import CallLater, LazyTimer
from engine.errors import UnitError
from engine.events import Event
from engine.units import Quantity
from parsers import WeightReading

log = structlog.get_logger(__name__)


class Scale:
    """Turns weight readings into ``weight.read``, and an outage or a silence into ``scale.lost`` and ``scale.back``.

    A scale is lost when its link is, and when its open port brought no reading for ``silent_after`` seconds; it is
    back with its next reading, whatever became of the link meanwhile. ``stray`` says what came instead of readings.
    """

    def __init__(
        self,
        name: str,
        settings: DeviceSettings,
        *,
        clock: Clock,
        call_later: CallLater,
        emit: Callable[[Event], None],
        stray: Callable[[], str],
    ) -> None:
        self.name = name
        self.filter = NoiseFilter(settings.filter)
        self._unit = settings.unit
        self._silent_after = settings.silent_after
        self._clock = clock
        self._emit = emit
        self._stray = stray
        self._is_lost = False
        self._units_told: set[str | None] = set()
        self._silence = LazyTimer(clock, call_later, self._fell_silent)

    def link_changed(self, is_up: bool, reason: str) -> None:  # noqa: FBT001 - the shape of on_link
        """The port is open, or is not and ``reason`` says why."""
        self.filter.reset()
        if is_up:
            self._silence.set(self._clock.monotonic() + self._silent_after)
        else:
            self._lose(reason)

    def show(self, reading: WeightReading) -> None:
        """The scale displayed something."""
        now = self._clock.monotonic()
        self._silence.set(now + self._silent_after)
        if self._is_lost:
            self._is_lost = False
            self._emit(Event("scale.back", {"reason": "readings again"}, self.name))
        passed = self.filter.feed(self._with_unit(reading))
        if passed is None:
            return
        data = {
            "value": passed.value,
            "stable": passed.is_stable,
            "status": passed.status,
            "raw": passed.raw,
            "at": now,
        }
        self._emit(Event("weight.read", data, self.name))

    def stop(self) -> None:
        """No event comes after this."""
        self._silence.clear()

    def _with_unit(self, reading: WeightReading) -> Displayed:
        if reading.value is None:
            return Displayed(None, reading.is_stable, reading.status, reading.raw)
        unit = reading.unit or self._unit
        try:
            value = Quantity(reading.value, unit or "")
        except UnitError as error:  # a weight without a unit is no weight, and none is ever guessed
            if unit not in self._units_told:
                self._units_told.add(unit)
                reason = str(error) if unit else "its frames carry no unit: give the device one, as in 'unit: kg'"
                log.warning("scale.unit.missed", device=self.name, reason=reason)
            return Displayed(None, reading.is_stable, "no_unit", reading.raw)
        return Displayed(value, reading.is_stable, reading.status, reading.raw)

    def _fell_silent(self) -> None:
        reason = f"no readings for {self._silent_after:g} s"
        if stray := self._stray():
            reason += f"; {stray}"
        if not self._is_lost:
            log.warning("scale.readings.stopped", device=self.name, reason=reason)
        self._lose(reason)

    def _lose(self, reason: str) -> None:
        if not self._is_lost:
            self._is_lost = True
            self._emit(Event("scale.lost", {"reason": reason}, self.name))
