"""The picture itself: complete, readable, and the same every time."""

import re
from collections import Counter
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import pytest
from render_kit import SHIPPED, everything, laid_out, needs_graphviz, needs_resvg, scene, svg_of

from engine.chart.model import ROOT
from engine.render.blocks import BOLD, ink_size
from engine.render.graph import Graph, Order, Plan, label_name, reached
from engine.render.judge import Picture, Rect, crossings, judge
from engine.render.layout import best_layout, judged, layout_of, plans
from engine.render.svg import draw, svg_text
from machines import shipped_charts

pytestmark = needs_graphviz
SVG = "{http://www.w3.org/2000/svg}"
ALL = (*SHIPPED, "everything")


def texts(element):
    return ["".join(text.itertext()) for text in element.iter(f"{SVG}text")]


def classed(root, name):
    return [e for e in root.iter() if name in e.get("class", "").split()]


@pytest.mark.parametrize("name", ALL)
def test_a_picture_is_well_formed_and_has_every_line_of_every_label(name):
    root = ET.fromstring(svg_of(name))
    shown = texts(root)
    graph = laid_out(name).graph
    for block in (*graph.blocks.values(), *graph.labels):
        for line in block.text_lines:
            assert line.strip() in [text.strip() for text in shown]


@pytest.mark.parametrize("name", ALL)
def test_every_reaction_has_its_whole_text_as_a_tooltip_and_its_place(name):
    root = ET.fromstring(svg_of(name))
    tooltips = {title.text for title in root.iter(f"{SVG}title")}
    places = {where for e in root.iter() for where in e.get("data-where", "").split()}
    for box in laid_out(name).graph.scene.boxes.values():
        for reaction in box.reactions:
            assert any(reaction.full in (tip or "") for tip in tooltips)
            assert {str(position) for position in reaction.positions} <= places


@pytest.mark.parametrize("name", ALL)
def test_no_box_or_label_lies_on_another(name):
    layout = laid_out(name)
    for (one, a), (two, b) in combinations(layout.nodes.items(), 2):
        assert not a.grown(-1).overlaps(b.grown(-1)), (one, two)


@pytest.mark.parametrize("name", ALL)
def test_every_text_fits_into_its_box_or_header(name):
    layout = laid_out(name)
    blocks = layout.graph.blocks
    for state, rect in layout.clusters.items():
        assert blocks[state].width <= rect.width + 1
    for state, box in layout.graph.scene.boxes.items():
        if state in layout.nodes and not box.kind.is_history:
            assert blocks[state].width <= layout.nodes[state].width + 1
            assert blocks[state].height <= layout.nodes[state].height + 1
    for number, label in enumerate(layout.graph.labels):
        rect = layout.nodes[label_name(number)]
        assert (label.width, label.height) == pytest.approx((rect.width, rect.height), abs=0.2)


@pytest.mark.parametrize("name", ALL)
def test_children_stand_inside_their_parent(name):
    layout = laid_out(name)
    places = {**layout.nodes, **layout.clusters}
    for state, parent in layout.clusters.items():
        for child in layout.graph.scene.boxes[state].children:
            at = places[child]
            assert parent.x <= at.x
            assert at.x + at.width <= parent.x + parent.width
            assert parent.y <= at.y
            assert at.y + at.height <= parent.y + parent.height


@pytest.mark.parametrize("name", SHIPPED)
def test_lines_of_the_shipped_charts_hardly_cross(name):
    assert judged(laid_out(name)).crossings <= 1


def test_the_best_of_several_layouts_is_taken():
    chosen = laid_out("upload")
    written = layout_of(chosen.graph.scene, Plan())
    assert judged(chosen).badness <= judged(written).badness


def test_one_chart_gives_one_picture():
    assert svg_text(scene(TWO)) == svg_text(scene(TWO))


TWO = "chart: x\ninitial: a\nevents: {go: {}, back: {}}\nstates: {a: {on: {go: b}}, b: {on: {back: a}}}"


# What things look like -----------------------------------------------------------------------------------------------


def test_each_kind_of_state_has_its_shape():
    root = ET.fromstring(svg_of("everything"))
    finals = [g for g in classed(root, "state") if g.get("data-state") in {"ended", "left_done", "right_done"}]
    assert [len(g.findall(f"{SVG}circle")) for g in finals] == [2, 2, 2]
    round_ones = [g for g in classed(root, "state") if g.find(f"{SVG}circle") is not None]
    assert sorted(text for g in round_ones for text in texts(g) if text[0] == "H") == ["H", "H*"]
    assert len(classed(root, "region")) == 2
    assert (
        len([c for c in root.iter(f"{SVG}circle") if c.get("class") == "dot"]) == 6 + 3
    )  # where states begin, and final ones
    assert sorted(t for t in texts(root) if t in {"any state", "on leaving"}) == [
        "any state",
        "any state",
        "on leaving",
    ]
    assert len(classed(root, "dashed")) == 1


def test_what_comes_back_at_once_stands_in_its_state_with_a_round_arrow():
    root = ET.fromstring(svg_of("everything"))
    assert len(classed(root, "back")) == 1
    assert not any(link.source == "idle" == link.targets[0] for link in laid_out("everything").graph.links)


def test_transitions_between_the_same_states_share_one_label_and_those_that_do_the_same_share_a_line():
    told = laid_out("everything").graph.scene
    link = next(link for link in told.links() if (link.source, link.targets) == ("working", ("ended",)))
    assert [reaction.head for reaction in link.reactions] == ["done", "error, timeout 10 s"]


