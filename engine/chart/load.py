"""Finds a chart by shipped name or path, and makes it ready to run."""

from __future__ import annotations

from pathlib import Path

from engine.bindings.registry import Registry
from engine.chart.build import build_chart
from engine.chart.extend import extend
from engine.chart.model import Chart
from engine.documents.schema import check
from engine.documents.source import load_yaml
from engine.documents.suggest import did_you_mean
from engine.documents.tree import Document
from engine.errors import Diagnostic, DiagnosticError
from machines import shipped_charts
from schemas import load_schema


def load_chart(chart: str | Path, registry: Registry) -> Chart:
    """Load a shipped chart by name, or one from a file. Raises DiagnosticError with everything that is wrong."""
    return build_checked(read_chart(chart), registry)


def read_chart(chart: str | Path) -> Document:
    """The YAML of a chart, with what it extends merged in. Raises DiagnosticError when it cannot be read."""
    return _read(chart, ())


def _read(chart: str | Path, below: tuple[str, ...]) -> Document:
    shipped = shipped_charts().get(str(chart)) if isinstance(chart, str) else None
    if shipped is not None:
        document = load_yaml(shipped.read_text(encoding="utf-8"), f"machines/{shipped.name}")
    else:
        document = load_yaml(Path(chart), str(chart))
    base = document.root.get("extends")
    if not isinstance(base, str):
        return document
    return _extended(document, base, chart, below)


def _extended(document: Document, base: str, chart: str | Path, below: tuple[str, ...]) -> Document:
    at = document.root.at("extends")
    if document.name in below:
        raise DiagnosticError([Diagnostic("extends-cycle", at, {"cycle": " -> ".join([*below, document.name])})])
    is_file = base.endswith((".yaml", ".yml")) or "/" in base
    if not is_file and base not in shipped_charts():
        guess = did_you_mean(base, list(shipped_charts())) or ""
        known = ", ".join(sorted(shipped_charts()))
        raise DiagnosticError([Diagnostic("unknown-chart", at, {"name": base, "guess": guess, "known": known})])
    found = _read(Path(chart).parent / base if is_file else base, (*below, document.name))
    problems: list[Diagnostic] = []
    merged = extend(found.root, document.root, problems)
    return Document(document.name, found.text + document.text, merged, document.start, (*document.problems, *problems))


def build_checked(document: Document, registry: Registry) -> Chart:
    """Check a chart's document against the schema, then build it."""
    problems = check(document, load_schema("chart"))
    if problems:
        raise DiagnosticError(problems)
    return build_chart(document, registry)
