"""The list of cards of a central server that has one: pages of JSON, as Django REST framework makes them.

    GET api/cards/          Authorization: Bearer {access_token}
    200 {"results": [{"uid": "0A006091E1", "name": "김철수", "active": true, "kind": "owner", ...}], "next": null}

``next`` is the address of the next page; only its query is used, so that nothing is ever sent to another host. 404 says
that this server has no such list. What else stands in a card is kept beside it as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from engine.net.answers import Answer, NoAnswer
from engine.net.http_client import HttpClient
from engine.ports import Card, CardList, CardListKind, Secret

_MOST_PAGES: Final = 1000
_OWN: Final = frozenset({"uid", "name", "active", "kind"})
_REFUSED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


async def fetch_cards(http: HttpClient, path: str, token: Secret) -> CardList:
    """All pages of a list. Never raises on an answer."""
    cards: list[Card] = []
    query = ""
    for _ in range(_MOST_PAGES):
        answer = await http.exchange("GET", path + query, token=token)
        if isinstance(answer, NoAnswer):
            return CardList(CardListKind.UNREACHABLE, reason=answer.reason)
        page = _read(answer)
        if not isinstance(page, tuple):
            return page
        cards += page[0]
        if not page[1]:
            return CardList(CardListKind.DONE, tuple(cards))
        query = page[1]
    return CardList(CardListKind.UNREACHABLE, reason=f"the list has more than {_MOST_PAGES} pages")


def _read(answer: Answer) -> tuple[list[Card], str] | CardList:
    """The cards of a page and the query of the next one; or what else the answer says."""
    if answer.status_code == HTTPStatus.NOT_FOUND:
        return CardList(CardListKind.UNSUPPORTED, reason=answer.describe)
    if answer.status_code in _REFUSED:
        return CardList(CardListKind.REFUSED, reason=answer.describe)
    document = answer.document
    if answer.status_code != HTTPStatus.OK or document is None:
        return CardList(CardListKind.UNREACHABLE, reason=answer.describe, retry_after=answer.retry_after)
    results, following = document.get("results"), document.get("next")
    if not isinstance(results, list) or not all(isinstance(item, dict) and item.get("uid") for item in results):
        return CardList(CardListKind.UNREACHABLE, reason=f"{answer.describe}: no list of cards with their uid")
    query = urlsplit(following).query if isinstance(following, str) else ""
    return [_card(item) for item in results], f"?{query}" if query else ""


def _card(item: Mapping[str, object]) -> Card:
    extra = {str(name): str(value) for name, value in item.items() if name not in _OWN and value not in (None, "")}
    return Card(
        str(item["uid"]),
        str(item.get("name") or ""),
        item.get("active") is not False,
        str(item.get("kind") or ""),
        extra,
    )
