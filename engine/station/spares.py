"""A process that has imported everything and waits: a batch that starts, or must be cleaned up after, has it at once.

It is an interpreter of its own like any other, and belongs to one batch from its orders on.
"""

from __future__ import annotations

import contextlib
import subprocess

from engine.station.orders import SPARE
from engine.station.process import StartError, spawn


class Spares:
    """The one spare process of a master."""

    def __init__(self) -> None:
        self._spare: subprocess.Popen[bytes] | None = None
        self._is_closed = False

    def refill(self) -> None:
        """See to it that there is one."""
        if self._is_closed or (self._spare is not None and self._spare.poll() is None):
            return
        with contextlib.suppress(StartError):  # whoever needs one tries by itself, and tells
            self._spare = spawn(SPARE)

    def take(self) -> subprocess.Popen[bytes] | None:
        """The spare process, which is the caller's now; None when there is none."""
        spare, self._spare = self._spare, None
        return spare

    def close(self) -> None:
        """End it; it has nothing that would have to be put away."""
        self._is_closed = True
        spare = self.take()
        if spare is not None:
            spare.kill()
            spare.wait()
            assert spare.stdin is not None
            spare.stdin.close()
