"""The warden of a master: a small process that sees to it that nothing of a run is left when the master is killed.

The master tells it, over its standard input, which processes of batches there are. When that input ends, the master is
dead (one that ends in order ends its warden first). Each process of a batch then ends itself, through its cleanup;
the warden waits for that as long as it may take, kills those that do not end, and with each of them whatever its
drivers have started, also when the process was killed together with its master and nobody else is left to do it. Last
it removes the run's private folder.

It leads a session of its own and ignores the signals that end a service: what it waits for, a service manager that
stops the whole service waits for as well, so it makes no stop longer. Linux and other POSIX systems only: on Windows
there is no warden, and what a driver has started there can outlive a master and a batch that are killed at one moment.

Lines on standard input: ``folder PATH``, ``watch PID STARTED MARK``, ``allow PID SECONDS``, ``forget PID``.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from time import monotonic  # noqa: TID251 - no Clock: it imports as little as it can
from typing import Final

from engine.station.leftovers import end_left, started

NAME: Final = "station:warden"
UNKNOWN_END_S: Final = 30.0  # for a process that has not said yet how long its end takes
_LOOK_S: Final = 0.02
_READ: Final = 65536


class _Ward:
    """A process of a batch."""

    def __init__(self, pid: int, since: int, mark: str) -> None:
        self.pid, self.mark = pid, mark
        self.longest = UNKNOWN_END_S
        self._since = since

    def is_alive(self) -> bool:
        """Whether it, and no other process that has its number now, still runs."""
        return started(self.pid) == self._since

    def end(self) -> None:
        """Kill what is left of it. Its number is its session's too, unless somebody else has it by now."""
        end_left(self.pid if started(self.pid) in {None, self._since} else 0, self.mark)


class Warden:
    """What the warden knows."""

    def __init__(self) -> None:
        self._wards: dict[int, _Ward] = {}
        self._folder = ""

    def listen(self, handle: int) -> None:
        """Take what the master tells, until it tells nothing any more."""
        rest = b""
        while data := os.read(handle, _READ):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._hear(line.decode())

    def _hear(self, line: str) -> None:
        order, _, told = line.partition(" ")
        if order == "folder":
            self._folder = told
            return
        number, *more = told.split(" ")
        pid = int(number)
        if order == "watch":
            self._wards[pid] = _Ward(pid, int(more[0]), more[1])
        elif order == "allow" and pid in self._wards:
            self._wards[pid].longest = float(more[0])
        elif order == "forget":
            self._wards.pop(pid, None)

    def see_to_the_end(self) -> None:
        """Wait for the processes of batches to end, end those that do not, and all that is left of each."""
        began = monotonic()
        while self._wards:
            for ward in list(self._wards.values()):
                if not ward.is_alive() or monotonic() - began > ward.longest:
                    ward.end()
                    del self._wards[ward.pid]
            select.select([], [], [], _LOOK_S)
        self._remove_folder()

    def _remove_folder(self) -> None:
        """Only files are in it: sockets."""
        if not self._folder:
            return
        with contextlib.suppress(OSError):
            for entry in os.scandir(self._folder):
                os.unlink(entry.path)  # noqa: PTH108 - without pathlib, which would be half of what this weighs
            os.rmdir(self._folder)  # noqa: PTH106 - as above


def main() -> None:
    """The process."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError), open("/proc/self/comm", "w") as file:  # noqa: PTH123 - as above
        file.write(NAME)
    warden = Warden()
    warden.listen(0)
    warden.see_to_the_end()
