"""A list of cards as spreadsheets save it (CSV), read whole or not at all.

UTF-8 with or without a byte order mark, or CP949 (what Korean Excel saves). The first row names the columns, in
English or Korean; those that are not known here are kept beside the card. A number is taken as hexadecimal digits; it
is a decimal one, as printed on EM4100 cards, only where its column says so.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from engine.errors import Diagnostic, DiagnosticError, Position
from engine.ports import Card
from engine.store.cards import MAX_TEXT, is_uid, normal_uid
from engine.store.texts import clean_text

_MAX_BYTES: Final = 16 << 20
_COLUMNS: Final[Mapping[str, frozenset[str]]] = {
    "uid": frozenset(
        [
            "uid",
            "card",
            "carduid",
            "cardid",
            "cardno",
            "cardnumber",
            "rfid",
            "rfiduid",
            "rfidno",
            "tag",
            "tagid",
            "taguid",
            "hex",
            "uidhex",
            "carduidhex",
            "카드",
            "카드번호",
            "카드uid",
            "카드id",
            "rfid번호",
            "rfid카드",
            "rfid카드번호",
            "태그",
            "태그번호",
            "uid번호",
            "16진",
            "카드번호16진",
        ]
    ),
    "decimal": frozenset(
        [
            "decimal",
            "dec",
            "uiddecimal",
            "uiddec",
            "decimaluid",
            "carddecimal",
            "cardnumberdecimal",
            "cardnodecimal",
            "em4100",
            "em4100decimal",
            "printed",
            "printednumber",
            "십진",
            "십진수",
            "십진번호",
            "10진",
            "10진수",
            "10진번호",
            "카드번호10진",
            "카드번호십진",
            "카드번호10진수",
            "인쇄번호",
            "카드인쇄번호",
            "em4100번호",
        ]
    ),
    "name": frozenset(["name", "fullname", "holder", "이름", "성명", "명칭", "상호", "카드명"]),
    "active": frozenset(["active", "isactive", "enabled", "사용", "사용여부", "활성", "활성여부", "유효", "유효여부"]),
    "kind": frozenset(["kind", "type", "종류", "구분", "유형", "카드종류", "카드구분"]),
}
_YES: Final = frozenset(
    ["1", "true", "t", "yes", "y", "o", "on", "active", "enabled", "사용", "사용중", "예", "활성", "유효", "정상"]
) | {""}
_NO: Final = frozenset(
    [
        "0",
        "false",
        "f",
        "no",
        "n",
        "x",
        "off",
        "inactive",
        "disabled",
        "미사용",
        "사용안함",
        "중지",
        "사용중지",
        "정지",
        "아니오",
        "아니요",
        "비활성",
        "만료",
        "분실",
        "폐기",
    ]
)
_PRINTED: Final = re.compile(
    r"(?P<long>[0-9]{1,10})?\s*"
    r"(?:(?<![0-9])(?P<site>[0-9]{1,3})[,:-](?P<card>[0-9]{1,5}))?"
)
_DECIMAL_LOOKING: Final = re.compile(r"[0-9]{10}")


@dataclass(frozen=True, slots=True)
class CardFile:
    """The cards of a file, and what to look at all the same."""

    cards: tuple[Card, ...]
    warnings: tuple[Diagnostic, ...]


def read_card_file(path: Path) -> CardFile:
    """Read a whole file. Raises DiagnosticError with everything that is wrong, each problem at its line."""
    text = _decode(path)
    reading = _Reading(str(path), list(io.StringIO(text, newline="")))
    cards = reading.cards()
    if reading.problems:
        raise DiagnosticError(sorted(reading.problems, key=lambda problem: problem.position))
    return CardFile(tuple(cards), tuple(reading.warnings))


def printed_uid(text: str) -> str | None:
    """The number of a card of which only the decimal print is known: ``0006328801``, ``096,37345``, or both."""
    found = _PRINTED.fullmatch(text.strip())
    if found is None or not text.strip():
        return None
    long = None if found["long"] is None else int(found["long"])
    short = None if found["site"] is None else _short(int(found["site"]), int(found["card"]))
    if short == -1 or (long is not None and long >= 1 << 32):
        return None
    if long is None:
        return f"????{short:06X}"
    return f"??{long:08X}" if short is None or short == long & 0xFFFFFF else None


def _short(site: int, card: int) -> int:
    return site << 16 | card if site < 1 << 8 and card < 1 << 16 else -1


def _decode(path: Path) -> str:
    try:
        if path.is_dir():
            raise DiagnosticError([Diagnostic("file-is-a-folder", Position(str(path)))])
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise DiagnosticError([Diagnostic("file-missing", Position(str(path)))]) from None
    except OSError as error:
        problem = Diagnostic("file-unreadable", Position(str(path)), {"reason": str(error.strerror)})
        raise DiagnosticError([problem]) from error
    if len(data) > _MAX_BYTES:
        params = {"size": path.stat().st_size, "limit": _MAX_BYTES}
        raise DiagnosticError([Diagnostic("file-too-large", Position(str(path)), params)])
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DiagnosticError([Diagnostic("not-utf-8", Position(str(path)), {"encoding": "UTF-16"})])
    for encoding in ("utf-8-sig", "cp949"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise DiagnosticError([Diagnostic("binary-file", Position(str(path)))])


@dataclass(slots=True)
class _Reading:
    file: str
    lines: list[str]
    problems: list[Diagnostic] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)
    places: dict[str, Position] = field(default_factory=dict)  # card -> where it stands
    numbers: list[str] = field(default_factory=list)  # as written, of the hexadecimal column

    def cards(self) -> list[Card]:
        rows = self._rows()
        first = next(rows, None)
        if first is None:
            self._tell("card-file-empty", Position(self.file), {})
            return []
        line, names = first
        columns = self._columns(line, names)
        if not {"uid", "decimal"} & columns.keys():
            self._tell("card-column-missing", Position(self.file, line), {"columns": [n for n in names if n]})
            return []
        found = [self._card(at, cells, columns, names) for at, cells in rows]
        if not found and not self.problems:
            self._tell("card-file-empty", Position(self.file, line), {})
        if self.numbers and all(_DECIMAL_LOOKING.fullmatch(number) for number in self.numbers):
            place = Position(self.file, line, self._column(line, names[columns["uid"]]))
            params = {"column": names[columns["uid"]], "example": self.numbers[0]}
            self.warnings.append(Diagnostic("card-looks-decimal", place, params, "warning"))
        return [card for card in found if card is not None]

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """Rows that are not blank, with the line each begins at."""
        header = next((line for line in self.lines if line.strip()), "")
        delimiter = max(",;\t", key=header.count)
        reader = csv.reader(self.lines, delimiter=delimiter, strict=True)  # a quote left open would swallow rows
        while True:
            line = reader.line_num + 1
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                self._tell("card-row-unreadable", Position(self.file, line), {"reason": str(error)})
                continue
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield line, cells

    def _columns(self, line: int, names: list[str]) -> dict[str, int]:
        """Which of our columns stands where; ``uid`` and ``decimal`` may both be there."""
        columns: dict[str, int] = {}
        taken: dict[str, str] = {}  # ours, or another's own name -> as written
        for index, name in enumerate(names):
            key = re.sub(r"[^0-9a-z가-힣]", "", name.casefold())
            ours = next((column for column, words in _COLUMNS.items() if key in words), None)
            if not name:
                continue
            if (ours or name) in taken:
                params = {"column": name, "other": taken[ours or name]}
                self._tell("card-column-twice", Position(self.file, line, self._column(line, name)), params)
            taken.setdefault(ours or name, name)
            if ours is not None:
                columns.setdefault(ours, index)
        return columns

    def _card(self, line: int, cells: list[str], columns: Mapping[str, int], names: list[str]) -> Card | None:
        before = len(self.problems)
        cells += [""] * (len(names) - len(cells))
        own = {column: cells[index] for column, index in columns.items()}
        extra: dict[str, str] = {}
        for index, cell in enumerate(cells):
            if index >= len(names) or (not names[index] and cell):
                self._complain("card-cell-without-column", line, cell)
            elif cell and index not in columns.values():
                extra[names[index]] = cell
        uid = self._uid(line, own.get("uid", ""), own.get("decimal", ""))
        active = own.get("active", "").casefold()
        if active not in _YES | _NO:
            self._complain("card-active-unclear", line, own["active"])
        name, kind = own.get("name", ""), own.get("kind", "")
        for text in (name, kind, *extra, *extra.values()):
            if len(text) > MAX_TEXT or clean_text(text) != text:
                self._complain("card-text-refused", line, text, limit=MAX_TEXT)
        return Card(uid, name, active in _YES, kind, extra) if len(self.problems) == before else None

    def _uid(self, line: int, hexadecimal: str, decimal: str) -> str:
        if not hexadecimal and not decimal:
            self._tell("card-uid-missing", Position(self.file, line), {})
            return ""
        printed = printed_uid(decimal) if decimal else None
        if decimal and printed is None:
            self._complain("card-decimal-malformed", line, decimal)
        uid = normal_uid(hexadecimal).removeprefix("0X") if hexadecimal else printed or ""
        if hexadecimal:
            self.numbers.append(hexadecimal)
            if not is_uid(uid):
                self._complain("card-uid-malformed", line, hexadecimal)
            elif printed is not None and not uid.endswith(printed.lstrip("?")):
                self._complain("card-numbers-differ", line, hexadecimal, decimal=decimal)
        place = Position(self.file, line, self._column(line, hexadecimal or decimal))
        if uid and uid in self.places:
            related = ((self.places[uid], "first-place"),)
            self.problems.append(Diagnostic("card-duplicate", place, {"uid": uid}, related=related))
        self.places.setdefault(uid, place)
        return uid

    def _complain(self, code: str, line: int, text: str, **params: object) -> None:
        """About the text of one cell."""
        self._tell(code, Position(self.file, line, self._column(line, text)), {"text": text, **params})

    def _column(self, line: int, text: str) -> int:
        return max(0, self.lines[line - 1].find(text)) + 1

    def _tell(self, code: str, position: Position, params: Mapping[str, object]) -> None:
        self.problems.append(Diagnostic(code, position, params))
