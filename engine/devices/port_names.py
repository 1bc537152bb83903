"""How site.yaml names a port: a device, a URL, or what a USB adapter is known by wherever it is plugged in.

/dev/ttyUSB0, /dev/serial/by-id/..., COM3, socket://192.168.0.20:4001
usb:0403:6001              the adapter of this make, if there is one alone
usb:0403:6001:A10KQ5F2     the one with this serial number
usb-location:1-1.4         whatever hangs on this socket of the machine or its hub
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Protocol

from engine.errors import EngineError

_ID: Final = re.compile(r"([0-9a-f]{4}):([0-9a-f]{4})(?::(\S.*))?\Z", re.IGNORECASE)
# The bus and the sockets on the way, and the interface of an adapter with several: 1-1.4, 2-3:1.0; Windows: 1-4:x.0.
_LOCATION: Final = re.compile(r"\d+-\d+(\.\d+)*(:(\d+|x)\.\d+)?\Z")
_USB: Final = "usb:"
_AT: Final = "usb-location:"


class BadPortNameError(EngineError):
    """A port's name begins as that of a USB adapter and does not go on as one."""


class Adapter(Protocol):
    """What is known of a port that is there."""

    @property
    def vid(self) -> int | None:
        """The vendor of its USB adapter."""

    @property
    def pid(self) -> int | None:
        """The product of its USB adapter."""

    @property
    def serial_number(self) -> str | None:
        """What tells it from others of its make; many adapters have none."""

    @property
    def location(self) -> str | None:
        """The USB socket."""


@dataclass(frozen=True, slots=True)
class UsbId:
    """An adapter by vendor, product and, if said, serial number."""

    vid: int
    pid: int
    serial_number: str | None = None

    def matches(self, port: Adapter) -> bool:
        """Whether ``port`` is such an adapter. Serial numbers have no case: Windows shows them in capitals."""
        if (port.vid, port.pid) != (self.vid, self.pid):
            return False
        return self.serial_number is None or self.serial_number.lower() == (port.serial_number or "").lower()

    def __str__(self) -> str:
        tail = "" if self.serial_number is None else f":{self.serial_number}"
        return f"{_USB}{self.vid:04x}:{self.pid:04x}{tail}"


@dataclass(frozen=True, slots=True)
class UsbLocation:
    """Whatever hangs on a USB socket."""

    location: str

    def matches(self, port: Adapter) -> bool:
        """Whether ``port`` hangs there; of an adapter with several ports all do, unless the name says which."""
        return port.location == self.location or (port.location or "").startswith(f"{self.location}:")

    def __str__(self) -> str:
        return f"{_AT}{self.location}"


def parse_port_name(port: str) -> UsbId | UsbLocation | None:
    """What ``port`` says of a USB adapter; None for a device or a URL.

    Raises BadPortNameError for what is neither.
    """
    lowered = port.lower()
    if lowered.startswith(_AT):
        location = port[len(_AT) :]
        if not _LOCATION.match(location):
            raise BadPortNameError(f"'{port}' is no USB socket; write usb-location:BUS-PORT as in {_AT}1-1.4")
        return UsbLocation(location)
    if not lowered.startswith(_USB) or lowered.startswith("usb://"):
        return None
    match = _ID.match(port[len(_USB) :])
    if match is None:
        raise BadPortNameError(f"'{port}' is no USB adapter; write usb:VID:PID[:SERIAL] as in {_USB}0403:6001")
    vid, pid, serial_number = match.groups()
    return UsbId(int(vid, 16), int(pid, 16), serial_number)
