"""A diagnostic is shown with its line, a caret under the place, and what to do, in English and in Korean."""

import re
import string
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
from engine.documents import catalog
from engine.documents.catalog.fill import fill
from engine.documents.quantities import KINDS
from engine.documents.render import cause, language_from_env, mend, message, render
from engine.documents.source import load_yaml
from engine.errors import Diagnostic, Position


def width(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def caret_column(shown):
    (caret,) = [line for line in shown.split("\n") if line.strip(" |") == "^"]
    return width(caret[: caret.index("^")])


DOCUMENT = load_yaml("site: x\nlines:\n  - {이름: 계량대, protocol: cas22}\n", "site.yaml")
UNKNOWN = Diagnostic(
    "unknown-protocol",
    Position("site.yaml", 3, 25),
    {"protocol": "cas22", "guess": "cas-22", "allowed": ["cas-10", "cas-22"]},
)


def test_the_whole_finding():
    assert render(UNKNOWN, DOCUMENT) == (
        "site.yaml:3:25: error[unknown-protocol]: no protocol is called 'cas22'; did you mean 'cas-22'?\n"
        "    3 |   - {이름: 계량대, protocol: cas22}\n"
        "      |                              ^\n"
        "   mend: protocols are: cas-10, cas-22"
    )


def test_the_same_in_korean():
    assert render(UNKNOWN, DOCUMENT, "ko") == (
        "site.yaml:3:25: error[unknown-protocol]: 'cas22'라는 프로토콜이 없습니다. 혹시 'cas-22'가 아닌가요?\n"
        "    3 |   - {이름: 계량대, protocol: cas22}\n"
        "      |                              ^\n"
        "   고치기: 프로토콜: cas-10, cas-22"
    )


@pytest.mark.parametrize("guess", [None, ""])
def test_without_a_guess_nothing_is_asked(guess):
    finding = Diagnostic("unknown-protocol", UNKNOWN.position, {**UNKNOWN.params, "guess": guess})
    assert message(finding) == "no protocol is called 'cas22'"


def test_without_the_text_only_the_line_is_left_out():
    assert render(UNKNOWN, None).split("\n") == [
        "site.yaml:3:25: error[unknown-protocol]: no protocol is called 'cas22'; did you mean 'cas-22'?",
        "   mend: protocols are: cas-10, cas-22",
    ]


def test_related_places_are_told():
    finding = Diagnostic(
        "duplicate-key",
        Position("x.yaml", 2, 1),
        {"key": "a", "line": 1},
        related=((Position("x.yaml", 1, 1), "first-place"), (Position("y.yaml", 1, 1), "in other words")),
    )
    assert render(finding, ["a: 1", "a: 2"]).split("\n")[3:5] == [
        "x.yaml:1:1: note: the first one is here",
        "y.yaml:1:1: note: in other words",
    ]


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("abc: x", 6),
        ("계량: x게", 5),
        ("\tkey: x", 7),
        ("한\t글: x", 6),
        ("ㅎㅏㄴ: é x", 8),
        ("a" * 500 + ": x", 503),
        ("가" * 500 + ": x", 503),
    ],
)
def test_the_caret_stands_under_its_letter_however_wide_the_letters_are(line, column):
    shown = render(Diagnostic("x", Position("f", 1, column)), [line])
    source = shown.split("\n")[1]
    before = source[: source.rindex("x")]
    assert caret_column(shown) == width(before)


def test_the_caret_may_stand_behind_the_last_letter():
    assert caret_column(render(Diagnostic("x", Position("f", 1, 99)), ["abc"])) == len("    1 | abc")


def test_a_very_long_line_is_cut():
    shown = render(Diagnostic("x", Position("f", 1, 1)), ["x" * 10_000])
    assert max(map(len, shown.split("\n"))) < 200


@pytest.mark.parametrize("line", [0, 2, 99])
def test_a_place_outside_the_text_shows_no_line(line):
    assert "|" not in render(Diagnostic("x", Position("f", line, 1)), ["a", " "])


def test_nothing_in_a_file_reaches_the_terminal_as_a_command():
    finding = Diagnostic("unknown-key", Position("f", 1, 1), {"key": "\x1b[2J\u202e", "allowed": [], "guess": None})
    shown = render(finding, ["\x1b[2J\u202e: 1"])
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_a_code_that_the_catalogue_does_not_know_shows_its_parameters():
    assert message(Diagnostic("no-such-code", Position("f"), {"a": 1, "b": "x"})) == "a=1, b=x"
    assert mend(Diagnostic("no-such-code", Position("f"))) == ""
    assert cause("no-such-code") == ""


def test_a_long_value_is_shortened_and_a_long_list_cut():
    params = {"key": "k" * 500, "allowed": [f"name{n}" for n in range(50)], "guess": None}
    finding = Diagnostic("unknown-key", Position("f"), params)
    assert len(message(finding)) < 120
    assert mend(finding).endswith("name19, …")


