"""A card that lies on a reader is read once and leaves once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.devices.presence import CardPresence, PresenceEvent


def read(uid):
    return PresenceEvent("read", uid)


def left(uid):
    return PresenceEvent("left", uid)


def test_a_card_that_stays_is_read_once_and_leaves_after_a_silence():
    presence = CardPresence(leave_after=1.0)
    assert presence.sight("A", 0.0) == [read("A")]
    assert [presence.sight("A", n * 0.1) for n in range(1, 31)] == [[]] * 30
    assert presence.next_deadline() == 4.0
    assert presence.tick(3.99) == []
    assert presence.tick(4.0) == [left("A")]
    assert presence.next_deadline() is None
    assert presence.tick(99.0) == []


def test_a_card_sent_once_leaves_too():
    presence = CardPresence(leave_after=1.0)
    presence.sight("A", 5.0)
    assert presence.tick(6.0) == [left("A")]


def test_a_card_that_comes_back_is_read_again_even_when_nobody_looked_meanwhile():
    presence = CardPresence(leave_after=1.0)
    presence.sight("A", 0.0)
    assert presence.sight("A", 2.0) == [left("A"), read("A")]


def test_another_card_in_between_is_its_own_read_and_the_first_is_not_read_twice():
    presence = CardPresence(leave_after=1.0)
    assert presence.sight("A", 0.0) == [read("A")]
    assert presence.sight("B", 0.3) == [read("B")]
    assert presence.sight("A", 0.6) == []
    assert presence.tick(1.3) == [left("B")]
    assert presence.tick(1.6) == [left("A")]


def test_a_reader_that_makes_up_numbers_fills_no_memory():
    presence = CardPresence(leave_after=1.0)
    events = [event for number in range(1000) for event in presence.sight(f"{number:04}", number / 1e6)]
    assert sum(event.kind == "read" for event in events) == 1000
    assert sum(event.kind == "left" for event in events) == 1000 - 32


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 15))))
def test_each_card_comes_and_goes_in_turn_and_nothing_is_left_over(sights):
    presence = CardPresence(leave_after=1.0)
    events, now = [], 0
    for uid, tenths in sights:
        now += tenths
        events += presence.sight(uid, now / 10)
        deadline = presence.next_deadline()
        assert deadline is not None
        assert deadline > now / 10
    events += presence.tick(now / 10 + 1.0)
    assert presence.next_deadline() is None
    for uid in "ABC":
        kinds = [event.kind for event in events if event.uid == uid]
        assert kinds == ["read", "left"] * (len(kinds) // 2)
