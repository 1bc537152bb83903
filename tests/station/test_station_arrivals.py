"""A master that finds a process of an earlier one at its cleanup waits as long as that may take, and no longer."""

from __future__ import annotations

import asyncio
import signal
import sys

import pytest
from station_kit import run

from engine.station import arrivals
from engine.station.arrivals import Arrivals
from engine.station.locks import batch_lock, holder_of
from engine.station.orders import locks_folder

OLD = """
import sys
from pathlib import Path
from engine.station.locks import Locks, batch_lock
locks = Locks(Path(sys.argv[1]), "b")
locks.take(batch_lock("b"))
locks.tell(batch_lock("b"), float(sys.argv[2]))
print(flush=True)
sys.stdin.read()
"""


async def _found(tmp_path, ends_within: float, ends_after: float) -> int | None:
    """A process takes so long to end, and has said so; how it ended."""
    folder = locks_folder(tmp_path)
    folder.mkdir()
    old = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OLD, str(folder), str(ends_within), start_new_session=True,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    await old.stdout.readline()
    asyncio.get_running_loop().call_later(ends_after, old.stdin.close)
    await Arrivals(tmp_path, None, None, None, {"b"}, ()).wait_for_process("b", ())
    assert holder_of(folder, batch_lock("b")) is None
    return await old.wait()


@pytest.mark.parametrize(
    ("ends_within", "ends_after", "code"),
    [(30.0, 0.5, 0), (0.0, 30.0, -signal.SIGKILL)],
    ids=["as long as it has said", "not for ever"],
)
def test_an_old_process_has_the_time_that_its_cleanup_may_take(tmp_path, monkeypatch, ends_within, ends_after, code):
    monkeypatch.setattr(arrivals, "_LONGEST_WAIT_S", 0.1)
    assert run(_found(tmp_path, ends_within, ends_after)) == code
