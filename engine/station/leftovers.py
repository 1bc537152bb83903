"""What drivers have started and left: every process that descends from a batch's process, ended with it.

Two things tell such a process. Its session: a batch's process leads one of its own. And a mark in its environment,
made anew for every process of a batch and handed down by it: a child that has left the session (a daemon) still has it.
A child that leaves the session and also throws its environment away is nobody's that could be known.

Imports little on purpose: the warden (:mod:`engine.station.warden`) lives by this.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from typing import Final

MARK: Final = "SCALELEDGER_BATCH_PROCESS"  # the variable; its value names one process of a batch, and no other ever
_PROC: Final = "/proc"
_LOOKS: Final = 20
_DEAD: Final = b"ZX"  # states of a process that only waits for its parent to hear of its end
_STATE: Final = 0  # places in /proc/PID/stat, counted after the name, which may hold anything
_STARTED: Final = 19


def own_mark() -> str:
    """The mark of the process of a batch that this is in; empty when it is in none."""
    return os.environ.get(MARK, "")


def end_descendants() -> None:
    """Kill every other process that descends from this one; a batch's process leads a session of its own.

    Does nothing on Windows, where there are no sessions.
    """
    if os.name == "posix" and os.getsid(0) == os.getpid():
        end_left(os.getpid(), own_mark())


def end_left(session: int, mark: str) -> None:
    """Kill every process of a session, and every one with the mark, except this one; until none is found any more.

    ``session`` 0: only those with the mark. One that is just being started is found when it is looked again.
    """
    if os.name != "posix":
        return
    if session and session != os.getpid():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(session, signal.SIGKILL)
    killed: set[int] = set()
    for _ in range(_LOOKS):
        found = set(members(session, mark)) - killed
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        killed |= found
        if not found:
            return


def members(session: int, mark: str) -> Iterator[int]:
    """The processes of a session or with a mark, without this one."""
    entry = f"{MARK}={mark}\0".encode() if mark else b""
    for pid in _pids():
        with contextlib.suppress(OSError):
            if pid != os.getpid() and ((session and os.getsid(pid) == session) or (entry and entry in _environ(pid))):
                yield pid


def started(pid: int) -> int | None:
    """When a process was started, in ticks since the machine was: with its number it is this process and no other.

    None when there is no such process, or it is dead already; 0 when the system does not tell.
    """
    try:
        with open(f"{_PROC}/{pid}/stat", "rb") as file:  # noqa: PTH123 - pathlib is half of what a warden would weigh
            fields = file.read().rpartition(b")")[2].split()
        return None if fields[_STATE] in _DEAD else int(fields[_STARTED])
    except (OSError, IndexError):
        return 0 if not os.path.isdir(f"{_PROC}/self") and _exists(pid) else None  # noqa: PTH112 - as above


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _environ(pid: int) -> bytes:
    """What a process was given as its environment; nothing where that is not told, as of another user's."""
    with open(f"{_PROC}/{pid}/environ", "rb") as file:  # noqa: PTH123 - as above
        return file.read()


def _pids() -> Iterator[int]:
    try:
        names = os.listdir(_PROC)  # noqa: PTH208 - ten times as fast, for every process of the machine
    except OSError:
        names = []
    if names:
        yield from (int(name) for name in names if name.isdecimal())
        return
    try:
        import psutil  # where there is no /proc
    except ImportError:  # in the warden, which imports nothing: there a process group is all that it can end
        return
    yield from psutil.pids()
