"""Checks charts given as text, alone or beside the shipped ones."""

from functools import cache
from pathlib import Path

from engine.bindings.shipped import shipped_registry
from engine.chart.lint.check import check_chart, check_document
from engine.cli.validation.together import Together
from engine.documents.source import load_yaml
from engine.errors import DiagnosticError
from machines import shipped_charts

REGISTRY = shipped_registry()


@cache
def shipped():
    """The checks of the shipped charts, by name."""
    return {name: check_chart(name, REGISTRY) for name in shipped_charts()}


def check_file(path, text=None):
    """Everything that is told about a chart's file, across the shipped charts too."""
    path = Path(path)
    if text is not None:
        path.write_text(text, encoding="utf-8")
    return Together([check_chart(path, REGISTRY)], shipped(), []).findings([])


def check_text(text):
    """What is told about a chart by itself."""
    try:
        return check_document(load_yaml(text, "chart.yaml"), REGISTRY)[0]
    except DiagnosticError as error:
        return list(error.diagnostics)


def codes(text):
    """The codes of what is told, in order."""
    return [found.code for found in sorted(check_text(text), key=lambda found: (found.position, found.code))]


def told(text):
    """What is told, as (code, line)."""
    return [(found.code, found.position.line) for found in check_text(text)]


def shipped_text(name):
    """The text of a shipped chart."""
    return shipped_charts()[name].read_text(encoding="utf-8")
