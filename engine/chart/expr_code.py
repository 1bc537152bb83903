"""What the rules of the expression language build with: checked pieces of code, and the report of what is wrong.

Nothing of the user's syntax tree is compiled. Each node is checked against the scope and the types, and answered with
a new tree whose names are all ours: ``d s e m`` (data, settings, event, machine), ``t1 t2 ...`` for operands that are
needed twice, ``k0 ...`` for constants, and the helpers of ``engine.chart.functions``. So an expression can reach
nothing but the values it is handed.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeVar

from engine.bindings.types import ValueType
from engine.chart.expr_types import NOTHING, ExpressionError, Misfit, Scope, comparison, kind, raise_together
from engine.documents.suggest import did_you_mean
from engine.errors import UnitError
from engine.units import parse_duration, parse_mass

MAX_DEPTH: Final = 50
LOAD: Final = ast.Load()

Node = TypeVar("Node", bound=ast.expr)

# How a construct that is refused is called, and what to write instead where there is one thing.
_REFUSED: Final[Mapping[type[ast.AST], tuple[str, str]]] = {
    ast.Is: ("is", "=="), ast.IsNot: ("is not", "!="), ast.Pow: ("**", ""), ast.MatMult: ("@", ""),
    ast.BitAnd: ("&", "and"), ast.BitOr: ("|", "or"), ast.BitXor: ("^", ""), ast.Invert: ("~", "not"),
    ast.LShift: ("<<", ""), ast.RShift: (">>", ""), ast.Lambda: ("lambda", ""), ast.NamedExpr: (":=", ""),
    ast.ListComp: ("for", ""), ast.SetComp: ("for", ""), ast.DictComp: ("for", ""), ast.GeneratorExp: ("for", ""),
    ast.JoinedStr: ("f''", ""), ast.Starred: ("*", ""), ast.Dict: ("{}", ""), ast.Set: ("{}", "[]"),
    ast.Slice: (":", ""), ast.Await: ("await", ""), ast.Yield: ("yield", ""), ast.YieldFrom: ("yield", ""),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Piece:
    """A checked sub-expression: the code that computes it, its type, and where it stands in the text."""

    code: ast.expr
    type: ValueType
    source: ast.expr
    is_nullable: bool = False
    items: tuple[Piece, ...] = ()  # of a list written out

    @property
    def literal(self) -> object:
        """The value of a literal, else None."""
        return self.code.value if isinstance(self.code, ast.Constant) else None


class Builder:
    """Builds the code of one expression, or of all the parts of one template."""

    def __init__(self, scope: Scope, rules: Mapping[type[ast.expr], Rule]) -> None:
        self.scope = scope
        self.names: set[str] = set()
        self.uses_machine = False
        self.globals: dict[str, object] = {}
        self._rules = rules
        self._text = ""
        self._temporaries = 0
        self._depth = 0

    def build_text(self, tree: ast.expr, text: str) -> Piece:
        """Build the tree of ``text``. Raises ExpressionError with offsets into ``text``."""
        self._text = text
        self._depth = 0
        return self.build(tree)

    def build(self, node: ast.expr) -> Piece:
        """Check a node and everything below it. Raises ExpressionError."""
        rule = self._rules.get(type(node))
        if rule is None:
            self.refuse(node, node)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self.fail(node, "expression-too-deep", limit=MAX_DEPTH)
        try:
            return rule(self, node)
        finally:
            self._depth -= 1

    def build_all(self, nodes: Iterable[ast.expr]) -> list[Piece]:
        """Check nodes side by side. Raises one ExpressionError for all that are wrong."""
        pieces: list[Piece] = []
        errors: list[ExpressionError] = []
        for node in nodes:
            try:
                pieces.append(self.build(node))
            except ExpressionError as error:
                errors.append(error)
        raise_together(errors)
        return pieces

    def use(self, helper: Callable[..., object]) -> ast.Name:
        """The name of a helper function, made known to the code."""
        self.globals[helper.__name__] = helper
        return name(helper.__name__)

    def keep(self, value: object) -> ast.Name:
        """The name of a constant that no literal can write."""
        key = f"k{len(self.globals)}"
        self.globals[key] = value
        return name(key)

    def temporary(self) -> str:
        """A fresh local name."""
        self._temporaries += 1
        return f"t{self._temporaries}"

    def ask_machine(self, method: str, *args: ast.expr) -> ast.expr:
        """Code that calls a method of the machine."""
        return call(attribute(self.machine(), method), *args)

    def machine(self) -> ast.Name:
        """The name of the machine; an expression that uses it is no constant."""
        self.uses_machine = True
        return name("m")

    def source_of(self, node: ast.expr) -> str:
        """How ``node`` was written."""
        return ast.get_source_segment(self._text, node) or ""

    # What is wrong -------------------------------------------------------------------------------------------------

    def fail(self, node: ast.expr, code: str, **params: object) -> NoReturn:
        """Raise ExpressionError that points at ``node``."""
        before = self._text.encode()[: node.col_offset]  # ast counts UTF-8 bytes
        raise ExpressionError(code, len(before.decode()), params)

    def refuse(self, where: ast.expr, what: ast.AST) -> NoReturn:
        """Raise ExpressionError: the language has no such construct."""
        construct, instead = _REFUSED.get(type(what), (type(what).__name__, ""))
        self.fail(where, "not-allowed", construct=construct, write=instead)

    def fail_unknown(self, node: ast.expr, code: str, text: str, known: Iterable[str], guess: str | None) -> NoReturn:
        """Raise ExpressionError: nothing has this name; say which was probably meant, and which there are."""
        self.fail(node, code, name=text, guess=guess or "", known=", ".join(sorted(known)))

    def misfit(self, operation: str, piece: Piece, expected: str) -> NoReturn:
        """Raise ExpressionError: ``piece`` is not of a type that ``operation`` takes there."""
        found = "None" if piece.type == NOTHING else str(piece.type)
        write = self._with_unit(piece, expected)
        self.fail(piece.source, "type-mismatch", operation=operation, expected=expected, found=found, write=write)

    def misfit_of(self, operation: str, left: Piece, right: Piece, misfit: Misfit) -> NoReturn:
        """Raise ExpressionError: one of two operands does not fit."""
        self.misfit(operation, left if misfit.side == "left" else right, misfit.expected)

    def check_comparable(self, operation: str, left: Piece, right: Piece, operator: str) -> None:
        """Raise ExpressionError when the two cannot be compared by ``operator``."""
        misfit = comparison(operator, left.type, right.type)
        if misfit is not None:
            self.misfit_of(operation, left, right, misfit)
        for choice, other in ((left.type, right), (right.type, left)):
            literal = other.literal
            if choice.choices and isinstance(literal, str) and literal not in choice.choices:
                guess = did_you_mean(literal, choice.choices)
                self.fail(
                    other.source, "type-mismatch", operation=operation, expected=str(choice),
                    found=repr(literal), write=repr(guess) if guess else "",
                )  # fmt: skip

    def _with_unit(self, piece: Piece, expected: str) -> str:
        """How to write a value whose unit was forgotten (``30``) or that was written as text (``'30 s'``)."""
        if expected not in ("mass", "duration"):
            return ""
        if isinstance(piece.literal, str):
            return f"q({piece.literal!r})" if dimension_of(piece.literal) == expected else ""
        if kind(piece.type) != "number":
            return ""
        unit, example = ("g", "50") if expected == "mass" else ("s", "30")
        written = self.source_of(piece.source)
        digits = written.lstrip("+- ")
        if not digits.replace(".", "", 1).isdecimal() or not digits[:1].isdecimal():
            return f"q('{example} {unit}')"
        return f"{'-' if written.startswith('-') else ''}q('{digits} {unit}')"


Rule = Callable[[Builder, Any], Piece]


def dimension_of(text: str) -> str:
    """``mass`` or ``duration`` when ``text`` is one with its unit, else an empty text."""
    for dimension, parse in (("mass", parse_mass), ("duration", parse_duration)):
        try:
            parse(text)
        except UnitError:
            continue
        return dimension
    return ""


def placed(node: Node) -> Node:
    """A node of ours with the place that Python's compiler asks of every node (setting it here is quickest)."""
    node.lineno = node.end_lineno = 1
    node.col_offset = node.end_col_offset = 0
    return node


