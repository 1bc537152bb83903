"""The machine's network interfaces and its default route, read from the operating system into plain tables."""

from __future__ import annotations

import contextlib
import platform
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.net.mac import is_locally_administered, is_station_address, parse_mac

SYS_NET: Final = Path("/sys/class/net")
PROC_ROUTE: Final = Path("/proc/net/route")

_FLAG_UP: Final = 0x1  # RTF_UP of linux/route.h
_ASSIGNED_RANDOMLY: Final = 1  # NET_ADDR_RANDOM of linux/netdevice.h
_ASSIGNED_BY_SOFTWARE: Final = 3  # NET_ADDR_SET: a bond's, or one made up for privacy on a foreign Wi-Fi
_ROUTE_COLUMNS: Final = 8

# Elsewhere than on Linux nothing tells a virtual interface but its name.
_VIRTUAL_NAMES: Final = re.compile(
    r"vethernet|virtual|vmware|vmnet|vbox|hyper-v|loopback|lo\d*\Z|bluetooth|tap|tun|utun|wintun|wireguard|tailscale|"
    r"zerotier|docker|bridge|br-|veth|awdl|llw|anpi|ap\d|gif|stf|npcap|isatap|teredo|ppp|ipsec",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Interface:
    """One network interface. ``mac_address`` is '' when it has none that could identify a machine.

    ``lower`` names the interfaces that a bridge, VLAN or bond stands on.
    """

    name: str
    mac_address: str = ""
    ip_address: str = ""
    is_physical: bool = False
    lower: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NetworkTables:
    """All interfaces, and the name of the one that the default route leaves by (None: there is no such route)."""

    interfaces: tuple[Interface, ...]
    default_route: str | None = None


def read_tables() -> NetworkTables:
    """The tables of this machine, now. Sends nothing and never raises; an unreadable table is an empty one."""
    addresses = _ip_addresses()
    if platform.system() == "Linux":  # not sys.platform: a type checker would take the rest for dead
        return NetworkTables(linux_interfaces(SYS_NET, addresses), linux_default_route(_read(PROC_ROUTE)))
    return NetworkTables(_psutil_interfaces(addresses), _interface_of(_source_address(), addresses))


def linux_default_route(table: str) -> str | None:
    """The interface of the default route with the lowest metric in the text of ``/proc/net/route`` (IPv4)."""
    best: tuple[int, str] | None = None
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) < _ROUTE_COLUMNS:
            continue
        name, destination, _gateway, flags, _, _, metric, mask = fields[:_ROUTE_COLUMNS]
        with contextlib.suppress(ValueError):
            is_default = int(destination, 16) == 0 and int(mask, 16) == 0 and int(flags, 16) & _FLAG_UP
            if is_default and (best is None or int(metric) < best[0]):
                best = int(metric), name
    return best[1] if best else None


def linux_interfaces(root: Path, addresses: Mapping[str, str]) -> tuple[Interface, ...]:
    """The interfaces below ``root`` (``/sys/class/net``), sorted by name; ``addresses`` are their IPv4 addresses.

    Behind a physical one stands a device; a bridge, VLAN or bond names what it stands on in ``lower_*``.
    """
    try:
        folders = sorted(folder for folder in root.iterdir() if folder.is_dir())
    except OSError:
        return ()
    return tuple(
        Interface(
            name=folder.name,
            mac_address=_linux_mac(folder),
            ip_address=addresses.get(folder.name, ""),
            is_physical=(folder / "device").exists(),
            lower=tuple(sorted(link.name.removeprefix("lower_") for link in folder.glob("lower_*"))),
        )
        for folder in folders
    )


def _linux_mac(folder: Path) -> str:
    mac_address = parse_mac(_read(folder / "address")) or ""
    if not mac_address or not is_station_address(mac_address):
        return ""
    assigned = _read(folder / "addr_assign_type").strip()
    is_random = assigned == str(_ASSIGNED_RANDOMLY)
    is_made_up = assigned == str(_ASSIGNED_BY_SOFTWARE) and is_locally_administered(mac_address)
    return "" if is_random or is_made_up else mac_address


def named_as_virtual(name: str) -> bool:
    """Whether an interface's name is one that virtual machines, VPNs and the like give (Windows, macOS)."""
    return _VIRTUAL_NAMES.match(name) is not None


def _psutil_interfaces(addresses: Mapping[str, str]) -> tuple[Interface, ...]:
    import psutil

    found = []
    for name, entries in sorted(psutil.net_if_addrs().items()):
        macs = [parse_mac(entry.address) for entry in entries if entry.family == psutil.AF_LINK]
        usable = [mac for mac in macs if mac is not None and is_station_address(mac)]
        found.append(
            Interface(
                name=name,
                mac_address=usable[0] if usable else "",
                ip_address=addresses.get(name, ""),
                is_physical=not named_as_virtual(name),
            )
        )
    return tuple(found)


def _ip_addresses() -> dict[str, str]:
    import psutil

    addresses: dict[str, str] = {}
    with contextlib.suppress(OSError):
        for name, entries in psutil.net_if_addrs().items():
            for entry in entries:
                if entry.family == socket.AF_INET:
                    addresses.setdefault(name, entry.address)
    return addresses


def _interface_of(ip_address: str | None, addresses: Mapping[str, str]) -> str | None:
    names: Sequence[str] = [name for name, address in addresses.items() if ip_address and address == ip_address]
    return names[0] if names else None


def _source_address() -> str | None:
    """The address that the default route sends from.

    Connecting a UDP socket asks the routing table and sends nothing; 192.0.2.1 is reserved for documentation
    (RFC 5737), so no more specific route leads there.
    """
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
