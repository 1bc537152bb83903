"""From the text of an expression or a template to its parts: what can be said before any name is looked at."""

from __future__ import annotations

import ast
import keyword
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from engine.chart.expr_types import ExpressionError

MAX_LENGTH: Final = 2_000  # characters of one expression

_STRING: Final = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
_QUOTED: Final = re.compile(rf"{_STRING.pattern}|['\"].*", re.DOTALL)  # a quote that is never closed hides the rest
_MAY_WARN: Final = re.compile(r"\\|\d\.?[^\W\d]")
_NEAR: Final = 20  # characters of the text that a syntax error shows
# What is written by who knows another language, or forgot a rule of this one, and what to write instead.
_SLIPS: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...]] = (
    (
        re.compile(r"(?<![\w.])(\d+(?:\.\d+)?) ?(mg|g|kg|t|lb|oz|ct|ms|s|min|h|d)\b(?!\()"),
        lambda match: f"q('{match[1]} {match[2]}')",
    ),
    (
        re.compile(rf"\b(data|settings|event)\.({'|'.join(keyword.kwlist)})\b"),
        lambda match: f"{match[1]}['{match[2]}']",
    ),
    (re.compile(r"&&"), lambda _: "and"),
    (re.compile(r"\|\|"), lambda _: "or"),
    (re.compile(r"\?"), lambda _: "a if condition else b"),
    (re.compile(r"==="), lambda _: "=="),
    (re.compile(r"<>"), lambda _: "!="),
    (re.compile(r"(?<![=!<>])=(?![=<>])"), lambda _: "=="),
    (re.compile(r"!(?!=)"), lambda _: "not"),
)


@dataclass(frozen=True, slots=True)
class TemplatePart:
    """A piece of a template: text as it is meant (unescaped), or what stands between ``${`` and ``}``."""

    text: str
    offset: int  # of its first character in the template
    is_expression: bool


class Parsed(NamedTuple):
    """A syntax tree, the one line of text that its columns count in, and where that line begins in what was written."""

    tree: ast.expr
    line: str
    indent: int


def parse_tree(text: str) -> Parsed:
    """Parse an expression that may run over several lines. Raises ExpressionError."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError("expression-too-long", 0, {"length": len(text), "limit": MAX_LENGTH})
    line = text.replace("\n", " ").replace("\r", " ")
    stripped = line.lstrip()
    indent = len(line) - len(stripped)
    if not stripped:
        raise ExpressionError("expression-syntax", 0, {"reason": "the expression is empty", "near": "", "write": ""})
    try:
        body = _parsed(stripped).body
    except SyntaxError as error:
        if error.offset == 0:  # Python points nowhere when the text ends too early
            raise _explained(line, len(line.rstrip()), "the expression ends too early") from error
        raise _explained(line, indent + min((error.offset or 1) - 1, len(stripped)), error.msg) from error
    except (ValueError, MemoryError, RecursionError) as error:  # a lone surrogate, or far too deep
        raise _explained(line, indent, str(error)) from error
    rest = stripped.encode()[body.end_col_offset :].decode()
    if "#" in rest:
        at = len(line) - len(rest) + rest.index("#")
        raise ExpressionError("not-allowed", at, {"construct": "#", "write": ""})
    return Parsed(body, stripped, indent)


def _parsed(text: str) -> ast.Expression:
    r"""Python's own parser. What it only warns of (``'\d'``, ``1if x else 2``) is a slip here."""
    if not _MAY_WARN.search(text):
        return ast.parse(text, mode="eval")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return ast.parse(text, mode="eval")


def split_template(text: str) -> tuple[TemplatePart, ...]:
    """Divide a template into text and expressions; ``$${`` is the text ``${``.

    Raises ExpressionError when a ``${`` is never closed.
    """
    parts: list[TemplatePart] = []
    literal, literal_at, at = "", 0, 0
    while (opening := text.find("${", at)) >= 0:
        if opening > at and text[opening - 1] == "$":
            literal += text[at : opening - 1] + "${"
            at = opening + 2
            continue
        literal += text[at:opening]
        if literal:
            parts.append(TemplatePart(literal, literal_at, is_expression=False))
        end = _closing_brace(text, opening + 2)
        parts.append(TemplatePart(text[opening + 2 : end], opening + 2, is_expression=True))
        literal, literal_at, at = "", end + 1, end + 1
    literal += text[at:]
    if literal:
        parts.append(TemplatePart(literal, literal_at, is_expression=False))
    return tuple(parts)


def _closing_brace(text: str, start: int) -> int:
    """Where the ``}`` of the ``${`` before ``start`` is; braces inside quotes do not count."""
    depth, at = 1, start
    while at < len(text):
        string = _STRING.match(text, at)
        if string is not None:
            at = string.end()
            continue
        if text[at] in "'\"":
            break
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return at
        at += 1
    near = text[start - 2 : start - 2 + _NEAR]
    raise ExpressionError(
        "expression-syntax", start - 2, {"reason": "'${' was never closed", "near": near, "write": "}"}
    )


def _explained(line: str, at: int, reason: str) -> ExpressionError:
    """The syntax error at ``at``, or the slip nearest to it that explains it."""
    visible = _QUOTED.sub(lambda match: "_" * len(match[0]), line)
    slips = [(match, write) for pattern, write in _SLIPS for match in pattern.finditer(visible)]
    write = ""
    if slips:
        match, correct = min(slips, key=lambda slip: abs(slip[0].start() - at))
        at, write = match.start(), correct(match)
    shown = line[at : at + _NEAR].strip() or line[:at].strip()[-_NEAR:]  # of one that ends too early, its end
    near = shown.encode("utf-8", "replace").decode()  # a lone surrogate cannot be printed
    return ExpressionError("expression-syntax", at, {"reason": reason, "near": near, "write": write})