def name(text: str) -> ast.Name:
    """Code that reads a name of ours."""
    return placed(ast.Name(text, LOAD))


def constant(value: str | float | None) -> ast.Constant:
    """Code that is a literal."""
    return placed(ast.Constant(value))


def attribute(value: ast.expr, text: str) -> ast.Attribute:
    """Code that reads an attribute."""
    return placed(ast.Attribute(value, text, LOAD))


def call(function: ast.expr, *args: ast.expr) -> ast.Call:
    """Code that calls ``function``."""
    return placed(ast.Call(function, list(args), []))


def call_get(value: ast.expr, key: str) -> ast.Call:
    """Code that looks a key up in a map: what is not there is nothing."""
    return call(attribute(value, "get"), constant(key))


def bind(text: str, value: ast.expr) -> ast.NamedExpr:
    """Code that gives a name of ours a value, and has that value."""
    return placed(ast.NamedExpr(placed(ast.Name(text, ast.Store())), value))


def is_nothing(value: ast.expr) -> ast.Compare:
    """Code that says whether a value is None."""
    return placed(ast.Compare(value, [ast.Is()], [constant(None)]))


def is_something(value: ast.expr) -> ast.Compare:
    """Code that says whether a value is not None."""
    return placed(ast.Compare(value, [ast.IsNot()], [constant(None)]))
