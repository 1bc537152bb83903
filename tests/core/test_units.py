"""Quantities are exact, compare across units of one dimension, and refuse everything else."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import UnitError
from engine.units import MASS_UNITS, Quantity, parse_duration, parse_mass, parse_quantity, parse_rate

decimals = st.decimals(min_value=-(10**6), max_value=10**6, places=3)


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("50 g", "50", "g"),
        ("-1.640 kg", "-1.640", "kg"),
        ("  12.5kg ", "12.5", "kg"),
        ("+0.001 t", "0.001", "t"),
        ("12 V", "12", "V"),
    ],
)
def test_a_quantity_is_a_number_and_a_unit(text, value, unit):
    quantity = parse_quantity(text)
    assert str(quantity.value) == str(Decimal(value))
    assert quantity.unit == unit


@pytest.mark.parametrize("text", ["50", "g", "", "1,5 kg", "1e3 kg", "nan kg", "5 stone", "5 kg kg", "٥ kg", "0x10 g"])
def test_anything_else_is_refused(text):
    with pytest.raises(UnitError):
        parse_quantity(text)


def test_the_displayed_places_are_kept():
    assert str(parse_mass("-1.640 kg")) == "-1.640 kg"


@given(decimals)
def test_a_kilogram_is_a_thousand_grams_whatever_the_number(value):
    assert Quantity(value, "kg") == Quantity(value * 1000, "g")
    assert Quantity(value, "kg").to("g").value == value * 1000


@given(decimals, st.sampled_from(sorted(MASS_UNITS)), decimals, st.sampled_from(sorted(MASS_UNITS)))
def test_order_is_that_of_the_exact_grams(one, unit, other, other_unit):
    left, right = Quantity(one, unit), Quantity(other, other_unit)
    assert (left < right) == (left.base < right.base)
    assert (left >= right) == (left.base >= right.base)
    assert (left == right) == (hash(left) == hash(right) and left.base == right.base)


def test_a_pound_is_exactly_453_59237_grams():
    assert Quantity(1, "lb").to("kg").value == Decimal("0.45359237")


def test_a_conversion_that_no_decimal_is_exact_for_is_refused():
    with pytest.raises(UnitError, match="no exact decimal"):
        Quantity(1, "g").to("lb")


@pytest.mark.parametrize("unit", ["N", "pcs", "%", "V"])
def test_other_dimensions_never_become_a_mass(unit):
    with pytest.raises(UnitError):
        Quantity(1, unit).to("kg")
    with pytest.raises(UnitError, match="cannot be compared"):
        _ = Quantity(1, unit) < Quantity(1, "kg")
    assert Quantity(1, unit) != Quantity(1, "kg")


def test_a_bare_number_is_never_compared_with_a_quantity():
    with pytest.raises(UnitError, match="needs a unit"):
        _ = Quantity(1, "kg") > 1  # type: ignore[operator]


def test_sums_and_differences_are_exact_across_units():
    assert str(Quantity("12.340", "kg") - Quantity("340", "g")) == "12.000 kg"
    assert Quantity("1", "kg") + Quantity("1", "lb") == Quantity("1.45359237", "kg")


@given(
    st.decimals(-(10**12), 10**12, places=12),
    st.sampled_from(["mg", "g", "kg", "t", "lb", "oz"]),
    st.decimals(-(10**12), 10**12, places=12),
    st.sampled_from(["mg", "g", "kg", "t"]),
)
def test_a_difference_put_back_is_what_was_there_to_the_last_digit(one, unit, other, other_unit):
    heavy, light = Quantity(one, other_unit), Quantity(other, unit)
    net = heavy - light
    assert net + light == heavy
    grams = {name: Fraction(Quantity(1, name).base) for name in (unit, other_unit)}
    assert Fraction(net.base) == Fraction(one) * grams[other_unit] - Fraction(other) * grams[unit]


def test_what_cannot_be_computed_to_the_last_digit_is_refused():
    with pytest.raises(UnitError, match="more digits"):
        Quantity("1." + "3" * 70, "lb")
    with pytest.raises(UnitError, match="no exact sum"):
        _ = Quantity("1E+40", "kg") - Quantity("1E-40", "kg")
    assert str(-Quantity("0.0", "kg")) == "0.0 kg"
    assert str(Quantity("1.50", "kg") - Quantity("1.50", "kg")) == "0.00 kg"


def test_a_quantity_does_not_change():
    with pytest.raises(AttributeError):
        Quantity(1, "kg").value = Decimal(2)


@pytest.mark.parametrize(
    ("text", "seconds"), [("150 ms", 0.15), ("1.5 s", 1.5), ("5 min", 300.0), ("2 h", 7200.0), ("1 d", 86400.0)]
)
def test_a_duration_is_read_as_seconds(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["30", "-1 s", "5 kg", "1 S", ""])
def test_a_duration_needs_its_unit_and_is_never_negative(text):
    with pytest.raises(UnitError):
        parse_duration(text)


def test_a_rate_is_read_as_a_number_per_second():
    assert parse_rate("10 Hz") == 10.0
    with pytest.raises(UnitError):
        parse_rate("10")


def test_a_mass_is_asked_for_by_name():
    with pytest.raises(UnitError, match="not a mass"):
        parse_mass("5 V")
