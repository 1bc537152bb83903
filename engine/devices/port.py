"""Opening a port through pyserial, and saying in plain words why that did not work."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

import serial
from serial.rs485 import RS485Settings

from engine.devices.dial import Waker, prepare_backend
from engine.devices.inventory import PortNotFoundError, found_ports, port_locker, resolve_port
from engine.errors import EngineError

READ_TIMEOUT_S: Final = 0.2  # where nothing can wake a read: how long a stop or a write may wait
WRITE_TIMEOUT_S: Final = 0.5
_NETWORK: Final = frozenset({"socket", "rfc2217"})


@dataclass(frozen=True, slots=True)
class PortSettings:
    """A port and how its line is set. ``port`` is named as in site.yaml (``engine.devices.port_names``).

    ``rs485``: the port's driver switches a half-duplex RS-485 line to sending and back.
    """

    port: str
    baudrate: int = 9600
    data_bits: int = 8
    parity: str = "N"
    stop_bits: float = 1
    rs485: bool = False

    @property
    def byte_time(self) -> float:
        """Seconds that one byte takes on the wire, start, parity and stop bits included."""
        return (1 + self.data_bits + (self.parity != "N") + self.stop_bits) / self.baudrate

    @property
    def scheme(self) -> str:
        """``socket``, ``rfc2217``, ``loop`` ... or empty for a device of this machine."""
        head, separator, _ = self.port.partition("://")
        return head.lower() if separator else ""


class FailureKind(Enum):
    """Why a port is not open."""

    MISSING = "missing"  # there is no such device here, now
    BUSY = "busy"  # another program has it
    DENIED = "denied"  # this user may not open it
    NOT_SERIAL = "not_serial"  # it exists and is something else: a file, a directory
    UNREACHABLE = "unreachable"  # a network port whose host does not answer, or refuses
    OTHER = "other"  # what the operating system or the back end said


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a port could not be opened, for a person: what, where, and how to mend it."""

    kind: FailureKind
    reason: str
    ports: tuple[str, ...] = ()  # what is here instead, when a device is missing
    suggestion: str | None = None


_KINDS: Final = {
    FailureKind.MISSING: {errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.EIO},
    FailureKind.BUSY: {errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK},
    FailureKind.DENIED: {errno.EACCES, errno.EPERM},
    FailureKind.NOT_SERIAL: {errno.ENOTTY, errno.EISDIR},
}
_SENTENCES: Final = {
    FailureKind.BUSY: "port '{port}' is in use by {user}; close it, or give this device another port",
    FailureKind.DENIED: "no permission to open '{port}'; add the service's user to its group (often dialout)",
    FailureKind.NOT_SERIAL: "'{port}' is not a serial port",
}


class Rs485Error(EngineError):
    """The driver of a port cannot switch a half-duplex line."""


def make_port(settings: PortSettings, waker: Waker, read_timeout_s: float = READ_TIMEOUT_S) -> serial.Serial:
    """The pyserial port for ``settings``, not yet open; a USB adapter is looked for where it is now.

    Raises ValueError when pyserial refuses a setting, PortNotFoundError and AmbiguousPortError.
    """
    if settings.scheme in _NETWORK:
        prepare_backend(waker)
    return serial.serial_for_url(
        resolve_port(settings.port),
        baudrate=settings.baudrate,
        bytesize=settings.data_bits,
        parity=settings.parity,
        stopbits=settings.stop_bits,
        # A socket's reads come after a select and must not wait for the rest of a buffer.
        timeout=0 if settings.scheme == "socket" else read_timeout_s,
        # rfc2217 refuses to have one (its socket has a time-out of its own).
        write_timeout=None if settings.scheme == "rfc2217" else WRITE_TIMEOUT_S,
        exclusive=True,
        do_not_open=True,
    )


def open_port(port: serial.Serial, settings: PortSettings) -> None:
    """Open what :func:`make_port` made. Raises what pyserial raises, and Rs485Error."""
    port.open()
    if not settings.rs485:
        return
    if settings.scheme:
        raise Rs485Error("a port behind a network is switched by its own server; set RS-485 there and not here")
    try:
        port.rs485_mode = RS485Settings()
    except (ValueError, NotImplementedError) as error:  # pyserial wraps what the driver answers
        raise Rs485Error(
            "its driver cannot switch a half-duplex line; an adapter that switches by itself needs no 'rs485'"
        ) from error


def available_ports() -> tuple[str, ...]:
    """The serial ports of this machine, by the names of their devices and links."""
    names = ((port.device, port.by_id) for port in found_ports())
    return tuple(name for pair in names for name in pair if name is not None)


def explain(settings: PortSettings, error: BaseException) -> Failure:
    """Put into words why ``settings`` could not be opened."""
    port = settings.port
    if isinstance(error, PortNotFoundError):
        return Failure(FailureKind.MISSING, str(error), tuple(found.device for found in error.here))
    if isinstance(error, Rs485Error):
        return Failure(FailureKind.OTHER, f"port '{port}' cannot be opened as RS-485: {error}")
    if isinstance(error, EngineError):  # a name that is badly written, or that fits several
        return Failure(FailureKind.OTHER, str(error))
    kind = _kind_of(settings, error)
    if kind is FailureKind.MISSING:
        return _explain_missing(port)
    if kind is FailureKind.UNREACHABLE:
        return Failure(kind, f"'{port}' cannot be reached: {_network_error(error)}")
    sentence = _SENTENCES.get(kind)
    if sentence is None:
        return Failure(kind, f"port '{port}' cannot be opened: {error}")
    user = _user(port) if kind is FailureKind.BUSY else None
    return Failure(kind, sentence.format(port=port, user=user or "another program"))


def _user(port: str) -> str | None:
    try:
        return port_locker(resolve_port(port))
    except EngineError:  # it has left meanwhile
        return None


def _explain_missing(port: str) -> Failure:
    from difflib import get_close_matches

    ports = available_ports()
    close = get_close_matches(port, ports, n=1)
    suggestion = close[0] if close else None
    hint = f"; did you mean '{suggestion}'?" if suggestion else ";"
    here = f"ports here: {', '.join(ports)}" if ports else "no serial port is connected to this machine"
    return Failure(FailureKind.MISSING, f"port '{port}' does not exist{hint} {here}", ports, suggestion)


def _kind_of(settings: PortSettings, error: BaseException) -> FailureKind:
    if settings.scheme in _NETWORK:
        return FailureKind.UNREACHABLE if _network_error(error) else FailureKind.OTHER
    numbers = {number for link in _chain(error) if (number := _errno(link)) is not None}
    for kind, members in _KINDS.items():
        if numbers & members:
            return kind
    # On Windows pyserial keeps only the text of the system's error.
    text = str(error)
    if "FileNotFoundError" in text:
        return FailureKind.MISSING
    return FailureKind.BUSY if "PermissionError" in text else FailureKind.OTHER


def _network_error(error: BaseException) -> OSError | None:
    """What the network said, from under pyserial's wrapping; None when it is the URL that is wrong."""
    for link in _chain(error):
        if isinstance(link, OSError) and not isinstance(link, serial.SerialException):
            return link
    return None


def _errno(error: BaseException) -> int | None:
    # termios.error is no OSError, but carries (number, text) as well.
    number = getattr(error, "errno", None) or next(iter(error.args), None)
    return number if isinstance(number, int) else None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, what it was raised from, and so on: pyserial wraps the system's error into one without a number."""
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or link.__context__


def close_quietly(port: serial.SerialBase) -> None:
    """Close a port of which nothing more is wanted, whatever state it is in."""
    with contextlib.suppress(Exception):
        port.close()
