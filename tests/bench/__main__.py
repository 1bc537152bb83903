"""``python -m tests.bench [SUITE ...]``: measure, and print a table. 1 when a run failed, whatever the figures."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Final

from rich.console import Console

from tests.bench import api, engine, gateway, parsers, station, terminal
from tests.bench.report import Options, Suite, show, write_json

SUITES: Final[tuple[Suite, ...]] = (
    engine.SUITE,
    gateway.SUITE,
    parsers.SUITE,
    terminal.SUITE,
    station.SUITE,
    api.SUITE,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suites that are named, or all."""
    chosen = _parse(arguments)
    console, progress = Console(), Console(stderr=True)
    options = Options(chosen.seconds, lambda text: progress.print(f"[dim]{text}[/]", highlight=False))
    reports = [suite.run(options) for suite in chosen.suites or SUITES]
    if chosen.json:
        print(write_json(reports))
    else:
        for report in reports:
            show(console, report)
    return 1 if any(report.failures for report in reports) else 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    about = "\n".join(f"  {suite.name:<12}{suite.help}" for suite in SUITES)
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description="Measure the product on this machine.",
        epilog=f"suites:\n{about}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("suites", nargs="*", type=_suite, metavar="SUITE", help="which to run (default: all)")
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="how long to measure at work (default: %(default)g)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    return parser.parse_args(arguments)


def _suite(name: str) -> Suite:
    for suite in SUITES:
        if suite.name == name:
            return suite
    raise argparse.ArgumentTypeError(f"no suite is called '{name}'; there are {', '.join(s.name for s in SUITES)}")


if __name__ == "__main__":
    sys.exit(main())
