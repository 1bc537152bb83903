"""What the hall's tests share: a wire that only remembers, and virtual time."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from engine.clock import Clock
from engine.sim.boxes import Box
from engine.testing.loop import VirtualLoop
from parsers import Reading, make_parser


class MemoryWire:
    """An endpoint that takes everything, or only as much as ``room`` says, and remembers when."""

    def __init__(self, port: str = "memory", clock: Clock | None = None) -> None:
        self.port = port
        self.data = bytearray()
        self.times: list[float] = []  # one per byte
        self.room: int | None = None
        self.is_refusing = False
        self._clock = clock

    def is_full(self) -> bool:
        return self.is_refusing

    def write(self, data: bytes) -> int:
        taken = data if self.room is None else data[: self.room]
        if self.room is not None:
            self.room -= len(taken)
        self.data += taken
        self.times += [self._clock.monotonic() if self._clock else 0.0] * len(taken)
        return len(taken)

    def read(self) -> bytes:
        return b""

    def close(self) -> None:
        """Nothing is open."""


def virtually(scenario: Any) -> Any:
    """Run ``scenario(loop)`` on virtual time."""
    loop = VirtualLoop()
    try:
        coroutine: Coroutine[Any, Any, Any] = scenario(loop)
        return loop.run(coroutine)
    finally:
        loop.close()


def parse(protocol: str, data: bytes) -> list[Reading]:
    """What the real parser makes of it; nothing may be left over or thrown away."""
    parser = make_parser(protocol)
    readings = parser.feed(data)
    assert parser.rejected == 0
    return readings


async def committed_at_once(box: Box) -> None:
    """An impatient gateway's answer."""
