"""What expressions evaluate to."""

from __future__ import annotations

from datetime import UTC, datetime
from unicodedata import normalize

import pytest
from expr_world import DATA, EVENT, NOTHING, NOW, SCOPE, SETTINGS, FakeMachine, evaluate, window_of

from engine.bindings.types import DURATION, FLAG, INT, LIST, MASS, NUMBER, SECRET, TEXT, TIME, UUID, ValueType
from engine.chart.expr import EvaluationError, Scope, parse_expression
from engine.chart.functions import MAX_ITEMS, MAX_TEXT
from engine.errors import UnitError
from engine.ports import Secret
from engine.units import Quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("event.value >= settings.min_weight", True),
        ("event.value < q('0.5 kg')", False),
        ("q('10 g') < event.value <= q('1 kg')", True),
        ("q('10 g') < event.value <= q('640 g') < q('641 g')", True),
        ("1 < event.count < 7", False),
        ("data.uid == '04A1' and not data.done", True),
        ("data.done or event.stable", True),
        ("data.uid in ['04A1', '04C3']", True),
        ("data.uid not in data.cards", False),
        ("'A1' in data.uid", True),
        ("'lane' in data.extra", True),
        ("data.door != 'closed'", True),
        ("data.uid == None", False),
        ("null != data.uid", True),
        ("true and not false", True),
        ("In('idle')", True),
        ("In('measuring')", False),
    ],
)
def test_claims(text: str, value: object) -> None:
    assert evaluate(text) is value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3 - 4", 3),
        ("7 // 2", 3),
        ("7 % 4", 3),
        ("event.count / 2", 3.5),
        ("-event.count", -7),
        ("+event.count", 7),
        ("settings.limit * settings.factor", 4.5),
        ("'big' if event.count > 5 else 'small'", "big"),
        ("data.uid + '/' + event.status", "04A1/ok"),
        ("data.cards + ['new']", ["04A1", "04B2", "new"]),
        ("(1, 'a')", [1, "a"]),
        ("data.cards[0]", "04A1"),
        ("data.cards[-1]", "04B2"),
        ("data.cards[data.tries - 1]", "04B2"),
        ("data.extra['lane']", 4),
        ("data.extra.lane", 4),
        ("data['for']", "hall"),
        ("event.payload.a[1].b", 2),
        ("min(3, 1, 2)", 1),
        ("max([3, 1])", 3),
        ("abs(-3)", 3),
        ("round(2.5)", 2),
        ("round(2.345, 1)", 2.3),
        ("len(data.cards)", 2),
        ("len(data.samples)", 2),
        ("data.samples.count", 2),
        ("data.samples.frame", "02"),
    ],
)
def test_values(text: str, value: object) -> None:
    assert evaluate(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("data.samples.last", "12.340 kg"),
        ("data.gross - event.value", "19.360 kg"),
        ("event.value + q('60 g')", "0.700 kg"),
        ("q('1 lb') + q('1 kg')", "1.45359237 kg"),  # one kilogram has no exact value in pounds
        ("q('1 lb') - q('1 kg')", "-0.54640763 kg"),
        ("event.value * 3", "1.920 kg"),
        ("0.1 * event.value", "0.0640 kg"),
        ("event.value / 4", "0.160 kg"),
        ("-event.value", "-0.640 kg"),
        ("abs(-event.value)", "0.640 kg"),
        ("max(event.value, settings.min_weight)", "0.640 kg"),
        ("data.box.weight", "1.5 kg"),
        ("event.무게", "2 kg"),
    ],
)
def test_masses_keep_their_exact_decimals(text: str, value: str) -> None:
    assert str(evaluate(text)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("event.value / q('80 g')", 8.0),
        ("event.value.value", 0.64),
        ("event.value.unit", "kg"),
        ("settings.min_weight.value > 49", True),
        ("data.samples.last.value * 2", 24.68),
        ("settings.give_up_after + q('1 min')", 90.0),
        ("settings.give_up_after * 2", 60.0),
        ("settings.give_up_after / q('10 s')", 3.0),
        ("settings.give_up_after // q('7 s')", 4.0),
        ("settings.give_up_after % q('7 s')", 2.0),
        ("data.samples.span", 1.0),
        ("now() - data.started", 60.0),
        ("now() - data.started > q('59 s')", True),
        ("round(data.since)", 12),
        ("data.started + q('1 min') == now()", True),
        ("q('1 min') + data.started == now()", True),
        ("now() - q('1 min') == data.started", True),
    ],
)
def test_durations_and_times(text: str, value: object) -> None:
    assert evaluate(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("format(event.value, '0.000 kg')", "0.640 kg"),
        ("format(event.value, '0 g')", "640 g"),
        ("format(event.value, '0.00kg')", "0.64kg"),
        ("format(q('0.0625 kg'), '0.000 kg')", "0.062 kg"),  # half to even
        ("format(q('0.0635 kg'), '0.000 kg')", "0.064 kg"),
        ("format(q('1 kg'), '0.0000 lb')", "2.2046 lb"),
        ("format(q('-0.2 g'), '0.000 kg')", "0.000 kg"),
        ("format(2.675, '0.00')", "2.68"),  # as it is written, not as a binary fraction
        ("format(event.count, '0.0')", "7.0"),
        ("format(settings.give_up_after, '0 s')", "30 s"),
        ("format(settings.give_up_after, '0.0 min')", "0.5 min"),
    ],
)
def test_formatting_rounds_once_half_to_even(text: str, value: str) -> None:
    assert evaluate(text) == value


