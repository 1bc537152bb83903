"""An SVG as pixels, drawn by resvg with the fonts of this machine."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

from engine.errors import EngineError
from engine.render.graphviz import MISSING

_ZOOM: Final = 2.0  # sharp on a dense screen and on paper
_MOST_PIXELS: Final = 36_000_000  # of one picture: about 150 MB while it is drawn

NO_FONT: Final = (
    "no font with Korean letters is installed here, so they are missing in the PNG; install one (Debian: apt install "
    "fonts-noto-cjk or fonts-nanum), or make an SVG, which is drawn with the fonts of whoever looks at it"
)


class PngError(EngineError):
    """resvg is not installed, or could not draw the picture."""


def png_bytes(svg: str, *, most_pixels: int = _MOST_PIXELS) -> bytes:
    """Draw a picture at twice its size; a very large one smaller, so that it fits in memory. Raises PngError."""
    width, height = _size(svg)
    zoom = min(_ZOOM, (most_pixels / (width * height)) ** 0.5)
    return _draw(svg, zoom, has_system_fonts=True)


@cache
def can_draw_hangul(*, has_system_fonts: bool = True) -> bool:
    """Whether a font here has Hangul: without one, all letters look alike (empty, or the same box)."""
    shapes = {_draw(_probe(letter), 1.0, has_system_fonts=has_system_fonts) for letter in "가힣 "}
    return len(shapes) == 3  # noqa: PLR2004 - two letters, and nothing at all


def _probe(letter: str) -> str:
    text = f'<text x="2" y="26" font-size="24">{letter}</text>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32">{text}</svg>'


def _size(svg: str) -> tuple[int, int]:
    found = re.search(r'width="(\d+)" height="(\d+)"', svg)
    assert found is not None  # it is our own
    return max(1, int(found[1])), max(1, int(found[2]))


def _draw(svg: str, zoom: float, *, has_system_fonts: bool) -> bytes:
    try:
        import resvg_py
    except ImportError as error:
        raise PngError(MISSING) from error
    options: dict[str, Any] = {"zoom": zoom, "skip_system_fonts": not has_system_fonts}
    try:
        return bytes(resvg_py.svg_to_bytes(svg_string=svg, **options))
    except ValueError as error:
        raise PngError(f"the picture could not be drawn: {error}") from error
