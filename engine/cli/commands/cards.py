"""``engine cards``: the local table of cards, filled from a file and looked at."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli.command import OK, PROBLEM, Command

if TYPE_CHECKING:
    from engine.ports import Card, CardChanges
    from engine.service.card_csv import CardFile
    from engine.service.card_desk import CardTable

_PAGE = 1000
Ledger = tuple[str, Path]  # its URL, and the folder that it is relative to


def _add_arguments(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(title="what to do", metavar="ACTION", dest="action", required=True)
    load = actions.add_parser("import", help="take cards from a CSV file; all of it, or nothing")
    load.add_argument("file", type=Path, metavar="FILE.csv", help="UTF-8 or CP949; the first row names the columns")
    how = load.add_mutually_exclusive_group()
    how.add_argument("--update", action="store_true", help="add and change cards, keep the others (default)")
    how.add_argument("--replace", action="store_true", help="the file is the whole table: remove all other cards")
    load.add_argument("--dry-run", action="store_true", help="only tell what would change")
    actions.add_parser("list", help="print all cards")
    show = actions.add_parser("show", help="print one card")
    show.add_argument("uid", metavar="UID", help="its number in hexadecimal digits, as a reader gives it")
    for action in actions.choices.values():
        action.add_argument(
            "--config",
            type=Path,
            metavar="FILE",
            help="the site file, or a station's (default: as for engine run, ./site.yaml first)",
        )


def _run(arguments: Namespace) -> int:
    import asyncio
    import os

    if arguments.action == "import":
        from engine.service.card_csv import read_card_file

        found = read_card_file(arguments.file)
        _warn(found, arguments.file)
        return asyncio.run(_import(_ledger(arguments.config, os.environ), found, arguments))
    ledger = _ledger(arguments.config, os.environ)
    return asyncio.run(_list(ledger) if arguments.action == "list" else _show(ledger, arguments.uid))


def _ledger(config: Path | None, env: Mapping[str, str]) -> Ledger:
    """The database of a site, or of the lines of a station."""
    if config is not None and _is_station(config):
        from engine.station.config import data_folder
        from engine.station.settings import LEDGER_URL

        return LEDGER_URL, data_folder(config, env)
    from engine.service.config import load_site

    site = load_site(config, env)
    return site.store_url, site.base_dir


def _is_station(config: Path) -> bool:
    from engine.documents.source import load_yaml

    return "station" in load_yaml(config).root


@asynccontextmanager
async def _open(ledger: Ledger) -> AsyncIterator[CardTable]:
    import structlog

    from engine.service.card_desk import open_cards

    # What the store tells of itself is for the service's log; what goes wrong here is told as an error.
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    try:
        async with open_cards(*ledger) as table:
            yield table
    finally:
        structlog.reset_defaults()


async def _import(ledger: Ledger, found: CardFile, arguments: Namespace) -> int:
    async with _open(ledger) as table:
        changes = await table.save_cards(found.cards, replace=arguments.replace, dry_run=arguments.dry_run)
    print(_summary(changes, is_dry=arguments.dry_run))
    return OK


def _summary(changes: CardChanges, *, is_dry: bool) -> str:
    counted = {
        "added": changes.added,
        "changed": changes.changed,
        "unchanged": changes.unchanged,
        "removed": changes.removed,
    }
    text = ", ".join(f"{count} {what}" for what, count in counted.items())
    return f"would be: {text} (dry run, nothing was written)" if is_dry else text


async def _list(ledger: Ledger) -> int:
    async with _open(ledger) as table:
        after = ""
        while cards := await table.list_cards(after, _PAGE):
            for card in cards:
                print(_line(card))
            after = cards[-1].uid
    return OK


def _line(card: Card) -> str:
    beside = "  ".join(f"{name}={value}" for name, value in card.extra.items())
    standing = "active" if card.is_active else "inactive"
    return "  ".join(
        filter(None, (f"{card.uid:14}", f"{standing:8}", card.name, card.kind and f"({card.kind})", beside))
    )


async def _show(ledger: Ledger, uid: str) -> int:
    async with _open(ledger) as table:
        card = await table.find_card(uid)
    if card is None:
        print(f"no card is called '{uid}'", file=sys.stderr)
        return PROBLEM
    fields = {"uid": card.uid, "name": card.name, "active": "yes" if card.is_active else "no", "kind": card.kind}
    for name, value in {**fields, **card.extra}.items():
        print(f"{name}: {value}")
    return OK


def _warn(found: CardFile, file: Path) -> None:
    from engine.documents.render import language_from_env, render

    lines = file.read_text(encoding="utf-8-sig", errors="replace").splitlines() if found.warnings else None
    for warning in found.warnings:
        print(render(warning, lines, language_from_env()), file=sys.stderr)


COMMAND = Command("cards", "import and look at the local table of cards", _add_arguments, _run)
