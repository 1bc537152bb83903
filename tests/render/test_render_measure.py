"""Text has the room that it takes, whatever font draws it."""

from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from render_kit import SHIPPED, laid_out, needs_graphviz, needs_resvg

from engine.render.blocks import BOLD, ink_size
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


FONTS = ("Noto Sans CJK KR", "NanumGothic", "DejaVu Sans")


@needs_resvg
@needs_graphviz
def test_no_text_of_the_shipped_charts_is_drawn_wider_than_it_was_measured():
    from engine.render.png import can_draw_hangul

    if not can_draw_hangul():
        pytest.skip("no font with Hangul here")
    blocks = [
        block for name in SHIPPED for block in (*laid_out(name).graph.blocks.values(), *laid_out(name).graph.labels)
    ]
    lines = {
        line for block in blocks for line in (block.head, *(line for row in block.rows for line in row.lines)) if line
    }
    spans = sorted({span for line in lines for span in line.spans}, key=lambda span: span.text)[::2]
    assert len(spans) > 60
    nothing = pixels_beyond([], 1.0, len(spans))
    assert pixels_beyond(spans, 1.0, len(spans)) == nothing
    assert pixels_beyond(spans, -30.0, len(spans)) != nothing  # so text that is too wide would be seen


def pixels_beyond(spans, by, rows):
    """A picture of only what reaches further right than each span's measured width and ``by`` px more, in each font."""
    from resvg_py import svg_to_bytes

    shown = "".join(
        f'<svg x="{column * 200}" y="{row * 20}" width="200" height="20" viewBox="{span.width + by} 0 200 20">'
        f'<text y="15" font-family="{family}" font-size="{ink_size(span.ink)}" '
        f'font-weight="{"bold" if span.ink in BOLD else "normal"}">{escape(span.text)}</text></svg>'
        for row, span in enumerate(spans)
        for column, family in enumerate(FONTS)
    )
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="600" height="{20 * rows}">{shown}</svg>'
    return bytes(svg_to_bytes(svg_string=svg))
