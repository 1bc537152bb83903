"""The rules of the expression language, one for each kind of node: what is not listed here does not exist."""

from __future__ import annotations

import ast
import math
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, Final

from engine.bindings.types import ANY, FLAG, INT, LIST, MASS, NUMBER, TEXT, ValueType
from engine.chart import functions
from engine.chart.expr_calls import FUNCTIONS
from engine.chart.expr_code import (
    LOAD,
    Builder,
    Piece,
    Rule,
    attribute,
    bind,
    call,
    call_get,
    constant,
    is_nothing,
    is_something,
    name,
    placed,
)
from engine.chart.expr_types import NOTHING, SIGNED, Misfit, arithmetic, joined, kind, membership
from engine.documents.suggest import did_you_mean

ROOTS: Final = ("data", "settings", "event")

_CONSTANTS: Final = {"true": True, "false": False, "null": None}
_LITERALS: Final[Mapping[type, ValueType]] = {bool: FLAG, int: INT, float: NUMBER, str: TEXT}
_OPERATORS: Final[Mapping[type[ast.operator], str]] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%",
}  # fmt: skip
_HELPERS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "+": functions.add, "-": functions.subtract, "*": functions.multiply,
    "/": functions.divide, "//": functions.floor_divide, "%": functions.modulo,
}  # fmt: skip
# Safe without a helper on plain numbers. ``*`` and ``%`` never are: a text in a number's place would be repeated.
_PLAIN: Final = frozenset({"+", "-", "/", "//"})
_COMPARISONS: Final[Mapping[type[ast.cmpop], str]] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip
_ORDERINGS: Final = frozenset({"<", "<=", ">", ">="})
_MEMBERS: Final = {"window": functions.WINDOW_MEMBERS, "mass": functions.MASS_MEMBERS}
_KEYS: Final = {"list": "int", "map": "text"}  # what a subscript of each must be


def _constant(builder: Builder, node: ast.Constant) -> Piece:
    value = node.value
    if value is None:
        return Piece(constant(None), NOTHING, node, is_nullable=True)
    if not isinstance(value, str | int | float) or not _is_storable(value):
        builder.fail(node, "not-allowed", construct=builder.source_of(node)[:20], write="")
    return Piece(constant(value), _LITERALS[type(value)], node)


def _is_storable(value: str | float) -> bool:
    """Whether a literal survives a database and JSON: no lone surrogate, no infinity, no endless digits."""
    if isinstance(value, str):
        return not any("\ud800" <= character <= "\udfff" for character in value)
    if isinstance(value, int):
        return value <= functions.MAX_INTEGER
    return math.isfinite(value)


def _name(builder: Builder, node: ast.Name) -> Piece:
    if node.id in _CONSTANTS:
        return _constant(builder, ast.copy_location(ast.Constant(_CONSTANTS[node.id]), node))
    if node.id in ROOTS:
        builder.fail(node, "not-allowed", construct=node.id, write=f"{node.id}.name")
    known = _known(builder)
    homes = [full for full in known if full.partition(".")[2] == node.id]
    guess = homes[0] if homes else did_you_mean(node.id, [*known, *_CONSTANTS])
    return builder.fail_unknown(node, "unknown-name", node.id, known, guess)


def _attribute(builder: Builder, node: ast.Attribute) -> Piece:
    if node.attr.startswith("_"):
        builder.fail(node, "not-allowed", construct=node.attr, write="")
    if isinstance(node.value, ast.Name) and node.value.id in ROOTS:
        return _field(builder, node, node.value.id, node.attr)
    return _member(builder, node, builder.build(node.value), node.attr)


def _field(builder: Builder, node: ast.expr, root: str, text: str) -> Piece:
    if root == "event" and builder.scope.event is None:
        declared, type_ = text, ANY
    else:
        declared, type_ = _declared(builder, node, root, text)
    builder.names.add(f"{root}.{declared}")
    if root == "event":
        return Piece(call_get(name("e"), declared), type_, node, is_nullable=True)
    code = placed(ast.Subscript(name(root[0]), constant(declared), LOAD))
    return Piece(code, type_, node, is_nullable=root == "data")  # a setting always has a value


