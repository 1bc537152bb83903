"""What is told of a link's ups and downs: each once and loudly, repeats quietly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog

from engine.clock import Clock
from engine.devices.port import Failure, FailureKind

SETTLED_S: Final = 1.0  # a link that dies sooner, without a byte, was not back

log = structlog.get_logger(__name__)


class Announcer:
    """Logs and reports one link's changes. Not thread-safe: it belongs to the port's thread.

    An outage is told once. Only a *new* reason within it that someone can mend (the port came back, but another
    program has it now) is told again. A link that opens and dies at once, over and over, is one outage.
    """

    def __init__(self, name: str, port: str, clock: Clock, on_link: Callable[[bool, str], None]) -> None:
        self._log = log.bind(device=name, port=port)
        self._clock = clock
        self._on_link = on_link
        self._told: set[FailureKind] = set()
        self._is_announced = False  # as up
        self._is_flapping = False
        self._opened_at = 0.0
        self._lost_at: float | None = None

    def opened(self) -> None:
        """The port is open. While it flaps, that counts only once it has lived or carried something."""
        self._opened_at = self._clock.monotonic()
        if self._is_flapping:
            self._log.debug("serial.link.reopened")
        else:
            self._announce()

    def alive(self) -> None:
        """A byte has come."""
        if not self._is_announced:
            self._announce()

    def idled(self) -> None:
        """A while has passed without a byte."""
        if not self._is_announced and self._clock.monotonic() - self._opened_at >= SETTLED_S:
            self._announce()

    def lost(self, reason: str, received: int) -> None:
        """The port was open and is no longer; it had brought ``received`` bytes."""
        now = self._clock.monotonic()
        self._is_flapping = not received and now - self._opened_at < SETTLED_S
        if not self._is_announced:
            self._log.debug("serial.link.lost", reason=reason)
            return
        self._is_announced = False
        self._lost_at = now
        self._told = {FailureKind.MISSING, FailureKind.UNREACHABLE, FailureKind.OTHER}  # what being lost looks like
        self._log.warning("serial.link.lost", reason=reason)
        self._on_link(False, reason)

    def failed(self, failure: Failure) -> None:
        """The port could not be opened."""
        if failure.kind in self._told:
            self._log.debug("serial.port.still_closed", reason=failure.reason)
            return
        is_first = not self._told
        self._told.add(failure.kind)
        if failure.kind is FailureKind.MISSING:
            self._log.warning("serial.port.not_found", ports=failure.ports, did_you_mean=failure.suggestion)
        else:
            self._log.warning("serial.port.refused", reason=failure.reason)
        if is_first:
            self._on_link(False, failure.reason)

    def _announce(self) -> None:
        self._is_announced = True
        self._is_flapping = False
        self._told = set()
        down_s = None if self._lost_at is None else round(self._clock.monotonic() - self._lost_at, 1)
        self._log.info("serial.link.opened", down_s=down_s)
        self._on_link(True, "")
