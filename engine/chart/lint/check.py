"""Checks one chart's file stage by stage: read, shape, names and expressions, rules. Never raises for what is in it.

A later stage is skipped only where its input is broken: what has the wrong shape is cut out, and the rest is checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from engine.bindings.registry import Registry
from engine.chart.build import attempt
from engine.chart.lint import lint
from engine.chart.lint.facts import Facts, facts_of
from engine.chart.lint.prune import follows_from, prune
from engine.chart.lint.rules import RULES
from engine.chart.lint.silence import Silence, read_silences
from engine.chart.load import Source, chart_schema, read_chart
from engine.documents.schema import check
from engine.documents.tree import Document
from engine.errors import Diagnostic, DiagnosticError, Position

MOST_FINDINGS: Final = 500  # of one chart: a slipped indentation can make thousands
# What is wrong with a text, and leaves all of it there to be judged.
_HARMLESS: Final = frozenset({"duplicate-key", "tag-not-used"})


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check of one chart found. Findings are not silenced yet: those across charts are still to come."""

    name: str  # of its file, as shown
    findings: tuple[Diagnostic, ...]
    facts: Facts | None  # None when the chart could not be built
    sources: Mapping[str, Source] = field(default_factory=dict)  # every file that was read for it
    silences: Mapping[str, Sequence[Silence]] = field(default_factory=dict)
    extends: Mapping[str, int] = field(default_factory=dict)  # the line of ``extends:`` in each file that has one
    is_whole: bool = True  # everything it consists of could be read


def check_chart(chart: str | Path, registry: Registry) -> Checked:
    """Check a shipped chart (by name) or a file."""
    sources: dict[str, Source] = {}
    document: Document | None = None
    facts: Facts | None = None
    try:
        document = read_chart(chart, sources)
        findings, facts = check_document(document, registry)
    except DiagnosticError as error:
        findings = list(error.diagnostics)
    extends = {name: source.extends for name, source in sources.items() if source.extends}
    silences: dict[str, Sequence[Silence]] = {}
    for name, source in sources.items():
        silences[name], problems = read_silences(name, source.text)
        findings += problems if document is None or name == document.name else []
    name = document.name if document is not None else next(iter(sources), str(chart))
    return Checked(name, tuple(_bounded(findings)), facts, sources, silences, extends, document is not None)


def check_document(document: Document, registry: Registry) -> tuple[list[Diagnostic], Facts | None]:
    """Everything that is wrong with a chart that could be read, and the facts of one that could be built."""
    unreadable = {problem.code for problem in document.problems} - _HARMLESS
    if "several-documents" in unreadable:
        return list(document.problems), None
    known = {problem.position for problem in document.problems}
    misshapen = check(document, chart_schema())
    misshapen = [problem for problem in misshapen if problem.position not in known or problem in document.problems]
    sound, cut = prune(document, misshapen) if misshapen else (document, frozenset[str]())
    if sound is None:
        return misshapen, None
    chart, problems = attempt(sound, registry)
    findings = [*misshapen, *(problem for problem in problems if not follows_from(problem, cut))]
    if not cut and not unreadable and chart.root.initial is not None:
        findings += lint(chart, problems)
    return findings, None if findings_forbid(findings) else facts_of(chart, document.name, document.root)


def findings_forbid(findings: Iterable[Diagnostic]) -> bool:
    """Whether the chart is not to be relied on: it could not be built, or not all of it."""
    return any(found.code not in RULES for found in findings)


def _bounded(findings: list[Diagnostic]) -> list[Diagnostic]:
    """Each finding once, in the order of the file; of very many the first."""
    unique: dict[Any, Diagnostic] = {}
    for found in findings:
        unique.setdefault((found.position, found.code, repr(found.params)), found)
    ordered = sorted(unique.values(), key=lambda one: (one.position, one.code))
    if len(ordered) <= MOST_FINDINGS:
        return ordered
    left_out = len(ordered) - MOST_FINDINGS
    last = ordered[MOST_FINDINGS - 1].position
    return [*ordered[:MOST_FINDINGS], Diagnostic("too-many-findings", Position(last.file), {"count": left_out}, "info")]
