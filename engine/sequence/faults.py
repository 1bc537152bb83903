"""Faults that a simulated driver is given on purpose: what a station does about them is what it is worth.

Written ``psu.on=hang``: the hardware, the command (``*`` for all), and what befalls it. ``@3`` behind it is the third
call only, ``%5`` means five calls in a hundred; ``drift:0.05`` adds five hundredths of itself to what is measured.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from random import Random
from typing import Final

from engine.errors import EngineError
from engine.units import Quantity


class FaultError(EngineError):
    """A fault is not written as one."""


class InjectedError(EngineError):
    """What a simulated driver raises when it was told to."""


class FaultKind(Enum):
    """What befalls a call."""

    DRIFT = "drift"  # what is measured is off by a part of itself
    TIMEOUT = "timeout"  # no answer ever comes; the call can be cancelled
    EXCEPTION = "exception"  # the driver raises
    CRASH = "crash"  # the process dies on the spot
    HANG = "hang"  # no answer ever comes, and nothing can cancel the call


_WRITTEN: Final = re.compile(
    r"(?P<hardware>\w+)\.(?P<command>\w+|\*)=(?P<kind>[a-z]+)(?::(?P<amount>-?[0-9.]+))?(?:@(?P<at>\d+)|%(?P<chance>[0-9.]+))?\Z"
)
_USUAL_DRIFT: Final = 0.1


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: on which call (None: every one), or by which chance, and how much a drift is."""

    hardware: str
    command: str
    kind: FaultKind
    amount: float = _USUAL_DRIFT
    at: int | None = None
    chance: float = 1.0

    def strikes(self, hardware: str, command: str, call: int, random: Random) -> bool:
        """Whether it befalls this call; ``call`` counts those of this command from 1."""
        if hardware != self.hardware or self.command not in {"*", command}:
            return False
        if self.at is not None:
            return call == self.at
        return self.chance >= 1.0 or random.random() < self.chance


def parse_fault(text: str) -> Fault:
    """Read ``psu.on=hang``, ``dmm.read=drift:0.05@3`` or ``*``-commands. Raises FaultError."""
    match = _WRITTEN.match(text.strip())
    kinds = [kind.value for kind in FaultKind]
    if match is None or match["kind"] not in kinds:
        raise FaultError(f"'{text}' is no fault; write HARDWARE.COMMAND=KIND with KIND one of {', '.join(kinds)}")
    try:
        amount = float(match["amount"]) if match["amount"] else _USUAL_DRIFT
        chance = float(match["chance"]) / 100 if match["chance"] else 1.0
    except ValueError as error:
        raise FaultError(f"'{text}' has a number that is none") from error
    at = int(match["at"]) if match["at"] else None
    return Fault(match["hardware"], match["command"], FaultKind(match["kind"]), amount, at, chance)


def drifted(value: object, amount: float) -> object:
    """A measured value off by ``amount`` of itself; the numbers inside a mapping are off each."""
    if isinstance(value, dict):
        return {key: drifted(item, amount) for key, item in value.items()}
    if isinstance(value, Quantity):
        exact = value.value * (1 + Decimal(repr(amount)))
        return Quantity(exact.quantize(value.value), value.unit)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value * (1 + amount)
    return value
