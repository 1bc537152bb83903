"""Whatever is written: only an ExpressionError, nothing called, and the value that the words say."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from types import CodeType
from typing import Any

import pytest
from expr_world import SCOPE, SETTINGS, FakeMachine, window_of
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.bindings.types import TYPE_NAMES, ValueType
from engine.chart import functions
from engine.chart.expr import EvaluationError, ExpressionError, Scope, parse_expression, parse_template
from engine.chart.expr_calls import FUNCTIONS
from engine.chart.expr_types import ORDERED, arithmetic, comparison, joined
from engine.errors import UnitError
from engine.units import Quantity

# Every name that compiled code may hold: what it looks up, reads or calls.
_OURS = {
    *{helper.__name__ for helper in vars(functions).values() if callable(helper)},
    "min", "max", "abs", "len", "float", "get", "is_active", "new_id", "now", "last", "count", "span", "frame", "value",
    "unit",
}  # fmt: skip
_EXPECTED = (EvaluationError, UnitError, TypeError, ArithmeticError, ValueError, OverflowError)

_WORDS = st.sampled_from(
    [
        "data", "settings", "event", ".", "uid", "samples", "last", "value", "min_weight", "tries", "cards", "payload",
        "__class__", "__globals__", "_x", "(", ")", "[", "]", "{", "}", ",", ":", "=", "==", "<", ">=", "in", "not",
        "is", "and", "or", "if", "else", "for", "lambda", "+", "-", "*", "**", "/", "//", "%", "&", "|", ":=", "'a'",
        '"', "'", "1", "0", "0.5", "1e308", "1j", "50 g", "q('50 g')", "format", "'0.0 kg'", "len", "min",
        "In('idle')", "now()",
        "new_id()", "true", "None", "await", "yield", "open('x')", "__import__('os')", "exec", "f'{data}'", "\\", "#",
        "\n", "\x00", "\ud800", "é", "무게", "${", "$", " ",
    ]
)  # fmt: skip
_TEXTS = st.one_of(
    st.text(max_size=40), st.lists(_WORDS, max_size=14).map(" ".join), st.lists(_WORDS, max_size=14).map("".join)
)


def _all_names(code: CodeType) -> set[str]:
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return set(code.co_names).union(*map(_all_names, inner))


def _examine_error(error: ExpressionError, text: str) -> None:
    assert 0 <= error.offset <= len(text)
    assert str(error.params).encode()  # it can be printed


def _examine(parse: Callable[[str, Scope], Any], text: str) -> None:
    try:
        parsed = parse(text, SCOPE)
    except ExpressionError as error:
        _examine_error(error, text)
        return
    assert parsed.function.__globals__["__builtins__"] == {}
    assert all(name.partition(".")[0] in {"data", "settings", "event"} for name in parsed.names)
    values = dict.fromkeys(SCOPE.data)
    with suppress(*_EXPECTED):
        parsed.function(values, SETTINGS, {"payload": "x", "count": 1}, FakeMachine([0.5] * 20))
    assert values == dict.fromkeys(SCOPE.data)
    # It is compiled when it is first called.
    names = {name for name in _all_names(parsed.function.__code__) if not name[1:].isdigit()} - {"d", "s", "e", "m"}
    assert names <= _OURS


@settings(max_examples=250, deadline=None)
@given(_TEXTS)
def test_any_text_is_an_expression_or_an_expression_error(text: str) -> None:
    _examine(parse_expression, text)


@settings(max_examples=100, deadline=None)
@given(st.one_of(_TEXTS, _TEXTS.map("a ${{{}}} b".format)))
def test_any_text_is_a_template_or_an_expression_error(text: str) -> None:
    _examine(parse_template, text)


@pytest.mark.parametrize(
    "text",
    [
        "().__class__.__bases__[0].__subclasses__()", "data.uid.format.__globals__", "'{0.__class__}'.format(data.uid)",
        "format(data, '{0.__class__}')", "format('{0.__class__}', '0')", "(lambda: 1)()", "[].append(1)",
        "__builtins__", "globals()", "d['uid']", "m.is_active('idle')", "t1", "k0", "e", "functions.add",
        "min.__self__", "event.payload.__class__", "data.samples.add", "data.samples._log", "data.samples.last.to('g')",
        "getattr(data, 'uid')", "type(1)", "breakpoint()", "print(1)", "[].__class__", "In.__code__", "q.__globals__",
    ],
)  # fmt: skip
def test_the_usual_ways_out_are_closed(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse_expression(text, SCOPE)


def test_a_member_of_an_unknown_value_is_never_an_attribute_of_python() -> None:
    for name in ("append", "real", "add", "to", "base", "newest", "fromhex"):
        function = parse_expression(f"event.payload.{name}", SCOPE).function
        values: tuple[object, ...] = ([], 1, window_of("1"), Quantity(1, "kg"), "x", b"x", FakeMachine())
        for value in values:
            with pytest.raises(EvaluationError):
                function({}, {}, {"payload": value}, None)


# A second evaluator: each generated expression is a text and, beside it, what the text says, as plain Python closures.


@dataclass(frozen=True)
class Said:
    """An expression as text, and what it means."""

    text: str
    value: Callable[[Mapping[str, Any]], Any]


def _both(join: str, means: Callable[[Any, Any], Any]) -> Callable[[Said, Said], Said]:
    return lambda a, b: Said(f"({a.text} {join} {b.text})", lambda env: means(a.value(env), b.value(env)))


def _one(join: str, means: Callable[[Any], Any]) -> Callable[[Said], Said]:
    return lambda a: Said(join.format(a.text), lambda env: means(a.value(env)))


def _ordered(means: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda a, b: a is not None and b is not None and means(a, b)


def _whichever(a: Said, condition: Said, b: Said) -> Said:
    return Said(
        f"({a.text} if {condition.text} else {b.text})", lambda env: (a if condition.value(env) else b).value(env)
    )


def _between(a: Said, b: Said, c: Said) -> Said:
    def means(env: Mapping[str, Any]) -> bool:
        first, middle, last = a.value(env), b.value(env), c.value(env)
        return _ordered(operator.lt)(first, middle) and _ordered(operator.le)(middle, last)

    return Said(f"({a.text} < {b.text} <= {c.text})", means)


_ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul}
_ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_EQUAL = {"==": operator.eq, "!=": operator.ne}
_LOGIC = {"and": lambda a, b: a and b, "or": lambda a, b: a or b}


def _pairs(inner: st.SearchStrategy[Said], table: Mapping[str, Callable[[Any, Any], Any]]) -> st.SearchStrategy[Said]:
    return st.builds(lambda op, a, b: _both(op, table[op])(a, b), st.sampled_from(sorted(table)), inner, inner)


def _orders(inner: st.SearchStrategy[Said]) -> st.SearchStrategy[Said]:
    """Claims about values that may be nothing."""
    ordered = {op: _ordered(means) for op, means in _ORDER.items()}
    return st.one_of(_pairs(inner, ordered), _pairs(inner, _EQUAL), st.builds(_between, inner, inner, inner))


_numbers = st.recursive(
    st.one_of(
        st.integers(0, 50).map(lambda n: Said(str(n), lambda _: n)),
        st.just(Said("data.tries", lambda env: env["tries"])),
        st.just(Said("settings.limit", lambda _: SETTINGS["limit"])),
    ),
    lambda inner: st.one_of(
        _pairs(inner, _ARITHMETIC),
        st.builds(_one("-({})", operator.neg), inner),
        st.builds(_one("abs({})", abs), inner),
        st.builds(
            lambda a, b: Said(f"max({a.text}, {b.text})", lambda env: max(a.value(env), b.value(env))), inner, inner
        ),
    ),
    max_leaves=6,
)
_masses = st.recursive(
    st.one_of(
        st.integers(0, 5000).map(lambda n: Said(f"q('{n} g')", lambda _: Quantity(n, "g"))),
        st.just(Said("data.gross", lambda env: env["gross"])),
        st.just(Said("settings.min_weight", lambda _: SETTINGS["min_weight"])),
    ),
    lambda inner: st.one_of(
        _pairs(inner, {"+": operator.add, "-": operator.sub}),
        st.builds(
            lambda a, n: Said(f"({a.text} * {n})", lambda env: Quantity(a.value(env).value * n, a.value(env).unit)),
            inner, st.integers(0, 9),
        ),
    ),
    max_leaves=4,
)  # fmt: skip


def _last(env: Mapping[str, Any]) -> Quantity | None:
    samples = env["samples"]
    return samples.last if samples is not None else None


_maybe_number = st.sampled_from(
    [
        Said("data.tries", lambda env: env["tries"]),
        Said("event.count", lambda env: env["count"]),
        Said("data.extra.lane", lambda env: (env["extra"] or {}).get("lane")),
        Said("data.samples.last.value", lambda env: float(last.value) if (last := _last(env)) else None),
        Said("7", lambda _: 7),
    ]
)
_maybe_mass = st.sampled_from(
    [
        Said("data.samples.last", _last),
        Said("data.gross", lambda env: env["gross"]),
        Said("q('1.5 kg')", lambda _: Quantity("1.5", "kg")),
        Said("settings.min_weight", lambda _: SETTINGS["min_weight"]),
    ]
)


_claims = st.recursive(
    st.one_of(
        _orders(_maybe_number),
        _orders(_maybe_mass),
        _pairs(_numbers, _ORDER),
        _pairs(_masses, _ORDER),
        st.just(Said("In('idle')", lambda _: True)),
        st.just(Said("data.done", lambda env: env["done"])),
        st.builds(
            lambda a, items: Said(f"({a.text} in [{', '.join(i.text for i in items)}])",
                                  lambda env: a.value(env) in [i.value(env) for i in items]),
            _maybe_number, st.lists(_maybe_number, max_size=3),
        ),
    ),
    lambda inner: st.one_of(
        _pairs(inner, _LOGIC),
        st.builds(_one("(not {})", operator.not_), inner),
        st.builds(_whichever, inner, inner, inner),
    ),
    max_leaves=6,
)  # fmt: skip
_environments = st.fixed_dictionaries(
    {
        "tries": st.integers(-5, 60),
        "gross": st.integers(-2000, 4000).map(lambda n: Quantity(Decimal(n).scaleb(-3), "kg")),
        "done": st.booleans(),
        "extra": st.sampled_from([{}, {"lane": 7}]),
        "samples": st.sampled_from([window_of(), window_of("0.010", "1.5")]),
        "count": st.integers(-5, 60),
    }
)
_holey = st.tuples(
    _environments, st.sets(st.sampled_from(["tries", "gross", "extra", "samples", "count", "done"]))
).map(lambda pair: {name: None if name in pair[1] else value for name, value in pair[0].items()})


def _computed(said: Said, env: Mapping[str, Any]) -> object:
    function = parse_expression(said.text, SCOPE).function
    return function({**dict.fromkeys(SCOPE.data), **env}, SETTINGS, {"count": env["count"]}, FakeMachine())


@settings(max_examples=80, deadline=None)
@given(st.one_of(_numbers, _masses), _environments)
def test_arithmetic_has_the_value_that_it_says(said: Said, env: Mapping[str, Any]) -> None:
    assert _computed(said, env) == said.value(env)


@settings(max_examples=120, deadline=None)
@given(_claims, _environments)
def test_a_claim_has_the_value_that_it_says(said: Said, env: Mapping[str, Any]) -> None:
    assert _computed(said, env) == said.value(env)


@settings(max_examples=120, deadline=None)
@given(st.one_of(_orders(_maybe_number), _orders(_maybe_mass)), _holey)
def test_a_comparison_with_nothing_has_the_value_that_it_says_and_never_fails(
    said: Said, env: Mapping[str, Any]
) -> None:
    assert _computed(said, env) is said.value(env)


@pytest.mark.parametrize("operation", ["+", "-", "*", "/", "//", "%"])
def test_every_pair_of_types_has_an_answer_for_every_operation(operation: str) -> None:
    """No combination of types escapes the tables, and ANY is never refused by another ANY."""
    types = [ValueType(name) for name in TYPE_NAMES]
    for left in types:
        for right in types:
            assert arithmetic(operation, left, right) is not None
            assert joined(left, right).name in TYPE_NAMES
            if left == right and left.name in ORDERED:
                assert comparison("<", left, right) is None
    assert arithmetic(operation, ValueType("any"), ValueType("any")) == ValueType("any")


def test_every_function_is_listed_with_how_it_is_written() -> None:
    assert set(FUNCTIONS) == {"In", "q", "format", "backoff", "min", "max", "abs", "round", "len", "new_id", "now"}
    for name, function in FUNCTIONS.items():
        assert function.usage.startswith(f"{name}(")