def test_formatting_nothing_gives_an_empty_text() -> None:
    assert evaluate("format(data.gross, '0.000 kg')", gross=None) == ""


@pytest.mark.parametrize("text", ["format(event.payload, '0.0')", "format(event.payload, '0.0 kg')"])
@pytest.mark.parametrize("value", ["x", float("nan"), 1e300, [], True, Quantity(3, "pcs")])
def test_formatting_what_has_no_such_form_fails(text: str, value: object) -> None:
    with pytest.raises(EvaluationError):
        evaluate(text, payload=value)


def test_backoff_doubles_up_to_its_maximum_and_jitters_over_the_whole_of_it() -> None:
    text = "backoff(data.tries, q('1 s'), q('10 s'))"
    waits = [evaluate(text, FakeMachine([1.0]), tries=tries) for tries in (-1, 0, 1, 3, 4, 10_000)]
    assert waits == [1.0, 1.0, 2.0, 8.0, 10.0, 10.0]
    assert evaluate(text, FakeMachine([0.25]), tries=3) == 2.0


def test_ids_and_the_time_come_from_the_machine() -> None:
    machine = FakeMachine()
    assert [evaluate("new_id()", machine), evaluate("new_id()", machine)] == ["id-1", "id-2"]
    assert evaluate("now()") is NOW


def test_an_operand_is_evaluated_once() -> None:
    machine = FakeMachine([0.5])  # a second random number would be missing
    assert evaluate("q('1 s') < backoff(2, q('1 s'), q('1 min')) < q('3 s')", machine) is True


@pytest.mark.parametrize(
    "text",
    [
        "data.gross > q('1 g')", "q('1 g') > data.gross", "data.gross <= data.box.weight", "data.tries >= 0",
        "0 <= data.tries <= 5", "data.samples.last > settings.min_weight", "data.samples.last.value >= 0",
        "data.samples.count >= 0", "data.samples.span < q('1 s')", "data.box.weight < q('1 kg')", "data.uid < 'z'",
        "data.extra.lane > 1", "data.extra['lane'] > 1", "data.cards[0] < 1", "data.extra.deep.er > 1",
        "1 == 1 < data.tries", "(data.tries if true else 1) < 5", "(data.tries or null) < 5",
    ],
)  # fmt: skip
def test_nothing_is_neither_less_nor_more_than_anything(text: str) -> None:
    function = parse_expression(text, SCOPE).function
    assert function(NOTHING, SETTINGS, {}, FakeMachine()) is False


