"""The card table for commands: through the running service when there is one, else in the database itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from engine.clock import SystemClock
from engine.ports import Card, CardChanges
from engine.service.control import Command, NotRunningError, ask, control_path
from engine.store import open_store


class CardTable(Protocol):
    """What is done with cards; a part of ``engine.ports.Store``. All raise EngineError."""

    async def find_card(self, uid: str) -> Card | None:
        """The card that was read as ``uid``."""
        ...

    async def save_cards(self, cards: Sequence[Card], *, replace: bool = False, dry_run: bool = False) -> CardChanges:
        """Add or change cards, all or none; ``replace`` removes the others."""
        ...

    async def list_cards(self, after: str = "", limit: int = 1000) -> Sequence[Card]:
        """At most ``limit`` cards in the order of their numbers."""
        ...


@asynccontextmanager
async def open_cards(store_url: str, base_dir: Path) -> AsyncIterator[CardTable]:
    """The card table of a site. Raises StoreError, ControlError."""
    path = control_path(store_url, base_dir)
    try:
        await ask(path, "service.ping")
    except NotRunningError:
        async with await open_store(store_url, base_dir=base_dir, clock=SystemClock()) as store:
            yield store
        return
    yield _RemoteCards(path)


def control_commands(table: CardTable) -> Mapping[str, Command]:
    """What a service does for commands, by the names that :class:`_RemoteCards` uses."""

    async def ping(_arguments: Mapping[str, Any]) -> object:
        return {}

    async def find(arguments: Mapping[str, Any]) -> object:
        card = await table.find_card(str(arguments["uid"]))
        return None if card is None else _plain(card)

    async def save(arguments: Mapping[str, Any]) -> object:
        cards = [_card(fields) for fields in arguments["cards"]]
        return asdict(await table.save_cards(cards, replace=arguments["replace"], dry_run=arguments["dry_run"]))

    async def some(arguments: Mapping[str, Any]) -> object:
        return [_plain(card) for card in await table.list_cards(arguments["after"], arguments["limit"])]

    return {"service.ping": ping, "cards.find": find, "cards.save": save, "cards.list": some}


class _RemoteCards:
    """The card table of a running service."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def find_card(self, uid: str) -> Card | None:
        found = await ask(self._path, "cards.find", {"uid": uid})
        return None if found is None else _card(found)

    async def save_cards(self, cards: Sequence[Card], *, replace: bool = False, dry_run: bool = False) -> CardChanges:
        fields = {"cards": [_plain(card) for card in cards], "replace": replace, "dry_run": dry_run}
        return CardChanges(**await ask(self._path, "cards.save", fields))

    async def list_cards(self, after: str = "", limit: int = 1000) -> Sequence[Card]:
        return [_card(fields) for fields in await ask(self._path, "cards.list", {"after": after, "limit": limit})]


def _plain(card: Card) -> dict[str, object]:
    # Not asdict: it copies deeply, and a read-only mapping cannot be copied.
    return {
        "uid": card.uid,
        "name": card.name,
        "is_active": card.is_active,
        "kind": card.kind,
        "extra": dict(card.extra),
    }


def _card(fields: Mapping[str, Any]) -> Card:
    return Card(**fields)