def test_active_states_are_lit_with_what_they_stand_in():
    told = scene(NESTED)
    for state in ("outer", "inner"):
        told.boxes[state].is_active = True
    root = ET.fromstring(svg_text(told))
    assert {g.get("data-state") for g in classed(root, "active")} - {None} == {"outer", "inner"}


NESTED = "chart: x\ninitial: outer\nstates: {outer: {initial: inner, states: {inner: {}}}, other: {}}"


def test_text_that_looks_like_markup_is_only_text():
    told = scene(
        "chart: x\ntitle: '<b>&\"x\"</b>'\ninitial: a\nstates: {a: {title: '</title><script>', entry: [{log: '<i>'}]}}"
    )
    root = ET.fromstring(svg_text(told))
    assert not list(root.iter(f"{SVG}script"))
    assert any("</title><script>" in text for text in texts(root))


def test_arrows_have_a_head_at_each_target():
    root = ET.fromstring(svg_of("everything"))
    arrows = sum(1 for edge in laid_out("everything").graph.edges() if edge.has_arrow)
    assert len([p for p in root.iter(f"{SVG}path") if "tip" in p.get("class", "").split()]) == arrows


def test_a_large_chart_is_laid_out_once_and_a_small_one_in_many_ways():
    states = "".join(f"s{n}: {{on: {{go: s{(n * 7) % 150}}}}}, " for n in range(150))
    large = scene(f"chart: x\ninitial: s0\nevents: {{go: {{}}}}\nstates: {{{states}}}")
    assert len(plans(large)) == 1
    assert len(plans(everything())) > 20
    assert draw(best_layout(large)).startswith("<svg")


# The parts of a layout -----------------------------------------------------------------------------------------------


def test_states_can_be_ordered_by_how_they_are_reached():
    told = scene(
        "chart: x\ninitial: a\nevents: {go: {}, on: {}}\n"
        "states: {z: {}, a: {on: {go: b, 'on': c}}, b: {on: {go: d}}, c: {}, d: {}}"
    )
    assert reached(told, is_deep=False) == [ROOT, "a", "b", "c", "d", "z"]
    assert reached(told, is_deep=True) == [ROOT, "a", "b", "d", "c", "z"]


def test_an_edge_against_the_order_points_up():
    edges = {edge.id: edge for edge in Graph(scene(TWO), Plan()).edges()}
    assert (edges["0 to 0"].upper, edges["0 to 0"].lower, edges["0 to 0"].points_up) == ("transition 0", "b", False)
    assert (edges["1 to 0"].upper, edges["1 to 0"].lower, edges["1 to 0"].points_up) == ("a", "transition 1", True)
    assert {plan.order for plan in plans(scene(TWO))} == set(Order)


def straight(a, b):
    return (a, a, b, b)


def test_lines_that_cross_are_counted_but_not_where_they_meet_at_a_box():
    one = (straight((0, 0), (100, 90)), frozenset({"a", "b"}))
    two = (straight((0, 100), (100, 0)), frozenset({"c", "d"}))
    assert crossings([one, two], {}) == 1
    meeting = (two[0], frozenset({"a", "c"}))
    assert crossings([one, meeting], {"a": Rect(40, 40, 20, 20)}) == 0
    assert crossings([one, meeting], {"a": Rect(0, 0, 20, 20)}) == 1


def test_a_picture_is_worse_with_a_line_over_a_box_than_beside_it():
    line = (straight((0, 50), (100, 50)), frozenset({"a"}))
    over, near, far = (judge(Picture(100, 100, [line], {"b": Rect(40, y, 20, 20)})).badness for y in (40.0, 52.0, 70.0))
    assert over > near > far


def test_a_line_through_a_state_of_others_or_out_of_its_own_makes_a_picture_worse():
    line = (straight((0, 50), (100, 50)), frozenset({"a", "b"}))
    area = Rect(20, 40, 30, 30)

    def with_areas(*areas):
        return judge(Picture(100, 100, [line], {}, areas=areas)).badness

    assert with_areas((area, frozenset({"x"}))) > with_areas((Rect(20, 70, 30, 20), frozenset({"x"}))) == with_areas()
    assert with_areas((area, frozenset({"a", "b"}))) > with_areas((Rect(-20, 0, 200, 200), frozenset({"a", "b"})))
    assert with_areas((area, frozenset({"a"}))) == with_areas()


def test_numbers_in_a_picture_are_short():
    assert not re.findall(r"\d\.\d{6,}", svg_of("everything"))


# With real fonts -----------------------------------------------------------------------------------------------------

FONTS = ("Noto Sans CJK KR", "NanumGothic", "DejaVu Sans")


@needs_resvg
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


# In the docs ---------------------------------------------------------------------------------------------------------

DOCS = Path(__file__).parents[2] / "docs" / "charts"


def test_each_shipped_chart_has_a_picture_in_the_docs():
    assert {path.stem for path in DOCS.glob("*.svg")} == set(shipped_charts()) >= set(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_pictures_in_the_docs_show_the_flow_as_it_is(name):
    drawn = ET.fromstring((DOCS / f"{name}.svg").read_text(encoding="utf-8"))
    assert Counter(texts(drawn)) == Counter(texts(ET.fromstring(svg_of(name)))), (
        "the chart was changed: run 'make docs'"
    )
