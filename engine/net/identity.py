"""How this machine presents itself to the central server: MAC address, host name, IP address (FR-01)."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from engine.errors import EngineError
from engine.net.interfaces import Interface, NetworkTables, read_tables
from engine.net.mac import is_station_address, parse_mac
from engine.ports import GatewayIdentity

_MAX_HOSTNAME = 255  # characters of the ``hostname`` column (4.1 of the requirements)
_NO_ADDRESS = "127.0.0.1"


class IdentityError(EngineError):
    """The gateway's MAC address cannot be told, or is not written as one."""


def discover_identity(
    name: str, mac: str = "auto", *, tables: NetworkTables | None = None, hostname: str | None = None
) -> GatewayIdentity:
    """Who this gateway is. ``mac`` is ``gateway.mac_address`` of ``site.yaml``: an address, or ``auto``.

    ``auto`` is the physical interface that carries the default route, else the first physical one by name; store it
    when chosen, for a new network card must not make a new gateway. Raises IdentityError.
    """
    tables = tables if tables is not None else read_tables()
    mac_address = choose_interface(tables).mac_address if mac == "auto" else normalise_mac(mac)
    return GatewayIdentity(
        mac_address=mac_address,
        hostname=(hostname if hostname is not None else socket.gethostname())[:_MAX_HOSTNAME],
        ip_address=_ip_address(tables, mac_address),
        name=name,
    )


def normalise_mac(text: str) -> str:
    """``aa-bb-cc-dd-ee-01`` and its like as ``AA:BB:CC:DD:EE:01``. Raises IdentityError."""
    mac_address = parse_mac(text)
    if mac_address is None:
        raise IdentityError(
            f"gateway.mac_address: '{text}' is not a MAC address; write it as AA:BB:CC:DD:EE:01, or write auto"
        )
    if not is_station_address(mac_address):
        raise IdentityError(
            f"gateway.mac_address: '{text}' belongs to no single interface (all zero, or a multicast address);"
            " write the one printed on the network card"
        )
    return mac_address


def choose_interface(tables: NetworkTables) -> Interface:
    """The physical interface with a MAC address under the default route, else the first one by name.

    Raises IdentityError when there is none, as in a container: a random address would be a new gateway each time.
    """
    by_name = {interface.name: interface for interface in tables.interfaces}
    if tables.default_route is not None:
        for interface in _standing_on(by_name, tables.default_route, set()):
            if _can_identify(interface):
                return interface
    for name in sorted(by_name):
        if _can_identify(by_name[name]):
            return by_name[name]
    raise IdentityError(
        "gateway.mac_address: no physical network interface was found; instead of auto, write an address that"
        " stays with this machine, as in AA:BB:CC:DD:EE:01"
    )


def _can_identify(interface: Interface) -> bool:
    return interface.is_physical and bool(interface.mac_address)


def _standing_on(by_name: dict[str, Interface], name: str, seen: set[str]) -> Iterator[Interface]:
    """The interface ``name`` and, depth first, those that a VLAN, bridge or bond of that name stands on."""
    if name in by_name and name not in seen:
        seen.add(name)
        yield by_name[name]
        for lower in by_name[name].lower:
            yield from _standing_on(by_name, lower, seen)


def _ip_address(tables: NetworkTables, mac_address: str) -> str:
    """The IPv4 address to show: the default route's, else that of the interface with this MAC address, else loopback.

    A bridge or VLAN carries the address, not the card under it.
    """
    by_route = [i.ip_address for i in tables.interfaces if i.name == tables.default_route]
    by_mac = [i.ip_address for i in tables.interfaces if i.mac_address == mac_address]
    return next((address for address in [*by_route, *by_mac] if address), _NO_ADDRESS)
