"""The formats a scene can be written in, by name and by a file's ending."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # the names of the formats are wanted where nothing is drawn
    from engine.render.scene import Scene

ENDINGS: Final = {
    "mermaid": (".mmd", ".mermaid"),
    "dot": (".dot", ".gv"),
    "svg": (".svg",),
    "png": (".png",),
    "html": (".html", ".htm"),
    "text": (".txt",),
}
FORMATS: Final = tuple(ENDINGS)
Sources = Mapping[str, Sequence[str]]
"""The name of a file, as places have it -> its lines."""
NO_SOURCES: Final[Sources] = MappingProxyType({})


def format_of(path: Path) -> str | None:
    """The format that a file's ending stands for; None when it stands for none."""
    return next((name for name, endings in ENDINGS.items() if path.suffix.lower() in endings), None)


def written(scene: Scene, format_: str, sources: Sources = NO_SOURCES, *, width: int | None = None) -> str | bytes:
    """A scene in a format: bytes for ``png``, else text. Raises EngineError.

    ``sources`` are what an ``html`` page shows on a click; ``width`` is that of a terminal.
    """
    match format_:
        case "mermaid":
            from engine.render.mermaid import mermaid_text

            return mermaid_text(scene)
        case "dot":
            from engine.render.dot import dot_text

            return dot_text(scene)
        case "text":
            from engine.render.tree import tree_text

            return tree_text(scene, width)
    return _picture(scene, format_, sources)


def _picture(scene: Scene, format_: str, sources: Sources) -> str | bytes:
    from engine.render.svg import svg_text

    svg = svg_text(scene)
    match format_:
        case "png":
            from engine.render.png import png_bytes

            return png_bytes(svg)
        case "html":
            from engine.render.html import html_text

            return html_text(scene, svg, sources)
    return svg
