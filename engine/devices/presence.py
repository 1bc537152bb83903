"""Which cards lie on a reader: a reader repeats a card while it stays, and only its coming and going are events."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

_MOST_CARDS: Final = 32  # a reader that makes up a number a frame must not fill the memory


@dataclass(frozen=True, slots=True)
class PresenceEvent:
    """A card came (``read``) or went (``left``)."""

    kind: Literal["read", "left"]
    uid: str


class CardPresence:
    """Pure: it is told of every sight and of the time (any monotonic seconds), and owns no timer.

    A card has left when it was not seen for ``leave_after`` seconds (an RDM6300 repeats every 65 to 150 ms; some
    readers send a card once, which then counts as present for that long). Cards do not push each other out: a reader
    that sees two sends them in turn, and each is read once.
    """

    def __init__(self, leave_after: float = 1.0) -> None:
        self._leave_after = leave_after
        self._seen: dict[str, float] = {}  # uid -> last sight, longest ago first

    def sight(self, uid: str, now: float) -> list[PresenceEvent]:
        """The reader sent ``uid`` at ``now``: who has left by now, and ``read`` when the card was not there."""
        events = self.tick(now)
        if self._seen.pop(uid, None) is None:
            if len(self._seen) >= _MOST_CARDS:
                events.append(self._leave(next(iter(self._seen))))
            events.append(PresenceEvent("read", uid))
        self._seen[uid] = now
        return events

    def tick(self, now: float) -> list[PresenceEvent]:
        """Who has left by ``now``, in the order of their last sights."""
        gone = [uid for uid, last in self._seen.items() if now >= last + self._leave_after]
        return [self._leave(uid) for uid in gone]

    def keep(self, now: float, *, forever: bool) -> None:
        """The link was lost (``forever``: nobody leaves meanwhile) or is back: who is there counts as seen now."""
        self._seen = dict.fromkeys(self._seen, math.inf if forever else now)

    def next_deadline(self) -> float | None:
        """When :meth:`tick` has something to say if no card is seen until then; None when no card is there."""
        longest_ago = next(iter(self._seen.values()), math.inf)
        return None if longest_ago == math.inf else longest_ago + self._leave_after

    def _leave(self, uid: str) -> PresenceEvent:
        del self._seen[uid]
        return PresenceEvent("left", uid)
