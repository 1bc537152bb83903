"""Play a recording's bytes into pseudo-terminals, one for each port, as fast as they came or faster."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from engine.clock import Clock
from engine.devices.recording import RECEIVED, Entry
from engine.errors import EngineError

_LOOK_AGAIN_S: Final = 0.002
_THROUGH_S: Final = 0.1  # what was written is seen at the other end a moment later
_TELL_AFTER_S: Final = 2.0  # a port that nobody reads for so long is told


@dataclass(frozen=True, slots=True)
class Played:
    """What was played: entries, bytes, and the seconds it took."""

    entries: int
    bytes_played: int
    seconds: float


if sys.platform == "win32":

    async def play(*_arguments: object, **_options: object) -> Played:
        """There are no pseudo-terminals. Raises EngineError."""
        raise EngineError("this platform has no pseudo-terminals; use --into chart")
else:
    import array
    import fcntl
    import termios

    from engine.sim.transport import PtyEndpoint

    class _Port(PtyEndpoint):
        """A pseudo-terminal that says what has not been read yet."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def is_empty(self) -> bool:
            unread = array.array("i", [0])
            fcntl.ioctl(self._slave, termios.FIONREAD, unread)
            return unread[0] == 0

    async def play(
        entries: Iterable[Entry],
        ports: Sequence[str],
        clock: Clock,
        *,
        speed: float | None,
        after: float = 0.0,
        opened: Callable[[str, str], None],
        waiting: Callable[[str], None],
    ) -> Played:
        """Play what was received at ``ports``; ``speed`` 2.0 is twice as fast, None as fast as it is read.

        ``opened`` is told each port's name and its terminal, ``after`` seconds before the first byte. Nothing
        is ever thrown away: while a terminal is full, everything waits, and ``waiting`` is told who is waited for.
        Returns when all was read.
        """
        with ExitStack() as stack:
            terminals = {}
            for name in ports:
                terminals[name] = _Port(name)
                stack.callback(terminals[name].close)
                opened(name, terminals[name].port)
            await asyncio.sleep(after)
            return await _Playing(terminals, clock, speed, waiting).play(entries)

    class _Playing:
        def __init__(
            self, terminals: dict[str, _Port], clock: Clock, speed: float | None, waiting: Callable[[str], None]
        ) -> None:
            self._terminals = terminals
            self._clock = clock
            self._speed = speed
            self._waiting = waiting
            self._began = clock.monotonic()
            self._held_up = 0.0  # seconds in which nobody read

        async def play(self, entries: Iterable[Entry]) -> Played:
            count = total = 0
            for entry in entries:
                terminal = self._terminals.get(entry.port)
                if terminal is None or entry.direction != RECEIVED:
                    continue
                await self._until_due(entry)
                await self._write(terminal, entry.data)
                count += 1
                total += len(entry.data)
            await asyncio.sleep(_THROUGH_S)
            for terminal in self._terminals.values():
                await self._wait(terminal.is_empty, terminal.name)
            return Played(count, total, self._clock.monotonic() - self._began)

        async def _until_due(self, entry: Entry) -> None:
            if self._speed is not None:
                due = self._began + self._held_up + entry.at_us / 1e6 / self._speed
                if (pause := due - self._clock.monotonic()) > 0:
                    await asyncio.sleep(pause)

        async def _write(self, terminal: _Port, data: bytes) -> None:
            rest = data
            while rest:
                await self._wait(lambda: not terminal.is_full(), terminal.name)
                rest = rest[terminal.write(rest) :]

        async def _wait(self, is_so: Callable[[], bool], name: str) -> None:
            began, is_told = self._clock.monotonic(), False
            while not is_so():
                await asyncio.sleep(_LOOK_AGAIN_S)
                waited = self._clock.monotonic() - began
                if waited > _TELL_AFTER_S and not is_told:
                    is_told = True
                    self._waiting(name)
            self._held_up += self._clock.monotonic() - began
