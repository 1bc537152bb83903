"""A process that has imported everything and waits: a batch that starts, or must be cleaned up after, has it at once.

It is an interpreter of its own like any other, and belongs to one batch from its orders on. It knows nothing of any
package until then, takes 32 MiB while it waits (20 of them its own), and ends with its master, whose end of its input
is gone then.
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
        if self._is_closed or self._living() is not None:
            return
        with contextlib.suppress(StartError):  # whoever needs one tries by itself, and tells
            self._spare = spawn(SPARE)

    def take(self) -> Spawned | None:
        """The spare process, which is the caller's now; None when there is none."""
        spare, self._spare = self._living(), None
        return spare

    def close(self) -> None:
        """End it; it has nothing that would have to be put away."""
        self._is_closed = True
        if self._spare is not None:
            self._spare.popen.kill()
            self._spare.popen.wait()
            self._living()

    def _living(self) -> Spawned | None:
        """The spare one, unless it has died."""
        if self._spare is not None and self._spare.popen.poll() is not None:
            assert self._spare.popen.stdin is not None
            self._spare.popen.stdin.close()
            self._spare = None
        return self._spare
