"""What drivers have started and left: every process of a batch's session, ended with it."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from typing import Final

_PROC: Final = "/proc"


def end_descendants() -> None:
    """Kill every other process of this one's session; a batch's process leads a session of its own."""
    if os.name != "posix" or os.getsid(0) != os.getpid():
        return  # on Windows the master's job object does this
    end_session(os.getpid())


def end_session(leader: int) -> None:
    """Kill every process of a session except this one. A process that changed its session is not ours any more."""
    if os.name != "posix":
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if leader != os.getpid():
            os.killpg(leader, signal.SIGKILL)
    for pid in members(leader):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def members(session: int) -> Iterator[int]:
    """The processes of a session, without this one."""
    for pid in _pids():
        with contextlib.suppress(OSError):
            if pid != os.getpid() and os.getsid(pid) == session:
                yield pid


def _pids() -> Iterator[int]:
    try:
        names = os.listdir(_PROC)  # noqa: PTH208 - ten times as fast, for every process of the machine
    except OSError:
        names = []
    if names:
        yield from (int(name) for name in names if name.isdecimal())
        return
    import psutil  # where there is no /proc

    yield from psutil.pids()
