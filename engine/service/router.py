"""Carries events between machines: to one by its name, or to a group."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog

from engine.events import Event

log = structlog.get_logger(__name__)

EVERYONE: Final = "everyone"  # every machine but the sender
LINES: Final = "lines"  # the machine of every line
RESERVED_NAMES: Final = frozenset({EVERYONE, LINES, "registration", "upload", "streaming"})


class Router:
    """Machine name -> where its events go."""

    def __init__(self) -> None:
        self._inboxes: dict[str, Callable[[Event], None]] = {}
        self._lines: set[str] = set()
        self._unknown: set[str] = set()

    def add(self, name: str, post: Callable[[Event], None], *, is_line: bool = False) -> None:
        """Make a machine known."""
        self._inboxes[name] = post
        if is_line:
            self._lines.add(name)

    def route(self, sender: str, to: str, event: Event) -> None:
        """Deliver an event. An unknown receiver is logged once; nothing else happens."""
        if to == EVERYONE:
            names = [name for name in self._inboxes if name != sender]
        elif to == LINES:
            names = [name for name in self._inboxes if name in self._lines]
        elif to in self._inboxes:
            names = [to]
        else:
            names = []
            if to not in self._unknown:
                self._unknown.add(to)
                log.warning("machine.event.undeliverable", sender=sender, to=to, event_name=event.name)
        for name in names:
            self._inboxes[name](event)
