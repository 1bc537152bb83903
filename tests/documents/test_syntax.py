"""What is not YAML is explained in words, at the place where a person would mend it."""

import pytest

from engine.documents.render import message
from engine.documents.source import load_yaml
from engine.errors import DiagnosticError


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("a:\n\tb: 1\n", "yaml-tab", 2, 1),
        ("a: 1\n\tb: 2\n", "yaml-tab", 2, 1),
        ("a: b\t\n", "yaml-tab", 1, 5),
        ("a:\n  - x\n\t- y\n", "yaml-tab", 3, 1),
        ("a: @x\n", "yaml-reserved-character", 1, 4),
        ("a: `x`\n", "yaml-reserved-character", 1, 4),
        ("a: %x\n", "yaml-reserved-character", 1, 4),
        ("a: 1\nb\nc: 2\n", "yaml-missing-colon", 2, 1),
        ("a: b: c\n", "yaml-colon-in-value", 1, 5),
        ("a: 1 2: 3\n", "yaml-colon-in-value", 1, 7),
        ("a: 1\n  b: 2\n", "yaml-indentation", 2, 3),
        ("chart:x\ninitial: a\n", "missing-space", 1, 1),
        ("a:\n  b:1\n  c: 2\n", "missing-space", 2, 3),
        ("a:\n  - b:1\n    c: 2\n", "missing-space", 2, 5),
        ("http://host\na: 1\n", "yaml-indentation", 2, 1),
        ("a:\n  b: 1\n c: 2\n", "yaml-indentation", 3, 2),
        ("a:\n    b: 1\n  c: 2\n", "yaml-indentation", 3, 3),
        ("a: 1\n- b\n", "yaml-indentation", 2, 1),
        ("a:\n  - b\n  c: 1\n", "yaml-indentation", 3, 3),
        ("a: - b\n", "yaml-dash", 1, 4),
        ('a: 1\nb: "x\nc: 1\n', "yaml-unclosed-quote", 2, 4),
        ("a: 'x\n---\n", "yaml-unclosed-quote", 1, 4),
        ("a: [1, 2", "yaml-unclosed-bracket", 1, 4),
        ("a: {b: 1\n", "yaml-unclosed-bracket", 1, 4),
        ("a: [1, 2\nb: 3\n", "yaml-bracket", 2, 2),
        ("a: {b: 1 c: 2}\n", "yaml-bracket", 1, 11),
        ("a: {b: ${X}, c: 1}\n", "yaml-dollar", 1, 8),
        ("a: [x, ${data.uid}]\n", "yaml-dollar", 1, 8),
        ("a: {b: 1}}\n", "yaml-extra-bracket", 1, 10),
        ("a: ]\n", "yaml-extra-bracket", 1, 4),
        ("a: 'it's'\n", "yaml-after-value", 1, 8),
        ("{a: 1}\nb: 2\n", "yaml-after-value", 2, 1),
        ('a: "C:\\data"\n', "yaml-escape", 1, 8),
        ('a: "\\U00110000"\n', "yaml-escape", 2, 1),
        ("a: [1, , 2]\n", "yaml-value-expected", 1, 8),
        ("a: !foo!bar x\n", "yaml-syntax", 1, 4),
        ("%FOO\n", "yaml-after-value", 2, 1),
    ],
)
def test_the_place_and_the_words(text, code, line, column):
    with pytest.raises(DiagnosticError) as caught:
        load_yaml(text, "x.yaml")
    (finding,) = caught.value.diagnostics
    assert (finding.code, finding.position.line, finding.position.column) == (code, line, column)
    for language in ("en", "ko"):
        sentence = message(finding, language)
        assert sentence
        assert "token" not in sentence
        assert "block end" not in sentence


def test_a_bracket_on_another_line_is_shown_beside_the_place():
    with pytest.raises(DiagnosticError) as caught:
        load_yaml("a: [1, 2\nb: 3\n", "x.yaml")
    (finding,) = caught.value.diagnostics
    assert [(str(position), note) for position, note in finding.related] == [("x.yaml:1:4", "opened-here")]