def _declared(builder: Builder, node: ast.expr, root: str, text: str) -> tuple[str, ValueType]:
    fields = _fields(builder, root)
    if text in fields:
        return text, fields[text]
    for declared, type_ in fields.items():  # Python reads identifiers as NFKC; a YAML file may be in NFD
        if unicodedata.normalize("NFKC", declared) == text:
            return declared, type_
    known = _known(builder)
    elsewhere = [full for full in known if full.partition(".")[2] == text]
    alike = did_you_mean(text, fields)
    guess = elsewhere[0] if elsewhere else f"{root}.{alike}" if alike else ""
    return builder.fail_unknown(node, "unknown-name", f"{root}.{text}", known, guess)


def _fields(builder: Builder, root: str) -> Mapping[str, ValueType]:
    scope = builder.scope
    return {"data": scope.data, "settings": scope.settings, "event": scope.event or {}}[root]


def _known(builder: Builder) -> list[str]:
    return [f"{root}.{field}" for root in ROOTS for field in _fields(builder, root)]


def _member(builder: Builder, node: ast.expr, base: Piece, text: str) -> Piece:
    if base.type == ANY:
        code = call(builder.use(functions.member), base.code, constant(text))
        return Piece(code, ANY, node, is_nullable=True)
    if base.type.name == "map" and not base.type.fields:
        return _through(builder, node, base, ANY, lambda value: call_get(value, text))
    members = base.type.fields or _MEMBERS.get(base.type.name, {})
    if text not in members:
        whole = builder.source_of(base.source)
        alike = did_you_mean(text, members)
        known = [f"{whole}.{member}" for member in members]
        builder.fail_unknown(node, "unknown-name", f"{whole}.{text}", known, f"{whole}.{alike}" if alike else "")
    if base.type.name == "map":
        return _through(builder, node, base, members[text], lambda value: call_get(value, text))
    if base.type == MASS and text == "value":  # a number of the language is never a Decimal
        to_number = builder.use(float)
        return _through(builder, node, base, NUMBER, lambda value: call(to_number, attribute(value, text)))
    return _through(builder, node, base, members[text], lambda value: attribute(value, text))


def _through(
    builder: Builder, node: ast.expr, base: Piece, type_: ValueType, reach: Callable[[ast.expr], ast.expr]
) -> Piece:
    """Reach into ``base``; through nothing there is nothing."""
    if not base.is_nullable:
        return Piece(reach(base.code), type_, node, is_nullable=base.type != MASS)  # a mass has both its parts
    held = builder.temporary()
    code = placed(ast.IfExp(is_nothing(bind(held, base.code)), constant(None), reach(name(held))))
    return Piece(code, type_, node, is_nullable=True)


def _subscript(builder: Builder, node: ast.Subscript) -> Piece:
    key = node.slice.value if isinstance(node.slice, ast.Constant) else None
    index = builder.build(node.slice)
    if isinstance(node.value, ast.Name) and node.value.id in ROOTS:
        if not isinstance(key, str):
            builder.fail(node, "not-allowed", construct=f"{node.value.id}[...]", write=f"{node.value.id}.name")
        return _field(builder, node, node.value.id, key)
    base = builder.build(node.value)
    if base.type.fields and isinstance(key, str):
        return _member(builder, node, base, key)
    if base.type != ANY:
        wanted = _KEYS.get(base.type.name)
        if wanted is None:
            builder.misfit("[]", base, "list, map")
        if index.type != ANY and wanted not in (index.type.name, kind(index.type)):
            builder.misfit("[]", index, wanted)
    return Piece(call(builder.use(functions.item), base.code, index.code), ANY, node, is_nullable=True)


def _list(builder: Builder, node: ast.List | ast.Tuple) -> Piece:
    items = tuple(builder.build_all(node.elts))
    return Piece(placed(ast.List([item.code for item in items], LOAD)), LIST, node, items=items)


def _binary(builder: Builder, node: ast.BinOp) -> Piece:
    operator = _OPERATORS.get(type(node.op))
    if operator is None:
        builder.refuse(node, node.op)
    left, right = builder.build_all((node.left, node.right))
    type_ = arithmetic(operator, left.type, right.type)
    if isinstance(type_, Misfit):
        builder.misfit_of(operator, left, right, type_)
    if operator in _PLAIN and {kind(left.type), kind(right.type)} <= {"number", "duration"}:
        return Piece(placed(ast.BinOp(left.code, node.op, right.code)), type_, node)
    return Piece(call(builder.use(_HELPERS[operator]), left.code, right.code), type_, node)


