"""Limits decide: within is a pass, outside is a fail, and nothing to judge by is never a pass."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sequence.limits import Limit, LimitError, judge
from engine.sequence.records import Verdict, worst
from engine.units import Quantity

BAND = (Limit("range", [3.135, 3.465]), Limit("marginal", [3.2, 3.4]))


@pytest.mark.parametrize(
    ("limits", "value", "verdict"),
    [
        (BAND, 3.3, "pass"),
        (BAND, 3.2, "pass"),
        (BAND, 3.15, "marginal"),
        (BAND, 3.465, "marginal"),
        (BAND, 3.4650001, "fail"),
        (BAND, 3.1, "fail"),
        (BAND, None, "inconclusive"),
        (BAND, float("nan"), "inconclusive"),
        (BAND, "3.3 V", "pass"),
        (BAND, "3.3", "pass"),
        (BAND, True, "inconclusive"),
        (BAND, "3300 mV", "pass"),
        (BAND, "3.3e0V", "pass"),
        (BAND, "3300mV", "pass"),
        (BAND, "3.3 3.4", "inconclusive"),
        (BAND, "٣.٣", "inconclusive"),
        ([Limit("at_least", 5)], 5, "pass"),
        ([Limit("at_least", 5)], 4.99, "fail"),
        ([Limit("at_most", 5)], 5.0, "pass"),
        ([Limit("at_most", 5)], 5.01, "fail"),
        ([Limit("at_most", "5 V")], 5.01, "fail"),
        ([Limit("at_most", "5 V")], 5, "pass"),
        ([Limit("within", {"of": 5, "percent": 2})], 5.1, "pass"),
        ([Limit("within", {"of": 5, "percent": 2})], 5.11, "fail"),
        ([Limit("within", {"of": -5, "percent": 2})], -5.1, "pass"),
        ([Limit("within", {"of": 5, "by": 0.1})], 4.89, "fail"),
        ([Limit("equals", 5)], 5.0, "pass"),
        ([Limit("equals", 5)], 5.1, "fail"),
        ([Limit("at_least", 1), Limit("at_most", 5), Limit("marginal", [2, None])], 1.5, "marginal"),
    ],
)
def test_a_number_is_judged(limits, value, verdict):
    assert judge("v", value, "V", tuple(limits)).verdict is Verdict(verdict)


@pytest.mark.parametrize(
    ("limit", "value", "verdict"),
    [
        (Limit("equals", "OK"), "OK", "pass"),
        (Limit("equals", "OK"), "ok", "fail"),
        (Limit("equals", "OK"), None, "inconclusive"),
        (Limit("equals", True), True, "pass"),
        (Limit("equals", True), 1, "fail"),
        (Limit("equals", 1), True, "fail"),
        (Limit("one_of", ["A", "B"]), "B", "pass"),
        (Limit("one_of", ["A", "B"]), "C", "fail"),
        (Limit("one_of", [1, 2]), 2.0, "pass"),
        (Limit("one_of", [1, 2]), None, "inconclusive"),
        (Limit("pattern", "[0-9]{4}"), "1234", "pass"),
        (Limit("pattern", "[0-9]{4}"), "12345", "fail"),
        (Limit("pattern", "[0-9]{4}"), 1234, "inconclusive"),
        (Limit("pattern", "(a+)+b"), "a" * 5000, "fail"),
    ],
)
def test_a_word_is_judged(limit, value, verdict):
    assert judge("word", value, "", (limit,)).verdict is Verdict(verdict)


def test_a_value_in_another_unit_is_converted_or_refused():
    limits = (Limit("within", {"of": "1 kg", "percent": 0.1}),)
    found = judge("shown", Quantity("1000.5", "g"), "kg", limits)
    assert (found.verdict, found.value, found.unit) == (Verdict.PASS, 1.0005, "kg")
    with pytest.raises(LimitError, match="not in 'kg'"):
        judge("shown", Quantity("1", "V"), "kg", limits)
    with pytest.raises(LimitError, match="no number to compare"):
        judge("shown", 1, "kg", (Limit("at_least", "heavy"),))


def test_limits_are_written_for_people():
    assert judge("v", 3.3, "V", BAND).limits == "3.135 ... 3.465, marginal 3.2 ... 3.4"
    assert judge("v", 3.3, "V", (Limit("within", {"of": 5, "percent": 2}),)).limits == "5 ± 2 %"


def test_without_limits_a_value_is_only_recorded():
    assert judge("v", 3.3, "V", ()).verdict is Verdict.PASS


@given(st.floats(allow_nan=True), st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_a_range_holds_exactly_what_lies_in_it(value, low, width):
    found = judge("v", value, "", (Limit("range", [low, low + width]),)).verdict
    shown = Decimal(repr(value))
    if not shown.is_finite():
        assert found is Verdict.INCONCLUSIVE
    else:
        inside = Decimal(repr(low)) <= shown <= Decimal(repr(low + width))
        assert found is (Verdict.PASS if inside else Verdict.FAIL)


def test_the_worst_verdict_wins():
    assert worst([]) is Verdict.PASS
    order = ["pass", "marginal", "inconclusive", "fail", "error", "aborted"]
    assert [verdict.value for verdict in sorted(Verdict, key=lambda one: one.rank)] == order
    assert worst([Verdict.FAIL, Verdict.PASS, Verdict.INCONCLUSIVE]) is Verdict.FAIL
    assert [verdict.is_pass for verdict in Verdict] == [True, True, False, False, False, False]
