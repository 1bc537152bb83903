"""``engine schema``: the JSON Schema by which editors complete and explain what people write."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from engine.cli.command import OK, PROBLEM, Command

_SHIPPED = ""  # --write without a file


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", choices=("chart",), help="of which file; 'chart' names all that is registered here")
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--write",
        nargs="?",
        const=_SHIPPED,
        metavar="FILE",
        help="write it to FILE (default: over the one that ships) instead of the screen",
    )
    how.add_argument("--check", action="store_true", help="only say whether the one that ships is up to date")


def _run(arguments: Namespace) -> int:
    from engine.cli.generate.chart_schema import chart_schema_text
    from engine.cli.validation.bindings import make_registry
    from engine.cli.validation.site import read_bindings

    text = chart_schema_text(make_registry(read_bindings(Path("site.yaml"))))
    if arguments.check:
        return _check(text)
    if arguments.write is None:
        print(text, end="")
        return OK
    target = shipped_file() if arguments.write == _SHIPPED else Path(arguments.write)
    try:
        target.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        print(f"{target} cannot be written: {error.strerror}", file=sys.stderr)
        return PROBLEM
    print(f"{target} written")
    return OK


def _check(text: str) -> int:
    if shipped_file().read_text(encoding="utf-8") == text:
        return OK
    print(f"{shipped_file()} is stale; run: engine schema chart --write", file=sys.stderr)
    return PROBLEM


def shipped_file() -> Path:
    """The schema of charts that ships with the engine."""
    import schemas

    return Path(schemas.__path__[0]) / "chart.schema.json"


COMMAND = Command("schema", "show or write the schema that editors complete by", _add_arguments, _run)
