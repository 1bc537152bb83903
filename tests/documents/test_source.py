"""Reading YAML: every value knows its place, scalars stay what they are, and nothing at all makes a traceback."""

import os
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.documents.compose import compose
from engine.documents.limits import MAX_BYTES, MAX_DEPTH
from engine.documents.source import load_yaml
from engine.documents.tree import Map, Seq
from engine.errors import DiagnosticError, Position

TEXT = """\
# a comment
chart: weighing
states:
  idle:
    on: {card.read: {target: measuring}, yes: "no"}
    tags: [safe,
           'quoted']
  measuring:
    empty:
    always:
      - target: saving
      - ~
"""


def place(position):
    return (position.line, position.column)


def refused(source, name="x.yaml"):
    """The one finding that makes a document unreadable."""
    with pytest.raises(DiagnosticError) as caught:
        load_yaml(source, name)
    (finding,) = caught.value.diagnostics
    return finding


@pytest.mark.parametrize("read", [lambda text: load_yaml(text, "x.yaml"), lambda text: compose(text, "x.yaml")])
class TestPositions:
    """Both readers."""

    def test_every_key_and_value_has_its_place(self, read):
        document = read(TEXT)
        assert document.position() == Position("x.yaml", 2, 1)
        assert place(document.key_position(["states"])) == (3, 1)
        assert place(document.position(["states"])) == (4, 3)
        assert place(document.key_position(["states", "idle", "on", "card.read", "target"])) == (5, 22)
        assert place(document.position(["states", "idle", "on", "card.read", "target"])) == (5, 30)
        assert place(document.position(["states", "idle", "on", "yes"])) == (5, 47)

    def test_every_item_of_a_list_has_its_place(self, read):
        document = read(TEXT)
        assert place(document.position(["states", "idle", "tags"])) == (6, 11)
        assert place(document.position(["states", "idle", "tags", 0])) == (6, 12)
        assert place(document.position(["states", "idle", "tags", 1])) == (7, 12)
        assert place(document.position(["states", "measuring", "always", 0])) == (11, 9)
        assert place(document.position(["states", "measuring", "always", 1])) == (12, 9)

    def test_a_value_that_is_missing_stands_at_its_key(self, read):
        assert place(read(TEXT).position(["states", "measuring", "empty"])) == (9, 5)

    def test_a_missing_item_stands_at_its_dash(self, read):
        assert place(read("a:\n  - x\n  -\n").position(["a", 1])) == (3, 3)

    def test_a_path_that_leads_nowhere_gives_the_deepest_value_there_is(self, read):
        document = read(TEXT)
        assert place(document.position(["states", "nothing", "x"])) == (4, 3)
        assert place(document.position(["states", "idle", "tags", 7])) == (6, 11)

    def test_collections_tell_places_without_a_path(self, read):
        states = read(TEXT).data["states"]
        assert isinstance(states, Map)
        assert place(states.position) == (4, 3)
        assert place(states.key_at("measuring")) == (8, 3)
        assert place(states.at("measuring")) == (9, 5)
        assert place(states.at("nothing")) == (4, 3)
        tags = states["idle"]["tags"]
        assert isinstance(tags, Seq)
        assert [place(tags.at(index)) for index in (0, 1, 2, -1)] == [(6, 12), (7, 12), (6, 11), (6, 11)]

    def test_quotes_are_remembered(self, read):
        idle = read(TEXT).data["states"]["idle"]
        assert [idle["tags"].is_quoted(0), idle["tags"].is_quoted(1), idle["tags"].is_quoted(9)] == [False, True, False]
        assert idle["on"].is_quoted("yes")
        assert not idle["on"].is_quoted("card.read")
        assert not idle.is_quoted("nothing")

    def test_korean_letters_count_as_one_column(self, read):
        document = read("제목: {계량: 값, 다음: b}\n")
        assert place(document.key_position(["제목", "다음"])) == (1, 13)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("on", "on"),
        ("no", "no"),
        ("yes", "yes"),
        ("off", "off"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("12", 12),
        ("-7", -7),
        ("007", 7),
        ("0x1F", 31),
        ("0o17", 15),
        ("0b1", "0b1"),
        ("1_000", "1_000"),
        ("1.50", Decimal("1.50")),
        ("-.5", Decimal("-0.5")),
        ("5.", Decimal(5)),
        ("1e3", Decimal("1e3")),
        ("+1", 1),
        ("12:30", "12:30"),
        ("2026-01-01", "2026-01-01"),
        ("50 g", "50 g"),
        ("-", None),
        ("1.2.3", "1.2.3"),
        ('"12"', "12"),
        ("'true'", "true"),
        ('""', ""),
        ("계량", "계량"),
        ("9" * 40, int("9" * 40)),
    ],
)
def test_scalars_follow_yaml_1_2_and_stay_exact(written, value):
    read = load_yaml(f"- {written}\n" if written == "-" else f"a: {written}\n").data
    got = read[0][0] if written == "-" else read["a"]
    assert repr(got) == repr(value)


