"""Environment variables in a document: found, typed, missing, and never shown."""

import pytest

from engine.documents.environment import Substitution
from engine.documents.render import message
from engine.documents.source import load_yaml

ANYTHING = {}


def put(text, env):
    document = load_yaml(text, "x.yaml")
    return document, Substitution(document, env)


def values(text, **env):
    document, substitution = put(text, env)
    assert substitution.problems == []
    return document.data


def problems(text, **env):
    return [(p.code, p.position.line, p.position.column, dict(p.params)) for p in put(text, env)[1].problems]


def test_a_variable_stands_for_its_value_alone_or_in_a_text():
    data = values("a: ${X}\nb: http://${HOST}:${PORT}/\nc: [x, ['${X}']]\n", X="text", HOST="h", PORT="80")
    assert data == {"a": "text", "b": "http://h:80/", "c": ["x", ["text"]]}


def test_a_variable_is_typed_as_if_it_stood_in_the_file():
    data = values('a: ${X}\nb: "${X}"\nc: ${Y}\nd: ${Z}\ne: ${N}\n', X="12", Y="true", Z="", N="9" * 50)
    assert data == {"a": 12, "b": "12", "c": True, "d": None, "e": "9" * 50}


def test_a_doubled_dollar_stands_for_itself():
    assert values("a: $${X}\nb: x$${X}${X}$${\nc: $X\nd: $$\n", X="1") == {
        "a": "${X}",
        "b": "x${X}1${",
        "c": "$X",
        "d": "$$",
    }


def test_a_value_is_not_looked_at_again():
    assert values("a: ${X}\nb: &b ['$${X}']\nc: *b\n", X="${Y}") == {"a": "${Y}", "b": ["${X}"], "c": ["${X}"]}


def test_keys_are_left_alone():
    assert values("${X}: ${X}\n", X="1") == {"${X}": 1}


def test_a_missing_variable_is_named_where_it_stands():
    assert problems("a: 1\nb: {c: 'x ${Y} ${X}'}\n", Y="1") == [("environment-missing", 2, 16, {"variable": "X"})]


def test_every_missing_variable_is_named():
    assert problems("a: ${X}/${Y}/${X}\n") == [
        ("environment-missing", 1, 4, {"variable": "X"}),
        ("environment-missing", 1, 9, {"variable": "Y"}),
        ("environment-missing", 1, 14, {"variable": "X"}),
    ]


def test_in_a_text_of_several_lines_the_value_is_pointed_at():
    assert problems("a: |\n  x\n  ${X}\n")[0][:3] == ("environment-missing", 1, 4)


@pytest.mark.parametrize("written", ["${event.uid}", "${}", "${1}", "${A-B}", "${A B}", "${X"])
def test_anything_else_in_braces_is_not_a_variable(written):
    ((code, line, column, params),) = problems(f"a: '{written}'\n")
    assert (code, line, column, params) == ("environment-syntax", 1, 5, {"text": written})


class TestChecking:
    SCHEMA_OF = staticmethod(lambda schema: {"properties": {"a": schema}})

    def check(self, text, schema, **env):
        document, substitution = put(text, env)
        return document, substitution.shown(substitution.check(self.SCHEMA_OF(schema)))

    def test_a_number_from_a_variable_is_a_text_where_a_text_is_wanted(self):
        document, findings = self.check("a: ${X}\n", {"type": "string"}, X="007")
        assert findings == []
        assert document.data == {"a": "007"}

    def test_and_a_number_where_a_number_is_wanted(self):
        document, findings = self.check("a: ${X}\n", {"type": "integer"}, X="007")
        assert findings == []
        assert document.data == {"a": 7}

    def test_even_in_quotes(self):
        document, findings = self.check('a: "${X}"\n', {"type": "integer"}, X="19200")
        assert findings == []
        assert document.data == {"a": 19200}

    def test_a_wrong_value_is_shown_as_it_is_written(self):
        _, findings = self.check("a: ${PASSWORD}\n", {"enum": ["x"]}, PASSWORD="hunter2")
        assert [message(finding) for finding in findings] == ["'${PASSWORD}' is not possible here"]

    @pytest.mark.parametrize("secret", ["007", "1.50", "true"])
    def test_whatever_its_type(self, secret):
        for quote in ("", '"'):
            _, findings = self.check(f"a: {quote}${{PASSWORD}}{quote}\n", {"enum": ["x"]}, PASSWORD=secret)
            assert [message(finding) for finding in findings] == ["'${PASSWORD}' is not possible here"]

    def test_a_value_whose_variable_is_missing_is_not_found_wrong_as_well(self):
        _, findings = self.check("a: ${X}\n", {"type": "integer"})
        assert findings == []

    def test_other_findings_stay(self):
        _, findings = self.check("a: [x, '${X}']\n", {"type": "array", "items": {"type": "integer"}}, X="y")
        assert [(f.code, f.position.column) for f in findings] == [("wrong-type", 5), ("wrong-type", 8)]
