"""The people of a virtual hall: each puts boxes on one scale, touches cards, and waits for what the gateway does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import structlog

from engine.clock import Clock
from engine.sim.boxes import Box, Handling
from engine.sim.devices import SimulatedScale
from engine.sim.terminal import SimulatedTerminal

Committed = Callable[[Box], Awaitable[None]]

PATIENCE_S: Final = 20.0  # after that a box is taken off the scale again, unweighed
_TOUCH_AFTER_S: Final = 6.0  # whoever sees nothing happen touches the card once more
_TOUCH_S: Final = 1.0

_LOOK_EVERY_S: Final = 0.05

log = structlog.get_logger(__name__)


class CardField(Protocol):
    """Where cards are held."""

    def touch(self, card: str, now: float) -> None:
        """A card comes into the field."""
        ...

    def take_away(self) -> None:
        """The field is empty."""
        ...


class Operator:
    """Handles the boxes of one line, one after the other. ``placed`` tells each box and when it came to rest."""

    def __init__(
        self, scale: SimulatedScale, reader: CardField, clock: Clock, placed: Callable[[Box, float], None]
    ) -> None:
        self._scale = scale
        self._reader = reader
        self._clock = clock
        self._placed = placed

    async def weigh(self, box: Box, handling: Handling, committed: Committed, patience: float) -> bool:
        """Weigh one box: until ``committed`` returns, then lift it and wait for the empty scale.

        False when that did not happen within ``patience`` seconds of putting the box down.
        """
        card = asyncio.create_task(self._handle_card(box, handling))
        try:
            if handling.is_card_first:
                await asyncio.sleep(handling.between)
            self._put_down(box, handling)
            is_committed = await _within(patience, committed(box))
            if is_committed:
                await asyncio.sleep(handling.reaction)
        finally:
            card.cancel()
            await asyncio.gather(card, return_exceptions=True)
            self._reader.take_away()
        await self._lift(box, handling, is_committed=is_committed)
        return is_committed

    def _put_down(self, box: Box, handling: Handling) -> None:
        rest_at = self._scale.put_down(box.weight, handling.swing, self._clock.monotonic())
        log.info("hall.box.placed", line=box.line, card=box.card, weight=f"{box.weight} kg")
        self._placed(box, rest_at)

    async def _lift(self, box: Box, handling: Handling, *, is_committed: bool) -> None:
        now = self._clock.monotonic()
        empty_at = self._scale.lift(handling.lifting, now)
        if is_committed:
            log.info("hall.box.lifted", line=box.line, card=box.card)
        else:
            log.error("hall.box.given_up", line=box.line, card=box.card)
        await asyncio.sleep(empty_at - now + handling.break_after)

    async def _handle_card(self, box: Box, handling: Handling) -> None:
        """Touch the card until cancelled."""
        if not handling.is_card_first:
            await asyncio.sleep(handling.between)
        await self._touch(box, handling.card_stays)
        if handling.touches_again is not None:
            await asyncio.sleep(handling.touches_again)
            await self._touch(box, handling.card_stays)
        while True:
            await asyncio.sleep(_TOUCH_AFTER_S)
            await self._touch(box, _TOUCH_S)

    async def _touch(self, box: Box, stays: float | None) -> None:
        log.debug("hall.card.touched", line=box.line, card=box.card, stays_s=stays)
        self._reader.touch(box.card, self._clock.monotonic())
        if stays is None:
            await asyncio.Event().wait()  # until the box is lifted, and this task cancelled
            return
        await asyncio.sleep(stays)
        self._reader.take_away()


class TerminalOperator(Operator):
    """Handles boxes at an unmanned terminal: begins when its light is green, and waits for the receipt."""

    def __init__(
        self, scale: SimulatedScale, terminal: SimulatedTerminal, clock: Clock, placed: Callable[[Box, float], None]
    ) -> None:
        super().__init__(scale, terminal, clock, placed)
        self._terminal = terminal

    async def weigh(self, box: Box, handling: Handling, committed: Committed, patience: float) -> bool:
        """Weigh one box. False when it is not recorded, or the terminal is not ready for the next one in time."""
        if not await _within(patience, self._green()):
            return False
        is_committed = await super().weigh(box, handling, committed, patience)
        return await _within(patience, self._green()) and is_committed

    async def _green(self) -> None:
        while not self._terminal.is_green:  # noqa: ASYNC110 - a light has no event to wait for
            await asyncio.sleep(_LOOK_EVERY_S)


async def _within(seconds: float, awaitable: Awaitable[None]) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await awaitable
            return True
    return False
