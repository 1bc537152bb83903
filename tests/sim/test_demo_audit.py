"""The demo's judgement: every box exactly one row here and one at the server, its card and weight, or it says which."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from engine.sim.audit import LedgerUnreadableError, LocalRow, audit, read_ledger
from engine.sim.backend import RecordRow
from engine.sim.boxes import Box

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TRUTH = [Box("dock-1", 1, "0100000001", Decimal("12.340")), Box("dock-2", 1, "0200000001", Decimal("4.90"))]


def local(number: int, box: Box, **other: object) -> LocalRow:
    values = {"uuid": f"uuid-{number}", "card": box.card, "weight": box.weight, "line": box.line, "is_sent": True}
    return LocalRow(**{**values, **other})  # type: ignore[arg-type]


def remote(number: int, box: Box, weight: str | None = None) -> RecordRow:
    return RecordRow(f"uuid-{number}", box.card, Decimal(weight or box.weight), NOW, "AA:BB:CC:DD:EE:01", NOW, 0.0)


LOCAL = [local(number, box) for number, box in enumerate(TRUTH)]
REMOTE = [remote(number, box) for number, box in enumerate(TRUTH)]
FIRST = "box 1 on dock-1 (card 0100000001, 12.340 kg)"
STRANGER = Box("dock-1", 9, "01000000FF", Decimal("7.000"))


def problems(local_rows: list[LocalRow], server_rows: list[RecordRow]) -> list[str]:
    return audit(TRUTH, local_rows, server_rows).problems


def test_one_row_here_and_one_there_for_each_box_is_right() -> None:
    report = audit(TRUTH, LOCAL, list(reversed(REMOTE)))
    assert report.problems == []
    assert (report.local_rows, report.server_rows) == (2, 2)
    assert [(v.local, v.server) for v in report.verdicts] == [((b.weight,), (b.weight,)) for b in TRUTH]


def test_a_missing_row_is_told_with_its_box() -> None:
    assert problems(LOCAL[1:], REMOTE) == [f"{FIRST}: missing here"]
    assert problems(LOCAL, REMOTE[1:]) == [f"{FIRST}: missing at the server"]


def test_a_doubled_row_is_told_with_its_box() -> None:
    assert problems([*LOCAL, local(0, TRUTH[0])], REMOTE) == [f"{FIRST}: 2 rows here instead of one"]
    assert problems(LOCAL, [*REMOTE, REMOTE[0]]) == [f"{FIRST}: 2 rows at the server instead of one"]


def test_a_weight_that_is_a_division_off_is_told() -> None:
    shown = "the scale showed 12.340 kg"
    here = [local(0, TRUTH[0], weight=Decimal("12.335")), LOCAL[1]]
    assert problems(here, REMOTE) == [f"{FIRST}: 12.335 kg here, {shown}"]
    assert problems(LOCAL, [remote(0, TRUTH[0], "12.345"), REMOTE[1]]) == [f"{FIRST}: 12.345 kg at the server, {shown}"]


def test_a_wrong_card_is_a_missing_box_and_a_stray_row() -> None:
    found = problems([local(0, STRANGER), LOCAL[1]], REMOTE)
    assert found == [f"{FIRST}: missing here", "a row here for card 01000000FF, 7.000 kg: no box has it"]


def test_a_record_of_another_line_or_not_marked_as_sent_is_told() -> None:
    row = local(0, TRUTH[0], line="dock-2", is_sent=False)
    assert problems([row, LOCAL[1]], REMOTE) == [
        f"{FIRST}: recorded for line dock-2",
        f"{FIRST}: row uuid-0 is not marked as sent",
    ]


def test_another_uuid_at_the_server_is_told() -> None:
    assert problems(LOCAL, [remote(7, TRUTH[0]), REMOTE[1]]) == [f"{FIRST}: the server's uuid uuid-7 is not ours"]


def test_a_box_that_reached_the_server_twice_under_two_uuids_is_told() -> None:
    assert f"{FIRST}: 2 rows at the server instead of one" in problems(LOCAL, [*REMOTE, remote(7, TRUTH[0])])


def test_rows_are_read_from_the_file_itself(tmp_path: Path) -> None:
    path = tmp_path / "a ledger?.sqlite"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE weighing_records (uuid, rfid_uid, weight FLOAT, line, is_sent, sequence)")
        database.execute("INSERT INTO weighing_records VALUES ('u2', 'C2', 4.9, 'dock-2', 0, 2)")
        database.execute("INSERT INTO weighing_records VALUES ('u1', 'C1', 12.34, 'dock-1', 1, 1)")
    assert read_ledger(path) == [
        LocalRow("u1", "C1", Decimal("12.34"), "dock-1", is_sent=True),
        LocalRow("u2", "C2", Decimal("4.9"), "dock-2", is_sent=False),
    ]


@pytest.mark.parametrize("content", [None, b"no database"])
def test_a_ledger_that_cannot_be_read_is_told_by_name(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ledger.sqlite"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LedgerUnreadableError, match="ledger"):
        read_ledger(path)
