"""``engine ports``: the serial ports of this machine, what each is known by, and what to write into site.yaml."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from engine.cli.command import OK, Command

if TYPE_CHECKING:
    from collections.abc import Sequence


_HEADS = ("port", "adapter", "USB", "location", "in use by", "in site.yaml")
_NONE = "no serial port is connected to this machine"


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON, an object for each port")


def _run(arguments: Namespace) -> int:
    ports = _described()
    if arguments.json:
        print(json.dumps(ports, ensure_ascii=False, indent=2))
    elif not ports:
        print(_NONE)
    elif sys.stdout.isatty():
        _show_table([_row(port) for port in ports])
    else:
        print("\n".join("\t".join(row) for row in (_HEADS, *map(_row, ports))))
    return OK


def _described() -> list[dict[str, str | None]]:
    from engine.devices.inventory import found_ports, port_user, site_line, site_name

    here = found_ports()
    return [
        {
            "device": port.device,
            "by_id": port.by_id,
            "usb": port.usb,
            "vid": None if port.vid is None else f"{port.vid:04x}",
            "pid": None if port.pid is None else f"{port.pid:04x}",
            "serial_number": port.serial_number,
            "location": port.location,
            "manufacturer": port.manufacturer,
            "product": port.product,
            "used_by": port_user(port.device),
            "site": site_line(site_name(port, here)),
        }
        for port in here
    ]


def _row(port: dict[str, str | None]) -> tuple[str, ...]:
    adapter = " ".join(part for part in (port["manufacturer"], port["product"]) if part)
    cells = (port["device"], adapter, port["usb"], port["location"], port["used_by"], port["site"])
    return tuple(cell or "-" for cell in cells)


def _show_table(rows: Sequence[tuple[str, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*_HEADS)
    for row in rows:
        table.add_row(*(Text(cell, overflow="fold") for cell in row))  # never as markup: an adapter may be called [x]
    Console().print(table)


COMMAND = Command("ports", "list the serial ports of this machine and what they are known by", _add_arguments, _run)
