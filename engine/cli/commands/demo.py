"""``engine demo``: the gateway in a simulated hall."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path

from engine.cli.command import Command, duration, whole_number

_MOST_BOXES = 10_000
_CHARTS = ("weighing", "terminal-weighing")  # as engine.sim.demo has them, without its imports
_MOST_LINES = 16  # a card's first byte and a machine's patience would allow more


def _add_arguments(parser: ArgumentParser) -> None:
    # As engine.sim.transport decides it, without its imports.
    transports = ("pty", "socket") if hasattr(os, "openpty") else ("socket",)
    parser.add_argument(
        "--boxes",
        type=whole_number(1, _MOST_BOXES),
        default=8,
        metavar="N",
        help="end after so many boxes in all (default: %(default)s)",
    )
    parser.add_argument(
        "--chart",
        choices=_CHARTS,
        default=_CHARTS[0],
        help="what the lines are: a scale and a reader each, or an unmanned terminal (default: %(default)s)",
    )
    parser.add_argument(
        "--lines",
        type=whole_number(1, _MOST_LINES),
        default=1,
        metavar="N",
        help="scales, each with a reader and an operator (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=whole_number(0, 2**63),
        default=1,
        metavar="N",
        help="what the boxes and people follow from (default: %(default)s)",
    )
    parser.add_argument(
        "--offline",
        type=duration,
        default=0.0,
        metavar="TIME",
        help="the server is down for so long when the boxes begin, as in 10s",
    )
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="leave the database, the log and site.yaml in this new or empty folder"
    )
    parser.add_argument(
        "--transport",
        choices=transports,
        default=transports[0],
        help="what the serial lines are made of (default: %(default)s)",
    )


def _run(arguments: Namespace) -> int:
    from rich.console import Console

    console = Console()
    if console.is_terminal:
        console.print("[dim]setting up the hall ...[/]")  # the imports below take a second on a slow machine

    from engine.sim.demo import DemoOptions, run_demo
    from engine.sim.demo_view import make_view

    options = DemoOptions(
        boxes=arguments.boxes,
        lines=arguments.lines,
        seed=arguments.seed,
        offline=arguments.offline,
        keep=arguments.keep,
        transport=arguments.transport,
        chart=arguments.chart,
    )
    return run_demo(options, make_view(console))


COMMAND = Command("demo", "show the real service in a simulated hall; ends by itself", _add_arguments, _run)
