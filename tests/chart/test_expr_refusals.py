"""What the expression language refuses: with which code, where in the text, and what it says to write instead."""

from __future__ import annotations

import pytest
from expr_world import SCOPE, refusal

from engine.bindings.types import DURATION, MASS
from engine.chart.expr import MAX_LENGTH, ExpressionError, Scope, parse_expression, parse_template


@pytest.mark.parametrize(
    ("text", "offset", "write"),
    [
        ("event.value > 50 g", 14, "q('50 g')"),
        ("event.value > 0.5kg", 14, "q('0.5 kg')"),
        ("settings.give_up_after < 30 s and 1", 25, "q('30 s')"),
        ("data.done && event.stable", 10, "and"),
        ("data.done || event.stable", 10, "or"),
        ("!data.done", 0, "not"),
        ("data.uid = 'x'", 9, "=="),
        ("data.uid === 'x'", 9, "=="),
        ("data.uid <> 'x'", 9, "!="),
        ("data.done ? 1 : 2", 10, "a if condition else b"),
        ("data.for == 'x'", 0, "data['for']"),
        ("data.uid == 'a = b' +", 21, ""),
        ("data.uid == ", 11, ""),
        ("(data.uid", 0, ""),
        ("data.uid)", 8, ""),
        ("'abc 50 g", 0, ""),
        (r"data.uid == '\d'", 12, ""),
        ("import os", 0, ""),
        ("무게 ==", 5, ""),
        ("data.uid\x00", 0, ""),
        ("", 0, ""),
        ("   ", 0, ""),
        ("(" * 300, None, ""),
    ],
)
def test_a_syntax_error_points_at_the_slip_and_says_what_to_write(text: str, offset: int | None, write: str) -> None:
    error = refusal(text)
    assert error.code == "expression-syntax"
    assert error.params["write"] == write
    if offset is not None:
        assert error.offset == offset


def test_a_syntax_error_shows_what_stands_there() -> None:
    assert refusal("event.value > 50 g").params["near"] == "50 g"
    assert refusal("'\ud800'").params["near"] == "'?'"  # what cannot be printed is not


@pytest.mark.parametrize(
    ("text", "offset", "name", "guess"),
    [
        ("data.uuid == ''", 0, "data.uuid", "data.uid"),
        ("1 == data.value", 5, "data.value", "event.value"),  # the same name elsewhere is the better guess
        ("uid == ''", 0, "uid", "data.uid"),
        ("TRUE", 0, "TRUE", "true"),
        ("settings.qqqqqq", 0, "settings.qqqqqq", ""),
        ("'무게' == event.statsu", 8, "event.statsu", "event.status"),
        ("data.samples.lats", 0, "data.samples.lats", "data.samples.last"),
        ("data.box.wieght", 0, "data.box.wieght", "data.box.weight"),
        ("event.value.vlaue", 0, "event.value.vlaue", "event.value.value"),
        ("data.uid.length", 0, "data.uid.length", ""),
        ("data['uuid']", 0, "data.uuid", "data.uid"),
        ("data.box['lit']", 0, "data.box.lit", "data.box.lid"),
        ("In('messuring')", 3, "messuring", "measuring"),
        ("event.name == 'card.read'", 0, "event.name", "settings.name"),
        ("os.system", 0, "os", ""),
    ],
)
def test_an_unknown_name_comes_with_the_one_that_was_meant(text: str, offset: int, name: str, guess: str) -> None:
    error = refusal(text)
    assert (error.code, error.offset) == ("unknown-name", offset)
    assert (error.params["name"], error.params["guess"]) == (name, guess)


def test_an_unknown_name_comes_with_all_that_are_known() -> None:
    scope = Scope(settings={"b": MASS}, data={"a": DURATION}, event={})
    assert refusal("data.zzzzz", scope).params["known"] == "data.a, settings.b"


