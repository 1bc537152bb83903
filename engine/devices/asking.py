"""When to ask a device that only answers: never while it talks, nor again before it has answered or is not going to.

A reading is of the device that is alone on its port, whichever question it answers: one that comes late, or twice, is
still what that scale showed. What must not happen is a question into the middle of an answer: a half-duplex line would
lose both.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

POLL_S: Final = 0.2
LISTEN_S: Final = 1.5  # a device that may also be set to send by itself is asked after such a silence
ANSWER_WITHIN_S: Final = 1.0  # a scale that waits for rest before it answers is asked again after this
# A USB adapter hands over what it has every 16 ms, so that the pieces of one answer lie that far apart.
_QUIET_S: Final = 0.03
_QUIET_BYTES: Final = 4  # on a slow line


class Asker:
    """The rhythm of one port's questions; several take turns. Not thread-safe: it belongs to the port's thread.

    ``every``: seconds from one question to the next. ``unanswered`` counts the questions that nothing followed. With
    ``listen_first``, a device that sends by itself is not asked, and one that does not has :data:`LISTEN_S` to begin.
    """

    def __init__(
        self, questions: Sequence[bytes], every: float, byte_time: float, *, listen_first: bool = False
    ) -> None:
        self.unanswered = 0
        self._questions = itertools.cycle(questions)
        self._every = every
        self._quiet = max(_QUIET_S, _QUIET_BYTES * byte_time)
        self._listens_first = listen_first
        self._answers = False  # it has answered since the port was opened
        self._asked_at = 0.0
        self._heard_at = 0.0
        self._is_waiting = False  # for the first byte of an answer
        self.reset(0.0)

    def reset(self, now: float) -> None:
        """The port was opened: nothing is under way. The device may be asked once the line has been quiet."""
        self._is_waiting = False
        self._answers = False
        self._asked_at = now - self._every
        self._heard_at = now

    def heard(self, now: float) -> None:
        """Bytes came."""
        self._heard_at = now
        self._answers = self._answers or self._is_waiting
        self._is_waiting = False

    def wait(self, now: float) -> float:
        """Seconds until the device may be asked, as far as is known now; 0: ask."""
        pause = self._asked_at + (max(self._every, ANSWER_WITHIN_S) if self._is_waiting else self._every)
        quiet = LISTEN_S if self._listens_first and not self._answers else self._quiet
        return max(0.0, pause - now, self._heard_at + quiet - now)

    def ask(self, now: float) -> bytes:
        """The question to send now."""
        self.unanswered += self._is_waiting
        self._is_waiting = True
        self._asked_at = now
        return next(self._questions)
