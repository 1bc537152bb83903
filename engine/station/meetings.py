"""Where batches wait for each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


class Member(Protocol):
    """A batch."""

    def met(self, name: str) -> None:
        """All are there."""
        ...


@dataclass(slots=True)
class Meetings:
    """Who waits where. A batch that calls twice counts once."""

    _waiting: dict[str, dict[int, Member]] = field(default_factory=dict)

    def meet(self, name: str, members: int, member: Member) -> None:
        """One more is there; when all are, each is told."""
        waiting = self._waiting.setdefault(name, {})
        waiting[id(member)] = member
        if len(waiting) >= members:
            del self._waiting[name]
            for one in waiting.values():
                one.met(name)

    def part(self, name: str, member: Member) -> None:
        """One no longer waits."""
        self._waiting.get(name, {}).pop(id(member), None)

    def forget(self, member: Member) -> None:
        """One is gone: it waits nowhere."""
        for waiting in self._waiting.values():
            waiting.pop(id(member), None)
