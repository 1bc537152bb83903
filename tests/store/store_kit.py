"""What the store's tests share: records, an opened store, a look into the file, and other processes."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from engine.clock import Clock, VirtualClock
from engine.ports import GatewayIdentity, WeighingRecord
from engine.store import LedgerStore, open_store

T = TypeVar("T")

IDENTITY = GatewayIdentity("AA:BB:CC:DD:EE:01", "gate-3", "10.0.0.7", "Hall 3")
_RECORD = WeighingRecord(
    uuid="",
    rfid_uid="04A1B2C3",
    weight=Decimal("12.340"),
    unit="kg",
    measured_at=datetime(2026, 1, 31, 5, 30, 0, 250_000, tzinfo=UTC),
    line="dock-1",
    raw_frame=b"ST,GS,+0012.340kg\r\n",
    chart="weighing",
    chart_version="1.2",
)


def run(scenario: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(scenario)


def record_id(number: int) -> str:
    return str(UUID(int=number))


def make_record(number: int = 1, **changes: Any) -> WeighingRecord:
    return replace(_RECORD, uuid=record_id(number), **changes)


async def open_sqlite(folder: Path, clock: Clock | None = None, name: str = "ledger.sqlite") -> LedgerStore:
    return await open_store(f"sqlite:///{name}", base_dir=folder, clock=clock or VirtualClock())


def on_store_thread(store: LedgerStore, work: Callable[[sqlite3.Connection], T]) -> Coroutine[Any, Any, T]:
    """Use the store's own connection, for what only its thread may do."""
    return store._run(lambda ledger: work(ledger._backend._connection))  # type: ignore[attr-defined]


@contextlib.contextmanager
def database(path: Path) -> Iterator[sqlite3.Connection]:
    """Another program's connection to the file."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        yield connection


def store_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("store")]


@contextlib.contextmanager
def child(script: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A process of this interpreter, killed at the end if it has not ended by itself."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        try:
            yield process
        finally:
            process.kill()


QUIET = """
import asyncio, sys
from pathlib import Path
import structlog
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
"""

HOLD = f"""{QUIET}
from engine.clock import SystemClock
from engine.store import open_store

async def main():
    async with await open_store("sqlite:///ledger.sqlite", base_dir=Path(sys.argv[1]), clock=SystemClock()):
        print("held", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""
