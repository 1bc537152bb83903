"""``engine station``: the master of a test station, or a demo of one."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from engine.cli.command import OK, PROBLEM, USAGE, Command, whole_number

_MOST_RUNS = 100_000
_EXTRA = ("zmq", "setproctitle", "fastapi")  # what the extra 'station' brings
_KEY_ACTIONS = {
    "new": "make a key and show it, this once",
    "list": "whose keys there are",
    "revoke": "take a key away; who has it is out at once",
}


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="the station's file (default: ./station.yaml)")
    parser.add_argument("--demo", action="store_true", help="run four simulated batches in a folder of their own")
    parser.add_argument(
        "--runs", type=whole_number(1, _MOST_RUNS), metavar="N", help="with --demo: end after so many runs in all"
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    key = actions.add_parser("key", help="the keys that callers of the API show")
    keys = key.add_subparsers(dest="what", metavar="WHAT", required=True)
    for name, about in _KEY_ACTIONS.items():
        one = keys.add_parser(name, help=about, description=about)
        if name != "list":
            one.add_argument("name", metavar="NAME", help="whose key it is, as in line-3")
        one.add_argument("--config", type=Path, metavar="FILE", help="the station's file (default: ./station.yaml)")


def _run(arguments: Namespace) -> int:
    if arguments.action == "key":
        from engine.cli.station_keys import run_keys

        return run_keys(arguments.what, getattr(arguments, "name", ""), arguments.config or Path("station.yaml"))
    if arguments.demo and arguments.config is not None:
        return _misused("--demo brings a configuration of its own; leave --config out")
    if arguments.runs is not None and not arguments.demo:
        return _misused("--runs is for --demo")
    if not _is_installed():
        return PROBLEM
    if arguments.demo:
        from engine.cli.station_demo import run_demo

        return OK if run_demo(arguments.runs) else PROBLEM
    path = arguments.config or Path("station.yaml")
    if not _fits(path):
        return PROBLEM
    from engine.station.run import run_station

    return run_station(path)


def _misused(reason: str) -> int:
    print(f"engine station: error: {reason}", file=sys.stderr)
    return USAGE


def _is_installed() -> bool:
    from importlib.util import find_spec

    missing = [name for name in _EXTRA if find_spec(name) is None]
    if missing:
        print(
            f"engine station: error: this needs the extra 'station', for {', '.join(missing)}; "
            "install it: uv sync --extra station",
            file=sys.stderr,
        )
    return not missing


def _fits(path: Path) -> bool:
    """Whether the file and its sequences are right; asked in another process, for that imports their drivers."""
    import subprocess

    checked = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "engine", "validate", str(path)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if checked.returncode != OK:
        sys.stderr.write((checked.stdout + checked.stderr).decode("utf-8", "replace"))
    return checked.returncode == OK


COMMAND = Command("station", "run a test station: its batches, their results, and its API", _add_arguments, _run)
