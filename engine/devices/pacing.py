"""How long to let a frame arrive before it is fetched: one wake-up per frame instead of one per few bytes.

A wake-up costs far more than the bytes it brings. A scale at 50 Hz sends 22 bytes over 11 ms, in pieces; whoever reads
each piece wakes 400 times a second per scale. So after a frame's first bytes the thread sleeps until its last byte must
have come: that takes the wire's byte time and the frame's length, and the length shows in the traffic itself.
"""

from __future__ import annotations

import math
from typing import Final

GAP_S: Final = 0.004  # the least time between two deliveries, and the grid on which all ports' waits end
_SLACK_S: Final = 0.001
_LONGEST_WAIT_S: Final = 0.025  # a slow line is looked at in between: a guess that is wrong must not cost much
_ENDS: Final = b"\n\x03"  # LF or ETX ends the frames of nearly every scale and reader
_SHORTEST: Final = 4  # two ends nearer than this (LF ETX) are the end of one frame


class Pacer:
    """Learns one line's frame length and says how long the rest of a frame takes. Wrong guesses only cost wake-ups."""

    def __init__(self, byte_time: float) -> None:
        self._byte_time = byte_time
        self._length = 0  # bytes between the last two ends; 0: none seen yet
        self._partial = 0  # bytes after the last end

    def wait(self, data: bytes, now: float, delivered_at: float) -> float:
        """Seconds to wait before ``data``, just read at ``now``, is joined by the rest of its frame; 0: hand it on."""
        wait = 0.0
        if data[-1] in _ENDS:
            if self._partial:  # the rest that came later than it should
                return 0.0
        else:
            tail = len(data) - 1 - _last_end(data)
            missing = self._length - (tail if tail < len(data) else self._partial + tail)
            wait = min(missing * self._byte_time + _SLACK_S, _LONGEST_WAIT_S) if missing > 0 else GAP_S
        if now - delivered_at < GAP_S:  # a device that floods is fetched in larger pieces
            wait = max(wait, GAP_S)
        if not wait:
            return 0.0
        # Ports that wake together share the cost of waking this thread and the loop.
        return math.ceil((now + wait) / GAP_S) * GAP_S - now

    def learn(self, data: bytes) -> None:
        """Note what was delivered."""
        if len(data) == self._length and not self._partial and data[-1] in _ENDS:
            return  # one more frame like the last
        last = _last_end(data)
        if last < 0:
            self._partial += len(data)
            return
        previous = _last_end(data[: max(last - _SHORTEST, 0)])
        length = last - previous if previous >= 0 else self._partial + last + 1
        if length >= _SHORTEST:
            self._length = length
        self._partial = len(data) - 1 - last


def _last_end(data: bytes) -> int:
    return max(data.rfind(b"\n"), data.rfind(b"\x03"))
