"""Shows a report: for people, as JSON, or as GitHub's workflow commands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.documents.limits import MAX_BYTES

if TYPE_CHECKING:
    from engine.cli.validation.run import Report
    from engine.documents.language import Language
    from engine.errors import Diagnostic


def as_text(report: Report, language: Language) -> str:
    """Every finding with its line and a caret, then how many there were."""
    shown: list[str] = []
    if report.findings:
        from engine.documents.render import render

        texts = _Texts(report.paths)
        shown = [render(found, texts.lines(found.position.file), language) for found in report.findings]
    return "\n".join([*shown, _summary(report, language)])


def _summary(report: Report, language: Language) -> str:
    problems = sum(found.severity != "info" for found in report.findings)
    files = len(report.files)
    if language == "ko":
        return f"파일 {files}개: 고칠 것 {problems}개" if problems else f"파일 {files}개: 문제 없음"
    counted = f"{files} file{'s' * (files != 1)} checked"
    return f"{counted}, {problems} problem{'s' * (problems != 1)}" if problems else f"{counted}, no problems"


def as_json(report: Report, language: Language) -> str:
    """One object: what was checked, and each finding with its sentence, cause and mend."""
    return json.dumps(
        {"files": report.files, "problems": [_plain(found, language) for found in report.findings]},
        ensure_ascii=False,
        indent=2,
    )


def _plain(found: Diagnostic, language: Language) -> dict[str, object]:
    from engine.documents.catalog import phrase
    from engine.documents.render import cause, mend, message

    position = found.position
    return {
        "file": position.file,
        "line": position.line,
        "column": position.column,
        "severity": found.severity,
        "code": found.code,
        "message": message(found, language),
        "cause": cause(found.code, language),
        "mend": mend(found, language),
        "related": [
            {"file": at.file, "line": at.line, "column": at.column, "note": phrase(note, language)}
            for at, note in found.related
        ],
    }


def as_github(report: Report, language: Language) -> str:
    """Workflow commands, which GitHub shows at the line of a pull request."""
    return "\n".join(_command(found, language) for found in report.findings)


def _command(found: Diagnostic, language: Language) -> str:
    from engine.documents.render import mend, message

    level = {"error": "error", "warning": "warning", "info": "notice"}[found.severity]
    position = found.position
    places = {"file": position.file, "line": position.line, "col": position.column, "title": found.code}
    properties = ",".join(f"{name}={_property(str(value))}" for name, value in places.items())
    text = "\n".join(part for part in (message(found, language), mend(found, language)) if part)
    return f"::{level} {properties}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


class _Texts:
    """The lines of files, read when they are shown."""

    def __init__(self, paths: dict[str, str]) -> None:
        self._paths = paths
        self._lines: dict[str, Sequence[str] | None] = {}

    def lines(self, name: str) -> Sequence[str] | None:
        """The lines of a file; None for one that cannot be shown."""
        if name not in self._lines:
            self._lines[name] = self._read(self._paths.get(name, name))
        return self._lines[name]

    @staticmethod
    def _read(path: str) -> Sequence[str] | None:
        from pathlib import Path

        from engine.documents.tree import split_lines

        try:
            file = Path(path)
            if not file.is_file() or file.stat().st_size > MAX_BYTES:
                return None
            text = _decoded(file.read_bytes())
        except (OSError, ValueError):
            return None
        return None if text is None else split_lines(text)


def _decoded(content: bytes) -> str | None:
    """A file's text in the encoding that it seems to have: its lines are to be recognised, also in a wrong one."""
    for encoding in ("utf-16",) if content[:2] in {b"\xff\xfe", b"\xfe\xff"} else ("utf-8-sig", "cp949"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None if b"\0" in content else content.decode(errors="replace")
