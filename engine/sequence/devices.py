"""Devices of the engine as drivers (``driver: scale``): what each kind offers, and its simulated twin.

The real ones are made by an injected factory (``engine.sequence.ports.DeviceFactory``): a run knows no serial port.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from types import MappingProxyType
from typing import Final, Protocol

from engine.sequence.interfaces import Interface, Signature, interface_of
from engine.units import Quantity, parse_mass


class ScaleCommands(Protocol):
    """What every scale does as a driver."""

    async def read(self, *, stable: bool = True) -> Quantity:
        """The next weight that is displayed (``stable``: the next that stands still). Raises EngineError."""
        ...


class ReaderCommands(Protocol):
    """What every card reader does as a driver."""

    async def read(self) -> str:
        """The next card that is touched. Raises EngineError."""
        ...


class ScaleSim:
    """A simulated scale: it shows ``weight``, give or take ``noise``."""

    def __init__(self, weight: str = "1.000 kg", noise: str = "0 g", seed: int = 1) -> None:
        self._weight, self._noise = parse_mass(weight), parse_mass(noise)
        self._random = Random(seed)  # noqa: S311 - a simulation

    async def read(self, *, stable: bool = True) -> Quantity:  # noqa: ARG002 - it always stands still
        """The weight on it."""
        off = self._noise.to(self._weight.unit) if self._noise.base else None
        if off is None:
            return self._weight
        places = -int(self._weight.value.as_tuple().exponent)
        by = round(float(off.value) * self._random.uniform(-1, 1), places)
        return Quantity(f"{float(self._weight.value) + by:.{places}f}", self._weight.unit)


class ReaderSim:
    """A simulated card reader: always the same card."""

    def __init__(self, uid: str = "04A2B6C2") -> None:
        self._uid = uid

    async def read(self) -> str:
        """The card on it."""
        return self._uid


# The configuration of a device is judged by whoever makes it.
_ANYTHING: Final = Signature({}, takes_any=True)


def _real(kind: str, commands: type) -> Interface:
    return Interface(kind, interface_of(commands, kind).commands, _ANYTHING)


DEVICES: Final[Mapping[str, Interface]] = MappingProxyType(
    {"scale": _real("scale", ScaleCommands), "reader": _real("reader", ReaderCommands)}
)
TWINS: Final[Mapping[str, Interface]] = MappingProxyType(
    {"scale": interface_of(ScaleSim, "scale"), "reader": interface_of(ReaderSim, "reader")}
)
