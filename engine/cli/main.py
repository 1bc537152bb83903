"""``engine``: the commands, and how each ends. 0 well, 1 an expected problem, 2 misused, 3 a bug of ours."""

from __future__ import annotations

import io
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Final, NoReturn

from engine import __version__
from engine.cli.command import UNREAD, USAGE, Command
from engine.cli.commands import (
    cards,
    decode,
    demo,
    docs,
    explain,
    graph,
    ports,
    probe,
    replay,
    schema,
    sequence,
    sniff,
    station,
    validate,
)
from engine.cli.commands import run as run_command
from engine.cli.failures import guarded, nobody_reads

COMMANDS: Final[tuple[Command, ...]] = (
    demo.COMMAND,
    run_command.COMMAND,
    graph.COMMAND,
    validate.COMMAND,
    sequence.COMMAND,
    station.COMMAND,
    explain.COMMAND,
    schema.COMMAND,
    docs.COMMAND,
    ports.COMMAND,
    probe.COMMAND,
    sniff.COMMAND,
    cards.COMMAND,
    replay.COMMAND,
    decode.COMMAND,
)


def run() -> NoReturn:
    """The console script."""
    try:
        code: object = main()
    except SystemExit as ended:  # misuse, or what argparse has printed by itself
        code = ended.code
    sys.exit(UNREAD if nobody_reads() else code)  # type: ignore[arg-type] # what was caught is raised again


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code. Raises SystemExit for misuse (2), ``--help`` and ``--version`` (0)."""
    _write_whatever_the_console_cannot()
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = _parser()
    _suggest_command(parser, given)
    chosen = parser.parse_args(given)
    if chosen.command is None:
        parser.print_help(sys.stderr)
        return USAGE
    command: Command = chosen.command
    return guarded(lambda: command.run(chosen))


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="engine", description="A statechart engine for the edge: the gateway of a weighing hall, written in YAML."
    )
    parser.add_argument("--version", action="version", version=f"engine {__version__}")
    parser.set_defaults(command=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in COMMANDS:
        subparser = commands.add_parser(command.name, help=command.help, description=command.help)
        subparser.set_defaults(command=command)
        command.add_arguments(subparser)
    return parser


def _suggest_command(parser: ArgumentParser, given: Sequence[str]) -> None:
    word = given[0] if given else "-"
    names = [command.name for command in COMMANDS]
    if word.startswith("-") or word in names:
        return
    from difflib import get_close_matches

    close = get_close_matches(word, names, n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"commands are {', '.join(names)}"
    parser.error(f"no command is called '{word}'; {hint}")


def _write_whatever_the_console_cannot() -> None:
    """A console without Korean letters shows question marks instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
