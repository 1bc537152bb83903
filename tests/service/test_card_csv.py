"""Lists of cards as spreadsheets save them: what is read, and that everything wrong is told at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import DiagnosticError
from engine.ports import Card
from engine.service.card_csv import printed_uid, read_card_file
from engine.store.cards import is_uid, names_of


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "cards.csv"
    path.write_bytes(text.encode(encoding))
    return path


def told(path: Path) -> list[tuple[str, int]]:
    with pytest.raises(DiagnosticError) as caught:
        read_card_file(path)
    return [(found.code, found.position.line) for found in caught.value.diagnostics]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949"])
@pytest.mark.parametrize(
    "header", ["카드번호,이름,사용여부,구분,조합", "Card UID,Name,is_active,Type,조합", "RFID_UID,성명,사용,종류,조합"]
)
def test_a_list_is_read_in_the_encodings_and_words_of_korean_offices(
    tmp_path: Path, encoding: str, header: str
) -> None:
    text = (
        header
        + '\r\n0a:00:60:91:e1,김철수,예,owner,"제1, 수협"\r\n\r\n04A1B2C3,갈치,,어종,\r\n04FFFFFF,분실,중지,,\r\n'
    )
    found = read_card_file(write(tmp_path, text, encoding))
    assert found.cards == (
        Card("0A006091E1", "김철수", kind="owner", extra={"조합": "제1, 수협"}),
        Card("04A1B2C3", "갈치", kind="어종"),
        Card("04FFFFFF", "분실", is_active=False),
    )
    assert found.warnings == ()


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_columns_may_be_parted_by_what_spreadsheets_use(tmp_path: Path, delimiter: str) -> None:
    text = f"uid{delimiter}name\n0A0B{delimiter}x\n"
    assert read_card_file(write(tmp_path, text)).cards == (Card("0A0B", "x"),)


@pytest.mark.parametrize(
    ("text", "uid"),
    [
        ("0006328801", "??006091E1"),
        ("6328801", "??006091E1"),
        ("4294967295", "??FFFFFFFF"),
        ("096,37345", "????6091E1"),
        ("0006328801 096,37345", "??006091E1"),
        ("0006328801 096,37346", None),
        ("4294967296", None),
        ("256,00001", None),
        ("001,65536", None),
        ("12345678901", None),
        ("0A006091E1", None),
        ("-1", None),
        ("", None),
    ],
)
def test_a_printed_number_is_the_end_of_the_cards_own(text: str, uid: str | None) -> None:
    assert printed_uid(text) == uid


@settings(max_examples=60)
@given(st.integers(0, 2**40 - 1))
def test_a_card_is_found_by_what_is_printed_on_it(number: int) -> None:
    uid, low = f"{number:010X}", number & 0xFFFFFFFF
    printed = [f"{low:010d}", f"{low >> 16 & 0xFF:03d},{low & 0xFFFF:05d}"]
    for text in (*printed, " ".join(printed)):
        found = printed_uid(text)
        assert found is not None
        assert is_uid(found)
        assert found in names_of(uid)


def test_a_number_is_decimal_only_where_its_column_says_so(tmp_path: Path) -> None:
    [card] = read_card_file(write(tmp_path, "카드번호(10진),이름\n0006328801,a\n")).cards
    assert card.uid == "??006091E1"
    found = read_card_file(write(tmp_path, "카드번호,이름\n0006328801,a\n"))
    assert found.cards[0].uid == "0006328801"
    assert [warning.code for warning in found.warnings] == ["card-looks-decimal"]
    assert read_card_file(write(tmp_path, "uid\n0006328801\n0A006091E1\n")).warnings == ()


def test_both_numbers_of_a_card_must_agree(tmp_path: Path) -> None:
    path = write(tmp_path, "uid,decimal\n0A006091E1,0006328801\n,0006328802\n")
    assert [card.uid for card in read_card_file(path).cards] == ["0A006091E1", "??006091E2"]
    assert told(write(tmp_path, "uid,decimal\n0A006091E1,0006328802\n")) == [("card-numbers-differ", 2)]


def test_everything_wrong_is_told_at_once_at_its_line(tmp_path: Path) -> None:
    text = (
        'uid,name,active,memo\n0A0,odd\n,nobody\n0A0B,"two\nlines",maybe\n1.2E+09,excel\n0A0C,first\n0a:0c,again\n'
        "0A0D,n,1,m,more\n0A0E," + "x" * 300 + "\n"
    )
    assert told(write(tmp_path, text)) == [
        ("card-uid-malformed", 2),
        ("card-uid-missing", 3),
        ("card-active-unclear", 4),
        ("card-uid-malformed", 6),
        ("card-duplicate", 8),
        ("card-cell-without-column", 9),
        ("card-text-refused", 10),
    ]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "card-file-empty"),
        ("\n\n", "card-file-empty"),
        ("uid,name\n", "card-file-empty"),
        ("number,name\n0A0B,x\n", "card-column-missing"),
        ("uid,카드번호\n0A0B,0A0B\n", "card-column-twice"),
        ("uid,memo,memo\n0A0B,1,2\n", "card-column-twice"),
        ('uid,name\n0A0B,"never closed\n0C0D,swallowed\n', "card-row-unreadable"),
        ('uid,name\n0A0B,"' + "x" * 200_000 + '"\n', "card-row-unreadable"),
    ],
)
def test_a_file_that_is_no_list_of_cards_is_told_as_such(tmp_path: Path, text: str, code: str) -> None:
    assert code in [found for found, _ in told(write(tmp_path, text))]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xff\xfeu\0i\0d\0", "not-utf-8"),
        (b"uid\n\0\0\n", "binary-file"),
        (b"uid\n\xff\xff\xff\n", "binary-file"),
        (b"x" * ((16 << 20) + 1), "file-too-large"),
    ],
)
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, data: bytes, code: str) -> None:
    path = tmp_path / "cards.csv"
    path.write_bytes(data)
    assert told(path) == [(code, 1)]


def test_a_file_that_is_not_there_or_is_a_folder_is_told(tmp_path: Path) -> None:
    assert told(tmp_path / "no.csv") == [("file-missing", 1)]
    assert told(tmp_path) == [("file-is-a-folder", 1)]


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=80) | st.text("uid,\"';\n\r\t0A9é가\x0b\u2028", max_size=80).map(lambda t: t.encode()))
def test_any_bytes_are_read_or_refused_with_places(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(b"uid\n" + data)
    try:
        cards = read_card_file(path).cards
    except DiagnosticError as error:
        found = error.diagnostics
        assert found
    else:
        assert all(is_uid(card.uid) for card in cards)
