"""``engine decode``: bytes from a file or standard input into readings, one JSON object a line."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from engine.cli.command import OK, PROBLEM, USAGE, Command
from engine.cli.failures import nobody_reads
from engine.errors import DiagnosticError, EngineError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.cli.decoding import Decoder
    from parsers import Parser

_STANDARD_INPUT: Final = "-"


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--protocol", required=True, metavar="NAME",
        help="what the bytes are; several joined by + for an indicator that sends cards as well (cas-22+rdm6300)",
    )  # fmt: skip
    parser.add_argument(
        "--hex", action="store_true", help="the input is hexadecimal text; blanks, line ends and 0x are passed over"
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE",
        help="the site.yaml whose own protocols are known too (default: site.yaml here, if there is one)",
    )  # fmt: skip
    parser.add_argument(
        "file", nargs="?", default=_STANDARD_INPUT, metavar="FILE", help="what to read (default: -, standard input)"
    )


def _run(arguments: Namespace) -> int:
    from parsers import ProtocolError

    try:
        parser = _make_parser(arguments.protocol, arguments.config)
    except ProtocolError as error:
        return _misused(str(error))
    if arguments.file == _STANDARD_INPUT:
        return _decode(sys.stdin.buffer, parser, is_hex=arguments.hex)
    try:
        stream = Path(arguments.file).open("rb")  # noqa: SIM115 - what is wrong with the file is told, not what is in it
    except OSError as error:
        return _misused(f"'{arguments.file}' cannot be read: {error.strerror or error}")
    with stream:
        return _decode(stream, parser, is_hex=arguments.hex)


def _make_parser(name: str, config: Path | None) -> Parser:
    """Raises ProtocolError for a protocol that neither ships nor is the site's own, and EngineError for a bad site."""
    from parsers import PROTOCOLS, make_parser

    names = name.split("+")
    if config is not None or any(one not in PROTOCOLS for one in names):
        _learn_protocols(config, names)
    return make_parser(names)


def _learn_protocols(config: Path | None, names: list[str]) -> None:
    """Make known what installed packages and the site add. Raises EngineError for a bad site."""
    from engine.cli.known_protocols import known_protocols
    from engine.service.protocols import site_protocols
    from parsers import PROTOCOLS

    if config is not None and not config.is_file():
        raise EngineError(f"'{config}' is no file; name the site.yaml")
    known_protocols(config)
    missing = [name for name in names if name not in PROTOCOLS]
    folder = Path() if config is None else config.parent
    beside = site_protocols(folder, PROTOCOLS).profiles if missing else []
    broken = [profile for profile in beside if profile.name in missing and profile.problems]
    if broken:
        raise DiagnosticError(problem for profile in broken for problem in profile.problems)


def _decode(stream: BinaryIO, parser: Parser, *, is_hex: bool) -> int:
    from engine.cli.decoding import Decoder, hex_chunks, raw_chunks

    decoder = Decoder(parser)
    try:
        _print_all(decoder, hex_chunks(stream) if is_hex else raw_chunks(stream))
    except BrokenPipeError:
        if not nobody_reads():
            raise
        return OK  # who reads this has seen enough
    except (KeyboardInterrupt, EngineError):
        _tell_thrown_away(decoder)
        raise
    _tell_thrown_away(decoder)
    if decoder.received and not decoder.readings:
        print(f"no reading in {decoder.received} bytes", file=sys.stderr)
        return PROBLEM
    return OK


def _print_all(decoder: Decoder, chunks: Iterable[bytes]) -> None:
    for chunk in chunks:
        lines = decoder.feed(chunk)
        if lines:
            sys.stdout.write("".join(f"{line}\n" for line in lines))
            sys.stdout.flush()  # whoever follows a device live sees each reading as it comes


def _tell_thrown_away(decoder: Decoder) -> None:
    decoder.end()
    for line in decoder.thrown_away():
        print(line, file=sys.stderr)


def _misused(message: str) -> int:
    print(f"engine decode: error: {message}", file=sys.stderr)
    return USAGE


COMMAND = Command(
    "decode", "turn bytes from a file or a pipe into readings, one JSON object a line", _add_arguments, _run
)
