"""Text has the room that it takes, whatever font draws it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.render.measure import columns, shorten, text_width, wrap

anything = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=60)


@given(anything, st.integers(2, 40))
def test_a_shortened_text_fits_and_an_ellipsis_says_that_something_is_missing(text, most):
    short = shorten(text, most)
    assert columns(short) <= most
    assert short == text or short.endswith("…")


@given(anything, st.integers(8, 40), st.integers(1, 4))
def test_wrapped_lines_fit_and_lose_no_letter_unless_cut(text, most, lines):
    found = wrap(text, most, lines)
    assert len(found) <= lines
    assert all(columns(line) <= most for line in found)
    if not found[-1].endswith("…"):
        assert "".join("".join(found).split()) == "".join(text.split())


def test_wrapping_breaks_between_words():
    assert wrap("one two three four", 9, 3) == ["one two", "three", "four"]


@pytest.mark.parametrize(("text", "expected"), [("abc", 3), ("저울", 4), ("e\N{COMBINING ACUTE ACCENT}", 1), ("→…", 2)])
def test_columns_of_a_terminal(text, expected):
    assert columns(text) == expected


def test_a_hangul_syllable_is_one_em_and_a_combining_mark_nothing():
    assert text_width("저울", 10) == 20
    assert text_width("e\N{COMBINING ACUTE ACCENT}", 10) == text_width("e", 10)
    assert text_width("W", 10, bold=True) > text_width("W", 10) > text_width("i", 10)
