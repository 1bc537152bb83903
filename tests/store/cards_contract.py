"""What every store promises of the card table, run against each implementation."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import pytest
from store_kit import run

from engine.ports import Card, CardChanges, StoreError

OWNER = Card("0A006091E1", "김철수", kind="owner", extra={"조합": "제1수협", "phone": "010-0000-0000"})
FISH = Card("04A1B2C3", "갈치", kind="species")
LOST = Card("04FFFFFF", "분실", is_active=False)
UNKEEPABLE = [
    (Card("0a006091e1"), "no card's number"),
    (Card("0A00609"), "no card's number"),
    (Card("김철수"), "no card's number"),
    (Card("0A00??91E1"), "no card's number"),
    (Card("0A" * 30), "no card's number"),
    (Card("0A00", "x\0"), "name .* cannot be stored"),
    (Card("0A00", "x" * 300), "name .* cannot be stored"),
    (Card("0A00", kind="\ud800"), "kind .* cannot be stored"),
    (Card("0A00", extra={"a": 1}), "must be texts"),  # type: ignore[dict-item] - what is refused
    (Card("0A00", extra={"a": "x" * 20_000}), "more than 16384"),
]


class CardsContract:
    """Subclassed per implementation with a way to open an empty store."""

    def empty(self) -> AbstractAsyncContextManager[Any]:
        raise NotImplementedError

    def test_a_card_is_found_as_it_was_saved(self) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                assert await store.find_card(OWNER.uid) is None
                assert await store.save_cards([OWNER, LOST]) == CardChanges(2, 0, 0, 0)
                assert await store.find_card("0A006091E1") == OWNER
                assert await store.find_card("04FFFFFF") == LOST
                assert await store.find_card("04FFFFFE") is None

        run(scenario())

    @pytest.mark.parametrize("uid", ["0a006091e1", "0A:00:60:91:E1", " 0a-00-60-91-e1 "])
    def test_a_number_is_the_same_card_however_it_is_written(self, uid: str) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                await store.save_cards([OWNER])
                assert await store.find_card(uid) == OWNER

        run(scenario())

    def test_a_card_known_by_its_printed_number_is_found_by_the_whole_one(self) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                printed, short = Card("??006091E1", "십진"), Card("????6091E2", "짧은 십진")
                await store.save_cards([printed, short])
                assert await store.find_card("0A006091E1") == printed
                assert await store.find_card("77AB6091E2") == short
                assert await store.find_card("006091E1") == printed  # from a terminal that tells no more
                assert await store.find_card("6091E1") is None
                await store.save_cards([OWNER])
                assert await store.find_card("0A006091E1") == OWNER

        run(scenario())

    def test_saving_again_changes_what_differs_and_leaves_the_others(self) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                await store.save_cards([OWNER, FISH, LOST])
                renamed = replace(FISH, name="고등어")
                assert await store.save_cards([OWNER, renamed]) == CardChanges(0, 1, 1, 0)
                assert await store.list_cards() == [renamed, LOST, OWNER]

        run(scenario())

    def test_replacing_removes_what_is_not_given(self) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                await store.save_cards([OWNER, FISH])
                assert await store.save_cards([FISH, LOST], replace=True) == CardChanges(1, 0, 1, 1)
                assert await store.list_cards() == [FISH, LOST]

        run(scenario())

    def test_a_dry_run_tells_and_changes_nothing(self) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                await store.save_cards([OWNER, FISH])
                changes = await store.save_cards([FISH, LOST], replace=True, dry_run=True)
                assert changes == CardChanges(1, 0, 1, 1)
                assert await store.list_cards() == [FISH, OWNER]

        run(scenario())

    @pytest.mark.parametrize(("card", "reason"), UNKEEPABLE)
    def test_what_cannot_be_stored_is_refused_and_nothing_of_it_saved(self, card: Card, reason: str) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                with pytest.raises(StoreError, match=reason):
                    await store.save_cards([FISH, card])
                assert await store.list_cards() == []

        run(scenario())

    def test_a_card_that_is_given_twice_is_refused(self) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                with pytest.raises(StoreError, match="04A1B2C3 is given twice"):
                    await store.save_cards([FISH, OWNER, replace(FISH, name="other")])
                assert await store.list_cards() == []

        run(scenario())

    def test_many_cards_are_listed_in_pages(self) -> None:
        async def scenario() -> None:
            async with self.empty() as store:
                cards = [Card(f"{number:08X}", str(number)) for number in range(25)]
                await store.save_cards(cards)
                found: list[Card] = []
                while page := await store.list_cards(found[-1].uid if found else "", 10):
                    found += page
                assert found == cards

        run(scenario())
