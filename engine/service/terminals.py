"""What charts order of their line's terminal: the actions and the service behind those names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import structlog

from engine.bindings.terminal import VOICES
from engine.devices.terminal.device import Terminal
from engine.devices.terminal.orders import OrderRefusedError
from engine.errors import EngineError, UnitError
from engine.ports import Outcome
from engine.service.host import Call, Performer, ServiceFunction
from engine.units import Quantity
from parsers.suwol import GREEN, RED

log = structlog.get_logger(__name__)

DISPLAY_UNIT: Final = "kg"
_RELAYS: Final = {"off": 0, "green": GREEN, "red": RED, "both": GREEN | RED}


class TerminalOrders:
    """Orders for the terminals of a site. ``terminals``: a line's name -> its terminal.

    An order that does not fit is refused: it is logged, and the chart is told by ``terminal.refused``.
    """

    def __init__(self, terminals: Mapping[str, Terminal]) -> None:
        if terminals:
            # python-escpos takes a second to import: here, and not while a line is weighing.
            import engine.devices.terminal.receipt  # noqa: F401
        self._terminals = terminals
        self._without_told: set[str] = set()

    def performers(self) -> Mapping[str, Performer]:
        """Action name -> what it does."""
        return {
            "display.show": self.show,
            "light.set": self.light,
            "voice.say": self.say,
            "climate.set": self.climate,
        }

    def table(self) -> Mapping[str, ServiceFunction]:
        """Service name -> what it does."""
        return {"printer.print": self.print}

    def show(self, machine: str, weight: Quantity | None, text: str | None) -> None:
        """Show a weight, exactly as it was displayed elsewhere, and a text."""

        def order(terminal: Terminal) -> None:
            try:
                shown = None if weight is None else weight.to(DISPLAY_UNIT).value
                terminal.show(shown, text or "")
            except (UnitError, OrderRefusedError):
                terminal.show(None, "")  # not the old one either: it would be taken for the new one
                raise

        self._order(machine, "display.show", order)

    def light(self, machine: str, color: str) -> None:
        """Switch the lights."""
        self._order(machine, "light.set", lambda terminal: terminal.orders.light(_RELAYS[color]))

    def say(self, machine: str, voice: str) -> None:
        """Say something when nothing else plays."""
        self._order(machine, "voice.say", lambda terminal: terminal.orders.say(VOICES[voice]))

    def climate(self, machine: str, fan: int, heater: int) -> None:
        """Set fan and heater."""
        self._order(machine, "climate.set", lambda terminal: terminal.orders.set_climate(fan, heater))

    async def print(self, call: Call, lines: Sequence[object], qr: str | None, copies: int) -> Outcome:
        """Print a receipt; ``done``, ``no_paper`` or ``busy_too_long``, and ``error`` for everything else."""
        from engine.devices.terminal.receipt import receipt

        terminal = self._terminals.get(call.machine)
        if terminal is None:
            raise OrderRefusedError(f"the line '{call.machine}' has no terminal to print with")
        answer = await terminal.print(receipt(lines, qr), copies)
        if answer.came == "failed":
            return Outcome("error", {"reason": answer.reason})
        return Outcome(answer.came)

    def _order(self, machine: str, name: str, order: Callable[[Terminal], None]) -> None:
        terminal = self._terminals.get(machine)
        if terminal is None:
            if machine not in self._without_told:
                self._without_told.add(machine)
                log.warning("terminal.order.undeliverable", line=machine, order=name, reason="the line has no terminal")
            return
        try:
            order(terminal)
        except EngineError as error:
            terminal.refuse(name, str(error))
