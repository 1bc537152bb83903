"""The noise filter: what passes was displayed, a lasting step passes, a single jump never does."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import settings as run_settings
from hypothesis import strategies as st

from engine.devices.filters import Displayed, FilterSettings, NoiseFilter
from engine.errors import EngineError
from engine.units import Quantity, parse_mass

SPIKE = parse_mass("5 kg")
weights = st.decimals(-100, 1000, places=3)
statuses = st.sampled_from([(True, "ok"), (False, "motion"), (None, "ok")])


def kg(value, is_stable=True, status="ok"):  # noqa: FBT002 - a fact of the reading
    return Displayed(Quantity(Decimal(value), "kg"), is_stable, status, raw=str(value).encode())


OVERLOAD = Displayed(None, is_stable=False, status="overload", raw=b"OL")
shown = st.one_of(
    st.builds(lambda value, state: kg(value, *state), weights, statuses),
    st.just(OVERLOAD),
    st.just(Displayed(None, None, "error", b"Err")),
)
settings = st.builds(FilterSettings, spike=st.one_of(st.none(), st.just(SPIKE)), median=st.sampled_from([1, 3, 5]))


def passed(filter_, *readings):
    return [out for reading in readings if (out := filter_.feed(reading)) is not None]


@run_settings(max_examples=40)
@given(st.lists(shown))
def test_without_a_filter_everything_passes_as_it_is(readings):
    assert passed(NoiseFilter(FilterSettings()), *readings) == readings


@run_settings(max_examples=40)
@given(settings, st.lists(shown))
def test_only_weights_that_were_displayed_come_out_never_a_mean(chosen, readings):
    filter_ = NoiseFilter(chosen)
    for count, reading in enumerate(readings, start=1):
        out = filter_.feed(reading)
        if out is not None:
            assert any(out.value == r.value and out.raw == r.raw for r in readings[:count])
            if out.value is not None:
                assert str(out.value.value).encode() == out.raw  # every place kept


@run_settings(max_examples=40)
@given(settings, st.lists(shown))
def test_an_overload_or_an_error_is_never_hidden_or_delayed(chosen, readings):
    filter_ = NoiseFilter(chosen)
    for reading in readings:
        out = filter_.feed(reading)
        if reading.value is None:
            assert out is reading


@run_settings(max_examples=40)
@given(settings, st.lists(shown))
def test_motion_is_never_hidden_behind_an_older_stable_weight(chosen, readings):
    filter_ = NoiseFilter(chosen)
    for reading in readings:
        out = filter_.feed(reading)
        if out is not None and reading.is_stable is not True:
            assert out.is_stable is reading.is_stable
            assert out.status == reading.status


@run_settings(max_examples=40)
@given(settings.filter(lambda chosen: chosen.spike is not None), st.lists(shown), weights)
def test_a_lasting_step_passes_after_one_more_reading(chosen, before, step):
    filter_ = NoiseFilter(FilterSettings(spike=chosen.spike))
    passed(filter_, *before)
    filter_.feed(kg(step))
    assert filter_.feed(kg(step)) == kg(step)


@run_settings(max_examples=40)
@given(st.lists(st.decimals(10, 12, places=3), min_size=2), st.data())
def test_single_jumps_never_pass_and_each_is_counted(steady, data):
    filter_ = NoiseFilter(FilterSettings(spike=SPIKE))
    jumps = 0
    filter_.feed(kg(steady[0]))
    for value in steady[1:]:
        if data.draw(st.booleans()):
            jump = data.draw(st.one_of(st.decimals("17.001", 9999, places=3), st.decimals(-999, "4.999", places=3)))
            assert filter_.feed(kg(jump)) is None
            jumps += 1
        assert filter_.feed(kg(value)) == kg(value)
    assert filter_.spikes == jumps


def test_a_box_put_on_the_scale_is_no_spike():
    filter_ = NoiseFilter(FilterSettings(spike=SPIKE))
    assert passed(filter_, kg(0), kg(20), kg(20), kg(20)) == [kg(0), kg(20), kg(20)]
    assert filter_.spikes == 0


def test_two_different_jumps_do_not_confirm_each_other():
    filter_ = NoiseFilter(FilterSettings(spike=SPIKE))
    assert passed(filter_, kg(0), kg(500), kg(-80), kg(0)) == [kg(0), kg(0)]
    assert filter_.spikes == 2


def test_a_jump_of_exactly_the_limit_is_believed():
    filter_ = NoiseFilter(FilterSettings(spike=SPIKE))
    assert passed(filter_, kg("0.001"), kg("5.001"), kg("10.002")) == [kg("0.001"), kg("5.001")]


def test_a_scale_that_turns_to_another_unit_has_not_jumped():
    filter_ = NoiseFilter(FilterSettings(spike=SPIKE, median=3))
    grams = Displayed(Quantity(2000, "g"), is_stable=True, status="ok")
    pieces = Displayed(Quantity(5000, "pcs"), is_stable=True, status="ok")
    assert passed(filter_, kg(2), grams, pieces) == [kg(2), grams, pieces]


def test_a_median_of_three_drops_what_stands_out_and_lags_a_step_by_one():
    filter_ = NoiseFilter(FilterSettings(median=3))
    values = [out.value.value for out in passed(filter_, *map(kg, (1, 1, 9, 1, 5, 5, 5)))]
    assert values == [1, 1, 1, 1, 5, 5, 5]


def test_a_median_tells_the_motion_of_now_and_not_the_stability_of_then():
    filter_ = NoiseFilter(FilterSettings(median=3))
    passed(filter_, kg(1), kg(2))
    assert filter_.feed(kg(9, False, "motion")) == Displayed(Quantity(2, "kg"), False, "motion", b"2")
    assert filter_.feed(kg(9)) == kg(9, False, "motion")


def test_a_weight_from_before_an_overload_is_not_shown_after_it():
    filter_ = NoiseFilter(FilterSettings(median=3))
    assert passed(filter_, kg(1), kg(1), kg(1), OVERLOAD, kg(7))[-1] == kg(7)


def test_after_a_lost_port_the_first_weight_is_believed():
    filter_ = NoiseFilter(FilterSettings(spike=SPIKE, median=3))
    passed(filter_, kg(1), kg(1), kg(1))
    filter_.reset()
    assert filter_.feed(kg(40)) == kg(40)


@pytest.mark.parametrize(
    "wrong", [{"median": 2}, {"median": 0}, {"median": -1}, {"spike": Quantity(0, "kg")}, {"spike": Quantity(-5, "kg")}]
)
def test_a_filter_that_cannot_be_is_refused(wrong):
    with pytest.raises(EngineError):
        FilterSettings(**wrong)
