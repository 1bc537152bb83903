"""Expressions of sequences: the charts' language, over ``parameters.NAME`` and ``results.STEP.NAME``.

The two roots are read as the charts' ``settings`` and ``data``: written in their place with blanks behind them, so that
every character of the rest, and with it every position that is told, stays where it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final

from engine.bindings.types import ValueType
from engine.chart.binder import Place
from engine.chart.expr import Expression, ExpressionError, Scope, parse_expression, parse_template, split_template
from engine.documents.tree import Mark
from engine.errors import Diagnostic
from engine.sequence.model import Evaluate

_MOST_NAMES: Final = 8  # of those that could have been meant
_STRING: Final = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_ROOT: Final = re.compile(rf"{_STRING}|(?<![\w.])(parameters|results)(?=\s*[.\[])|(?<![\w.])(data|settings|event)\b")
_OURS: Final = {"parameters": "settings  ", "results": "data   "}  # as long as what they stand for
_THEIRS: Final = (
    (re.compile(r"\bsettings\s*(?=[.\[]|\Z)"), "parameters"),
    (re.compile(r"\bdata\s*(?=[.\[]|\Z)"), "results"),
)


@dataclass(frozen=True, slots=True)
class Compiled:
    """An expression ready to be worked out: its type, and the steps whose results it uses."""

    type: ValueType
    evaluate: Evaluate
    steps: frozenset[str]


@dataclass(slots=True)
class Expressions:
    """What expressions of one place may name. ``aliases``: names that steps have in the file they are written in."""

    parameters: Mapping[str, ValueType]
    results: Mapping[str, ValueType]
    problems: list[Diagnostic]
    aliases: Mapping[str, str] = field(default_factory=dict)
    used: Callable[[frozenset[str], Mark], None] | None = None  # is told which steps' results each expression uses

    def whole_name(self, name: str) -> str:
        """``results.STEP.NAME`` as the whole sequence calls the step."""
        root, _, rest = name.partition(".")
        step, dot, more = rest.partition(".")
        return f"{root}.{self.aliases.get(step, step)}{dot}{more}" if root == "results" else name

    def condition(self, text: str, mark: Mark) -> Compiled | None:
        """``when:`` and its like: an expression as it stands."""
        return self._compiled(lambda scope: parse_expression(_translated(text), scope), text, mark)

    def template(self, text: str, mark: Mark) -> Compiled | None:
        """A text with ``${...}`` in it; one alone is the value itself."""
        return self._compiled(lambda scope: parse_template(_translated_template(text), scope), text, mark)

    def _compiled(self, parse: Callable[[Scope], Expression], text: str, mark: Mark) -> Compiled | None:
        local = {short: self.results[long] for short, long in self.aliases.items() if long in self.results}
        try:
            found = parse(Scope(self.parameters, {**self.results, **local}, {}, ()))
        except ExpressionError as error:
            params = {name: _ours(value) for name, value in error.params.items()}
            if "known" in params:
                params["known"] = _nearest(str(params.get("name", "")), str(params["known"]))
            position = Place(mark).inside(text, error.offset)
            self.problems.append(Diagnostic(error.code, position, params))
            return None
        used = {name.partition(".")[2] for name in found.names if name.startswith("data.")}
        steps = frozenset(self.aliases.get(name, name) for name in used)
        if self.used is not None:
            self.used(steps, mark)
        return Compiled(found.type, self._bound(found), steps)

    def _bound(self, found: Expression) -> Evaluate:
        function = found.function
        if not self.aliases:
            return lambda results, parameters, machine: function(results, parameters, {}, machine)
        aliases = dict(self.aliases)

        def evaluate(results: Mapping[str, object], parameters: Mapping[str, object], machine: Any) -> Any:
            local = {short: results[long] for short, long in aliases.items()}
            return function({**results, **local}, parameters, {}, machine)

        return evaluate


def constant(value: object) -> Evaluate:
    """What is always the same."""
    return lambda _results, _parameters, _machine: value


def _translated(text: str) -> str:
    """The charts' names for ours. A root that only charts have is no name here. Raises ExpressionError."""

    def replace(match: re.Match[str]) -> str:
        if match[2]:
            write = {"data": "results", "settings": "parameters"}.get(match[2], "")
            raise ExpressionError("not-allowed", match.start(), {"construct": match[2], "write": write})
        return _OURS[match[1]] if match[1] else match[0]

    return _ROOT.sub(replace, text)


def _translated_template(text: str) -> str:
    made, at = "", 0
    for part in split_template(text):
        if not part.is_expression:
            continue
        made += text[at : part.offset]
        at = part.offset + len(part.text)
        try:
            made += _translated(part.text)
        except ExpressionError as error:
            raise ExpressionError(error.code, error.offset + part.offset, error.params) from error
    return made + text[at:]


def _nearest(name: str, known: str) -> list[str]:
    """Of all the names that there are, those under the same root; of many, those that look like it."""
    names = known.split(", ") if known else []
    root = name.rpartition(".")[0]
    under = [one for one in names if root and one.startswith(f"{root}.")] or names
    return under if len(under) <= _MOST_NAMES else get_close_matches(name, under, _MOST_NAMES, 0.5) or under


def _ours(value: object) -> object:
    if isinstance(value, str):
        for pattern, name in _THEIRS:
            value = pattern.sub(name, value)
        return value
    return [_ours(one) for one in value] if isinstance(value, list | tuple) else value