@pytest.mark.parametrize(
    ("text", "name", "guess"),
    [
        ("formt(1, '0')", "formt", "format"),
        ("data.uid.upper()", "data.uid.upper", ""),
        ("__import__('os')", "__import__", ""),
        ("eval('1')", "eval", ""),
        ("data.cards[0]()", "data.cards[0]", ""),
        ("(1 if true else 2)(3)", "1 if true else 2", ""),
    ],
)
def test_nothing_else_can_be_called(text: str, name: str, guess: str) -> None:
    error = refusal(text)
    assert error.code == "unknown-function"
    assert (error.params["name"], error.params["guess"]) == (name, guess)


@pytest.mark.parametrize(
    ("text", "construct", "write"),
    [
        ("2 ** 3", "**", ""), ("1 | 2", "|", "or"), ("1 & 2", "&", "and"), ("1 ^ 2", "^", ""), ("~1", "~", "not"),
        ("1 << 2", "<<", ""), ("1 >> 2", ">>", ""), ("1 @ 2", "@", ""), ("data.uid is null", "is", "=="),
        ("data.uid is not null", "is not", "!="), ("lambda: 1", "lambda", ""), ("[x for x in data.cards]", "for", ""),
        ("{x for x in data.cards}", "for", ""), ("{x: 1 for x in data.cards}", "for", ""), ("{}", "{}", ""),
        ("len(x for x in data.cards)", "for", ""), ("{1}", "{}", "[]"), ("f'{data.uid}'", "f''", ""),
        ("(x := 1)", ":=", ""), ("[*data.cards]", "*", ""), ("min(*data.cards)", "*", ""), ("data.cards[1:2]", ":", ""),
        ("data._uid", "_uid", ""), ("data.uid.__class__", "__class__", ""), ("data.cards.__len__()", None, ""),
        ("b'x'", "b'x'", ""), ("1j", "1j", ""), ("...", "...", ""), ("1e999", "1e999", ""), ("9" * 50, "9" * 20, ""),
        (r"'\ud800'", r"'\ud800'", ""), ("data", "data", "data.name"), ("event == null", "event", "event.name"),
        ("data[data.uid]", "data[...]", "data.name"), ("data.uid # the card", "#", ""),
        (r"data['\ud800']", r"'\ud800'", ""),
    ],
)  # fmt: skip
def test_what_the_language_does_not_have_is_refused_by_name(text: str, construct: str | None, write: str) -> None:
    error = refusal(text)
    if construct is None:  # a method of a value is a function nobody knows
        assert error.code == "unknown-function"
        return
    assert (error.code, error.params["construct"], error.params["write"]) == ("not-allowed", construct, write)


