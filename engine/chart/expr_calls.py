"""The functions of the expression language: how each is written, what it takes and what it gives."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NoReturn

from engine.bindings.types import ANY, DURATION, FLAG, INT, MASS, NUMBER, TEXT, TIME, UUID, ValueType
from engine.chart import functions
from engine.chart.expr_code import Builder, Piece, call, constant, dimension_of
from engine.chart.expr_types import SIGNED, joined, kind
from engine.documents.suggest import did_you_mean
from engine.units import parse_duration, parse_mass

_JITTERS = ("full", "equal", "none")


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the language: how it is written, for messages and help, and the rule that checks a call."""

    usage: str
    rule: Callable[[Builder, ast.Call], Piece]


def _arguments(builder: Builder, node: ast.Call, least: int, most: int) -> list[Piece]:
    """The arguments, built; none is given by name."""
    if node.keywords:
        _wrong(builder, node, node, f"{node.keywords[0].arg or '**'}=")
    if not least <= len(node.args) <= most:
        _wrong(builder, node, node, builder.source_of(node)[:60])
    return builder.build_all(node.args)


def _wrong(builder: Builder, node: ast.Call, where: ast.expr, found: str) -> NoReturn:
    assert isinstance(node.func, ast.Name)  # only a name can have found its function
    called = node.func.id
    builder.fail(where, "wrong-arguments", function=called, usage=FUNCTIONS[called].usage, found=found)


def _require(builder: Builder, node: ast.Call, piece: Piece, *kinds: str) -> None:
    if kind(piece.type) not in (*kinds, "any"):
        _wrong(builder, node, piece.source, builder.source_of(piece.source)[:60])


def _text_of(builder: Builder, node: ast.Call, piece: Piece) -> str:
    """The value of an argument that must be written out as a text."""
    if not isinstance(piece.literal, str):
        _wrong(builder, node, piece.source, builder.source_of(piece.source)[:60])
    return piece.literal


def _in_state(builder: Builder, node: ast.Call) -> Piece:
    (argument,) = _arguments(builder, node, 1, 1)
    state = _text_of(builder, node, argument)
    states = builder.scope.states
    if state not in states:
        builder.fail_unknown(argument.source, "unknown-name", state, states, did_you_mean(state, states))
    return Piece(builder.ask_machine("is_active", constant(state)), FLAG, node)


def _quantity(builder: Builder, node: ast.Call) -> Piece:
    (argument,) = _arguments(builder, node, 1, 1)
    text = _text_of(builder, node, argument)
    dimension = dimension_of(text)
    if not dimension:
        _wrong(builder, node, argument.source, repr(text))
    if dimension == "mass":
        return Piece(builder.keep(parse_mass(text)), MASS, node)
    return Piece(constant(parse_duration(text)), DURATION, node)


def _format(builder: Builder, node: ast.Call) -> Piece:
    value, written = _arguments(builder, node, 2, 2)
    pattern = functions.parse_pattern(_text_of(builder, node, written))
    if pattern is None:
        _wrong(builder, node, written.source, builder.source_of(written.source)[:60])
    _require(builder, node, value, pattern.kind)
    return Piece(call(builder.use(functions.format_value), value.code, builder.keep(pattern)), TEXT, node)


def _backoff(builder: Builder, node: ast.Call) -> Piece:
    attempt, first, most, *rest = _arguments(builder, node, 3, 5)
    if attempt.type not in (INT, ANY):
        _wrong(builder, node, attempt.source, builder.source_of(attempt.source)[:60])
    for piece in (first, most):
        if kind(piece.type) not in ("duration", "any"):
            builder.misfit("backoff", piece, "duration")
    factor: ast.expr = constant(2)
    jitter: ast.expr = constant("full")
    if rest:
        _require(builder, node, rest[0], "number")
        factor = rest[0].code
    if len(rest) > 1:
        word = _text_of(builder, node, rest[1])
        if word not in _JITTERS:
            _wrong(builder, node, rest[1].source, repr(word))
        jitter = constant(word)
    arguments = (attempt.code, first.code, most.code, factor, jitter, builder.machine())
    return Piece(call(builder.use(functions.backoff), *arguments), DURATION, node)


def _extreme(pick: Callable[..., object]) -> Callable[[Builder, ast.Call], Piece]:
    def rule(builder: Builder, node: ast.Call) -> Piece:
        pieces = _arguments(builder, node, 1, 20)
        if len(pieces) == 1:
            return _extreme_of_list(builder, node, pieces[0], pick)
        type_ = pieces[0].type
        for piece in pieces[1:]:
            builder.check_comparable(pick.__name__, pieces[0], piece, "<")
            type_ = joined(type_, piece.type)
        return Piece(call(builder.use(pick), *(piece.code for piece in pieces)), type_, node)

    return rule


def _extreme_of_list(builder: Builder, node: ast.Call, piece: Piece, pick: Callable[..., object]) -> Piece:
    _require(builder, node, piece, "list")
    for item in piece.items[1:]:
        builder.check_comparable(pick.__name__, piece.items[0], item, "<")
    return Piece(call(builder.use(pick), piece.code), ANY, node, is_nullable=True)


def _absolute(builder: Builder, node: ast.Call) -> Piece:
    (value,) = _arguments(builder, node, 1, 1)
    _require(builder, node, value, *SIGNED)
    return Piece(call(builder.use(abs), value.code), value.type, node)


def _round(builder: Builder, node: ast.Call) -> Piece:
    value, *places = _arguments(builder, node, 1, 2)
    _require(builder, node, value, "number", "duration")
    for piece in places:
        if not isinstance(piece.literal, int) or not 0 <= piece.literal <= functions.MAX_PLACES:
            _wrong(builder, node, piece.source, builder.source_of(piece.source)[:60])
    return Piece(
        call(builder.use(functions.rounded), value.code, *(p.code for p in places)), _rounded(value, places), node
    )


def _rounded(value: Piece, places: list[Piece]) -> ValueType:
    if value.type == DURATION:
        return DURATION
    return INT if value.type == INT or not places else NUMBER


def _length(builder: Builder, node: ast.Call) -> Piece:
    (value,) = _arguments(builder, node, 1, 1)
    _require(builder, node, value, "list", "map", "text", "window")
    return Piece(call(builder.use(len), value.code), INT, node)


def _new_id(builder: Builder, node: ast.Call) -> Piece:
    _arguments(builder, node, 0, 0)
    return Piece(builder.ask_machine("new_id"), UUID, node)


def _now(builder: Builder, node: ast.Call) -> Piece:
    _arguments(builder, node, 0, 0)
    return Piece(builder.ask_machine("now"), TIME, node)


FUNCTIONS: Final[Mapping[str, Function]] = {
    "In": Function("In('state')", _in_state),
    "q": Function("q('50 g'), q('30 s')", _quantity),
    "format": Function("format(mass, '0.000 kg'), format(number, '0.00'), format(duration, '0.0 s')", _format),
    "backoff": Function("backoff(attempt, first, max, factor=2, 'full' | 'equal' | 'none')", _backoff),
    "min": Function("min(a, b), min(list)", _extreme(min)),
    "max": Function("max(a, b), max(list)", _extreme(max)),
    "abs": Function("abs(number), abs(mass), abs(duration)", _absolute),
    "round": Function("round(number), round(number, 2)", _round),
    "len": Function("len(text), len(list), len(map), len(window)", _length),
    "new_id": Function("new_id()", _new_id),
    "now": Function("now()", _now),
}
