"""A light or buzzer behind a serial relay (LCUS type), so that people at a plain scale know how it went."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import structlog

from engine.clock import Clock
from engine.devices.link import SerialLink
from engine.devices.port import PortSettings
from engine.devices.recording import Tap
from engine.devices.timer import CallLater, TimerHandle
from engine.errors import EngineError

log = structlog.get_logger(__name__)


class Step(NamedTuple):
    """The light is on, or off, for so many seconds."""

    is_on: bool
    seconds: float


def _blinks(times: int, on: float, off: float) -> tuple[Step, ...]:
    return (Step(True, on), Step(False, off)) * times


# Told apart by their rhythm alone, also with the back turned: one long is good, everything quick wants a look.
PATTERNS: Final[Mapping[str, tuple[Step, ...]]] = MappingProxyType(
    {
        "saved": _blinks(1, 1.0, 0.1),
        "replaced": (*_blinks(1, 0.2, 0.2), *_blinks(1, 0.8, 0.1)),  # short, long: the newer card counts
        "held": _blinks(2, 0.5, 0.3),  # two even ones: take the last box off first
        "unknown_card": _blinks(3, 0.2, 0.2),
        "gave_up": _blinks(3, 0.8, 0.4),  # three slow ones: no steady weight
        "failed": _blinks(12, 0.08, 0.08),  # a flutter: call someone
    }
)


def relay_frame(channel: int, is_on: bool) -> bytes:  # noqa: FBT001 - the frame's own byte
    """Switch a channel of an LCUS relay: ``A0``, channel, 1 or 0, and the low byte of the sum of the three."""
    body = bytes((0xA0, channel, is_on))
    return body + bytes((sum(body) & 0xFF,))


class PatternPlayer:
    """Plays one pattern at a time through ``switch(is_on)``; a new one replaces it; it always ends off."""

    def __init__(self, switch: Callable[[bool], None], call_later: CallLater) -> None:
        self.is_on = False
        self._switch = switch
        self._call_later = call_later
        self._steps: tuple[Step, ...] = ()
        self._timer: TimerHandle | None = None

    def play(self, steps: tuple[Step, ...]) -> None:
        """Begin with the first step now."""
        self._cancel()
        self._steps = steps
        self._next()

    def stop(self) -> None:
        """Off, now: told again even if it should be off, in case an earlier word was lost."""
        self._cancel()
        self.is_on = False
        self._switch(False)

    def _next(self) -> None:
        self._timer = None
        if not self._steps:
            self._turn(False)
            return
        step, *rest = self._steps
        self._steps = tuple(rest)
        self._turn(step.is_on)
        self._timer = self._call_later(step.seconds, self._next)

    def _turn(self, is_on: bool) -> None:  # noqa: FBT001 - a state, not an option
        if is_on is not self.is_on:
            self.is_on = is_on
            self._switch(is_on)

    def _cancel(self) -> None:
        self._steps = ()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class SignalDevice:
    """A line's light. A light that is away stops nothing: what it would have shown is not shown later either."""

    def __init__(
        self,
        name: str,
        settings: PortSettings,
        *,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        channel: int = 1,
        call_later: CallLater | None = None,
    ) -> None:
        self.name = name
        self._channel = channel
        self._player = PatternPlayer(self._send, call_later or loop.call_later)
        self._link = SerialLink(
            name, settings, loop=loop, on_bytes=self._ignore, on_link=self._link_changed, clock=clock
        )

    def record(self, tap: Tap) -> None:
        """Give ``tap`` everything that passes the port. Call before :meth:`start`."""
        self._link.tap = tap

    def start(self) -> None:
        """Begin to open the port. Call once."""
        self._link.start()

    def show(self, pattern: str) -> None:
        """Play a pattern of PATTERNS in place of the one that runs. Raises EngineError when there is none so called."""
        steps = PATTERNS.get(pattern)
        if steps is None:
            raise EngineError(f"no signal pattern is called '{pattern}'; patterns are {', '.join(PATTERNS)}")
        self._player.play(steps)

    def stop(self) -> None:
        """Switch off and let the port go. Returns at once; see :meth:`wait_closed`."""
        self._player.stop()
        self._link.stop()

    async def wait_closed(self) -> None:
        """Wait until the light was told to be off and the port's thread has ended, at most a second."""
        await self._link.wait_closed()

    def _send(self, is_on: bool) -> None:  # noqa: FBT001 - the shape of switch
        if not self._link.write(relay_frame(self._channel, is_on)):
            log.debug("signal.switch.skipped", device=self.name, is_on=is_on)

    def _link_changed(self, is_up: bool, reason: str) -> None:  # noqa: FBT001 - the shape of on_link
        del reason  # the link has logged it
        if is_up:
            self._send(self._player.is_on)  # a relay keeps its state when only the cable was pulled

    def _ignore(self, data: bytes) -> None:
        """Some relays echo the frame."""
