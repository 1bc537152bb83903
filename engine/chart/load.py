"""Finds a chart by shipped name or path, and makes it ready to run."""

from __future__ import annotations

from pathlib import Path

from engine.bindings.registry import Registry
from engine.chart.build import build_chart
from engine.chart.model import Chart
from engine.documents.schema import check
from engine.documents.source import load_yaml
from engine.documents.tree import Document
from engine.errors import DiagnosticError
from machines import shipped_charts
from schemas import load_schema


def load_chart(chart: str | Path, registry: Registry) -> Chart:
    """Load a shipped chart by name, or one from a file. Raises DiagnosticError with everything that is wrong."""
    return build_checked(read_chart(chart), registry)


def read_chart(chart: str | Path) -> Document:
    """The YAML of a chart. Raises DiagnosticError when it cannot be read."""
    shipped = shipped_charts().get(str(chart)) if isinstance(chart, str) else None
    if shipped is not None:
        return load_yaml(shipped.read_text(encoding="utf-8"), f"machines/{shipped.name}")
    return load_yaml(Path(chart), str(chart))


def build_checked(document: Document, registry: Registry) -> Chart:
    """Check a chart's document against the schema, then build it."""
    problems = check(document, load_schema("chart"))
    if problems:
        raise DiagnosticError(problems)
    return build_chart(document, registry)
