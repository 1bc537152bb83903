"""``engine run``: the headless service."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from engine.cli.command import Command


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="the site file (default: ./site.yaml, then site.yaml in the platform's configuration folders)",
    )
    parser.add_argument(
        "--record", type=Path, metavar="DIR", help="record every byte of every port there (see engine replay)"
    )
    parser.add_argument(
        "--trace", type=Path, metavar="DIR", help="write there what every machine does (see engine graph --trace)"
    )


def _run(arguments: Namespace) -> int:
    from engine.service.run import run_service

    return run_service(arguments.config, arguments.record, arguments.trace)


COMMAND = Command("run", "run the gateway of a site until SIGTERM or SIGINT", _add_arguments, _run)
