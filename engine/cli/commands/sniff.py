"""``engine sniff``: the raw bytes of a port beside the readings that they make, live; Ctrl-C ends it."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.cli.command import INTERRUPTED, OK, USAGE, Command, whole_number
from engine.errors import EngineError

if TYPE_CHECKING:
    from engine.devices.port import PortSettings
    from parsers import ProtocolInfo

_PARITIES: Final = {"none": "N", "even": "E", "odd": "O"}


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("port", metavar="PORT", help="as in site.yaml")
    parser.add_argument(
        "--protocol", action="append", default=[], metavar="NAME",
        help="how to read the bytes; more than once for several (default: every known protocol)",
    )  # fmt: skip
    parser.add_argument("--baudrate", type=whole_number(50, 4_000_000), help="default: the protocol's, or 9600")
    parser.add_argument("--data-bits", type=int, choices=(7, 8), help="default: the protocol's, or 8")
    parser.add_argument("--parity", choices=tuple(_PARITIES), help="default: the protocol's, or none")
    parser.add_argument("--stop-bits", type=int, choices=(1, 2), help="default: the protocol's, or 1")
    parser.add_argument("--ask", action="store_true", help="ask the device as its --protocol does, every 200 ms")
    parser.add_argument("--record", type=Path, metavar="FILE", help="keep everything in a new recording (.rec.gz)")
    parser.add_argument(
        "--config", type=Path, metavar="FILE",
        help="the site whose own protocols are known too (default: site.yaml here, if there is one)",
    )  # fmt: skip


def _run(arguments: Namespace) -> int:
    from engine.cli.known_protocols import known_protocols
    from engine.service import logs

    known = {name: info for info in known_protocols(arguments.config) for name in (info.name, *info.aliases)}
    for name in arguments.protocol:
        if name not in known:
            from parsers import UnknownProtocolError

            return _misused(str(UnknownProtocolError(name, sorted(known))))
    named = tuple(known[name] for name in dict.fromkeys(arguments.protocol))
    questions = [info.ask for info in named if info.ask is not None]
    if arguments.ask and not questions:
        return _misused("--ask needs a --protocol whose devices are asked")
    logs.configure("error", "console")  # the port's ups and downs are shown among the bytes
    protocols = named or tuple(dict.fromkeys(known.values()))
    return _sniff(arguments, _port(arguments, named), protocols, questions if arguments.ask else [])


def _sniff(
    arguments: Namespace, settings: PortSettings, protocols: tuple[ProtocolInfo, ...], questions: list[bytes]
) -> int:
    import asyncio

    from engine.cli.sniffing import Sniffer, sniff
    from engine.clock import SystemClock
    from engine.devices.recording import RecordingWriter

    clock = SystemClock()
    sniffer = Sniffer(protocols, clock)
    try:
        recording = None if arguments.record is None else RecordingWriter(arguments.record, clock)
    except OSError as error:
        raise EngineError(f"'{arguments.record}' cannot be written: {error.strerror or error}") from error

    def show(line: str) -> None:
        print(line, flush=True)

    try:
        asyncio.run(sniff(settings, sniffer, show, clock=clock, questions=questions, recording=recording))
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        if recording is not None:
            recording.close()
    print(f"{sniffer.received} bytes, {sniffer.readings} readings", file=sys.stderr)
    return OK


def _port(arguments: Namespace, named: tuple[ProtocolInfo, ...]) -> PortSettings:
    from engine.devices.port import PortSettings
    from parsers import LineSettings

    line = named[0].line if named else LineSettings()
    return PortSettings(
        arguments.port,
        arguments.baudrate or line.baudrate,
        arguments.data_bits or line.data_bits,
        line.parity if arguments.parity is None else _PARITIES[arguments.parity],
        arguments.stop_bits or line.stop_bits,
    )


def _misused(message: str) -> int:
    print(f"engine sniff: error: {message}", file=sys.stderr)
    return USAGE


COMMAND = Command("sniff", "show the raw bytes of a port beside its readings, live", _add_arguments, _run)
