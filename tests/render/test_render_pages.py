"""The page with pan, zoom and sources; and the picture in pixels."""

import json
import re
import struct

import pytest
from render_kit import everything, needs_graphviz, needs_resvg, scene, shipped, svg_of

from engine.documents.tree import split_lines
from engine.render.formats import ENDINGS, FORMATS, format_of, written
from engine.render.html import html_text
from engine.render.scene import Titles
from machines import shipped_charts


@needs_graphviz
def test_a_page_holds_everything_itself():
    page = html_text(shipped("streaming"), svg_of("streaming"), {})
    assert "default-src 'none'" in page
    assert not re.search(r"<(link|img|iframe|script[^>]* src)|@import|url\(|fetch\(|XMLHttpRequest|import\(", page)
    assert set(re.findall(r"https?://[^\"' <]*", page)) == {"http://www.w3.org/2000/svg"}
    assert svg_of("streaming") in page


@needs_graphviz
def test_every_place_of_a_page_is_a_line_of_the_source_in_it():
    lines = split_lines(shipped_charts()["streaming"].read_text(encoding="utf-8"))
    page = html_text(shipped("streaming"), svg_of("streaming"), {"machines/streaming.yaml": lines})
    sources = json.loads(re.search(r'id="sources">(.*?)</script>', page, re.DOTALL)[1])
    places = {where for attribute in re.findall(r'data-where="([^"]*)"', page) for where in attribute.split()}
    assert len(places) > 20
    for place in places:
        file, line, _ = place.rsplit(":", 2)
        assert sources[file][int(line) - 1].strip()


def test_a_page_cannot_be_broken_by_what_a_chart_says():
    told = scene("chart: x\ntitle: '</title><script>alert(1)</script>'\ninitial: a\nstates: {a: {}}")
    page = html_text(told, "<svg/>", {"x.yaml": ["</script><script>alert(2)</script>", "<!--"]})
    assert page.count("<script") == 2
    assert page.count("</script>") == 2


def test_a_page_lists_the_settings_and_speaks_the_language_of_the_titles():
    told = everything()
    page = html_text(told, "<svg/>", {})
    assert '<html lang="ko">' in page
    assert "<code>give_up_after</code></td><td>30 s</td><td>포기하기까지</td>" in page
    assert "1234-5678" not in page
    told.titles = Titles.EN
    assert ">Settings</button>" in html_text(told, "<svg/>", {})
    assert "이 차트에는" in html_text(scene("chart: x\ninitial: a\nstates: {a: {}}"), "<svg/>", {})


# Pixels --------------------------------------------------------------------------------------------------------------


def size(png):
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", png[16:24])


@needs_resvg
def test_a_png_is_drawn_at_twice_the_size_and_a_huge_one_smaller():
    from engine.render.png import png_bytes

    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="{}" height="{}"></svg>'
    assert size(png_bytes(svg.format(120, 80))) == (240, 160)
    assert size(png_bytes(svg.format(4000, 1000), most_pixels=1_000_000)) == (2000, 500)


@needs_resvg
def test_a_machine_without_fonts_is_noticed():
    from engine.render.png import can_draw_hangul

    assert not can_draw_hangul(has_system_fonts=False)


@needs_resvg
def test_a_picture_that_is_none_is_refused_in_words():
    from engine.render.png import PngError, png_bytes

    with pytest.raises(PngError, match="could not be drawn"):
        png_bytes('<svg width="10" height="10">')


# By name and ending --------------------------------------------------------------------------------------------------


@needs_graphviz
@needs_resvg
@pytest.mark.parametrize("name", FORMATS)
def test_each_format_is_written(name):
    content = written(scene("chart: x\ntitle: 하나\ninitial: a\nstates: {a: {}}"), name)
    assert isinstance(content, bytes) == (name == "png")
    assert content


def test_a_files_ending_is_a_format(tmp_path):
    assert {format_of(tmp_path / f"chart{ending}") for endings in ENDINGS.values() for ending in endings} == set(
        FORMATS
    )
    assert format_of(tmp_path / "chart.SVG") == "svg"
    assert format_of(tmp_path / "chart") is None
    assert format_of(tmp_path / "chart.jpg") is None
