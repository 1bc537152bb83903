"""Turns what a check found into JSON and back, for the cache and between processes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.chart.lint.check import Checked
from engine.chart.lint.facts import from_json, place, to_json
from engine.chart.lint.silence import Silence
from engine.chart.load import Source
from engine.errors import Diagnostic, Position


def diagnostic_to_json(found: Diagnostic) -> dict[str, Any]:
    """A diagnostic as JSON."""
    return {
        "code": found.code,
        "at": place(found.position),
        "params": {name: _param(value) for name, value in found.params.items()},
        "severity": found.severity,
        "related": [[place(position), note] for position, note in found.related],
    }


def _param(value: object) -> object:
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    if isinstance(value, list | tuple):
        return [str(item) for item in value]
    return value if isinstance(value, str | int | float | None) else str(value)


def diagnostic_from_json(raw: Mapping[str, Any]) -> Diagnostic:
    """The diagnostic that :func:`diagnostic_to_json` kept."""
    related = tuple((Position(*at), note) for at, note in raw["related"])
    return Diagnostic(raw["code"], Position(*raw["at"]), raw["params"], raw["severity"], related)


def checked_to_json(checked: Checked) -> dict[str, Any]:
    """The result of a check as JSON. The files' texts are left out: they are read again when they are shown."""
    return {
        "name": checked.name,
        "findings": [diagnostic_to_json(found) for found in checked.findings],
        "facts": None if checked.facts is None else to_json(checked.facts),
        "sources": {name: str(source.path) for name, source in checked.sources.items()},
        "silences": {
            name: [[s.code, s.line, place(s.position), s.has_reason] for s in found]
            for name, found in checked.silences.items()
        },
        "extends": dict(checked.extends),
        "is_whole": checked.is_whole,
    }


def checked_from_json(raw: Mapping[str, Any]) -> Checked:
    """The result that :func:`checked_to_json` kept."""
    return Checked(
        name=raw["name"],
        findings=tuple(map(diagnostic_from_json, raw["findings"])),
        facts=None if raw["facts"] is None else from_json(raw["facts"]),
        sources={name: Source(Path(path), "") for name, path in raw["sources"].items()},
        silences={
            name: [Silence(code, line, Position(*at), has_reason=reason) for code, line, at, reason in found]
            for name, found in raw["silences"].items()
        },
        extends=raw["extends"],
        is_whole=raw["is_whole"],
    )
