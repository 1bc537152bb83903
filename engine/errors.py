"""One family of errors, and the diagnostics that tell a site engineer what is wrong, where, and how to mend it.

A :class:`Diagnostic` carries a stable code and its parameters, never a finished sentence: the sentence, the cause and
the mend come from a catalogue (``engine.documents.catalog``), in English or Korean, when it is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["error", "warning", "info"]


class EngineError(Exception):
    """The root of every error this project raises on purpose: an expected problem, never a bug of ours."""


class UnitError(EngineError):
    """A quantity, mass or duration is malformed, or two of them cannot be compared."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a text file. ``line`` and ``column`` count from 1; ``file`` is what the user typed, or relative."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding about a document: ``code`` names the rule, ``params`` fill its sentence in the catalogue."""

    code: str
    position: Position
    params: Mapping[str, object] = field(default_factory=dict)
    severity: Severity = "error"
    related: tuple[tuple[Position, str], ...] = ()


class DiagnosticError(EngineError):
    """A document cannot be used; every reason is in ``diagnostics``."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("; ".join(f"{d.position}: {d.code} {dict(d.params)}" for d in self.diagnostics))
