"""``engine schema``: the JSON Schema by which editors complete and explain what people write."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from engine.cli.command import OK, PROBLEM, Command

_BY_DEFAULT = ""  # --write without a file
_SITE = Path("site.yaml")
_OF_SITE = Path("schemas", "chart.schema.json")  # where charts in a folder of the site look for it


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", choices=("chart",), help="of which file; 'chart' names all that is registered here")
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--write",
        nargs="?",
        const=_BY_DEFAULT,
        metavar="FILE",
        help=f"write it to FILE (default: to {_OF_SITE} of the site that is here, else over the one that ships)",
    )
    how.add_argument("--check", action="store_true", help="only say whether that file is up to date")


def _run(arguments: Namespace) -> int:
    from engine.cli.generate.chart_schema import chart_schema_text
    from engine.cli.validation.bindings import make_registry
    from engine.cli.validation.site import read_bindings

    text = chart_schema_text(make_registry(read_bindings(_SITE)))
    if arguments.check:
        return _check(text)
    if arguments.write is None:
        print(text, end="")
        return OK
    return _write(text, _default_file() if arguments.write == _BY_DEFAULT else Path(arguments.write))


def _default_file() -> Path:
    """A site has bindings of its own, and must not change what all sites share."""
    return _OF_SITE if _SITE.is_file() else shipped_file()


def _write(text: str, target: Path) -> int:
    try:
        if target == _OF_SITE:
            target.parent.mkdir(exist_ok=True)
        target.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        print(f"{target} cannot be written: {error.strerror}", file=sys.stderr)
        return PROBLEM
    print(f"{target} written")
    return OK


def _check(text: str) -> int:
    file = _default_file()
    try:
        if file.read_text(encoding="utf-8") == text:
            return OK
        state = "is stale"
    except (OSError, ValueError) as error:
        state = f"cannot be read ({getattr(error, 'strerror', None) or 'not UTF-8'})"
    print(f"{file} {state}; run: engine schema chart --write", file=sys.stderr)
    return PROBLEM


def shipped_file() -> Path:
    """The schema of charts that ships with the engine."""
    import schemas

    return Path(schemas.__path__[0]) / "chart.schema.json"


COMMAND = Command("schema", "show or write the schema that editors complete by", _add_arguments, _run)
