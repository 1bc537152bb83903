"""One self-contained page: the picture with pan, zoom and, on a click, the lines of the chart it was drawn from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Final

from engine.render.scene import Scene, Titles

# Nothing is ever fetched, by whatever stands in the page.
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
_WORDS: Final = {
    "ko": {
        "fit": "맞춤", "settings": "설정값", "copy": "위치 복사", "in": "확대", "out": "축소",
        "hint": "상태나 전이를 누르면 원본이 보인다. 끌어서 옮기고, 휠로 확대한다. 키: + − 0 화살표 Esc",
        "none": "이 차트에는 설정값이 없다.",
    },
    "en": {
        "fit": "Fit", "settings": "Settings", "copy": "Copy place", "in": "Larger", "out": "Smaller",
        "hint": "Click a state or a transition to see its source. Drag to move, wheel to zoom. Keys: + − 0 arrows Esc",
        "none": "This chart has no settings.",
    },
}  # fmt: skip


def html_text(scene: Scene, svg: str, sources: Mapping[str, Sequence[str]]) -> str:
    """The page. ``sources`` are the lines of each file that the scene's places are in."""
    language = "en" if scene.titles is Titles.EN else "ko"
    words = _WORDS[language]
    title = escape(f"{scene.title} ({scene.name} {scene.version})")
    # "</" would end the script element; in JSON the slash may as well be written as an escape.
    embedded = json.dumps(dict(sources), ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return f"""<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{title}</title>
<style>
{_asset("viewer.css")}</style>
</head>
<body>
<header>
<h1>{escape(scene.title)}</h1><small>{escape(f"{scene.name} {scene.version} · {scene.file}")}</small>
<button id="show-settings">{words["settings"]}</button>
<button id="out" title="{words["out"]}">−</button>
<button id="in" title="{words["in"]}">+</button>
<button id="fit">{words["fit"]}</button>
</header>
<main>
<div id="stage">
{svg}</div>
<aside id="panel" hidden>
<div id="settings" hidden>{_settings(scene, words)}</div>
<div id="place"><code id="where"></code><button id="copy">{words["copy"]}</button></div>
<pre id="told"></pre>
<div id="source"></div>
</aside>
</main>
<script type="application/json" id="sources">{embedded}</script>
<script>
{_asset("viewer.js")}</script>
</body>
</html>
"""


def _settings(scene: Scene, words: Mapping[str, str]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(value)}</td><td>{escape(help_)}</td></tr>"
        for name, (value, help_) in scene.settings.items()
    )
    table = f"<table>{rows}</table>" if rows else f"<p>{words['none']}</p>"
    return f"{table}<p>{words['hint']}</p>"


def _asset(name: str) -> str:
    return files("engine.render").joinpath(name).read_text(encoding="utf-8")
