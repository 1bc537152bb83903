"""Any protocol's device on a pseudo-terminal: it sends that protocol's golden frames, by itself or when it is asked.

A pseudo-terminal has no baud rate of its own, but remembers the one that its port was opened with: whoever opened it
otherwise than the device is set reads what a UART would have made of the bits.

    async with Talker(PROTOCOLS["cas-22"]) as talker:
        ...  # open talker.port
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from engine.clock import Clock, SystemClock
from engine.errors import EngineError
from engine.sim.transport import PtyEndpoint
from engine.sim.waveform import as_read
from parsers import LineSettings, ProtocolInfo

_TICK_S: Final = 0.004
_ANSWERS_AFTER_S: Final = 0.02


class Talker:
    """A device of ``protocol``. ``every``: seconds from the beginning of a frame to the next, longer where it must be.

    ``is_asked``: it sends one frame for each of its protocol's questions and nothing by itself. ``line`` is how it is
    set, if not as from the factory. ``frames`` are sent in turn instead of the golden ones that give readings.
    Raises EngineError when there is nothing to send, or no question.
    """

    def __init__(
        self,
        protocol: ProtocolInfo,
        *,
        every: float = 0.1,
        is_asked: bool = False,
        line: LineSettings | None = None,
        frames: Sequence[bytes] = (),
        clock: Clock | None = None,
    ) -> None:
        if is_asked and protocol.ask is None:
            raise EngineError(f"a {protocol.name} device is not asked")
        self.heard = bytearray()  # what was sent to it at its own speed
        self.is_quiet = False
        self.line = line or protocol.line
        chosen = list(frames) or [golden.frame for golden in protocol.golden if golden.readings]
        if not chosen:
            raise EngineError(f"no frame of {protocol.name} is known that gives a reading")
        self._frames = itertools.cycle(chosen)
        self._question = protocol.ask if is_asked else None
        self._every = every
        self._clock = clock or SystemClock()
        bits = 1 + self.line.data_bits + (self.line.parity != "N") + self.line.stop_bits
        self._byte_time = bits / self.line.baudrate
        self._answers_due = 0
        self._searched = 0

    async def __aenter__(self) -> Self:
        if sys.platform == "win32":
            raise OSError("this platform has no pseudo-terminals")
        self._end = PtyEndpoint()
        self.port = self._end.port
        self._task = asyncio.create_task(self._talk())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})
        self._end.close()
        if not self._task.cancelled():
            self._task.result()

    async def _talk(self) -> None:
        next_at = self._clock.monotonic()
        while True:
            self._listen()
            now = self._clock.monotonic()
            if self._question is not None and self._answers_due:
                self._answers_due -= 1
                await asyncio.sleep(_ANSWERS_AFTER_S)
                await self._send(next(self._frames))
            elif self._question is None and now >= next_at and not self.is_quiet:
                next_at = max(next_at + self._every, now)
                await self._send(next(self._frames))
            await asyncio.sleep(_TICK_S)

    def _listen(self) -> None:
        said = self._end.read()
        if self._end.baudrate != self.line.baudrate:
            return  # noise to it
        self.heard += said
        if self._question is None:
            return
        while (at := self.heard.find(self._question, self._searched)) >= 0:
            self._searched = at + len(self._question)
            self._answers_due += 1

    async def _send(self, frame: bytes) -> None:
        """The frame as its reader sees it, over the time that it takes on the wire.

        When the reader changes its speed meanwhile, it sees the rest at that.
        """
        began, took = self._clock.monotonic(), len(frame) * self._byte_time
        speed, since, read, done = 0, 0.0, b"", 0
        while since < took:
            passed = min(self._clock.monotonic() - began, took)
            now = self._end.baudrate or self.line.baudrate
            if now != speed:
                rest = frame[int(len(frame) * passed / took) :]
                speed, since, read, done = now, passed, as_read(rest, self.line, LineSettings(now)), 0
            if self._end.is_full():
                return
            due = len(read) if passed == took else int(len(read) * (passed - since) / (took - since))
            done += self._end.write(read[done:due])
            if passed == took and done == len(read):
                return
            await asyncio.sleep(_TICK_S)