@pytest.mark.parametrize(
    ("text", "offset", "expected", "found", "write"),
    [
        ("event.value > 50", 14, "mass", "int", "q('50 g')"),
        ("0.5 <= event.value", 0, "mass", "number", "q('0.5 g')"),
        ("event.value > -5", 14, "mass", "int", "-q('5 g')"),
        ("event.value > data.tries", 14, "mass", "int", "q('50 g')"),
        ("event.value == 0", 15, "mass", "int", "q('0 g')"),
        ("settings.give_up_after < 30", 25, "duration", "int", "q('30 s')"),
        ("settings.give_up_after < '30 s'", 25, "duration", "text", "q('30 s')"),
        ("settings.give_up_after < '30 g'", 25, "duration", "text", ""),
        ("settings.give_up_after + 5", 25, "duration", "int", "q('5 s')"),
        ("event.value - 1", 14, "mass", "int", "q('1 g')"),
        ("event.value in [q('1 g'), 5]", 26, "mass", "int", "q('5 g')"),
        ("min(event.value, 5)", 17, "mass", "int", "q('5 g')"),
        ("max([event.value, 5])", 18, "mass", "int", "q('5 g')"),
        ("backoff(0, 1, q('1 min'))", 11, "duration", "int", "q('1 s')"),
        ("event.value > 'x'", 14, "mass", "text", ""),
        ("data.uid == 5", 12, "text", "int", ""),
        ("event.value > settings.give_up_after", 14, "mass", "duration", ""),
        ("event.value + settings.give_up_after", 14, "mass", "duration", ""),
        ("event.stable + 1", 0, "number", "flag", ""),
        ("1 + event.stable", 4, "number", "flag", ""),
        ("event.stable == 1", 16, "flag", "int", ""),
        ("event.stable > 1", 0, "number, mass, duration, time, text", "flag", ""),
        ("event.value * event.value", 14, "number", "mass", ""),
        ("settings.give_up_after * settings.give_up_after", 25, "number", "duration", ""),
        ("data.uid * 3", 0, "number, duration, mass", "text", ""),
        ("3 * 'x'", 4, "number, duration, mass", "text", ""),
        ("data.cards * 3", 0, "number, duration, mass", "list", ""),
        ("'%d' % 3", 0, "number", "text", ""),
        ("data.uid - 'x'", 0, "number, duration, mass, time", "text", ""),
        ("data.done + event.payload", 0, "number, duration, mass, text, list, time", "flag", ""),
        ("event.payload - data.done", 16, "number, duration, mass, time", "flag", ""),
        ("1 / event.value", 4, "number", "mass", ""),
        ("null < 3", 0, "int", "None", ""),
        ("event.value > None", 14, "mass", "None", ""),
        ("1 + None", 4, "number", "None", ""),
        ("data.id < 'x'", 0, "number, mass, duration, time, text", "uuid", ""),
        ("data.door == 'opne'", 13, "one of open, closed", "'opne'", "'open'"),
        ("'ajar' != data.door", 0, "one of open, closed", "'ajar'", ""),
        ("data.door in ['open', 'shut']", 22, "one of open, closed", "'shut'", ""),
        ("1 in data.uid", 0, "text", "int", ""),
        ("data.uid in event.value", 12, "list, map, text", "mass", ""),
        ("-data.uid", 1, "number, duration, mass", "text", ""),
        ("+true", 1, "number, duration, mass", "flag", ""),
        ("data.uid[0]", 0, "list, map", "text", ""),
        ("data.cards['a']", 11, "int", "text", ""),
        ("data.cards[true]", 11, "int", "flag", ""),
        ("data.extra[0]", 11, "text", "int", ""),
    ],
)
def test_a_type_that_does_not_fit_is_shown_where_it_stands(
    text: str, offset: int, expected: str, found: str, write: str
) -> None:
    error = refusal(text)
    assert (error.code, error.offset) == ("type-mismatch", offset)
    assert (error.params["expected"], error.params["found"], error.params["write"]) == (expected, found, write)


def test_a_type_that_does_not_fit_names_the_operation() -> None:
    assert refusal("event.value > 50").params["operation"] == ">"
    assert refusal("data.uid in event.value").params["operation"] == "in"
    assert refusal("min(1, 'a')").params["operation"] == "min"


@pytest.mark.parametrize(
    ("text", "offset", "function", "found"),
    [
        ("q(5)", 2, "q", "5"), ("q('5')", 2, "q", "'5'"), ("q('5 V')", 2, "q", "'5 V'"), ("q()", 0, "q", "q()"),
        ("q(data.uid)", 2, "q", "data.uid"), ("q(text='5 g')", 0, "q", "text="), ("q(**data.extra)", 0, "q", "**="),
        ("In(data.uid)", 3, "In", "data.uid"), ("len(3)", 4, "len", "3"), ("abs('x')", 4, "abs", "'x'"),
        ("round(event.value)", 6, "round", "event.value"), ("round(1.5, -1)", 11, "round", "-1"),
        ("round(1.5, 99)", 11, "round", "99"), ("format(event.value, '0.00')", 7, "format", "event.value"),
        ("format(1, '0.00 kg')", 7, "format", "1"), ("format(1, '#.##')", 10, "format", "'#.##'"),
        ("format(1, '0.0 V')", 10, "format", "'0.0 V'"), ("format(1, data.uid)", 10, "format", "data.uid"),
        ("format(1, '0." + "0" * 13 + "')", 10, "format", "'0.0000000000000'"), ("now(1)", 0, "now", "now(1)"),
        ("min(5)", 4, "min", "5"), ("backoff('a', q('1 s'), q('2 s'))", 8, "backoff", "'a'"),
        ("new_id('x')", 0, "new_id", "new_id('x')"), ("ｌｅｎ(3)", 4, "len", "3"),
    ],
)  # fmt: skip
def test_wrong_arguments_come_with_how_the_function_is_written(
    text: str, offset: int, function: str, found: str
) -> None:
    error = refusal(text)
    assert (error.code, error.offset) == ("wrong-arguments", offset)
    assert (error.params["function"], error.params["found"]) == (function, found)
    assert str(error.params["usage"]).startswith(function)


