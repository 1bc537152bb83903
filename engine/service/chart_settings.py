"""What a file says of a line and of its server, against what their charts declare and need."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from engine.chart.declare import declarations, resolve_settings
from engine.chart.load import chart_schema, read_chart
from engine.documents.schema import check
from engine.documents.tree import Map
from engine.errors import Diagnostic, EngineError
from engine.service.terminal_need import without_terminal

# Where a site says what is a setting of a chart that every gateway has: section, its key, chart, setting.
_FIXED: Final = (
    ("sync", "interval", "registration", "sync_interval"),
    ("heartbeat", "interval", "registration", "heartbeat_interval"),
    ("upload", "interval", "upload", "interval"),
)


def check_line_chart(line: Map, chart: str | Path) -> Iterator[Diagnostic]:
    """A line against its chart: unknown settings, wrong values, those that are needed, and a terminal if it is."""
    root = sound_root(chart)
    if root is None:
        return
    yield from without_terminal(line, root)
    settings, given = root.section("settings"), line.section("settings")
    problems: list[Diagnostic] = []
    declared = declarations(settings, [])
    resolve_settings(declared, given, problems)
    yield from problems
    place = line.key_at("settings" if "settings" in line else "chart" if "chart" in line else "name")
    for setting in declared.values():
        if "default" not in settings.section(setting.name) and given.get(setting.name) is None:
            related = ((setting.position, "needed-by"),)
            yield Diagnostic("setting-needed", place, {"name": setting.name}, related=related)


def check_fixed_settings(root: Map) -> Iterator[Diagnostic]:
    """Intervals of the server's section that the shipped charts do not take."""
    for section, key, chart, setting in _FIXED:
        given = root.section(section)
        declared = sound_root(chart) if key in given else None
        if declared is not None:
            renamed = Map(given.start)
            renamed[setting] = given[key]
            renamed.marks[setting] = given.marks[key]
            problems: list[Diagnostic] = []
            resolve_settings(declarations(declared.section("settings"), []), renamed, problems)
            yield from problems


def sound_root(chart: str | Path) -> Map | None:
    """A chart's document; None when it cannot be read or has the wrong shape, which its own check tells."""
    try:
        document = read_chart(chart)
    except EngineError:
        return None
    return None if check(document, chart_schema()) else document.root
