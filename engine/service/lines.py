"""One line: its devices, what they say made ready for the chart, and its light."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from engine.clock import Clock
from engine.devices.device import SerialDevice
from engine.devices.port import PortSettings
from engine.devices.recorder import Recorder
from engine.devices.settings import DeviceSettings as SerialSettings
from engine.devices.signal import SignalDevice
from engine.devices.terminal.device import POLL_S, MasterSettings, Terminal
from engine.devices.terminal.device import PROTOCOL as TERMINAL_PROTOCOL
from engine.events import Event
from engine.service.config import DeviceSettings, LineSettings
from engine.service.weights import LatestWeights
from engine.units import Quantity

log = structlog.get_logger(__name__)

SIGNAL_PROTOCOL: Final = "lcus"
_RELAY_BAUDRATE: Final = 9600


class Line:
    """The devices of a line. ``post`` takes the events that its chart gets."""

    def __init__(
        self,
        settings: LineSettings,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
        weights: LatestWeights,
        post: Callable[[Event], None],
    ) -> None:
        self.name = settings.name
        self._weights = weights
        self._post = post
        self._not_mass_told = False
        self._signal: SignalDevice | None = None
        self.terminal: Terminal | None = None
        self._devices: list[SerialDevice | SignalDevice | Terminal] = []
        self._addresses = {f"{settings.name}/{device.name}": device.port for device in settings.devices.values()}
        for device in settings.devices.values():
            name = f"{settings.name}/{device.name}"
            if SIGNAL_PROTOCOL in device.protocol:
                self._signal = _signal(name, device, clock, loop)
                self._devices.append(self._signal)
            else:
                self._devices.append(self._weigher(name, device, clock, loop))

    def _weigher(
        self, name: str, device: DeviceSettings, clock: Clock, loop: asyncio.AbstractEventLoop
    ) -> SerialDevice | Terminal:
        """A scale, a reader, or a terminal that is both."""
        made = SerialSettings(device.port, device.protocol, **device.options())
        if TERMINAL_PROTOCOL not in device.protocol:
            return SerialDevice(name, made, loop=loop, clock=clock, emit=self._received)
        master = MasterSettings(POLL_S if device.poll is None else device.poll, int(device.device_id or 0))
        self.terminal = Terminal(name, made, master, loop=loop, clock=clock, emit=self._received)
        return self.terminal

    @property
    def devices(self) -> Sequence[SerialDevice | SignalDevice | Terminal]:
        """What the line is made of."""
        return self._devices

    def record(self, recorder: Recorder) -> None:
        """Record everything that passes the ports. Call before :meth:`start`."""
        for device in self._devices:
            device.record(recorder.tap(device.name, address=self._addresses[device.name]))

    def start(self) -> None:
        """Open the ports."""
        for device in self._devices:
            device.start()

    async def stop(self) -> None:
        """Close the ports and wait for their threads."""
        for device in self._devices:
            device.stop()
        await asyncio.gather(*(device.wait_closed() for device in self._devices))

    def show(self, pattern: str) -> None:
        """Play a pattern on the line's light, if it has one."""
        log.info("line.signal.shown", line=self.name, pattern=pattern, has_light=self._signal is not None)
        if self._signal is not None:
            self._signal.show(pattern)

    def _received(self, event: Event) -> None:
        if event.name == "weight.read":
            event = self._weighed(event)
        elif event.name == "scale.lost":
            self._weights.update(self.name, None)
        self._post(event)

    def _weighed(self, event: Event) -> Event:
        value = event.data["value"]
        if isinstance(value, Quantity) and value.dimension != "mass":
            # Pieces or percent are no weight, whatever the number says.
            if not self._not_mass_told:
                self._not_mass_told = True
                log.warning("line.weight.refused", line=self.name, reason=f"the scale shows {value}, which is no mass")
            event = Event(event.name, {**event.data, "value": None, "status": "no_mass"}, event.origin)
            value = None
        self._weights.update(self.name, value if isinstance(value, Quantity) else None)
        return event


def _signal(name: str, device: DeviceSettings, clock: Clock, loop: asyncio.AbstractEventLoop) -> SignalDevice:
    port = PortSettings(
        device.port,
        device.baudrate or _RELAY_BAUDRATE,
        device.data_bits or 8,
        device.parity or "N",
        device.stop_bits or 1,
    )
    return SignalDevice(name, port, loop=loop, clock=clock, channel=device.channel or 1)
