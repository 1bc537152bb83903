"""Templates: the texts of a chart that may hold ${...}."""

from __future__ import annotations

import pytest
from expr_world import SCOPE, FakeMachine, render
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.bindings.types import INT, SECRET, TEXT, UUID
from engine.chart.expr import ExpressionError, TemplatePart, parse_template, split_template
from engine.ports import Secret
from engine.units import Quantity


def _refusal(text: str) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        parse_template(text, SCOPE)
    return caught.value


def test_an_expression_alone_is_the_value_itself() -> None:
    assert render("${data.samples.last}") == Quantity("12.340", "kg")
    assert render("${ data.tries + 1 }") == 3
    assert render("${data.uid}", uid=None) is None
    assert parse_template("${data.id}", SCOPE).type == UUID
    assert parse_template("${data.tries}", SCOPE).type == INT


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("gave up on ${data.uid}", "gave up on 04A1"),
        ("${data.uid}/${event.value}", "04A1/0.640 kg"),
        ("${data.uid} ", "04A1 "),
        ("${data.tries}${data.tries}", "22"),
        ("[${null}]", "[]"),
        ("${event.stable}!", "True!"),
        ("${format(event.value, '0 g')} 계량", "640 g 계량"),
        ("a ${'}' + data.uid} b", "a }04A1 b"),
        ('a ${"${" + data.uid} b', "a ${04A1 b"),
        ("no expression", "no expression"),
        ("", ""),
        ("5 $ and {braces} }", "5 $ and {braces} }"),
        ("$${data.uid}", "${data.uid}"),
        ("$${a} ${data.uid} $$${b}", "${a} 04A1 $${b}"),
        ("line\n${data.uid}\n", "line\n04A1\n"),
    ],
)
def test_with_text_around_it_the_whole_is_text(text: str, value: str) -> None:
    assert render(text) == value
    assert parse_template(text, SCOPE).type == TEXT


def test_nothing_is_an_empty_text() -> None:
    assert render("card '${data.uid}'", uid=None) == "card ''"


def test_a_text_with_a_secret_in_it_is_a_secret() -> None:
    text = "Bearer ${data.token}"
    assert parse_template(text, SCOPE).type == SECRET
    assert render(text) == "Bearer abcdefghijkl"
    assert "abcdefgh" not in repr(render(text))
    assert isinstance(render("x${event.payload}", payload=Secret("abcdefghijkl")), Secret)


def test_a_list_in_a_text_does_not_show_the_secrets_in_it() -> None:
    assert "abcdefgh" not in render("tokens: ${[data.token]}")


def test_a_text_without_expressions_is_constant() -> None:
    assert parse_template("plain", SCOPE).is_constant
    assert parse_template("$${plain}", SCOPE).is_constant
    assert parse_template("${1 + 1}", SCOPE).is_constant
    assert not parse_template("${data.uid}!", SCOPE).is_constant


def test_the_names_of_all_expressions_are_known() -> None:
    assert parse_template("${data.uid} ${event.value}", SCOPE).names == {"data.uid", "event.value"}


def test_expressions_are_evaluated_from_left_to_right() -> None:
    assert render("${new_id()} ${new_id()}", FakeMachine()) == "id-1 id-2"


@pytest.mark.parametrize(
    ("text", "code", "offset"),
    [
        ("card ${data.uuid}", "unknown-name", 7),
        ("${data.uid} ${ data.uuid }", "unknown-name", 15),
        ("한글 ${data.uid} ${1 + 'x'}", "type-mismatch", 21),
        ("card ${data.uid", "expression-syntax", 5),
        ("card ${'data.uid}", "expression-syntax", 5),
        ("card ${}", "expression-syntax", 7),
        ("card ${{}", "expression-syntax", 5),
        ("${HOME}", "unknown-name", 2),
        ("${data.uid} ${1 +}", "expression-syntax", 17),
        ("x ${" + "1" * 2001 + "}", "expression-too-long", 4),
    ],
)
def test_an_error_points_into_the_template(text: str, code: str, offset: int) -> None:
    error = _refusal(text)
    assert (error.code, error.offset) == (code, offset)


def test_a_template_is_divided_with_the_offset_of_each_part() -> None:
    assert split_template("a $${b} ${ c }d") == (
        TemplatePart("a ${b} ", 0, is_expression=False),
        TemplatePart(" c ", 10, is_expression=True),
        TemplatePart("d", 14, is_expression=False),
    )
    assert split_template("") == ()


@settings(deadline=None)
@given(st.lists(st.text(alphabet="ab$ {}'\"\\", max_size=6), max_size=5))
def test_escaped_text_comes_back_as_it_was(pieces: list[str]) -> None:
    """Any text can be said in a template: each ``${`` is written ``$${``."""
    text = "".join(pieces)
    assert render(text.replace("${", "$${")) == text


@settings(deadline=None)
@given(st.text(alphabet="abc12. +'\"${}$\\한\n", max_size=40))
def test_the_parts_of_a_template_lie_where_they_say(text: str) -> None:
    try:
        parts = split_template(text)
    except ExpressionError as error:
        assert text.startswith("${", error.offset)  # noqa: PT017 - either way out is right
        return
    for part in parts:
        if part.is_expression:
            assert text[part.offset - 2 : part.offset] == "${"
            assert text[part.offset : part.offset + len(part.text) + 1] == part.text + "}"