@pytest.mark.parametrize("text", ["1 / 0", "1 % 0", "q('1 kg') / 0", "q('1 kg') / q('0 g')", "[1][0].x", "min([])"])
def test_a_constant_that_always_fails_is_found_when_it_is_parsed(text: str) -> None:
    assert refusal(text).code == "expression-fails"


def test_the_length_is_bounded() -> None:
    assert parse_expression("1" + " " * (MAX_LENGTH - 1), SCOPE).function({}, {}, {}, None) == 1
    error = refusal("1" + " " * MAX_LENGTH)
    assert (error.code, error.params) == ("expression-too-long", {"length": MAX_LENGTH + 1, "limit": MAX_LENGTH})


@pytest.mark.parametrize("text", ["-" * 1500 + "1", "not " * 400 + "true", "1" + "+1" * 900, "data.extra" + ".a" * 900])
def test_the_depth_is_bounded(text: str) -> None:
    assert refusal(text).code in {"expression-too-deep", "expression-syntax"}


def test_a_deep_expression_within_the_bound_is_taken() -> None:
    assert parse_expression("1" + " + 1" * 49, SCOPE).function({}, {}, {}, None) == 50
    assert parse_expression("(" * 45 + "1" + ")" * 45, SCOPE).function({}, {}, {}, None) == 1
    chain = "data.extra" + ".a" * 48
    assert parse_expression(f"{chain} > 1", SCOPE).function({"extra": None}, {}, {}, None) is False


def test_an_error_on_a_later_line_is_found_there() -> None:
    error = refusal("\n data.done and\n  data.uid > q(data.uid)")
    assert (error.code, error.offset, error.params["found"]) == ("wrong-arguments", 31, "data.uid")


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("evnt.x > 1 and event.nix < 2 or not foo(3)", ["evnt", "event.nix", "foo(3)"]),
        ("event.nix + data.nix == 2", ["event.nix", "data.nix"]),
        ("max(data.nix, settings.nix) in [event.nix, 1]", ["data.nix", "settings.nix", "event.nix"]),
        ("data.nix if event.nix > 1 else settings.nix", ["event.nix", "data.nix", "settings.nix"]),
        ("event.value > data.nix > q('1 g') and event.value > 3", ["data.nix", "3"]),
        ("  event.nix == 1 and\n  data.nix == 1", ["event.nix", "data.nix"]),
    ],
)
def test_everything_that_is_wrong_with_an_expression_is_told_at_once(text: str, wrong: list[str]) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_expression(text, SCOPE)
    assert all(text.startswith(part, error.offset) for error, part in zip(caught.value.all(), wrong, strict=True))


def test_everything_that_is_wrong_with_a_template_is_told_at_once() -> None:
    text = "한글 ${data.nix} and ${1 +} and ${event.nix + settings.nix}"
    with pytest.raises(ExpressionError) as caught:
        parse_template(text, SCOPE)
    offsets = [error.offset for error in caught.value.all()]
    assert offsets == [text.index("data.nix"), text.index("1 +") + 3, text.index("event.nix"), text.index("settings")]


def test_an_expression_that_ends_too_early_shows_its_end() -> None:
    assert refusal("event.value >= ").params["near"] == "event.value >="


def test_an_error_says_its_code_when_it_is_printed() -> None:
    with pytest.raises(ExpressionError, match="unknown-name at 0"):
        parse_expression("data.nope", SCOPE)
