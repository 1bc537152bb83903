"""``# engine: ignore[dead-end] reason``: a finding that is meant, said at its place, with the reason why.

The comment stands on the line of the finding or on the lines above it. What the rules find can be silenced; what keeps
a chart from running cannot. A silencing without a reason, or of nothing, is a finding itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from engine.chart.lint.rules import RULES
from engine.documents import catalog
from engine.documents.suggest import did_you_mean
from engine.documents.tree import split_lines
from engine.errors import Diagnostic, Position

_COMMENT: Final = re.compile(r"(?:^|\s)#\s*engine:\s*(.*?)\s*$")
_IGNORE: Final = re.compile(r"ignore\s*\[([^\]]*)\]\s*(.*)\Z")
_ONLY_COMMENT: Final = re.compile(r"\s*(?:#.*)?\Z")


@dataclass(frozen=True, slots=True)
class Silence:
    """One code that one comment silences on one line."""

    code: str
    line: int
    position: Position  # of the comment
    has_reason: bool


def read_silences(name: str, text: str) -> tuple[list[Silence], list[Diagnostic]]:
    """The silencings of a file, and what is wrong with how they are written."""
    silences: list[Silence] = []
    problems: list[Diagnostic] = []
    if "engine:" not in text:
        return silences, problems
    lines = split_lines(text)
    for index, line in enumerate(lines):
        match = _COMMENT.search(line) if "engine:" in line else None
        if match is None:
            continue
        position = Position(name, index + 1, line.index("#", match.start()) + 1)
        said = _IGNORE.match(match[1])
        codes = [code.strip() for code in said[1].split(",")] if said is not None else []
        if said is None or not all(codes):
            problems.append(_problem("ignore-unreadable", position, text=match[1]))
            continue
        target = _line_meant(lines, index)
        silences += [Silence(code, target, position, has_reason=bool(said[2])) for code in codes]
    return silences, problems


def _line_meant(lines: Sequence[str], index: int) -> int:
    """The number of the line that a comment is about: its own, or the next that holds more than a comment."""
    if not lines[index].lstrip().startswith("#"):
        return index + 1
    following = (i for i in range(index + 1, len(lines)) if not _ONLY_COMMENT.match(lines[i]))
    return next(following, index) + 1


class Silencer:
    """Takes out of findings what is silenced, and remembers which silencings were needed for that."""

    def __init__(self, silences: Mapping[str, Collection[Silence]]) -> None:
        self._silences = silences  # by file
        self._used: set[Silence] = set()

    def without_silenced(self, findings: Iterable[Diagnostic], extends: Mapping[str, int]) -> list[Diagnostic]:
        """The findings about one chart that are left.

        ``extends`` has the line of ``extends:`` in each of its files that has one: a finding in the chart that is
        extended, which the site cannot edit, is silenced there.
        """
        left: list[Diagnostic] = []
        for found in findings:
            by = self._silences_of(found, extends) if found.code in RULES else []
            self._used.update(by)
            if not by:
                left.append(found)
        return left

    def _silences_of(self, found: Diagnostic, extends: Mapping[str, int]) -> list[Silence]:
        here = found.position
        places = {here.file: here.line, **{file: line for file, line in extends.items() if file != here.file}}
        return [
            silence
            for file, line in places.items()
            for silence in self._silences.get(file, ())
            if silence.line == line and silence.code == found.code
        ]

    def wrong(self, file: str, was_asked: Callable[[str], bool]) -> list[Diagnostic]:
        """What is wrong with the silencings of a file.

        ``was_asked`` tells whether the rule behind a code was asked: only then a silencing can be needless.
        """
        judged = (self._judge(silence, was_asked) for silence in self._silences.get(file, ()))
        return [problem for problem in judged if problem is not None]

    def _judge(self, silence: Silence, was_asked: Callable[[str], bool]) -> Diagnostic | None:
        code = silence.code
        if code not in RULES:
            if code in catalog.codes():
                return _problem("ignore-impossible", silence.position, code=code)
            guess = did_you_mean(code, RULES) or ""
            return _problem("ignore-unknown", silence.position, code=code, guess=guess, known=sorted(RULES))
        if silence not in self._used and was_asked(code):
            return _problem("ignore-needless", silence.position, code=code)
        return None if silence.has_reason else _problem("ignore-without-reason", silence.position, code=code)


def _problem(code: str, position: Position, /, **params: object) -> Diagnostic:
    return Diagnostic(code, position, params, "warning")
