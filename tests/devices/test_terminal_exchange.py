"""The master's conversation with a terminal, byte for byte on virtual time."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from terminal_kit import BYTE_S, Played

from engine.devices.terminal.orders import MOST_JOBS, MOST_VOICES, OrderRefusedError
from parsers.suwol import GREEN, RED, Key
from parsers.suwol_device import Poll, RequestCutter, reply_frame, weight_field

ANOTHER = weight_field(Decimal("99.9"), is_stable=True)
RECEIPT = b"\x1b@" + b"receipt" * 40


def polls(played: Played) -> list[Poll]:
    cutter = RequestCutter()
    return [one for _, data in played.sent for one in cutter.feed(data) if isinstance(one, Poll)]


# Time -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("period", [0.1, 0.15, 0.2])
def test_it_is_polled_at_its_period_and_answers_every_time(period: float):
    played = Played(period)
    played.advance(10.0)
    gaps = [later - earlier for (earlier, _), (later, _) in pairwise(played.sent)]
    assert max(gaps) <= period + 0.001
    assert len(played.sent) == pytest.approx(10.0 / period, abs=1.5)
    assert played.exchange.counters.missed == 0
    assert max(played.exchange.lateness) < 0.001


def test_a_card_and_a_key_are_handed_on_once_and_before_the_next_poll():
    played = Played()
    played.advance(1.0)
    played.device.touch("0A1B2C3D", played.now)
    polls_before = len(played.sent)
    played.until(lambda: played.cards)
    assert len(played.sent) <= polls_before + 1
    played.device.press(Key("product", "12"), played.now)
    played.advance(2.0)
    assert (played.cards, played.keys) == (["0A1B2C3D"], ["12"])


def test_a_card_that_nobody_asks_for_is_gone_after_three_seconds():
    played = Played()
    played.device.touch("0A1B2C3D", 0.0)
    played.clock.advance_to(3.1)
    played.exchange.begin(3.1)
    played.advance(1.0)
    assert played.cards == []


# Trouble on the line --------------------------------------------------------------------------------------------------


def test_a_reply_of_another_terminal_answers_nothing():
    played = Played()
    played.device.mangle = lambda at, frame: [(at, b"\x025" + frame[2:])]
    played.orders.say(4)
    played.advance(2.0)
    assert played.replies == []
    assert played.exchange.counters.missed > 3
    assert set(played.strangers) == {5}
    assert played.device.voices == [], "nothing is said before the terminal has said that nothing plays"


def test_a_second_reply_tells_no_card_and_no_key_twice():
    played = Played()
    played.device.mangle = lambda at, frame: [(at, frame), (at + 54 * BYTE_S, frame)]
    for number in range(5):
        played.device.press(Key("customer", str(number)), played.now)
        played.advance(0.6)
    assert played.keys == ["0", "1", "2", "3", "4"]
    assert played.exchange.counters.unasked == pytest.approx(played.exchange.counters.polls, abs=1)


def test_a_second_reply_is_never_the_answer_to_the_next_poll():
    """At the shortest period the second reply is under way while the next poll leaves."""
    played = Played(0.1)
    played.device.mangle = lambda at, frame: [(at, frame), (at + 54 * BYTE_S, frame)]
    played.advance(5.0)
    counters = played.exchange.counters
    assert counters.missed == 0
    assert counters.replies == pytest.approx(counters.polls, abs=1)


@pytest.mark.parametrize("late", [0.08, 0.12, 0.15, 0.19])
def test_a_late_reply_gives_its_card_and_answers_nothing(late: float):
    played = Played()
    played.advance(1.0)
    played.device.mangle = lambda at, frame: [(at + late, frame)]
    played.device.touch("0A1B2C3D", played.now)
    before = played.exchange.counters.replies
    played.advance(0.3 + late)
    played.device.mangle = None
    played.advance(1.0)
    assert played.cards == ["0A1B2C3D"]
    assert played.exchange.counters.unasked >= 1
    assert played.exchange.counters.replies >= before + 4


def test_a_printer_that_was_ready_before_the_receipt_is_not_done_with_it():
    """The reply to the poll before the receipt comes late: it says 'ready', but not of this receipt."""
    played = Played()
    played.advance(0.5)
    played.orders.print(RECEIPT)
    played.until(lambda: b"P" in [data[2:3] for _, data in played.sent])
    played.exchange.receive(reply_frame(ANOTHER), played.now)
    assert played.answers == []
    played.until(lambda: played.answers)
    assert played.came("printer") == ["done"]
    assert len(played.device.receipts) == 1


def test_a_terminal_that_is_silent_is_asked_again_and_again_but_not_shouted_at():
    played = Played()
    played.is_plugged_in = False
    played.advance(3.0)
    assert played.exchange.counters.missed == pytest.approx(10, abs=1)
    played.is_plugged_in = True
    played.advance(0.5)
    assert played.replies


troubles = st.sampled_from(["fine", "none", "late", "twice", "stranger", "torn", "noise"])


@settings(max_examples=40, deadline=None)
@given(st.lists(troubles, min_size=1, max_size=12), st.sampled_from([0.1, 0.15, 0.2]))
def test_whatever_happens_on_the_line_keys_are_told_once_and_in_order(plan: list[str], period: float):
    """A key in a reply that was torn is lost with it; none is ever told twice, and the master never stops asking."""
    played = Played(period)
    turns: Iterator[str] = iter(plan)

    def mangle(at: float, frame: bytes) -> list[tuple[float, bytes]]:
        match next(turns, "fine"):
            case "none":
                return []
            case "late":
                return [(at + 0.13, frame)]
            case "twice":
                return [(at, frame), (at + 54 * BYTE_S, frame)]
            case "stranger":
                return [(at, b"\x027" + frame[2:])]
            case "torn":
                return [(at, frame[:20])]
            case "noise":
                return [(at, bytes([0x02, 0xFF, 0x30]) + frame)]
            case _:
                return [(at, frame)]

    played.device.mangle = mangle
    pressed = [str(number) for number in range(len(plan))]
    for value in pressed:
        played.device.press(Key("vehicle", value), played.now)
        played.advance(0.7)
    assert played.keys == sorted(set(played.keys), key=int)
    assert set(played.keys) <= set(pressed)
    asked = len(played.sent)
    played.advance(1.0)
    assert len(played.sent) >= asked + 4


# What rides on a poll -------------------------------------------------------------------------------------------------


def test_what_is_shown_and_switched_rides_on_the_next_poll_and_stays():
    played = Played()
    played.advance(0.5)
    played.orders.show(Decimal("12.340"), "대기")
    played.orders.light(GREEN)
    played.advance(0.31)
    assert (played.device.shown.weight, played.device.shown.text) == ("012.340", "대기")
    assert (played.device.is_green, played.device.is_red) == (True, False)
    played.orders.light(RED)
    played.advance(1.0)
    assert (played.device.is_green, played.device.is_red) == (False, True)
    assert played.device.shown.text == "대기"


def test_a_weight_that_does_not_fit_is_refused_and_no_other_is_shown_for_it():
    played = Played()
    played.orders.show(Decimal("12.3"), "1")
    with pytest.raises(OrderRefusedError, match="does not fit"):
        played.orders.show(Decimal("123456.78"), "1")
    played.advance(0.5)
    assert played.device.shown.weight == ""


def test_what_does_not_fit_is_refused_before_it_is_on_the_line():
    played = Played()
    for order in (
        lambda: played.orders.show(None, "일곱글자"),
        lambda: played.orders.light(8),
        lambda: played.orders.say(100),
        lambda: played.orders.print(b""),
        lambda: played.orders.set_climate(14, 5),
    ):
        with pytest.raises(OrderRefusedError):
            order()
    played.advance(1.0)
    assert {poll.text for poll in polls(played)} == {""}


# Voice ----------------------------------------------------------------------------------------------------------------


def test_voices_wait_for_each_other_and_each_is_answered():
    played = Played()
    for voice in (4, 8, 11):
        played.orders.say(voice)
    played.until(lambda: len(played.answers) == 3)
    assert [voice for _, voice in played.device.voices] == [4, 8, 11]
    assert all(later - earlier >= 1.5 for (earlier, _), (later, _) in pairwise(played.device.voices))
    assert [(answer.order, answer.came) for answer in played.answers] == [(4, "done"), (8, "done"), (11, "done")]


def test_a_voice_that_waits_is_not_said_twice_and_the_queue_has_an_end():
    played = Played()
    for voice in (1, 1, *range(2, MOST_VOICES + 1)):
        played.orders.say(voice)
    with pytest.raises(OrderRefusedError, match="wait already"):
        played.orders.say(12)
    played.until(lambda: len(played.answers) == MOST_VOICES)
    assert [voice for _, voice in played.device.voices] == list(range(1, MOST_VOICES + 1))


def test_a_voice_whose_poll_was_lost_is_said_once():
    played = Played()
    played.advance(0.5)
    played.device.mangle = lambda at, frame: []  # it is heard, and its reply is lost
    played.orders.say(4)
    played.until(lambda: played.device.voices)
    played.device.mangle = None
    played.until(lambda: played.answers)
    assert [voice for _, voice in played.device.voices] == [4]
    assert played.came("voice") == ["done"]


def test_a_voice_that_never_ends_is_told():
    played = Played()
    played.orders.say(4)
    played.orders.say(8)
    played.device.mangle = lambda at, frame: [(at, frame[:22] + b"04" + frame[24:] if played.device.voices else frame)]
    played.until(lambda: len(played.answers) == 2)
    assert [(answer.order, answer.came) for answer in played.answers] == [(4, "busy_too_long"), (8, "busy_too_long")]


# Printer --------------------------------------------------------------------------------------------------------------


def test_receipts_are_printed_one_after_the_other():
    played = Played()
    for _ in range(3):
        played.orders.print(RECEIPT)
    played.until(lambda: len(played.answers) == 3)
    assert played.came("printer") == ["done"] * 3
    assert [receipt.data for receipt in played.device.receipts] == [RECEIPT] * 3
    assert played.device.refused_prints == 0


def test_nothing_is_printed_without_paper_and_everyone_is_told():
    played = Played()
    played.device.has_paper = False
    played.orders.print(RECEIPT)
    played.orders.print(RECEIPT)
    played.until(lambda: len(played.answers) == 2)
    assert played.came("printer") == ["no_paper", "no_paper"]
    assert played.device.receipts == []
    assert played.device.refused_prints == 0


def test_paper_that_runs_out_in_the_middle_is_told():
    played = Played()
    played.orders.print(RECEIPT)
    played.until(lambda: played.device.receipts)
    played.device.has_paper = False
    played.until(lambda: played.answers)
    assert played.came("printer") == ["no_paper"]


def test_a_printer_that_stays_busy_is_told_and_the_queue_has_an_end():
    played = Played()
    played.device.is_jammed = True
    for _ in range(MOST_JOBS):
        played.orders.print(RECEIPT)
    with pytest.raises(OrderRefusedError, match="wait for the printer already"):
        played.orders.print(RECEIPT)
    played.until(lambda: len(played.answers) == MOST_JOBS)
    assert played.came("printer") == ["busy_too_long"] * MOST_JOBS


def test_a_receipt_that_got_lost_on_the_line_is_not_called_printed():
    played = Played()
    played.advance(0.5)
    played.device.has_paper = False  # it swallows the receipt ...
    played.device.mangle = lambda at, frame: [(at, frame[:31] + b"0" + frame[32:])]  # ... and always says ready
    played.orders.print(RECEIPT)
    played.until(lambda: played.answers)
    [answer] = played.answers
    assert (answer.came, "never began" in answer.reason) == ("failed", True)


def test_a_receipt_that_waits_can_be_withdrawn():
    played = Played()
    played.device.is_jammed = True
    ticket = played.orders.print(RECEIPT)
    assert played.orders.withdraw(ticket)
    played.device.is_jammed = False
    played.advance(3.0)
    assert played.device.receipts == []
    assert not played.orders.withdraw(ticket)


def test_polling_goes_on_as_soon_as_a_receipt_has_left():
    played = Played()
    played.advance(0.5)
    played.orders.print(RECEIPT)
    played.until(lambda: played.answers)
    gaps = [later - earlier for (earlier, _), (later, _) in pairwise(played.sent)]
    assert max(gaps) <= len(RECEIPT) * BYTE_S + 0.15 + 0.06


# Fan and heater, and a terminal that goes away ------------------------------------------------------------------------


def test_set_points_are_sent_once_and_seen_to_be_taken():
    played = Played()
    played.orders.set_climate(25, 3)
    played.until(lambda: played.answers)
    assert played.device.set_points == (25, 3)
    assert played.came("climate") == ["done"]
    assert [data for _, data in played.sent if data[2:3] == b"T"] == [b"\x020T2503\x03"]


def test_set_points_that_are_not_taken_are_told():
    played = Played()
    played.device.mangle = lambda at, frame: [(at, frame[:27] + b"3005" + frame[31:])]
    played.orders.set_climate(25, 3)
    played.until(lambda: played.answers)
    assert played.came("climate") == ["failed"]
    assert len([data for _, data in played.sent if data[2:3] == b"T"]) == 3


def test_what_waits_for_a_terminal_that_is_lost_is_answered():
    played = Played()
    played.device.is_jammed = True
    played.orders.say(4)
    played.orders.print(RECEIPT)
    answers = played.orders.lost("unplugged")
    assert {(answer.what, answer.came) for answer in answers} == {("voice", "failed"), ("printer", "failed")}
    assert played.orders.lost("unplugged") == []