def _unary(builder: Builder, node: ast.UnaryOp) -> Piece:
    if isinstance(node.op, ast.Invert):
        builder.refuse(node, node.op)
    operand = builder.build(node.operand)
    if isinstance(node.op, ast.Not):
        return Piece(placed(ast.UnaryOp(node.op, operand.code)), FLAG, node)
    if kind(operand.type) not in (*SIGNED, "any"):
        builder.misfit("-" if isinstance(node.op, ast.USub) else "+", operand, ", ".join(SIGNED))
    if isinstance(node.op, ast.UAdd):
        return Piece(operand.code, operand.type, node, is_nullable=operand.is_nullable)
    return Piece(placed(ast.UnaryOp(node.op, operand.code)), operand.type, node)


def _boolean(builder: Builder, node: ast.BoolOp) -> Piece:
    operands = builder.build_all(node.values)
    type_ = operands[0].type
    for operand in operands[1:]:
        type_ = joined(type_, operand.type)
    code = placed(ast.BoolOp(node.op, [operand.code for operand in operands]))
    return Piece(code, type_, node, is_nullable=any(operand.is_nullable for operand in operands))


def _conditional(builder: Builder, node: ast.IfExp) -> Piece:
    test, yes, no = builder.build_all((node.test, node.body, node.orelse))
    code = placed(ast.IfExp(test.code, yes.code, no.code))
    return Piece(code, joined(yes.type, no.type), node, is_nullable=yes.is_nullable or no.is_nullable)


def _compare(builder: Builder, node: ast.Compare) -> Piece:
    operands = builder.build_all((node.left, *node.comparators))
    chain = _Chain(builder, operands)
    for place, operation in enumerate(node.ops):
        operator = _COMPARISONS.get(type(operation))
        if operator is None:
            builder.refuse(node, operation)
        _check_pair(builder, operator, operands[place], operands[place + 1])
        if operator in _ORDERINGS:
            chain.require(place)
            chain.require(place + 1)
        left = chain.value(place, is_needed_again=False)
        right = chain.value(place + 1, is_needed_again=place + 1 < len(node.ops))
        chain.terms.append(placed(ast.Compare(left, [operation], [right])))
    code = chain.terms[0] if len(chain.terms) == 1 else placed(ast.BoolOp(ast.And(), chain.terms))
    return Piece(code, FLAG, node)


def _check_pair(builder: Builder, operator: str, left: Piece, right: Piece) -> None:
    if operator not in ("in", "not in"):
        builder.check_comparable(operator, left, right, operator)
        return
    misfit = membership(left.type, right.type)
    if misfit is not None:
        builder.misfit_of(operator, left, right, misfit)
    for item in right.items:
        builder.check_comparable(operator, left, item, "==")


class _Chain:
    """The operands of ``a < b <= c``: each evaluated once, and known to be something before it is ordered."""

    def __init__(self, builder: Builder, operands: list[Piece]) -> None:
        self.terms: list[ast.expr] = []
        self._builder = builder
        self._operands = operands
        self._bound: dict[int, str] = {}
        self._checked: set[int] = set()

    def require(self, place: int) -> None:
        """Add the term that makes the comparison false when this operand is nothing."""
        operand = self._operands[place]
        if not operand.is_nullable or place in self._checked:
            return
        self._checked.add(place)
        if place in self._bound:
            self.terms.append(is_something(name(self._bound[place])))
        else:
            self._bound[place] = self._builder.temporary()
            self.terms.append(is_something(bind(self._bound[place], operand.code)))

    def value(self, place: int, *, is_needed_again: bool) -> ast.expr:
        """The code of this operand's value, kept when the next comparison needs it too."""
        if place in self._bound:
            return name(self._bound[place])
        code = self._operands[place].code
        if not is_needed_again or isinstance(code, ast.Constant):
            return code
        self._bound[place] = self._builder.temporary()
        return bind(self._bound[place], code)


def _call(builder: Builder, node: ast.Call) -> Piece:
    function = FUNCTIONS.get(node.func.id) if isinstance(node.func, ast.Name) else None
    if function is None:
        called = builder.source_of(node.func)[:60]
        builder.fail_unknown(node, "unknown-function", called, FUNCTIONS, did_you_mean(called, FUNCTIONS))
    return function.rule(builder, node)


RULES: Final[Mapping[type[ast.expr], Rule]] = {
    ast.Constant: _constant, ast.Name: _name, ast.Attribute: _attribute, ast.Subscript: _subscript,
    ast.List: _list, ast.Tuple: _list, ast.BinOp: _binary, ast.UnaryOp: _unary, ast.BoolOp: _boolean,
    ast.IfExp: _conditional, ast.Compare: _compare, ast.Call: _call,
}  # fmt: skip