# The catalogue -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "params", "english", "korean"),
    [
        ("file-unreadable", {"reason": "not a regular file"}, "not a regular file", "보통 파일이 아닙니다"),
        ("file-unreadable", {"reason": "Stale file handle"}, "Stale file handle", "Stale file handle"),
        ("wrong-type", {"expected": "one of a, b", "found": "int"}, "one of a, b", "a, b 가운데 하나"),
        ("not-utf-8", {"encoding": "?"}, "an encoding that cannot be told", "알 수 없는 인코딩"),
        ("not-utf-8", {"encoding": "CP949"}, "CP949", "CP949"),
    ],
)
def test_what_the_system_says_is_told_in_the_reader_s_language_where_it_is_known(code, params, english, korean):
    found = Diagnostic(code, Position("x.yaml"), params)
    assert english in message(found, "en")
    assert korean in message(found, "ko")


def placeholders(template):
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def test_both_languages_know_the_same_codes_words_and_phrases():
    from engine.documents.catalog import en, ko

    assert catalog.codes("en") == catalog.codes("ko")
    assert en.WORDS.keys() == ko.WORDS.keys()
    assert en.PHRASES.keys() == ko.PHRASES.keys()


@pytest.mark.parametrize("code", sorted(catalog.codes()))
def test_an_entry_says_what_why_and_how_to_mend_in_both_languages(code):
    english, korean = catalog.entry(code, "en"), catalog.entry(code, "ko")
    for entry in (english, korean):
        assert entry.message
        assert entry.mend
        assert placeholders(entry.cause) == set()
        assert cause(code)
    assert placeholders(english.message) == placeholders(korean.message)
    assert placeholders(english.mend) == placeholders(korean.mend)


_USES = re.compile(
    r"""(?:Diagnostic|ExpressionError|report|report_unknown|_fail|_simply|diagnose)\(\s*"([a-z-]+)"|"""
    r"""(?:fail|fail_unknown|_at)\([\w.]+,\s*"([a-z-]+)\"""",
)


def test_every_code_that_the_engine_tells_is_in_the_catalogue():
    folder = Path(engine.__file__).parent
    sources = [path.read_text(encoding="utf-8") for path in folder.rglob("*.py")]
    used = {found[1] or found[2] for source in sources for found in _USES.finditer(source)}
    assert len(used) > 80
    assert used - catalog.codes() == set()


def test_the_catalogue_names_what_it_does_not_get():
    assert fill("'{key}' is {value}", {"key": "a"}, "en") == "'a' is {value}"


@pytest.mark.parametrize("kind", KINDS)
def test_the_units_to_choose_from_are_those_that_can_be_read(kind):
    for unit in KINDS[kind].units:
        KINDS[kind].parse(f"1 {unit}")
    assert KINDS[kind].usual in KINDS[kind].units
    for language in ("en", "ko"):
        assert catalog.word(kind, language) != kind
        assert catalog.word(f"kind:{kind}", language) != f"kind:{kind}"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("계량", "계량은 계량을 계량으로 계량이라는"),
        ("저울", "저울은 저울을 저울로 저울이라는"),
        ("카드", "카드는 카드를 카드로 카드라는"),
        ("10", "10은 10을 10으로 10이라는"),
        ("1", "1은 1을 1로 1이라는"),
        ("2", "2는 2를 2로 2라는"),
        ("scale", "scale은(는) scale을(를) scale(으)로 scale(이)라는"),
        ("'무게'", "'무게'는 '무게'를 '무게'로 '무게'라는"),
        ("", "은(는) 을(를) (으)로 (이)라는"),
    ],
)
def test_korean_particles_fit_the_word_before_them(value, shown):
    template = "{x}{x:은/는} {x}{x:을/를} {x}{x:으로/로} {x}{x:이라는/라는}"
    assert fill(template, {"x": value}, "ko") == shown


@pytest.mark.parametrize(
    ("env", "language"),
    [
        ({}, "en"),
        ({"LANG": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "ko_KR"}, "ko"),
        ({"LANG": "ko_KR.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "ko_KR.UTF-8", "LC_ALL": "", "LC_MESSAGES": "ko"}, "ko"),
        ({"LANG": "KO"}, "ko"),
    ],
)
def test_the_language_is_that_of_the_locale(env, language):
    assert language_from_env(env) == language


def test_the_environment_of_the_process_is_asked_by_default(monkeypatch):
    monkeypatch.setenv("LC_ALL", "ko_KR.UTF-8")
    assert language_from_env() == "ko"
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    assert language_from_env() in ("en", "ko")


_params = st.dictionaries(
    st.sampled_from(["key", "value", "guess", "allowed", "expected", "found", "kind", "limit"]),
    st.one_of(st.text(max_size=5), st.integers(), st.none(), st.lists(st.text(max_size=3), max_size=3)),
)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from([*sorted(catalog.codes()), "other"]),
    _params,
    st.lists(st.text(max_size=20), max_size=3),
    st.integers(-1, 5),
    st.integers(-1, 30),
    st.sampled_from(["en", "ko"]),
)
def test_whatever_a_diagnostic_holds_it_can_be_shown(code, params, lines, line, column, language):
    assert code in render(Diagnostic(code, Position("f", line, column), params), lines, language)
