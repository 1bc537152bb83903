"""``engine probe``: what hangs on a port, with what to write into site.yaml."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Final

from engine.cli.command import OK, PROBLEM, Command, whole_number

_DEFAULT_S: Final = 15


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("port", nargs="*", metavar="PORT", help="as in site.yaml (default: all that are here, at once)")
    parser.add_argument(
        "--ask", action="store_true", help="also ask devices that are silent; never with what zeroes, tares or prints"
    )
    parser.add_argument(
        "--seconds", type=whole_number(1, 600), default=_DEFAULT_S, metavar="N",
        help=f"for how long at most (default: {_DEFAULT_S})",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="as JSON, an object for each port")
    parser.add_argument(
        "--config", type=Path, metavar="FILE",
        help="the site whose own protocols are looked for too (default: site.yaml here, if there is one)",
    )  # fmt: skip


def _run(arguments: Namespace) -> int:
    from engine.cli.known_protocols import known_protocols
    from engine.cli.probe_view import as_object, shown
    from engine.clock import SystemClock
    from engine.devices.inventory import found_ports
    from engine.devices.probe import ProbeSettings, probe_ports

    here = found_ports()
    ports = list(dict.fromkeys(arguments.port or (port.device for port in here)))
    if not ports and not arguments.json:
        print("no serial port is connected to this machine")
    if ports and not arguments.json and sys.stderr.isatty():
        print(f"listening on {', '.join(ports)} for at most {arguments.seconds} s ...", file=sys.stderr)
    settings = ProbeSettings(known_protocols(arguments.config), arguments.seconds, arguments.ask)
    results = []
    for result in probe_ports(ports, settings, SystemClock()):
        results.append(result)
        if not arguments.json:
            print("\n".join(shown(result, here)), flush=True)
    if arguments.json:
        print(json.dumps([as_object(result, here) for result in results], ensure_ascii=False, indent=2))
    return OK if any(result.found for result in results) else PROBLEM


COMMAND = Command("probe", "find out what hangs on a port, and what to write into site.yaml", _add_arguments, _run)