def test_decimals_keep_the_digits_as_written():
    assert str(load_yaml("a: -1.640\n").data["a"]) == "-1.640"


@pytest.mark.parametrize("written", [".inf", "-.INF", ".nan", "9" * 41, "1e41", "1e-9999999999", "1" * 5000])
def test_a_number_without_end_is_refused(written):
    (problem,) = load_yaml(f"a: {written}\n", "x.yaml").problems
    assert (problem.code, place(problem.position)) == ("number-out-of-range", (1, 4))


def test_keys_are_always_text():
    document = load_yaml("on: 1\n1: 2\n007: 3\nnull: 4\ntrue: 5\n'x y': 6\n")
    assert list(document.data) == ["on", "1", "007", "null", "true", "x y"]


def test_a_block_of_text_counts_as_quoted():
    document = load_yaml("a: |\n  12\nb: >\n  x\n  y\n")
    assert document.data == {"a": "12\n", "b": "x y\n"}
    assert document.data.is_quoted("a")
    assert document.data.is_quoted("b")


class TestMistakesThatDoNotHinderReading:
    def problems(self, text):
        return [(p.code, *place(p.position)) for p in load_yaml(text, "x.yaml").problems]

    def test_a_key_written_twice_names_the_first_place(self):
        (problem,) = load_yaml("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", "x.yaml").problems
        assert (problem.code, place(problem.position)) == ("duplicate-key", (5, 3))
        assert problem.params == {"key": "c", "line": 3}
        assert problem.related == ((Position("x.yaml", 3, 3), "first-place"),)

    def test_the_first_of_two_values_is_kept(self):
        assert load_yaml("a: 1\na: 2\n").data == {"a": 1}

    def test_two_spellings_of_one_key_are_one_key(self):
        assert self.problems('1: a\n"1": b\n') == [("duplicate-key", 2, 1)]

    def test_a_second_document(self):
        assert self.problems("a: 1\n---\nb: 2\n---\nc: 3\n") == [("several-documents", 2, 1)]

    def test_a_tag(self):
        (problem,) = load_yaml("a: !!int 1\n").problems
        assert (problem.code, problem.params) == ("tag-not-used", {"tag": "!!int"})

    def test_a_key_that_is_empty(self):
        assert self.problems(": a\n") == [("empty-key", 1, 1)]

    def test_all_of_them_are_told_at_once(self):
        assert self.problems("a: 1\na: .nan\nb: !x 1\n") == [
            ("number-out-of-range", 2, 4),
            ("duplicate-key", 2, 1),
            ("tag-not-used", 3, 4),
        ]


