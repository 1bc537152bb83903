"""Finds a chart by shipped name or path, and makes it ready to run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.bindings.registry import Registry
from engine.chart.build import build_chart
from engine.chart.extend import extend
from engine.chart.model import Chart
from engine.documents.schema import check
from engine.documents.source import load_yaml
from engine.documents.suggest import did_you_mean
from engine.documents.tree import Document
from engine.errors import Diagnostic, DiagnosticError, Position
from machines import shipped_charts
from schemas import load_schema

_MOST_BASES: Final = 16  # charts that extend each other; nobody follows more


def load_chart(chart: str | Path, registry: Registry) -> Chart:
    """Load a shipped chart by name, or one from a file. Raises DiagnosticError with everything that is wrong."""
    return build_checked(read_chart(chart), registry)


def build_checked(document: Document, registry: Registry) -> Chart:
    """Check a chart's document against the schema, then build it."""
    problems = check(document, chart_schema())
    if problems:
        raise DiagnosticError(problems)
    return build_chart(document, registry)


def chart_schema() -> dict[str, Any]:
    """The shape of a chart. What its names mean is checked by the builder, which knows better what was meant."""
    return load_schema("chart-structure")


def read_chart(chart: str | Path, sources: dict[str, Source] | None = None) -> Document:
    """The YAML of a chart, with what it extends merged in. Raises DiagnosticError when it cannot be read.

    ``sources`` is given the text of every file that was read on the way, also when reading fails, by its shown name.
    """
    return _Reader({} if sources is None else sources).read(chart, ())


@dataclass(frozen=True, slots=True)
class Source:
    """A file as it was read; ``extends`` is the line where it names the chart that it extends, 0 when it names none."""

    path: Path
    text: str
    extends: int = 0


@dataclass(frozen=True, slots=True)
class _Reader:
    sources: dict[str, Source]

    def read(self, chart: str | Path, above: tuple[Path, ...]) -> Document:
        shipped = shipped_charts().get(chart) if isinstance(chart, str) else None
        path = Path(str(shipped)) if shipped is not None else Path(chart)
        document = load_yaml(path, f"machines/{path.name}" if shipped is not None else str(chart))
        base = document.root.get("extends")
        line = document.root.at("extends").line if isinstance(base, str) else 0
        self.sources[document.name] = Source(path, document.text, line)
        return self._extended(document, base, path, above) if isinstance(base, str) else document

    def _extended(self, document: Document, base: str, path: Path, above: tuple[Path, ...]) -> Document:
        at = document.root.at("extends")
        chain = (*above, path.resolve())
        if chain[-1] in above:
            raise _refusal("extends-cycle", at, cycle=" -> ".join(one.name for one in chain))
        if len(chain) > _MOST_BASES:
            raise _refusal("extends-too-deep", at, limit=_MOST_BASES)
        if base.endswith((".yaml", ".yml")) or "/" in base:
            found = path.parent / base
            if not found.exists():
                raise _refusal("referenced-file-missing", at, path=base)
            merged = self.read(found, chain)
        elif base in shipped_charts():
            merged = self.read(base, chain)
        else:
            known = sorted(shipped_charts())
            raise _refusal("unknown-chart", at, name=base, guess=did_you_mean(base, known), known=known)
        problems: list[Diagnostic] = []
        root = extend(merged.root, document.root, problems)
        problems = [*merged.problems, *document.problems, *problems]
        return Document(document.name, merged.text + document.text, root, document.start, tuple(problems))


def _refusal(code: str, at: Position, **params: object) -> DiagnosticError:
    return DiagnosticError([Diagnostic(code, at, params)])
