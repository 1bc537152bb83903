"""kill -9 at random moments: what was reported as committed is there, once, and the journal agrees."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from store_kit import QUIET, child, database, open_sqlite, run

from engine.store import read_journal

# Commits records one after the other and says so; every third one is uploaded and noted, as the service would.
COMMIT = f"""{QUIET}
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from engine.clock import SystemClock
from engine.ports import Delivery, DeliveryKind, WeighingRecord
from engine.store import open_store

async def main():
    store = await open_store("sqlite:///ledger.sqlite", base_dir=Path(sys.argv[1]), clock=SystemClock())
    number = 0
    while True:
        number += 1
        record = WeighingRecord(
            str(uuid.uuid4()), "04A1", Decimal(number) / 1000, "kg", datetime.now(UTC), "dock-1", bytes(number % 400)
        )
        await store.save_record(record)
        print(record.uuid, flush=True)
        if number % 3 == 0:
            await store.save_deliveries([Delivery(record.uuid, DeliveryKind.DELIVERED)])

asyncio.run(main())
"""


def kill_at_a_random_moment(folder: Path, dice: random.Random) -> set[str]:
    """Run the committing process until it has told of a few commits, kill it, and give all that it told."""
    with child(COMMIT, folder) as process:
        assert process.stdout is not None
        told = {process.stdout.readline().strip() for _ in range(dice.randint(1, 60))}
        for _ in range(dice.randint(0, 30_000)):  # somewhere within the commits that follow
            pass
        process.kill()
        lines = process.stdout.read().splitlines(keepends=True)
        return told | {line.strip() for line in lines if line.endswith("\n")}


def check_ledger(folder: Path, told: set[str]) -> None:
    async def reopen() -> None:
        await (await open_sqlite(folder)).close()

    run(reopen())
    with database(folder / "ledger.sqlite") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        rows = connection.execute("SELECT * FROM weighing_records ORDER BY sequence").fetchall()
    uuids = [row["uuid"] for row in rows]
    assert told <= set(uuids)
    assert [row["sequence"] for row in rows] == list(range(1, len(rows) + 1))
    assert all(row["is_sent"] or row["may_have_arrived"] for row in rows)  # what waited is in doubt
    journal = Counter(record.uuid for record in read_journal(folder / "ledger.sqlite.journal"))
    assert journal == Counter(uuids)
    lines = sum(file.read_bytes().count(b"\n") for file in (folder / "ledger.sqlite.journal").iterdir())
    assert lines == len(rows)


def kill_again_and_again(folder: Path, times: int) -> None:
    dice = random.Random(2026)
    told: set[str] = set()
    for _ in range(times):
        told |= kill_at_a_random_moment(folder, dice)
        check_ledger(folder, told)
    assert len(told) >= times


def test_no_committed_record_is_lost_or_doubled_when_the_process_is_killed(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path, 3)


@pytest.mark.torture
def test_no_committed_record_is_lost_or_doubled_in_a_hundred_kills(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path, 100)