class TestAliases:
    def test_an_alias_is_the_value_and_stands_where_it_is_used(self):
        document = load_yaml("a: &x {b: 1}\nc: *x\n")
        assert document.data == {"a": {"b": 1}, "c": {"b": 1}}
        assert place(document.position(["c"])) == (2, 4)
        assert place(document.position(["c", "b"])) == (1, 11)

    def test_an_alias_can_be_a_key(self):
        assert load_yaml("a: &x b\n*x : 1\n").data == {"a": "b", "b": 1}

    def test_merge_keys_bring_what_is_not_there_yet(self):
        document = load_yaml("a: &a {x: 1, y: 2}\nb: &b {z: 3}\nc:\n  y: 9\n  <<: [*a, *b]\n")
        assert document.data["c"] == {"y": 9, "x": 1, "z": 3}
        assert place(document.key_position(["c", "x"])) == (1, 8)
        assert document.problems == ()

    def test_a_merge_of_something_else_is_told(self):
        (problem,) = load_yaml("a: 1\n<<: text\n").problems
        assert (problem.code, place(problem.position)) == ("merge-not-a-map", (2, 5))

    def test_quoted_it_is_a_key_like_any_other(self):
        assert load_yaml('"<<": {a: 1}\n').data == {"<<": {"a": 1}}

    def test_a_bomb_of_aliases_is_counted_not_expanded(self):
        bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
            f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
        )
        finding = refused(bomb)
        assert finding.code == "too-many-values"
        assert finding.position.line == 5

    def test_a_bomb_of_merge_keys_is_counted_too(self):
        bomb = (
            "a0: &a0 {"
            + ", ".join(f"k{n}: 1" for n in range(100))
            + "}\n"
            + "".join(f"a{n}: &a{n}\n  <<: [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
        )
        assert refused(bomb).code == "too-many-values"

    def test_a_value_inside_itself(self):
        finding = refused("a: &x [1, *x]\n")
        assert (finding.code, place(finding.position)) == ("alias-inside-itself", (1, 11))

    def test_an_unknown_alias(self):
        finding = refused("a: *x\n")
        assert (finding.code, place(finding.position), finding.params) == ("unknown-alias", (1, 4), {"alias": "x"})


@pytest.mark.parametrize("text", ["[a]: b\n", "{a: b}: c\n", "? - a\n: b\n", "a: {{ name }}\n", "a: &x [1]\n*x : 2\n"])
def test_a_collection_cannot_be_a_key(text):
    assert refused(text).code == "key-not-text"


class TestFiles:
    def test_a_file_is_called_what_it_was_called(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "site.yaml").write_text("a: 1\n", encoding="utf-8")
        from pathlib import Path

        assert load_yaml(Path("site.yaml")).position() == Position("site.yaml", 1, 1)

    def test_a_missing_file(self, tmp_path):
        assert refused(tmp_path / "no.yaml").code == "file-missing"

    def test_a_folder(self, tmp_path):
        assert refused(tmp_path).code == "file-is-a-folder"

    def test_a_name_that_no_file_has(self, tmp_path):
        assert refused(tmp_path / "a\0b").code == "file-unreadable"

    @pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes in folders")
    def test_a_pipe_is_not_waited_for(self, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        assert refused(tmp_path / "pipe").code == "file-unreadable"

    @pytest.mark.parametrize("content", [b"", b"\n\n", b"# only a comment\n", b"---\n", b"\xef\xbb\xbf", b"null\n"])
    def test_an_empty_file(self, tmp_path, content):
        (tmp_path / "x.yaml").write_bytes(content)
        assert refused(tmp_path / "x.yaml").code == "empty-document"

    def test_a_large_file_is_not_read_whole(self, tmp_path):
        (tmp_path / "x.yaml").write_bytes(b"a: 1\n" * 2_000_000)
        finding = refused(tmp_path / "x.yaml")
        assert (finding.code, finding.params) == ("file-too-large", {"size": 10_000_000, "limit": MAX_BYTES})

    def test_cp949_is_recognised_and_named(self, tmp_path):
        (tmp_path / "x.yaml").write_bytes("a: 1\nsite: 노량진 3번\n".encode("cp949"))
        finding = refused(tmp_path / "x.yaml")
        assert (finding.code, place(finding.position), finding.params) == ("not-utf-8", (2, 7), {"encoding": "CP949"})

    def test_utf_16_is_recognised_and_named(self):
        assert refused("a: 1\n".encode("utf-16")).params == {"encoding": "UTF-16"}

    def test_another_encoding_is_told_without_a_name(self):
        finding = refused("straße: 1\nmünchen: 2\ncafé: 3\n".encode("latin-1"))
        assert (finding.code, finding.params, place(finding.position)) == ("not-utf-8", {"encoding": "?"}, (1, 5))

    @pytest.mark.parametrize("content", [b"\x7fELF\x02\x01\x01\0\0\0", bytes(range(1, 256)), b"a: \0\n"])
    def test_a_binary_file(self, content):
        assert refused(content).code == "binary-file"

    def test_a_byte_order_mark_moves_nothing(self):
        document = load_yaml(b"\xef\xbb\xbfa: 1\n", "x.yaml")
        assert document.data == {"a": 1}
        assert place(document.position(["a"])) == (1, 4)

    def test_windows_line_ends_move_nothing(self):
        document = load_yaml("a: 1\r\nb:\r\n  - c\r\n")
        assert document.data == {"a": 1, "b": ["c"]}
        assert place(document.position(["b", 0])) == (3, 5)
        assert document.lines == ("a: 1", "b:", "  - c", "")

    def test_an_invisible_character_is_pointed_at(self):
        finding = refused("a: 1\nb: x\x1b[31m\n")
        assert (finding.code, place(finding.position), finding.params) == (
            "control-character",
            (2, 5),
            {"character": "U+001B"},
        )

    def test_half_a_character_is_pointed_at(self):
        assert refused("a: \ud800\n").code == "control-character"


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"{' ' * level}s{level}:\n" for level in range(1000)) + " " * 1000 + "x: 1\n",
        "".join(f"{' ' * 4 * n}states:\n{' ' * (4 * n + 2)}s{n}:\n" for n in range(1000)),
        "{a: " * 1000 + "1" + "}" * 1000,
        "- " * 1000 + "x",
        "[" * 100_000,
    ],
    ids=["blocks", "nested states", "braces", "dashes", "unclosed"],
)
def test_a_thousand_levels_are_a_finding_not_a_crash(text):
    finding = refused(text)
    assert (finding.code, finding.params) == ("nested-too-deeply", {"limit": MAX_DEPTH})


