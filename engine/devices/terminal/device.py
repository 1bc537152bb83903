"""A terminal as the charts know it: a scale, a card reader and a keypad, and what they order of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import structlog

from engine.clock import Clock
from engine.devices.reader import Reader
from engine.devices.recording import Tap
from engine.devices.scale import Scale
from engine.devices.settings import DeviceSettings
from engine.devices.terminal import POLL_RANGE_S
from engine.devices.terminal.exchange import Exchange, Told
from engine.devices.terminal.link import TerminalLink
from engine.devices.terminal.orders import Answer, OrderRefusedError, Orders
from engine.devices.timer import CallLater, LazyTimer
from engine.errors import EngineError
from engine.events import Event
from parsers import CardReading
from parsers.suwol import TerminalReply

PROTOCOL: Final = "suwol-1000"
POLL_S: Final = 0.15
_TELL_EVERY_S: Final = 60.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class MasterSettings:
    """How a terminal is polled: every ``poll`` seconds, under its own id (0 to 9)."""

    poll: float = POLL_S
    terminal: int = 0


class Terminal:
    """One terminal, on the loop.

    Emits ``weight.read``, ``card.read``, ``card.left`` and their ``scale.`` and ``rfid.`` changes as every device does;
    ``key.pressed`` (kind, value); ``terminal.lost`` and ``terminal.back`` (reason); ``terminal.changed`` (printer,
    inputs, temperature, fan, heater) when one of them has; and the answers to orders: ``printer.`` and ``voice.``
    ``done``, ``no_paper``, ``busy_too_long`` and ``failed``, ``climate.done`` and ``climate.failed``; and
    ``terminal.refused`` (order, reason) for an order that was not taken. Raises EngineError for a poll out of range.
    """

    def __init__(
        self,
        name: str,
        settings: DeviceSettings,
        master: MasterSettings,
        *,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        emit: Callable[[Event], None],
        call_later: CallLater | None = None,
    ) -> None:
        if not POLL_RANGE_S[0] <= master.poll <= POLL_RANGE_S[1]:
            raise EngineError(f"{name}: a terminal is polled every 100 to 200 ms, not every {master.poll * 1000:g} ms")
        self.name = name
        self.settings = settings
        port = settings.port_settings()
        self.orders = Orders(master.terminal)
        self.exchange = Exchange(self.orders, master.poll, port.byte_time)
        later: CallLater = call_later or loop.call_later
        self._emit = emit
        self._clock = clock
        self._loop = loop
        self._scale = Scale(name, settings, clock=clock, call_later=later, emit=emit, stray=lambda: "")
        self._reader = Reader(name, settings, clock=clock, call_later=later, emit=emit)
        self._silence = LazyTimer(clock, later, self._fell_silent)
        self._is_lost = False
        self._state: dict[str, object] = {}
        self._prints: dict[int, asyncio.Future[Answer]] = {}
        self._strangers_quiet_until = 0.0
        self._link = TerminalLink(
            name, port, self.exchange, loop=loop, on_told=self.told, on_link=self.link_changed, clock=clock
        )

    def record(self, tap: Tap) -> None:
        """Give ``tap`` everything that passes the port. Call before :meth:`start`."""
        self._link.tap = tap

    def start(self) -> None:
        """Begin to open the port. Call once."""
        self._link.start()

    def stop(self) -> None:
        """Emit nothing more; switch the terminal off and let its port go. Returns at once; see :meth:`wait_closed`."""
        self._silence.clear()
        self._scale.stop()
        self._reader.stop()
        self._link.stop()

    async def wait_closed(self) -> None:
        """Wait until the port's thread has ended, at most a second."""
        await self._link.wait_closed()

    # Orders --------------------------------------------------------------------------------------------------------

    async def print(self, data: bytes, copies: int = 1) -> Answer:
        """Print ESC/POS, and wait for what comes of it. A job that is not sent yet is withdrawn with its waiter.

        Raises OrderRefusedError when it does not fit, or the terminal is away.
        """
        if self._is_lost:
            raise OrderRefusedError("the terminal is not there")
        ticket = self.orders.print(data, copies)
        future: asyncio.Future[Answer] = self._loop.create_future()
        self._prints[ticket] = future
        try:
            return await future
        finally:
            del self._prints[ticket]
            self.orders.withdraw(ticket)

    def show(self, weight: Decimal | None, text: str) -> None:
        """Show weight and text. Raises OrderRefusedError; then nothing is shown."""
        self.orders.show(weight, text)

    def refuse(self, order: str, reason: str) -> None:
        """Tell that an order was not taken."""
        log.error("terminal.order.refused", device=self.name, order=order, reason=reason)
        self._emit(Event("terminal.refused", {"order": order, "reason": reason}, self.name))

    # What the terminal tells -----------------------------------------------------------------------------------------

    def told(self, told: Told) -> None:
        """Take what came. Called by the link; and by whoever plays one."""
        for reply in told.replies:
            self._replied(reply)
        for answer in told.answers:
            self._answered(answer)
        if told.strangers and self._clock.monotonic() >= self._strangers_quiet_until:
            self._strangers_quiet_until = self._clock.monotonic() + _TELL_EVERY_S
            ids = sorted(set(told.strangers))
            log.warning("terminal.reply.refused", device=self.name, asked=self.orders.terminal, answered=ids)

    def link_changed(self, is_up: bool, reason: str) -> None:  # noqa: FBT001 - the shape of on_link
        """The port was opened or lost. Called by the link; and by whoever plays one."""
        self._scale.link_changed(is_up, reason)
        if is_up:
            self._silence.set(self._clock.monotonic() + self.settings.silent_after)
        else:
            self._silence.clear()
            self._lose(reason)

    def _replied(self, reply: TerminalReply) -> None:
        self._silence.set(self._clock.monotonic() + self.settings.silent_after)
        if self._is_lost:
            self._is_lost = False
            self._emit(Event("terminal.back", {"reason": "replies again"}, self.name))
        self._reader.link_changed(is_up=True, reason="")
        self._note_state(reply)
        if reply.card is not None:
            self._reader.sight(CardReading(reply.card, reply.raw))
        if reply.key is not None:
            log.info("terminal.key.pressed", device=self.name, kind=reply.key.kind, value=reply.key.value)
            self._emit(Event("key.pressed", {"kind": reply.key.kind, "value": reply.key.value}, self.name))
        self._scale.show(reply.weight)

    def _note_state(self, reply: TerminalReply) -> None:
        state: dict[str, object] = {
            "printer": reply.printer,
            "inputs": reply.inputs,
            "temperature": reply.temperature,
            "fan": reply.fan,
            "heater": reply.heater,
        }
        if state != self._state:
            self._state = state
            self._emit(Event("terminal.changed", state, self.name))

    def _answered(self, answer: Answer) -> None:
        level = "info" if answer.came == "done" else "warning"
        getattr(log, level)(
            f"terminal.{answer.what}.answered",
            device=self.name,
            answer=answer.came,
            **({"order": answer.order} if answer.order else {}),
            **({"reason": answer.reason} if answer.reason else {}),
        )
        future = self._prints.get(answer.order) if answer.what == "printer" else None
        if future is not None and not future.done():
            future.set_result(answer)
        self._emit(Event(f"{answer.what}.{answer.came}", {"order": answer.order, "reason": answer.reason}, self.name))

    def _fell_silent(self) -> None:
        reason = f"no replies for {self.settings.silent_after:g} s"
        log.warning("terminal.replies.stopped", device=self.name, reason=reason)
        self._lose(reason)

    def _lose(self, reason: str) -> None:
        if not self._is_lost:
            self._is_lost = True
            self._state = {}
            self._reader.link_changed(is_up=False, reason=reason)
            self._emit(Event("terminal.lost", {"reason": reason}, self.name))
        for answer in self.orders.lost(reason):
            self._answered(answer)
