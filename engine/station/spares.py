"""A process that has imported everything and waits: a batch that starts, or must be cleaned up after, has it at once.

It is an interpreter of its own like any other, and belongs to one batch from its orders on.
"""

from __future__ import annotations

import contextlib

from engine.station.orders import SPARE
from engine.station.process import Spawned, StartError, spawn


class Spares:
    """The one spare process of a master."""

    def __init__(self) -> None:
        self._spare: Spawned | None = None
        self._is_closed = False

    def refill(self) -> None:
        """See to it that there is one."""
        if self._is_closed or (self._spare is not None and self._spare.popen.poll() is None):
            return
        with contextlib.suppress(StartError):  # whoever needs one tries by itself, and tells
            self._spare = spawn(SPARE)

    def take(self) -> Spawned | None:
        """The spare process, which is the caller's now; None when there is none."""
        spare, self._spare = self._spare, None
        return spare

    def close(self) -> None:
        """End it; it has nothing that would have to be put away."""
        self._is_closed = True
        spare = self.take()
        if spare is not None:
            spare.popen.kill()
            spare.popen.wait()
            assert spare.popen.stdin is not None
            spare.popen.stdin.close()