def test_what_is_too_large_because_it_is_too_deep_is_told_at_its_column():
    finding = refused("".join(" " * depth + "a:\n" for depth in range(2_000)))
    assert finding.code == "nested-too-deeply"
    assert finding.position.column == finding.position.line  # here each line begins one further to the right


def test_the_deepest_allowed_nesting_is_read():
    assert load_yaml("[" * MAX_DEPTH + "]" * MAX_DEPTH).data
    assert refused("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)).code == "nested-too-deeply"


def test_too_many_values():
    assert refused("a: [" + "1," * 110_000 + "]\n").code == "too-many-values"


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.text(max_size=60), st.binary(max_size=60)))
@example('a: "\\U00110000"')
@example("!<")
@example("%YAML 1.1\n---\na: on")
@example("a: |9\n x")
@example("*")
@example("? ")
@example("- !!")
@example("&a &b c")
@example("a: |\n\n    x\n  y")
def test_whatever_comes_is_read_or_refused_with_a_place(source):
    try:
        document = load_yaml(source, "x.yaml")
    except DiagnosticError as error:
        findings = error.diagnostics
    else:
        findings = document.problems
        assert document.position().file == "x.yaml"
    for finding in findings:
        assert finding.position.file == "x.yaml"
        assert finding.position.line >= 1
        assert finding.position.column >= 1
