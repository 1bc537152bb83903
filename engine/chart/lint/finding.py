"""Makes the diagnostics of the rules."""

from __future__ import annotations

from engine.chart.lint.rules import RULES
from engine.errors import Diagnostic, Position


def finding(code: str, position: Position, /, *, first: Position | None = None, **params: object) -> Diagnostic:
    """A finding of the rule ``code``, as severe as its rule says; ``first`` is the place that it conflicts with."""
    related = () if first is None else ((first, "first-place"),)
    return Diagnostic(code, position, params, RULES[code], related)
