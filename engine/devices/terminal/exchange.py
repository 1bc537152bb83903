"""The conversation with one terminal: when to poll, and which reply belongs to which request. Pure; told the time.

A reply carries no number that ties it to its request, so attribution goes by time and order:

- one request is under way at a time; what was received before a request could have left the wire answers none;
- a request that is not answered is followed by a pause as long as a period, in which a late reply may come; it is
  handed on, because its card is gone from the terminal, but it answers nothing;
- a second reply to one request answers nothing, and what it repeats of card and key is not told twice.

So the queues of ``Orders`` only ever go on by replies to what was asked after the order.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import Final

from engine.devices.terminal.orders import Answer, Orders
from parsers.suwol import POLL_LENGTH, REPLY_LENGTH, ReplyCutter, TerminalReply, decode_reply

TURNAROUND_S: Final = 0.05  # what a terminal may take before it begins to answer
_ALMOST: Final = 0.9  # a clock and a baud rate are never exact
_LATENESS_KEPT: Final = 4096
_ROUNDING_S: Final = 1e-6  # of two clocks that tell the same time


@dataclass(slots=True)
class Counters:
    """What one conversation came to."""

    polls: int = 0
    replies: int = 0
    missed: int = 0  # polls without a reply in time
    unasked: int = 0  # replies that answer nothing: late ones and second ones
    strangers: int = 0  # replies with another terminal's id


@dataclass(frozen=True, slots=True)
class Told:
    """What the bytes that came tell: replies to be handed on in order, answers, and ids of others."""

    replies: tuple[TerminalReply, ...] = ()
    answers: tuple[Answer, ...] = ()
    strangers: tuple[int, ...] = ()


class Exchange:
    """One conversation. ``period`` seconds between polls; ``byte_time`` is what a byte takes on the wire.

    Call :meth:`tick` at ``wake_at``, and :meth:`receive` whenever bytes have come.
    """

    def __init__(self, orders: Orders, period: float, byte_time: float) -> None:
        self.orders = orders
        self.counters = Counters()
        self.lateness: deque[float] = deque(maxlen=_LATENESS_KEPT)  # seconds, one for each poll
        self._period = period
        self._byte_time = byte_time
        self._soonest = (POLL_LENGTH + REPLY_LENGTH) * byte_time * _ALMOST
        self._patience = max(period, (POLL_LENGTH + REPLY_LENGTH) * byte_time + TURNAROUND_S)
        self._cutter = ReplyCutter(decode_reply)
        self._slot = 0.0  # when the next request is planned
        self._sent_at: float | None = None  # of the poll that waits for its reply
        self._last: TerminalReply | None = None  # the reply to the last poll, unless that was missed

    @property
    def wake_at(self) -> float:
        """When :meth:`tick` has something to do."""
        return self._slot if self._sent_at is None else max(self._slot, self._sent_at + self._patience)

    @property
    def rest_takes(self) -> float:
        """Seconds until the reply that has begun to come must be whole; 0 when none has."""
        missing = self._cutter.missing
        return missing * self._byte_time

    def begin(self, now: float) -> None:
        """The port was opened."""
        self._cutter.reset()
        self._sent_at = self._last = None
        self._slot = now
        self.orders.missed()

    def tick(self, now: float) -> bytes | None:
        """What to send now, if anything. Everything that has come must have been received before."""
        if now < self.wake_at - _ROUNDING_S:
            return None
        if self._sent_at is not None:
            self._miss(now)
            return None
        request = self.orders.next_request(now)
        if request.is_poll:
            self.counters.polls += 1
            self.lateness.append(now - self._slot)
            self._sent_at = now
            # On the grid, unless it is too far behind: two polls in a row would only be late again.
            self._slot = max(self._slot + self._period, now + self._period / 2)
        else:
            self._slot = now + len(request.data) * self._byte_time + TURNAROUND_S
        return request.data

    def receive(self, data: bytes, now: float) -> Told:
        """Take bytes, split anywhere."""
        replies: list[TerminalReply] = []
        answers: list[Answer] = []
        strangers: list[int] = []
        for reply in self._cutter.feed(data):
            if reply.terminal != self.orders.terminal:
                self.counters.strangers += 1
                strangers.append(reply.terminal)
            elif self._sent_at is not None and now - self._sent_at >= self._soonest:
                self.counters.replies += 1
                self._sent_at = None
                self._last = reply
                replies.append(reply)
                answers += self.orders.replied(reply, now)
            else:
                self.counters.unasked += 1
                replies.append(_without_repeats(reply, self._last))
        return Told(tuple(replies), tuple(answers), tuple(strangers))

    def _miss(self, now: float) -> None:
        self._sent_at = self._last = None
        self.counters.missed += 1
        self.orders.missed()
        self._slot = now + self._period


def _without_repeats(reply: TerminalReply, last: TerminalReply | None) -> TerminalReply:
    """A second reply to one request, without the card and the key that the first one told."""
    if last is None:
        return reply
    return replace(
        reply,
        card=None if reply.card == last.card else reply.card,
        key=None if reply.key == last.key else reply.key,
    )
