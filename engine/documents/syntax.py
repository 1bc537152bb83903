"""Turn what ruamel's scanner and parser say into diagnostics that a site engineer understands.

ruamel speaks of tokens and block ends; a person has forgotten a quote, a bracket or a space. The table below is matched
against its ``problem`` text, top to bottom; what it does not know is passed on as ``yaml-syntax`` with ruamel's words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from engine.documents.tree import split_lines
from engine.errors import Diagnostic, Position

_GLUED: Final = re.compile(r"\s*(?:- +)?([A-Za-z_][\w.]*):(?![\s/:])")  # key:value, and no address
_Place: TypeAlias = "tuple[int, int]"  # line and column, from 1


class _Case:
    """One syntax error, with what a rule needs to explain it."""

    def __init__(self, error: Exception, text: str, name: str) -> None:
        self.name = name
        self.lines = split_lines(text)
        self.problem = str(getattr(error, "problem", None) or error).partition("\n")[0]
        self.context = str(getattr(error, "context", None) or "")
        end = (len(self.lines), len(self.lines[-1]) + 1)
        self.place = _place(getattr(error, "problem_mark", None)) or _place(getattr(error, "context_mark", None)) or end
        self.opening = _place(getattr(error, "context_mark", None))

    def line(self) -> str:
        """The text of the line where the parser stopped."""
        number = self.place[0] - 1
        return self.lines[number] if number < len(self.lines) else ""

    def diagnose(self, code: str, place: _Place | None = None, **params: object) -> Diagnostic:
        """Make the finding, with the start of the broken thing beside it where it is on another line."""
        at = place or self.place
        related: tuple[tuple[Position, str], ...] = ()
        if self.opening is not None and self.opening[0] != at[0] and "flow" in self.context:
            related = ((Position(self.name, *self.opening), "opened-here"),)
        return Diagnostic(code, Position(self.name, *at), params, related=related)


def syntax_diagnostic(error: Exception, text: str, name: str) -> Diagnostic:
    """Explain an exception of ruamel about ``text``."""
    case = _Case(error, text, name)
    for pattern, explain in _RULES:
        match = pattern.search(case.problem)
        if match:
            return explain(case, match)
    return case.diagnose("yaml-syntax", detail=case.problem)


def _place(mark: Any) -> _Place | None:
    return None if mark is None else (mark.line + 1, mark.column + 1)


def _bad_character(case: _Case, match: re.Match[str]) -> Diagnostic:
    return case.diagnose("yaml-reserved-character", character=match[1])


def _missing_colon(case: _Case, _match: re.Match[str]) -> Diagnostic:
    return case.diagnose("yaml-missing-colon", case.opening)


def _unexpected_colon(case: _Case, _match: re.Match[str]) -> Diagnostic:
    line = case.line()
    if ": " in line[: case.place[1] - 1]:
        return case.diagnose("yaml-colon-in-value")
    number = case.place[0] - 1  # of the line before, from 1
    glued = _GLUED.match(case.lines[number - 1]) if number else None
    if glued:  # that line was read as a text which goes on here
        return case.diagnose("missing-space", (number, glued.start(1) + 1), key=glued[1])
    return case.diagnose("yaml-indentation", _first_word(case))


def _first_word(case: _Case) -> _Place:
    line = case.line()
    return (case.place[0], len(line) - len(line.lstrip()) + 1)


def _unclosed_quote(case: _Case, _match: re.Match[str]) -> Diagnostic:
    return case.diagnose("yaml-unclosed-quote", case.opening)


def _unclosed_bracket(case: _Case, match: re.Match[str]) -> Diagnostic:
    bracket = {"]": "[", "}": "{"}[match[1]]
    if case.line()[: case.place[1]].endswith("${"):
        return case.diagnose("yaml-dollar", (case.place[0], case.place[1] - 1))
    if match[2] == "<stream end>":
        return case.diagnose("yaml-unclosed-bracket", case.opening, bracket=bracket, closing=match[1])
    return case.diagnose("yaml-bracket", bracket=bracket, closing=match[1])


def _extra_bracket(case: _Case, match: re.Match[str]) -> Diagnostic:
    return case.diagnose("yaml-extra-bracket", bracket=match[1])


def _simply(code: str) -> Callable[[_Case, re.Match[str]], Diagnostic]:
    def explain(case: _Case, _match: re.Match[str]) -> Diagnostic:
        return case.diagnose(code)

    return explain


_RULES: Final[tuple[tuple[re.Pattern[str], Callable[[_Case, re.Match[str]], Diagnostic]], ...]] = (
    (re.compile(r"found character '\\t'"), _simply("yaml-tab")),
    (re.compile(r"found character ['\"](.+)['\"] that cannot start"), _bad_character),
    (re.compile(r"could not find expected ':'"), _missing_colon),
    (re.compile(r"mapping values are not allowed|found unexpected ':'"), _unexpected_colon),
    (re.compile(r"sequence entries are not allowed"), _simply("yaml-dash")),
    (re.compile(r"unexpected end of stream|unexpected document separator"), _unclosed_quote),
    (re.compile(r"expected ',' or '([\]}])', but got '(.+)'"), _unclosed_bracket),
    (re.compile(r"but found '([\]}])'"), _extra_bracket),
    (re.compile(r"expected <block end>, but found '<scalar>'"), _simply("yaml-after-value")),
    (re.compile(r"expected <block end>"), _simply("yaml-indentation")),
    (re.compile(r"expected '<document start>'"), _simply("yaml-after-value")),
    (re.compile(r"escape|chr\(\) arg"), _simply("yaml-escape")),
    (re.compile(r"expected the node content"), _simply("yaml-value-expected")),
)
