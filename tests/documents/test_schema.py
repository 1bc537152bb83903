"""A schema's errors become sentences at the place where they would be mended."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from engine.documents.predicate import compile_predicate
from engine.documents.schema import NOTHING, check
from engine.documents.source import load_yaml

DURATION = {"type": "string", "pattern": r"^[0-9]+ (s|ms)$", "x-type": "duration"}


def findings(text, schema):
    document = load_yaml(text, "x.yaml")
    return [(f.code, f.position.line, f.position.column, dict(f.params)) for f in check(document, schema)]


def finding(text, schema):
    (only,) = findings(text, schema)
    return only


def a(schema):
    """A mapping whose key ``a`` has the schema."""
    return {"type": "object", "properties": {"a": schema}}


SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["server"],
    "properties": {
        "server": {"type": "object"},
        "interval": {},
        "lines": {"type": "array", "items": {"type": "object", "required": ["name", "port"]}},
    },
}


class TestKeys:
    def test_an_unknown_key_is_told_at_the_key_with_a_guess(self):
        assert finding("server: {}\nintervall: 3\n", SCHEMA) == (
            "unknown-key",
            2,
            1,
            {"key": "intervall", "allowed": ["interval", "lines", "server"], "guess": "interval"},
        )

    def test_a_key_that_is_there_already_is_not_guessed(self):
        assert finding("server: {}\ninterval: 1\nintervall: 3\n", SCHEMA)[3]["guess"] is None

    def test_a_misspelt_key_is_not_also_called_missing(self):
        assert [code for code, *_ in findings("sever: {}\n", SCHEMA)] == ["unknown-key"]

    def test_a_missing_key_is_told_at_the_start_of_the_file(self):
        assert finding("interval: 1\n", SCHEMA) == ("missing-key", 1, 1, {"key": "server"})

    def test_a_missing_key_is_told_at_its_parent(self):
        text = "server: {}\nlines:\n  - name: x\n"
        assert finding(text, SCHEMA) == ("missing-key", 3, 5, {"key": "port"})
        schema = a({"type": "object", "required": ["b"]})
        assert finding("a:\n  c: 1\n", schema) == ("missing-key", 1, 1, {"key": "b"})

    def test_several_missing_keys_are_told_one_by_one(self):
        keys = [params["key"] for *_, params in findings("server: {}\nlines: [{}]\n", SCHEMA)]
        assert keys == ["name", "port"]

    def test_a_missing_space_after_the_colon_is_recognised(self):
        text = "server: {}\nlines: []\n'interval:30': x\n"
        assert finding(text, SCHEMA) == ("missing-space", 3, 1, {"key": "interval"})

    def test_keys_that_match_a_pattern_are_known(self):
        schema = {"additionalProperties": False, "patternProperties": {"^x-": {}}, "properties": {"name": {}}}
        assert finding("x-y: 1\nnam: 2\n", schema)[3] == {"key": "nam", "allowed": ["name"], "guess": "name"}

    def test_a_name_of_the_wrong_form(self):
        schema = {"propertyNames": {"pattern": "^[a-z]+$"}}
        assert finding("ok: 1\nNot ok: 2\n", schema) == (
            "wrong-key-name",
            2,
            1,
            {"key": "Not ok", "allowed": "^[a-z]+$"},
        )

    def test_a_key_that_needs_another(self):
        schema = a({"dependentRequired": {"key": ["cert"]}})
        assert finding("a: {key: x}\n", schema) == ("needs-key", 1, 5, {"key": "key", "needed": "cert"})


class TestValues:
    @pytest.mark.parametrize(
        ("written", "schema", "code", "params"),
        [
            ("[1]", {"type": "string"}, "wrong-type", {"expected": ("text",), "found": "list"}),
            ("x", {"type": "object"}, "wrong-type", {"expected": ("map",), "found": "text"}),
            ("", {"type": "array"}, "wrong-type", {"expected": ("list",), "found": "nothing"}),
            ("1.5", {"type": "integer"}, "wrong-type", {"expected": ("int",), "found": "number"}),
            ("yes", {"type": "boolean"}, "wrong-type", {"expected": ("flag",), "found": "text"}),
            ("true", {"type": "number"}, "wrong-type", {"expected": ("number",), "found": "flag"}),
            ("{}", {"type": ["string", "null"]}, "wrong-type", {"expected": ("text",), "found": "map"}),
            ("3", {"type": "string"}, "needs-quotes", {"found": "int"}),
            ("true", {"type": "string"}, "needs-quotes", {"found": "flag"}),
            ("jsn", {"enum": ["json"]}, "wrong-value", {"value": "jsn", "allowed": ("json",), "guess": "json"}),
            ("9", {"enum": [7, 8]}, "wrong-value", {"value": "9", "allowed": ("7", "8"), "guess": None}),
            ("x", {"const": True}, "wrong-value", {"value": "x", "allowed": ("true",), "guess": None}),
            ("{}", {"enum": ["x"]}, "wrong-type", {"expected": ("text",), "found": "map"}),
            ("x", {"pattern": "^y"}, "pattern-mismatch", {"value": "x", "pattern": "^y"}),
            ("1", {"minimum": 2}, "too-small", {"value": "1", "limit": 2}),
            ("0.5", {"exclusiveMinimum": 0.5}, "too-small", {"value": "0.5", "limit": 0.5}),
            ("3", {"maximum": 2}, "too-large", {"value": "3", "limit": 2}),
            ("''", {"minLength": 1}, "too-short", {"limit": 1}),
            ("xy", {"maxLength": 1}, "too-long", {"limit": 1}),
            ("[]", {"minItems": 1}, "too-short", {"limit": 1}),
            ("[1, 2]", {"maxItems": 1}, "too-long", {"limit": 1}),
            ("{}", {"minProperties": 1}, "too-short", {"limit": 1}),
            ("{b: 1, c: 2}", {"maxProperties": 1}, "too-long", {"limit": 1}),
        ],
    )  # fmt: skip
    def test_what_is_wrong_with_a_value(self, written, schema, code, params):
        column = 4 if written else 1
        assert finding(f"a: {written}\n", a(schema)) == (code, 1, column, params)

    def test_an_item_that_stands_twice_is_told_at_the_second(self):
        assert finding("a: [x, y, x]\n", a({"uniqueItems": True})) == ("not-unique", 1, 11, {"value": "x"})

    def test_what_is_excluded(self):
        assert finding("a: 1\n", a(False))[:3] == ("excluded", 1, 1)
        assert finding("a: 1\n", a({"not": {"type": "integer"}}))[:3] == ("excluded", 1, 1)

    def test_a_keyword_without_words_of_its_own_is_told_all_the_same(self):
        code, line, column, params = finding("a: [1]\n", a({"contains": {"type": "string"}}))
        assert (code, line, column) == ("schema-mismatch", 1, 4)
        assert params["detail"]


class TestQuantities:
    @pytest.mark.parametrize(
        ("written", "code", "params"),
        [
            ("30", "needs-unit", {"value": "30", "example": "30 s", "kind": "duration"}),
            ("1.5", "needs-unit", {"value": "1.5", "example": "1.5 s", "kind": "duration"}),
            ('"30"', "needs-unit", {"value": "30", "example": "30 s", "kind": "duration"}),
            ("-5 s", "negative-quantity", {"value": "-5 s"}),
            ("soon", "wrong-form", {"value": "soon", "expected": "duration"}),
            ("[]", "wrong-type", {"expected": "duration", "found": "list"}),
            ("true", "wrong-type", {"expected": "duration", "found": "flag"}),
            ("", "wrong-type", {"expected": "duration", "found": "nothing"}),
        ],
    )
    def test_what_is_wrong_with_a_duration(self, written, code, params):
        result = finding(f"a: {written}\n", a(DURATION))
        assert (result[0], result[3]) == (code, params)

    @pytest.mark.parametrize(
        ("written", "guess"), [("5 sec", "s"), ("5 초", "s"), ("5 minutes", "min"), ("5 m", "min"), ("5 furlong", None)]
    )
    def test_a_unit_written_otherwise_is_guessed(self, written, guess):
        code, *_, params = finding(f"a: {written}\n", a(DURATION))
        assert (code, params["guess"], params["allowed"]) == ("unknown-unit", guess, ("ms", "s", "min", "h", "d"))

    def test_a_unit_of_another_kind_is_none_of_this_kind(self):
        code, *_, params = finding("a: 5 s\n", a({"type": "string", "pattern": " kg$", "x-type": "mass"}))
        assert (code, params["unit"], params["kind"]) == ("unknown-unit", "s", "mass")

    def test_another_word_of_the_catalogue_is_told_in_its_words(self):
        schema = a({"anyOf": [{"const": "auto"}, {"pattern": "^..:..$"}], "x-type": "mac"})
        assert finding("a: x\n", schema)[::3] == ("wrong-form", {"value": "x", "expected": "mac"})
        assert finding("a: 1\n", a({"type": "string", "x-type": "mac"}))[::3] == (
            "wrong-type",
            {"expected": "mac", "found": "int"},
        )


TRANSITION = {
    "type": "object",
    "additionalProperties": False,
    "required": ["target"],
    "properties": {"target": {"type": "string"}, "guard": {"type": "string"}},
}
ONE_OR_MORE = {"anyOf": [{"type": "string"}, TRANSITION, {"type": "array", "items": TRANSITION}]}


class TestAlternatives:
    def test_the_alternative_of_the_same_kind_is_explained(self):
        assert findings("a: {target: x, gaurd: y}\n", a(ONE_OR_MORE)) == [
            ("unknown-key", 1, 16, {"key": "gaurd", "allowed": ["guard", "target"], "guess": "guard"}),
        ]
        assert finding("a:\n  - target: x\n  - guard: y\n", a(ONE_OR_MORE)) == (
            "missing-key",
            3,
            5,
            {"key": "target"},
        )

    def test_a_value_of_no_such_kind_is_told_all_kinds(self):
        params = {"expected": ("text", "map", "list"), "found": "int"}
        assert finding("a: 3\n", a(ONE_OR_MORE)) == ("wrong-type", 1, 4, params)

    def test_words_of_several_alternatives_are_put_together(self):
        schema = a({"anyOf": [{"enum": ["x", "y"]}, {"const": "auto"}]})
        assert finding("a: aut\n", schema)[3] == {"value": "aut", "allowed": ("x", "y", "auto"), "guess": "auto"}

    def test_a_telling_word_chooses_the_alternative(self):
        schema = a(
            {
                "oneOf": [
                    {"required": ["size"], "properties": {"type": {"const": "box"}, "size": {"type": "integer"}}},
                    {"required": ["r", "x", "y"], "properties": {"type": {"const": "ball"}}},
                ],
            },
        )
        assert finding("a: {type: ball, r: 1, x: 1}\n", schema)[3] == {"key": "y"}
        assert finding("a: {type: box, size: big}\n", schema)[0] == "wrong-type"

    def test_keys_of_all_alternatives_are_known_when_one_is_guessed(self):
        kinds = [
            {"type": "object", "additionalProperties": False, "required": [key], "properties": {key: {}}}
            for key in ("assign", "log", "raise")
        ]
        code, _, _, params = finding("a: {rais: x}\n", a({"anyOf": kinds}))
        assert (code, params["guess"], params["allowed"]) == ("unknown-key", "raise", ["assign", "log", "raise"])

    def test_a_value_that_fits_two_alternatives_of_which_one_is_wanted(self):
        assert finding("a: 1\n", a({"oneOf": [{"type": "integer"}, {"type": "number"}]}))[0] == "ambiguous"

    def test_an_alternative_that_takes_nothing_is_not_spoken_of(self):
        schema = a({"anyOf": [{"type": "integer"}, NOTHING, False]})
        assert finding("a: x\n", schema)[3] == {"expected": ("int",), "found": "text"}
        assert finding("a: x\n", a({"anyOf": [NOTHING, NOTHING]}))[0] == "excluded"

    def test_alternatives_inside_alternatives(self):
        schema = a({"anyOf": [{"type": "integer"}, {"type": "array", "items": {"anyOf": [{"enum": ["x"]}, NOTHING]}}]})
        assert finding("a: [x, z]\n", schema)[:3] == ("wrong-value", 1, 8)


def test_everything_is_told_once_in_the_order_of_the_file():
    schema = {"allOf": [a({"type": "integer"}), a({"type": "integer"}), {"properties": {"b": {"type": "integer"}}}]}
    assert [(code, line) for code, line, *_ in findings("b: x\na: x\n", schema)] == [
        ("wrong-type", 1),
        ("wrong-type", 2),
    ]


def test_what_was_noted_while_reading_comes_first():
    assert [
        code for code, *_ in findings("a: 1\na: 2\nb: x\n", {"additionalProperties": False, "properties": {"a": {}}})
    ] == [
        "duplicate-key",
        "unknown-key",
    ]


def test_the_deepest_document_is_checked_by_a_schema_that_refers_to_itself():
    schema = {
        "$ref": "#/$defs/node",
        "$defs": {
            "node": {
                "type": "object",
                "additionalProperties": False,
                "properties": {"s": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/node"}]}},
            },
        },
    }
    text = "{s: " * 63 + "{t: 1}" + "}" * 63
    assert finding(text, schema)[0] == "unknown-key"
    assert findings(text.replace("t: 1", "s: x"), schema) == []


# The predicate -------------------------------------------------------------------------------------------------------

_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([Decimal("0.5"), Decimal("1.0"), "", "a", "ab", "x-1"]),
)
_values = st.recursive(
    _scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["a", "b", "x-1"]), inner, max_size=3)
    ),
    max_leaves=6,
)
_limits = st.integers(0, 2)
_leaf_schemas = st.one_of(
    st.booleans(),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["object", "array", "string", "integer", "number", "boolean", "null"])}
    ),
    st.fixed_dictionaries({"type": st.just(["string", "integer"])}),
    st.fixed_dictionaries({"enum": st.lists(_scalars, min_size=1, max_size=3)}),
    st.fixed_dictionaries({"const": _scalars}),
    st.fixed_dictionaries({"pattern": st.sampled_from(["^a", "b$", "-"])}),
    st.fixed_dictionaries({"required": st.just(["a"])}),
    st.fixed_dictionaries({"dependentRequired": st.just({"a": ["b"]})}),
    st.fixed_dictionaries({"uniqueItems": st.booleans()}),
    *[
        st.fixed_dictionaries({keyword: _limits})
        for keyword in (
            *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength"),
            *("minItems", "maxItems", "minProperties", "maxProperties"),
        )
    ],
    st.just({"$ref": "#/$defs/node"}),
)


def _composed(inner):
    some = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        st.fixed_dictionaries({"properties": st.dictionaries(st.sampled_from("ab"), inner, max_size=2)}),
        st.fixed_dictionaries({"properties": st.fixed_dictionaries({"a": inner}), "additionalProperties": inner}),
        st.fixed_dictionaries(
            {"patternProperties": st.fixed_dictionaries({"^x-": inner}), "additionalProperties": inner}
        ),
        st.fixed_dictionaries({"propertyNames": inner}),
        st.fixed_dictionaries({"items": inner}),
        st.fixed_dictionaries({"prefixItems": some, "items": inner}),
        st.fixed_dictionaries({"anyOf": some}),
        st.fixed_dictionaries({"oneOf": some}),
        st.fixed_dictionaries({"allOf": some}),
        st.fixed_dictionaries({"not": inner}),
        st.fixed_dictionaries({"if": inner, "then": inner}),
        st.fixed_dictionaries({"if": inner, "else": inner, "title": st.just("x")}),
    )


_schemas = st.recursive(_leaf_schemas, _composed, max_leaves=8)


@settings(max_examples=150, deadline=None)
@given(_schemas, st.lists(_values, min_size=1, max_size=4))
def test_the_predicate_says_what_jsonschema_says(schema, values):
    node = {"type": ["object", "string"], "additionalProperties": {"$ref": "#/$defs/node"}}
    whole = {"allOf": [schema], "$defs": {"node": node}}
    fits = compile_predicate(whole)
    assert fits is not None
    validator = Draft202012Validator(whole)
    for value in values:
        assert fits(value) is validator.is_valid(value)


@pytest.mark.parametrize(
    "schema",
    [
        {"contains": {}},
        {"unevaluatedProperties": False},
        {"$ref": "other.json"},
        {"$ref": "#/$defs/no"},
        {"enum": [{"a": 1}]},
        {"multipleOf": 2},
    ],
)
def test_a_schema_with_anything_else_has_no_predicate(schema):
    assert compile_predicate({"items": schema}) is None
