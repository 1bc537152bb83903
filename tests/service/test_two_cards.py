"""A box with two cards, an owner's and a species': a chart of one page says so, in whichever order they come."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.bindings.shipped import shipped_registry
from engine.chart.lint.check import check_chart
from engine.ports import Card
from engine.testing.terminal_world import TerminalWorld
from engine.testing.world import q

# What a card is, the local card table says: cards.lookup answers with the card's kind.
TWO_CARDS = """\
chart: two-cards
extends: terminal-weighing
data:
  kind:    null
  owner:   {type: text}
  species: {type: text}
states:
  idle:
    entry:
      - light.set: green
      - voice.say: touch_card
      - assign: {uid: null, name: null, vehicle: null, customer: null, product: null, invited: false}
      - assign: {owner: null, species: null}
  looking_up:
    invoke:
      on:
        known:
          - target: sorting
            when: event.kind == 'owner'
            actions: [{assign: {owner: "${data.uid}", name: "${event.name}"}}]
          - {target: sorting, when: event.kind == 'species', actions: [{assign: {species: "${data.uid}"}}]}
          - {target: refused, actions: [{assign: {voice: ask_manager}}]}
  sorting:
    always:
      - {target: measuring, when: data.owner != None and data.species != None, actions: [{voice.say: one_moment}]}
      - {target: other_card}
  other_card:
    entry: [{light.set: green}, {voice.say: touch_card}]
    on:
      card.read: {target: looking_up, when: event.uid != data.uid, actions: [{assign: {uid: "${event.uid}"}}]}
    after: {10 s: idle}
  saving:
    invoke:
      with: {rfid_uid: "${data.owner}", extra: {kind: null, species: "${data.species}"}}
"""
OWNER, OTHER_OWNER, SPECIES, BOAT = "0A1B2C3D", "0A1B2C3E", "11223344", "55667788"
CARDS = (
    Card(OWNER, "김선장", kind="owner"),
    Card(OTHER_OWNER, "이선장", kind="owner"),
    Card(SPECIES, "고등어", kind="species"),
    Card(BOAT, "배", kind="boat"),
)


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[TerminalWorld]:
    chart = tmp_path / "two-cards.yaml"
    chart.write_text(TWO_CARDS, encoding="utf-8")
    with TerminalWorld(chart=chart, settings={"keys_for": "1 s"}, cards=CARDS) as world:
        world.start()
        world.advance(0.5)
        yield world


def test_the_chart_is_sound(tmp_path: Path) -> None:
    chart = tmp_path / "two-cards.yaml"
    chart.write_text(TWO_CARDS, encoding="utf-8")
    assert check_chart(chart, shipped_registry()).findings == ()


def touch(hall: TerminalWorld, *cards: str) -> None:
    for card in cards:
        hall.card(card)
        hall.advance(1.0)


def recorded(hall: TerminalWorld) -> list[tuple[str, object, object]]:
    return [(record.rfid_uid, record.extra["species"], record.extra["name"]) for record in hall.records]


@pytest.mark.parametrize("order", [(OWNER, SPECIES), (SPECIES, OWNER)])
def test_two_cards_make_one_record_in_either_order(hall: TerminalWorld, order: tuple[str, str]) -> None:
    hall.put(q("12.34 kg"))
    touch(hall, *order)
    hall.advance(10.0)
    assert recorded(hall) == [(OWNER, SPECIES, "김선장")]


def test_one_card_alone_or_twice_or_two_of_one_kind_weigh_nothing(hall: TerminalWorld) -> None:
    hall.put(q("12.34 kg"))
    touch(hall, OWNER, OWNER)
    hall.advance(15.0)
    assert hall.is_in("idle"), "the other card never came"
    touch(hall, SPECIES)
    hall.advance(15.0)
    assert recorded(hall) == [], "the owner of before is forgotten"


def test_the_last_card_of_a_kind_holds(hall: TerminalWorld) -> None:
    hall.put(q("12.34 kg"))
    touch(hall, OWNER, OTHER_OWNER, SPECIES)
    hall.advance(10.0)
    assert recorded(hall) == [(OTHER_OWNER, SPECIES, "이선장")]


def test_a_card_of_another_kind_is_refused(hall: TerminalWorld) -> None:
    hall.put(q("12.34 kg"))
    touch(hall, BOAT, OWNER)
    hall.advance(20.0)
    assert recorded(hall) == []
