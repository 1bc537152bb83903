"""Was every box recorded once, here and at the server, with its card and its weight? Read from what is really there."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from engine.errors import EngineError
from engine.sim.backend import RecordRow
from engine.sim.boxes import Box

Row = TypeVar("Row")


class LedgerUnreadableError(EngineError):
    """The database file is missing, torn, or has no weighing records table."""


@dataclass(frozen=True, slots=True)
class LocalRow:
    """One row of ``weighing_records`` (4.2 of the requirements); weights in kg."""

    uuid: str
    card: str
    weight: Decimal
    line: str
    is_sent: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one box; right when ``problems`` is empty."""

    box: Box
    local: tuple[Decimal, ...]
    server: tuple[Decimal, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Audit:
    """The boxes one by one, and rows that no box explains."""

    verdicts: tuple[Verdict, ...]
    strays: tuple[str, ...]
    local_rows: int
    server_rows: int

    @property
    def problems(self) -> list[str]:
        """Everything that is not as it should be, a sentence each."""
        return [f"{v.box}: {problem}" for v in self.verdicts for problem in v.problems] + list(self.strays)


def read_ledger(path: Path) -> list[LocalRow]:
    """The records in a service's SQLite file, without the service. Raises LedgerUnreadableError."""
    query = "SELECT uuid, rfid_uid, weight, line, is_sent FROM weighing_records ORDER BY sequence"
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            rows = database.execute(query).fetchall()
    except sqlite3.Error as error:
        raise LedgerUnreadableError(f"{path} cannot be read: {error}") from error
    # A float's shortest decimal is what was stored; the indicator's digits, if nothing went wrong on the way.
    return [LocalRow(uuid, card, Decimal(repr(weight)), line, bool(sent)) for uuid, card, weight, line, sent in rows]


def audit(truth: Sequence[Box], local: Sequence[LocalRow], server: Sequence[RecordRow]) -> Audit:
    """Compare what was weighed with what was recorded. Every box has a card of its own."""
    local_by_card = _by_card((row.card, row) for row in local)
    server_by_card = _by_card((row.rfid_uid, row) for row in server)
    verdicts = [_judge(box, local_by_card.pop(box.card, []), server_by_card.pop(box.card, [])) for box in truth]
    strays = [f"a row here for card {row.card}, {row.weight} kg: no box has it" for row in _all(local_by_card)]
    strays += [f"a row at the server for card {r.rfid_uid}, {r.weight} kg: no box has it" for r in _all(server_by_card)]
    return Audit(tuple(verdicts), tuple(strays), len(local), len(server))


def _judge(box: Box, local: Sequence[LocalRow], server: Sequence[RecordRow]) -> Verdict:
    problems = _count_problems("here", len(local)) + _count_problems("at the server", len(server))
    problems += _weight_problems(box, "here", (row.weight for row in local))
    problems += _weight_problems(box, "at the server", (row.weight for row in server))
    problems += [f"recorded for line {row.line}" for row in local if row.line != box.line]
    if server:
        problems += [f"row {row.uuid} is not marked as sent" for row in local if not row.is_sent]
    known = {row.uuid for row in local}
    if known:
        problems += [f"the server's uuid {row.uuid} is not ours" for row in server if row.uuid not in known]
    return Verdict(box, tuple(r.weight for r in local), tuple(r.weight for r in server), tuple(problems))


def _count_problems(where: str, count: int) -> list[str]:
    if count == 1:
        return []
    return [f"missing {where}"] if not count else [f"{count} rows {where} instead of one"]


def _weight_problems(box: Box, where: str, weights: Iterable[Decimal]) -> list[str]:
    """A box's weight is a whole number of its scale's divisions, so to the division means exactly."""
    return [f"{weight} kg {where}, the scale showed {box.weight} kg" for weight in weights if weight != box.weight]


def _by_card(rows: Iterable[tuple[str, Row]]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for card, row in rows:
        found[card].append(row)
    return found


def _all(rows: Mapping[str, list[Row]]) -> list[Row]:
    return [row for group in rows.values() for row in group]
