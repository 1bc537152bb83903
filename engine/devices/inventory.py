"""The serial ports of this machine: what each is known by, who uses it, and which one a name in site.yaml means now."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.devices.port_names import UsbId, parse_port_name
from engine.errors import EngineError

_BY_ID: Final = Path("/dev/serial/by-id")
_PROC: Final = Path("/proc")
_EVERYBODYS: Final = frozenset({"/dev/null", "/dev/zero", "/dev/tty", "/dev/random", "/dev/urandom"})
_PLAIN: Final = re.compile(r"[\w/][\w./:+-]*[\w/]\Z", re.ASCII)
_LOCK: Final = re.compile(r"^\d+: (?:FLOCK|POSIX|OFDLCK)\s+\S+\s+\S+\s+(-?\d+)\s+([0-9a-f]+):([0-9a-f]+):(\d+)\s")


@dataclass(frozen=True, slots=True)
class FoundPort:
    """A port that is there. What is None is not known, as of a port that is no USB adapter."""

    device: str
    by_id: str | None = None
    vid: int | None = None
    pid: int | None = None
    serial_number: str | None = None
    location: str | None = None
    manufacturer: str | None = None
    product: str | None = None

    @property
    def usb(self) -> str | None:
        """Its ``usb:...`` name."""
        if self.vid is None or self.pid is None:
            return None
        return str(UsbId(self.vid, self.pid, self.serial_number))


class PortNotFoundError(EngineError):
    """No port here is what a name in site.yaml describes. ``here`` is what there is instead."""

    def __init__(self, name: str, here: Sequence[FoundPort]) -> None:
        self.here = tuple(here)
        super().__init__(f"port '{name}' is not connected; {_told(here)}")


class AmbiguousPortError(EngineError):
    """A name in site.yaml fits several ports."""

    def __init__(self, name: str, matching: Sequence[FoundPort]) -> None:
        self.matching = tuple(matching)
        each = ", ".join(f"{port.device} ({site_name(port, matching)})" for port in matching)
        super().__init__(f"port '{name}' is {len(matching)} ports here: {each}; write the one that is meant")


def found_ports(by_id: Path = _BY_ID) -> tuple[FoundPort, ...]:
    """The serial ports of this machine, in the order of their names."""
    from serial.tools import list_ports

    try:
        listed = list_ports.comports()
    except Exception:  # noqa: BLE001 - it reads sysfs file by file, and a device that is just leaving breaks it anyhow
        return ()
    links = _links(by_id)
    return tuple(_found(port, links.get(os.path.realpath(port.device))) for port in sorted(listed, key=_order))


def resolve_port(port: str) -> str:
    """The device or URL to open for a port as site.yaml names it. Asked at every opening: adapters move.

    Raises BadPortNameError, PortNotFoundError and AmbiguousPortError.
    """
    wanted = parse_port_name(port)
    if wanted is None:
        return port
    here = found_ports()
    matching = [candidate for candidate in here if wanted.matches(candidate)]
    if not matching:
        raise PortNotFoundError(port, here)
    if len(matching) > 1:
        raise AmbiguousPortError(port, matching)
    return matching[0].device


def site_name(port: FoundPort, here: Sequence[FoundPort]) -> str:
    """The name to write into site.yaml: one that is of this port alone among ``here``, and stays when it moves."""
    if port.by_id is not None:
        return port.by_id
    for name in (port.usb, port.location and f"usb-location:{port.location}"):
        wanted = parse_port_name(name) if name else None
        if wanted is not None and sum(wanted.matches(other) for other in here) == 1:
            return str(wanted)
    return port.device


def site_line(name: str) -> str:
    """``port: NAME`` as it can be pasted into site.yaml, in quotes where YAML needs them."""
    return f"port: {name if _PLAIN.match(name) else json.dumps(name, ensure_ascii=False)}"


def port_locker(device: str, proc: Path = _PROC) -> str | None:
    """Who has locked ``device``, as pyserial does: ``engine (pid 812)``. None: nobody. Only Linux tells."""
    return _processes(_lockers(device, proc), proc)


def port_user(device: str, proc: Path = _PROC) -> str | None:
    """Who has locked ``device`` or, as far as this user may see, has it open; None: nobody known. Only Linux tells.

    This process does not count. A pseudo-terminal's maker may keep it open: there only a lock counts.
    """
    owners = _lockers(device, proc)
    if not owners and not device.startswith("/dev/pts/"):
        owners = _openers(device, proc)
    return _processes(owners - {os.getpid()}, proc)


def _links(folder: Path) -> dict[str, str]:
    """Device -> its link in ``folder``; the first of several."""
    try:
        return {os.path.realpath(link): str(link) for link in sorted(folder.iterdir(), reverse=True)}
    except OSError:
        return {}


def _order(port: object) -> list[int | str]:
    """COM3 comes before COM10."""
    parts = re.split(r"(\d+)", str(getattr(port, "device", "")))
    return [int(part) if index % 2 else part for index, part in enumerate(parts)]


def _found(port: object, by_id: str | None) -> FoundPort:
    names = ("vid", "pid", "serial_number", "location", "manufacturer", "product")
    known = {name: getattr(port, name, None) for name in names}
    return FoundPort(str(getattr(port, "device", "")), by_id, **known)


def _told(here: Sequence[FoundPort]) -> str:
    if not here:
        return "no serial port is connected to this machine"
    names = (site_name(port, here) for port in here)
    each = (
        port.device if port.device == name else f"{port.device} ({name})"
        for port, name in zip(here, names, strict=True)
    )
    return f"ports here: {', '.join(each)}"


def _lockers(device: str, proc: Path) -> set[int]:
    """Whoever took a lock, for every user to see. Zero or less: a process that cannot be named here."""
    try:
        there = Path(device).stat()
        locks = (proc / "locks").read_text(encoding="ascii", errors="replace")
    except OSError:
        return set()
    found = (_LOCK.match(line) for line in locks.splitlines())
    at = os.major(there.st_dev), os.minor(there.st_dev), there.st_ino
    return {
        int(match[1])
        for match in found
        if match is not None and (int(match[2], 16), int(match[3], 16), int(match[4])) == at
    }


def _openers(device: str, proc: Path) -> set[int]:
    target = os.path.realpath(device)
    if target in _EVERYBODYS:
        return set()
    found = set()
    for link in proc.glob("[0-9]*/fd/*"):
        try:
            if os.readlink(link) == target:  # noqa: PTH115 - a Path for each of thousands of links is slow
                found.add(int(link.parts[-3]))
        except OSError:  # it was closed meanwhile, or is somebody else's
            continue
    return found


def _processes(pids: set[int], proc: Path) -> str | None:
    return ", ".join(_process(pid, proc) for pid in sorted(pids)) or None


def _process(pid: int, proc: Path) -> str:
    if pid <= 0:
        return "another program"
    try:
        name = (proc / str(pid) / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return f"pid {pid}"
    return f"{name} (pid {pid})"
