"""What is wrong with the lines of a station beyond its file's shape: their charts, settings, devices and ports.

Devices and protocols are known here, so a master does not import this; a line's process checks its own line again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from engine.documents.tree import Map
from engine.errors import Diagnostic
from engine.service.chart_names import chart_place
from engine.service.chart_settings import check_fixed_settings, check_line_chart, sound_root
from engine.service.protocols import site_protocols
from engine.service.site_checks import Known, check_lines
from engine.service.upload_fields import check_upload_extras
from machines import shipped_charts
from parsers import PROTOCOLS


def check_station_lines(gateway: Map, lines: Sequence[Map], base_dir: Path) -> Iterator[Diagnostic]:
    """``lines`` as in site.yaml, with their places in the station's file."""
    if not lines:
        return
    own = site_protocols(base_dir, PROTOCOLS)
    yield from own.problems
    yield from check_lines(lines, base_dir, Known(own.known, shipped_charts()))
    charts = [chart_place(str(line.get("chart")), base_dir) for line in lines]
    for line, chart in zip(lines, charts, strict=True):
        yield from check_line_chart(line, chart)
    yield from check_fixed_settings(gateway)
    roots = [root for root in map(sound_root, charts) if root is not None]
    if len(roots) == len(charts):
        yield from check_upload_extras(gateway.section("upload"), roots)
