"""The card table, without any database: how a card's number is written, what may be kept, what an import changes.

A number is upper-case hexadecimal digits, as readers give it. A card that is known only by the decimal number printed
on it has a ``?`` for every digit that is not printed: EM4100 cards show their low 32 bits (or 24), and what stands
before them is not known until the card is read (``??006091E1``, ``????6091E1``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from engine.ports import Card, CardChanges, StoreError
from engine.store.texts import clean_text

MAX_TEXT: Final = 255  # characters of a name, a kind, or a column's name
MAX_EXTRA: Final = 16 << 10  # characters of everything else about one card
_NUMBER: Final = re.compile(r"(\?\?){0,2}([0-9A-F]{2}){2,24}")
_SEPARATORS: Final = re.compile(r"[\s:.-]+")
_EM4100_DIGITS: Final = 10
_PRINTED_DIGITS: Final = 8


def normal_uid(text: str) -> str:
    """A card's number as the table has it: upper case, without what is written between bytes."""
    return _SEPARATORS.sub("", text).upper()


def is_uid(text: str) -> bool:
    """Whether a text is a card's number as the table has it."""
    return _NUMBER.fullmatch(text) is not None


def names_of(uid: str) -> tuple[str, ...]:
    """Under what a card that was read may stand in the table, the surest first."""
    uid = normal_uid(uid)
    if len(uid) not in (_EM4100_DIGITS, _PRINTED_DIGITS):
        return (uid,)
    low = uid[-_PRINTED_DIGITS:]  # all that some terminals tell of a card
    return (uid, f"??{low}", f"????{low[2:]}")


def check_card(card: Card) -> None:
    """Refuse what no table could hold. Raises StoreError saying what and why."""
    if not is_uid(card.uid):
        raise StoreError(f"'{card.uid:.60}' is no card's number: two hexadecimal digits for every byte, in upper case")
    for what, text in (("name", card.name), ("kind", card.kind), *((name, name) for name in card.extra)):
        if len(text) > MAX_TEXT or clean_text(text) != text:
            raise StoreError(f"card {card.uid}: {what} {text!r:.60} cannot be stored; at most {MAX_TEXT} characters")
    if any(not isinstance(value, str) or clean_text(value) != value for value in card.extra.values()):
        raise StoreError(f"card {card.uid}: what stands beside its name must be texts that can be stored")
    if len(extra_text(card)) > MAX_EXTRA:
        raise StoreError(f"card {card.uid}: more than {MAX_EXTRA} characters stand beside its name")


def extra_text(card: Card) -> str:
    """The column ``extra``."""
    return json.dumps(dict(card.extra), ensure_ascii=False, separators=(",", ":"))


def from_row(row: Any) -> Card:
    """A row of ``cards`` (anything with its columns as attributes) as the port's card. Raises ValueError."""
    extra = json.loads(row.extra)
    if not isinstance(extra, dict):
        raise ValueError(f"extra is an object, not {row.extra!r:.60}")  # noqa: TRY004 - it came from JSON
    return Card(row.uid, row.name, bool(row.active), row.kind, {name: str(value) for name, value in extra.items()})


@dataclass(frozen=True, slots=True)
class Plan:
    """What saving some cards comes to."""

    write: tuple[Card, ...]
    remove: tuple[str, ...]
    changes: CardChanges


def make_plan(known: Mapping[str, Card], given: Sequence[Card], *, replace: bool) -> Plan:
    """What to write and to remove so that the table says what is given; ``replace``: that, and nothing else.

    Raises StoreError for a card that cannot be stored or is given twice.
    """
    for card in given:
        check_card(card)
    _refuse_twins([card.uid for card in given])
    added = [card for card in given if card.uid not in known]
    changed = [card for card in given if card.uid in known and known[card.uid] != card]
    removed = sorted(known.keys() - {card.uid for card in given}) if replace else []
    unchanged = len(given) - len(added) - len(changed)
    return Plan((*added, *changed), tuple(removed), CardChanges(len(added), len(changed), unchanged, len(removed)))


def _refuse_twins(uids: Collection[str]) -> None:
    seen: set[str] = set()
    for uid in uids:
        if uid in seen:
            raise StoreError(f"card {uid} is given twice")
        seen.add(uid)
