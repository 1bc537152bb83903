"""MAC addresses, in the one form that is stored and sent: ``AA:BB:CC:DD:EE:01``."""

from __future__ import annotations

import re
from typing import Final

_FORMS: Final = re.compile(
    r"[0-9a-f]{12}\Z|"  # aabbccddeeff
    r"[0-9a-f]{2}(?P<separator>[:-])(?:[0-9a-f]{2}(?P=separator)){4}[0-9a-f]{2}\Z|"  # AA:BB:.., AA-BB-..
    r"(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}\Z",  # aabb.ccdd.eeff
    re.ASCII | re.IGNORECASE,
)
_MULTICAST: Final = 0x01
_LOCAL: Final = 0x02


def parse_mac(text: str) -> str | None:
    """``text`` in upper case with colons; None when it is not a MAC address of 48 bits."""
    text = text.strip()
    if _FORMS.match(text) is None:
        return None
    digits = re.sub(r"[:.-]", "", text).upper()
    return ":".join(digits[start : start + 2] for start in range(0, 12, 2))


def is_station_address(mac_address: str) -> bool:
    """Whether a parsed address can belong to one interface: not all zero, no multicast.

    The multicast bit is also how ``uuid.getnode`` marks the random number that it answers when it finds no interface.
    """
    return mac_address != "00:00:00:00:00:00" and not _first_octet(mac_address) & _MULTICAST


def is_locally_administered(mac_address: str) -> bool:
    """Whether software or a hypervisor made the address up, rather than a manufacturer burning it in."""
    return bool(_first_octet(mac_address) & _LOCAL)


def _first_octet(mac_address: str) -> int:
    return int(mac_address[:2], 16)
