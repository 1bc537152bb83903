"""When a weight is stable (FR-03): the rule, and the window of readings that it looks at."""

import itertools
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.bindings.shipped import window_is_stable
from engine.bindings.window import MAX_READINGS, Sample, Window
from engine.units import Quantity

RULE = {
    "for_": 1.0,
    "within": Quantity(20, "g"),
    "at_least": Quantity(50, "g"),
    "max_gap": 0.5,
    "min_readings": 3,
}


def sample(at, grams, *, stable=True, status="ok"):
    weight = None if grams is None else Quantity(Decimal(grams), "g")
    return Sample(at, weight, stable, status, b"")


def window(*samples):
    found = Window()
    for each in samples:
        found = found.add(each)
    return found


def is_stable(*samples, **changed):
    return window_is_stable(window(*samples), **{**RULE, **changed})


def steady(count, grams=1000, step=0.02, start=0.0):
    return [sample(start + index * step, grams) for index in range(count)]


def test_fifty_hertz_is_stable_after_exactly_its_second():
    assert not is_stable(*steady(50))
    assert is_stable(*steady(51))


def test_the_difference_may_be_the_tolerance_and_no_more():
    assert is_stable(sample(0, 1000), sample(0.5, 1020), sample(1.0, 1000))
    assert not is_stable(sample(0, 1000), sample(0.5, 1021), sample(1.0, 1000))


def test_two_readings_are_not_enough_however_far_apart():
    assert not is_stable(sample(0, 1000), sample(1.0, 1000), max_gap=2.0)


def test_a_gap_longer_than_half_a_second_breaks_it():
    assert is_stable(sample(0, 1000), sample(0.5, 1000), sample(1.0, 1000))
    assert not is_stable(sample(0, 1000), sample(0.4, 1000), sample(1.0, 1000))


@pytest.mark.parametrize(
    "bad",
    [
        sample(0.5, 1000, stable=False),
        sample(0.5, None, status="overload"),
        sample(0.5, 49),
        sample(0.5, None, status="no_unit"),
    ],
)
def test_one_bad_reading_within_the_second_breaks_it(bad):
    assert not is_stable(sample(0, 1000), sample(0.25, 1000), bad, sample(0.75, 1000), sample(1.0, 1000))


def test_what_was_before_the_second_does_not_count():
    assert is_stable(sample(0, None, status="overload"), *steady(51, start=0.02))


def test_an_indicator_without_a_motion_flag_is_believed_by_its_weights():
    assert is_stable(*[s._replace(is_stable=None) for s in steady(51)])


def test_an_empty_scale_is_never_stable():
    assert not is_stable()
    assert not is_stable(*steady(200, grams=0))


@given(st.lists(st.tuples(st.integers(1, 600), st.integers(-100, 3000), st.booleans()), max_size=60))
def test_it_agrees_with_the_definition(readings):
    """Against the definition read aloud: some run of newest readings is unbroken, steady and long enough."""
    at, samples = 0.0, []
    for gap_ms, grams, stable in readings:
        at += gap_ms / 1000
        samples.append(sample(at, grams, stable=stable))
    expected = any(_holds(samples[start:]) for start in range(len(samples)))
    assert is_stable(*samples) == expected


def _holds(run):
    if len(run) < 3 or run[-1].at - run[0].at < 1.0 - 1e-6:
        return False
    weights = [s.weight.value for s in run]
    gaps = [later.at - earlier.at for earlier, later in itertools.pairwise(run)]
    return (
        all(s.is_stable is not False for s in run)
        and min(weights) >= 50
        and max(weights) - min(weights) <= 20
        and max(gaps) <= 0.5 + 1e-6
    )


def test_adding_leaves_the_window_before_as_it_was():
    one = window(sample(0, 1))
    left, right = one.add(sample(1, 2)), one.add(sample(1, 3))
    assert [s.weight.value for s in one] == [1]
    assert [s.weight.value for s in left] == [1, 2]
    assert [s.weight.value for s in right] == [1, 3]


def test_a_window_is_bounded():
    found = Window()
    for index in range(3 * MAX_READINGS):
        found = found.add(sample(float(index), index))
    assert len(found) == MAX_READINGS
    assert found.last == Quantity(3 * MAX_READINGS - 1, "g")
    assert next(iter(found)).weight == Quantity(2 * MAX_READINGS, "g")


def test_its_words():
    found = window(sample(2.0, 1), sample(3.5, 2)._replace(raw=b"\x02A"))
    assert (found.count, found.span, found.frame, found.last) == (2, 1.5, "0241", Quantity(2, "g"))
    empty = found.cleared()
    assert (empty.count, empty.span, empty.frame, empty.last) == (0, 0.0, "", None)
