"""The expression language of charts: a small safe subset of Python syntax, checked against types and compiled.

An expression (``event.value >= settings.min_weight``) is parsed to a syntax tree, every node is checked and rebuilt
(``engine.chart.expr_build``), and the result is one Python function of the data, the settings, the event's fields and
the machine. Parsing runs none of a chart's text, and nothing can be called but ``engine.chart.expr_calls`` lists.

Nothing (None) is quiet where that is what people mean: ordered against anything it is false, reached through it is
nothing, and in a template it is an empty text. Arithmetic with it raises.
"""

from __future__ import annotations

import ast
import itertools
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from engine.bindings.types import ANY, SECRET, TEXT, ValueType
from engine.chart import functions
from engine.chart.expr_build import RULES
from engine.chart.expr_code import Builder, Piece, call, constant, placed
from engine.chart.expr_syntax import MAX_LENGTH, TemplatePart, parse_tree, split_template
from engine.chart.expr_types import NOTHING, ExpressionError, Scope, raise_together
from engine.chart.functions import EvaluationError, Runtime
from engine.errors import EngineError

__all__ = [
    "MAX_LENGTH",
    "EvaluationError",
    "Expression",
    "ExpressionError",
    "Runtime",
    "Scope",
    "TemplatePart",
    "parse_expression",
    "parse_template",
    "split_template",
]

# data, settings, the event's fields, the machine: called by position, on every event
Evaluate = Callable[[Mapping[str, object], Mapping[str, object], Mapping[str, object], Any], Any]

_PARAMETERS: Final = [ast.arg(name, lineno=1, col_offset=0) for name in "dsem"]
_ARGUMENTS: Final = ast.arguments([], _PARAMETERS, None, [], [], None, [])
_NO_BUILTINS: Final[dict[str, object]] = {}
_serial = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression. ``function(data, settings, event_data, machine)`` gives its value.

    ``names`` are the declarations it uses (``data.uid``, ``settings.min_weight``, ``event.value``). ``type`` is what
    is known of its value, which may be None whatever the type. The function of a constant needs nothing: empty maps
    and no machine will do.
    """

    text: str
    type: ValueType
    function: Evaluate
    names: frozenset[str]
    is_constant: bool


def parse_expression(text: str, scope: Scope) -> Expression:
    """Check an expression against what may be named. Raises ExpressionError with its offset into ``text``."""
    builder = Builder(scope, RULES)
    return _finished(text, _piece(text, 0, builder), builder)


def parse_template(text: str, scope: Scope) -> Expression:
    """Check a YAML text that may hold ``${...}``. Raises ExpressionError with its offset into ``text``.

    ``${data.id}`` alone is the value itself with its type; with text around it, or several of them, the whole is text
    (a secret when a secret is in it). ``$${`` stands for ``${``.
    """
    builder = Builder(scope, RULES)
    parts = split_template(text)
    if len(parts) == 1 and parts[0].is_expression:
        return _finished(text, _piece(parts[0].text, parts[0].offset, builder), builder)
    if not any(part.is_expression for part in parts):
        return _finished(text, _literal("".join(part.text for part in parts)), builder)
    pieces = _pieces(parts, builder)
    code = call(builder.use(functions.render_text), *(piece.code for piece in pieces))
    is_secret = any(piece.type == SECRET for piece in pieces)
    return _finished(text, Piece(code, SECRET if is_secret else TEXT, code), builder)


def _piece(text: str, offset: int, builder: Builder) -> Piece:
    """Parse and build one expression that stands at ``offset`` of what the user wrote."""
    indent = 0
    try:
        tree, line, indent = parse_tree(text)
        return builder.build_text(tree, line)
    except ExpressionError as error:
        raise error.moved(indent + offset) from error.__cause__


def _pieces(parts: Sequence[TemplatePart], builder: Builder) -> list[Piece]:
    """The parts of a template. Raises one ExpressionError for all that are wrong."""
    pieces: list[Piece] = []
    errors: list[ExpressionError] = []
    for part in parts:
        try:
            pieces.append(_piece(part.text, part.offset, builder) if part.is_expression else _literal(part.text))
        except ExpressionError as error:
            errors.append(error)
    raise_together(errors)
    return pieces


def _literal(text: str) -> Piece:
    code = constant(text)
    return Piece(code, TEXT, code)


def _finished(text: str, piece: Piece, builder: Builder) -> Expression:
    function = _compiled(text, piece.code, builder.globals)
    is_constant = not builder.names and not builder.uses_machine
    if is_constant:
        _try_out(function)
    type_ = ANY if piece.type == NOTHING else piece.type
    return Expression(text, type_, function, frozenset(builder.names), is_constant)


def _compiled(text: str, body: ast.expr, names: Mapping[str, object]) -> Evaluate:
    """One function of the checked code, which becomes Python's when it is first called.

    All that can be wrong is known by now, and most charts are looked at more often than they are run.
    """
    # Unique, because python-statemachine remembers signatures by qualified name.
    name = f"expression_{next(_serial)}"
    code = _named(_first_call.__code__, name, text)
    function = types.FunctionType(code, {"__builtins__": _NO_BUILTINS, **names}, name)

    def made() -> Evaluate:
        function.__code__ = _named(_code_of(body), name, text)
        return function

    function.__globals__["made"] = made
    return function


def _first_call(d: Any, s: Any, e: Any, m: Any) -> Any:
    """What every function does once. ``made`` is its own, among what it can name."""
    return made()(d, s, e, m)  # type: ignore[name-defined]  # noqa: F821


def _code_of(body: ast.expr) -> types.CodeType:
    tree = ast.Expression(placed(ast.Lambda(_ARGUMENTS, body)))
    module = compile(tree, "<expression>", "eval", dont_inherit=True)
    return next(const for const in module.co_consts if isinstance(const, types.CodeType))


def _named(code: types.CodeType, name: str, text: str) -> types.CodeType:
    return code.replace(co_name=name, co_qualname=name, co_filename=f"<expression {text!r}>")


def _try_out(function: Evaluate) -> None:
    """Find now what would fail at every evaluation (``1 / 0``). Raises ExpressionError."""
    try:
        function({}, {}, {}, None)
    except (ArithmeticError, LookupError, TypeError, ValueError, EngineError) as error:
        raise ExpressionError("expression-fails", 0, {"reason": str(error)}) from error
