"""Checks a site.yaml: by itself, and each line's settings against what its chart declares."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from engine.chart.load import Source
from engine.documents.source import load_yaml
from engine.documents.tree import Document, Map, Seq
from engine.errors import Diagnostic, DiagnosticError, Position

_DEFAULT_CHART: Final = "weighing"


@dataclass(frozen=True, slots=True)
class LineOf:
    """One line of a site: its name, and its chart (a shipped one's name, or a file)."""

    name: str
    chart: str | Path


@dataclass(slots=True)
class SiteChecked:
    """What a check of one site.yaml found."""

    name: str
    findings: list[Diagnostic] = field(default_factory=list)
    lines: list[LineOf] = field(default_factory=list)
    bindings: list[str] = field(default_factory=list)
    source: Source | None = None


def read_bindings(path: Path) -> list[str]:
    """The Python files that a site lists under ``bindings``; none when it cannot be read."""
    try:
        listed = load_yaml(path).root.get("bindings")
    except DiagnosticError:
        return []
    base = path.absolute().parent
    return [str(base / item) for item in listed if isinstance(item, str)] if isinstance(listed, Seq) else []


def bindings_place(path: Path, error: str) -> Position:
    """Where a site lists the file that an error of its bindings names; where it lists them at all otherwise."""
    from engine.bindings.discover import module_name

    try:
        root = load_yaml(path).root
    except DiagnosticError:
        return Position(str(path))
    listed = root.get("bindings")
    if isinstance(listed, Seq):
        ways = [(str(item), module_name(Path(str(item)))) for item in listed]  # a function is told by its module
        named = [index for index, names in enumerate(ways) if any(name in error for name in names)]
        if named:
            return listed.at(named[-1])
    return root.key_at("bindings") if "bindings" in root else Position(str(path))


def check_site(path: Path) -> SiteChecked:
    """Check a site file. The protocols of its bindings have to be registered by now."""
    from engine.service.chart_settings import check_fixed_settings
    from engine.service.config import check_document
    from engine.service.protocols import site_protocols
    from parsers import PROTOCOLS

    checked = SiteChecked(str(path))
    try:
        document = load_yaml(path)
    except DiagnosticError as error:
        checked.findings += error.diagnostics
        return checked
    checked.source = Source(path, document.text)
    base = path.absolute().parent
    own = site_protocols(base, PROTOCOLS)  # what is wrong with them is told with their files
    checked.findings += map(milder, check_document(document, base, os.environ, protocols=own.known))
    told = {found.position for found in checked.findings}
    for line in _lines(document):
        checked.lines.append(_line_of(line, path.parent))
        checked.findings += (f for f in _line_findings(line, checked.lines[-1].chart) if f.position not in told)
    checked.findings += (f for f in check_fixed_settings(document.root) if f.position not in told)
    checked.findings += (f for f in _upload_findings(document.root, checked.lines) if f.position not in told)
    return checked


def milder(found: Diagnostic) -> Diagnostic:
    """A variable of the service's environment need not be in the environment of whoever checks its files."""
    return replace(found, severity="info") if found.code == "environment-missing" else found


def _lines(document: Document) -> Iterator[Map]:
    lines = document.root.get("lines")
    return (line for line in lines if isinstance(line, Map)) if isinstance(lines, Seq) else iter(())


def _line_of(line: Map, folder: Path) -> LineOf:
    from engine.service.chart_names import chart_place

    chart = line.text("chart") or _DEFAULT_CHART
    return LineOf(str(line.get("name", "")), chart_place(chart, folder))


def _line_findings(line: Map, chart: str | Path) -> Iterator[Diagnostic]:
    from engine.service.chart_settings import check_line_chart
    from engine.service.router import RESERVED_NAMES

    name = line.text("name")
    if name in RESERVED_NAMES:
        yield Diagnostic("reserved-name", line.at("name"), {"name": name})
    yield from check_line_chart(line, chart)


def _upload_findings(root: Map, lines: list[LineOf]) -> Iterator[Diagnostic]:
    from engine.service.chart_settings import sound_root
    from engine.service.upload_fields import check_upload_extras

    charts = [sound_root(line.chart) for line in lines]
    sound = [chart for chart in charts if chart is not None]
    if len(sound) == len(charts):
        yield from check_upload_extras(root.section("upload"), sound)
