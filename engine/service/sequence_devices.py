"""The engine's own serial devices as drivers of sequences (``driver: scale``, ``driver: reader``)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from engine.clock import SystemClock
from engine.devices.device import SerialDevice
from engine.devices.settings import DeviceSettings
from engine.documents.suggest import did_you_mean
from engine.errors import EngineError
from engine.events import Event
from engine.units import Quantity, parse_duration

_DURATIONS: Final = frozenset({"leave_after", "silent_after", "poll"})
_NOT_HERE: Final = frozenset({"filter"})


def open_device(kind: str, name: str, config: Mapping[str, object]) -> object:
    """A scale or a reader on its port. Raises EngineError when the configuration describes none.

    ``config`` has the names of a device in site.yaml: port, protocol, baudrate, parity, unit ...
    """
    settings = _settings(name, config)
    kinds = {info.kind for info in settings.protocols}
    if kind not in kinds:
        raise EngineError(f"'{name}': {', '.join(settings.protocol)} is no {kind}")
    return (_Scale if kind == "scale" else _Reader)(name, settings)


def _settings(name: str, config: Mapping[str, object]) -> DeviceSettings:
    known = [one.name for one in fields(DeviceSettings) if one.name not in _NOT_HERE]
    given: dict[str, Any] = {key: value for key, value in config.items() if value is not None}
    for key in given.keys() - set(known):
        guess = did_you_mean(key, known)
        raise EngineError(f"'{name}': a device has no '{key}'" + (f"; did you mean '{guess}'?" if guess else ""))
    for key in ("port", "protocol"):
        if key not in given:
            raise EngineError(f"'{name}' needs '{key}': give it under hardware, or as {name}.{key}=")
    protocol = given["protocol"]
    given["protocol"] = tuple(map(str, protocol)) if isinstance(protocol, list | tuple) else (str(protocol),)
    for key in _DURATIONS & given.keys():
        given[key] = parse_duration(str(given[key]))
    return DeviceSettings(**given)


class _Driver:
    """A device whose events are awaited one at a time. Made and used on the loop."""

    def __init__(self, name: str, settings: DeviceSettings) -> None:
        self.name = name
        self._waiting: set[asyncio.Future[Event]] = set()
        loop = asyncio.get_running_loop()
        self._device = SerialDevice(name, settings, loop=loop, clock=SystemClock(), emit=self._tell)
        self._device.start()

    async def close(self) -> None:
        """Give the port back."""
        self._device.stop()
        await self._device.wait_closed()

    async def _next(self, event: str) -> Event:
        """The next event of a kind. Raises EngineError when the device is lost meanwhile."""
        while True:
            future: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
            self._waiting.add(future)
            try:
                told = await future
            finally:
                self._waiting.discard(future)
            if told.name == event:
                return told
            if told.name.endswith(".lost"):
                raise EngineError(f"'{self.name}' is lost: {told.data['reason']}")

    def _tell(self, event: Event) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(event)


class _Scale(_Driver):
    """``engine.sequence.devices.ScaleCommands``."""

    async def read(self, *, stable: bool = True) -> Quantity:
        """The next weight that is displayed (``stable``: the next that stands still, as the scale itself says)."""
        while True:
            event = await self._next("weight.read")
            value = event.data["value"]
            if isinstance(value, Quantity) and (event.data["stable"] is not False or not stable):
                return value


class _Reader(_Driver):
    """``engine.sequence.devices.ReaderCommands``."""

    async def read(self) -> str:
        """The next card that is touched."""
        return str((await self._next("card.read")).data["uid"])