def test_nothing_in_an_event_is_a_field_that_is_not_there() -> None:
    assert evaluate("event.value >= settings.min_weight", value=None) is False
    assert parse_expression("event.value == None", SCOPE).function(DATA, SETTINGS, {}, FakeMachine()) is True


@pytest.mark.parametrize(
    "text",
    [
        "data.samples.last.value", "data.box.weight.unit", "data.extra.a.b", "data.cards[3]", "data.extra['x']",
        "data.gross.value",
    ],
)  # fmt: skip
def test_through_nothing_there_is_nothing(text: str) -> None:
    assert parse_expression(text, SCOPE).function(NOTHING, SETTINGS, {}, FakeMachine()) is None


def test_the_last_of_an_empty_window_is_nothing() -> None:
    assert evaluate("data.samples.last", samples=window_of()) is None
    assert evaluate("data.samples.last.value", samples=window_of()) is None
    assert evaluate("data.samples.count", samples=window_of()) == 0


def test_an_index_beyond_a_list_gives_nothing() -> None:
    assert evaluate("data.cards[9]") is None
    assert evaluate("data.cards[-9]") is None


@pytest.mark.parametrize(
    "text", ["data.tries + 1", "data.gross * 2", "data.uid + 'x'", "data.since / 2", "-data.tries"]
)
def test_arithmetic_with_nothing_fails(text: str) -> None:
    function = parse_expression(text, SCOPE).function
    with pytest.raises((TypeError, EvaluationError)):
        function(NOTHING, SETTINGS, {}, FakeMachine())


@pytest.mark.parametrize(
    ("text", "payload"),
    [
        ("event.payload * 1000000", "x"), ("event.payload * 1000000", [1]), ("event.payload % 3", "%999999999d"),
        ("event.payload + 1", True), ("event.payload - 1", "x"), ("event.payload / 2", "x"),
        ("event.payload // 2", None), ("event.payload.real", 5), ("event.payload.upper", "x"),

        ("event.payload[0]", "text"), ("event.payload['a']", [1]), ("event.payload[0].b", "x"),
        ("round(event.payload)", "x"),
        ("event.payload + 'x'", "y" * MAX_TEXT), ("event.payload + [1]", [0] * MAX_ITEMS),
        ("event.payload * event.payload", 2**100), ("event.payload / q('1 kg')", Quantity(1, "N")),
    ],
)  # fmt: skip
def test_a_value_of_unknown_type_that_does_not_fit_fails_and_shows_nothing_of_itself(
    text: str, payload: object
) -> None:
    with pytest.raises(EvaluationError) as caught:
        evaluate(text, payload=payload)
    assert "yyy" not in str(caught.value)
    assert "999" not in str(caught.value)


def test_quantities_of_different_dimensions_do_not_add() -> None:
    with pytest.raises(UnitError):
        evaluate("event.payload + q('1 kg')", payload=Quantity(1, "N"))


