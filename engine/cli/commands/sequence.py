"""``engine sequence run``: one run of a sequence in the terminal, no station needed."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli.command import OK, PROBLEM, USAGE, Command

if TYPE_CHECKING:
    from engine.sequence.faults import Fault


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ArgumentTypeError(f"'{text}' is no NAME=VALUE")
    return name, value


def _config(text: str) -> tuple[str, str, str]:
    name, value = _pair(text)
    hardware, dot, field = name.partition(".")
    if not dot or not field:
        raise ArgumentTypeError(f"'{text}' is no HARDWARE.NAME=VALUE")
    return hardware, field, value


def _fault(text: str) -> Fault:
    from engine.sequence.faults import FaultError, parse_fault

    try:
        return parse_fault(text)
    except FaultError as error:
        raise ArgumentTypeError(str(error)) from error


def _add_arguments(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    run = actions.add_parser("run", help="run a sequence once, with live progress")
    run.add_argument("package", metavar="PACKAGE", help="a shipped sequence's name, or a package's folder")
    run.add_argument(
        "--param", type=_pair, action="append", default=[], metavar="NAME=VALUE", help="a parameter, as in vin=12"
    )
    run.add_argument("--simulate", action="store_true", help="drive the simulated twins of all hardware")
    run.add_argument(
        "--fault", type=_fault, action="append", default=[], metavar="HW.COMMAND=KIND",
        help="with --simulate: drift, timeout, exception, crash or hang; @3 for the third call, %%5 for 5 in a hundred",
    )  # fmt: skip
    run.add_argument(
        "--config", type=_config, action="append", default=[], metavar="HW.NAME=VALUE",
        help="what the driver of a piece of hardware needs, as in psu.port=/dev/ttyUSB0",
    )  # fmt: skip
    run.add_argument(
        "--answer", type=_pair, action="append", default=[], metavar="STEP=TEXT", help="the answer to a step's question"
    )
    run.add_argument("--junit", type=Path, metavar="FILE", help="write the result as JUnit XML")
    run.add_argument("--json", action="store_true", help="write the result as JSON instead of progress")


def _run(arguments: Namespace) -> int:
    from engine.cli.sequence_run import Options, UsageError, run_in_terminal

    config: dict[str, dict[str, object]] = {}
    for hardware, field, value in arguments.config:
        config.setdefault(hardware, {})[field] = value
    options = Options(
        package=arguments.package,
        parameters=dict(arguments.param),
        simulate=arguments.simulate,
        faults=tuple(arguments.fault),
        config=config,
        answers=dict(arguments.answer),
        junit=arguments.junit,
        is_json=arguments.json,
    )
    try:
        return OK if run_in_terminal(options) else PROBLEM
    except UsageError as error:
        error.tell()
        return USAGE


COMMAND = Command("sequence", "run a test sequence in the terminal", _add_arguments, _run)
