"""The pictures in the docs show what ships."""

from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from render_kit import SHIPPED, needs_graphviz, svg_of

from machines import shipped_charts

DOCS = Path(__file__).parents[2] / "docs" / "charts"


def texts(svg):
    return Counter("".join(text.itertext()) for text in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text"))


def test_each_shipped_chart_has_a_picture():
    assert {path.stem for path in DOCS.glob("*.svg")} == set(shipped_charts()) == set(SHIPPED)


@needs_graphviz
@pytest.mark.parametrize("name", SHIPPED)
def test_the_pictures_show_the_flow_as_it_is(name):
    drawn = (DOCS / f"{name}.svg").read_text(encoding="utf-8")
    assert texts(drawn) == texts(svg_of(name)), "the chart was changed: run 'make docs'"