@pytest.mark.parametrize(
    ("text", "payload", "value"),
    [
        ("event.payload + 1", 2, 3), ("event.payload - 1", 2.5, 1.5), ("event.payload * 2", 4, 8),
        ("event.payload / 2", 3, 1.5), ("event.payload // 2", 3, 1), ("event.payload % 2", 3, 1),
        ("event.payload + 'b'", "a", "ab"), ("event.payload + [2]", (1,), [1, 2]),
        ("event.payload * 2", Quantity("1.5", "kg"), Quantity(3, "kg")),
        ("event.payload.value", Quantity(3, "kg"), 3.0),
        ("event.payload.unit", Quantity(3, "kg"), "kg"), ("event.payload.count", window_of("1"), 1),
        ("event.payload.last", window_of("1"), Quantity(1, "kg")), ("event.payload.x", {"x": 3}, 3),
        ("event.payload - q('1 s')", datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_a_value_of_unknown_type_that_fits_is_used(text: str, payload: object, value: object) -> None:
    assert evaluate(text, payload=payload) == value


def test_a_secret_stays_one_when_text_is_added_to_it() -> None:
    for text in ("'Bearer ' + data.token", "data.token + '!'", "event.payload + data.token"):
        value = evaluate(text, payload="x ")
        assert isinstance(value, Secret)
        assert "abcdefgh" not in repr(value)


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("event.value > q('1 g')", FLAG), ("not data.uid", FLAG), ("1 + 2", INT), ("1 / 2", NUMBER),
        ("1 + 2.0", NUMBER),
        ("event.value * 2", MASS), ("event.value / event.value", NUMBER), ("now() - now()", DURATION),
        ("now() + q('1 s')", TIME), ("data.uid + 'x'", TEXT), ("data.token + 'x'", SECRET), ("[1]", LIST),
        ("new_id()", UUID), ("data.tries or 3", INT), ("data.tries if true else 1.5", NUMBER),
        ("data.uid or null", TEXT), ("data.uid or data.token", SECRET), ("data.door or 'x'", TEXT),
        ("data.door", ValueType("choice", ("open", "closed"))), ("data.uid or 3", ValueType("any")),
        ("null", ValueType("any")), ("event.payload + 1", ValueType("any")), ("data.extra.x", ValueType("any")),
        ("round(1.5)", INT), ("round(1.5, 1)", NUMBER), ("round(data.since)", DURATION), ("-data.since", DURATION),
        ("min(data.since, q('1 s'))", DURATION), ("format(1, '0')", TEXT), ("data.box.lid", FLAG),
        ("data.samples.last", MASS), ("data.samples.count", INT), ("data.samples.span", DURATION), ("In('idle')", FLAG),
    ],
)  # fmt: skip
def test_the_type_of_an_expression_is_known(text: str, type_: ValueType) -> None:
    assert parse_expression(text, SCOPE).type == type_


def test_an_expression_knows_the_declarations_it_uses() -> None:
    parsed = parse_expression("data.uid == event.status and q('1 g') < settings.min_weight or data['for'] == ''", SCOPE)
    assert parsed.names == {"data.uid", "event.status", "settings.min_weight", "data.for"}
    assert not parsed.is_constant


@pytest.mark.parametrize(
    ("text", "is_constant"), [("1 + 2", True), ("q('1 s')", True), ("new_id()", False), ("In('idle')", False)]
)
def test_only_what_never_changes_is_constant(text: str, is_constant: bool) -> None:  # noqa: FBT001 - a table's column
    assert parse_expression(text, SCOPE).is_constant is is_constant


def test_a_constant_needs_no_machine() -> None:
    assert parse_expression("q('1 kg') * 2", SCOPE).function({}, {}, {}, None) == Quantity(2, "kg")


def test_a_list_written_out_is_a_new_one_each_time() -> None:
    function = parse_expression("[]", SCOPE).function
    assert function({}, {}, {}, None) is not function({}, {}, {}, None)


def test_any_field_of_an_unknown_event_may_be_named() -> None:
    parsed = parse_expression("event.whatever.deep", Scope())
    assert parsed.type == ValueType("any")
    assert parsed.function({}, {}, {"whatever": {"deep": 1}}, None) == 1


def test_a_name_is_found_in_either_unicode_form() -> None:
    decomposed = normalize("NFD", "무게")
    scope = Scope(data={decomposed: INT})
    assert parse_expression("data.무게 + 1", scope).function({decomposed: 1}, {}, {}, None) == 2


def test_an_expression_may_run_over_several_lines() -> None:
    assert evaluate("  event.value >= settings.min_weight\n  and event.stable\n") is True


def test_every_function_has_a_name_of_its_own_and_shows_its_text_in_a_traceback() -> None:
    first, second = (parse_expression("data.tries + 1", SCOPE).function for _ in range(2))
    assert first.__qualname__ != second.__qualname__
    assert first.__code__.co_filename == "<expression 'data.tries + 1'>"


def test_values_are_given_by_position_as_the_machine_keeps_them() -> None:
    assert parse_expression("event.value > settings.min_weight", SCOPE).function(DATA, SETTINGS, EVENT, None) is True
