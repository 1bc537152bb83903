"""The virtual hall: per line a scale at 50 Hz, a card reader, and an operator who weighs boxes on them.

    async with Hall(lines=2, seed=1) as hall:
        Path("site.yaml").write_text(hall.site_yaml("http://127.0.0.1:8000"), encoding="utf-8")
        ...  # start a gateway with it
        missed = await hall.run_boxes(8, committed=...)
        hall.truth

As a process of its own, with a reference server, to measure a service from outside: ``python -m engine.sim.hall``.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from types import TracebackType
from typing import Final, Self

from engine.clock import Clock, SystemClock
from engine.sim.boxes import Box, BoxMaker
from engine.sim.devices import Device, SimulatedReader, SimulatedScale
from engine.sim.operators import PATIENCE_S, Committed, Operator, TerminalOperator
from engine.sim.terminal import SimulatedTerminal, weigh_on
from engine.sim.transport import Endpoint, Transport, Uart, default_transport, open_endpoint

MAC_ADDRESS: Final = "AA:BB:CC:DD:EE:01"  # locally administered: no device's own
SCALE_BAUDRATE: Final = 19200  # 22 bytes at 50 Hz need 11,000 bit/s
READER_BAUDRATE: Final = 9600
TERMINAL_BAUDRATE: Final = 9600
READER_CARD_DIGITS: Final = 10
TERMINAL_CARD_DIGITS: Final = 8
_TICK_S: Final = 0.004
_DIVISIONS: Final = (Decimal("0.005"), Decimal("0.010"))  # kg; the lines' scales take turns

OpenEndpoint = Callable[[], Awaitable[Endpoint]]


@dataclass(slots=True)
class HallLine:
    """What stands at one line."""

    name: str
    scale: SimulatedScale
    reader: SimulatedReader
    scale_uart: Uart
    reader_uart: Uart
    boxes: BoxMaker
    wires: tuple[tuple[Device, Uart], ...] = field(init=False)

    def __post_init__(self) -> None:
        self.wires = ((self.scale, self.scale_uart), (self.reader, self.reader_uart))

    def operator(self, clock: Clock, placed: Callable[[Box, float], None]) -> Operator:
        """Who works here."""
        return Operator(self.scale, self.reader, clock, placed)

    def site_lines(self) -> Iterator[str]:
        """What site.yaml says of it."""
        yield f"  - name: {self.name}"
        yield "    chart: weighing"
        yield "    settings: {min_weight: 50 g, stable_for: 1 s, tolerance: 20 g}"
        yield "    devices:"
        scale, reader = self.scale_uart.endpoint.port, self.reader_uart.endpoint.port
        yield f"      scale: {{port: {json.dumps(scale)}, protocol: cas-22, baudrate: {SCALE_BAUDRATE}}}"
        yield f"      rfid:  {{port: {json.dumps(reader)}, protocol: rdm6300}}"


@dataclass(slots=True)
class TerminalLine:
    """A line that is one unmanned terminal."""

    name: str
    scale: SimulatedScale  # the platform under it
    terminal: SimulatedTerminal
    uart: Uart
    boxes: BoxMaker
    wires: tuple[tuple[Device, Uart], ...] = field(init=False)

    def __post_init__(self) -> None:
        self.wires = ((self.terminal, self.uart),)

    def operator(self, clock: Clock, placed: Callable[[Box, float], None]) -> Operator:
        """Who works here."""
        return TerminalOperator(self.scale, self.terminal, clock, placed)

    def site_lines(self) -> Iterator[str]:
        """What site.yaml says of it."""
        yield f"  - name: {self.name}"
        yield "    chart: terminal-weighing"
        yield "    settings: {keys_for: 1 s}"
        yield "    devices:"
        yield f"      terminal: {{port: {json.dumps(self.uart.endpoint.port)}, protocol: suwol-1000}}"


@dataclass(frozen=True, slots=True)
class Placed:
    """A box that was put on a scale, and when (monotonic seconds) the scale came to rest under it."""

    box: Box
    rest_at: float


class Hall:
    """A hall with ``lines`` lines, named dock-1, dock-2 ... Boxes, noise and people follow from ``seed``.

    With ``has_terminals`` each line is an unmanned terminal. Its serial lines are of one kind of ``transport``, or
    whatever ``open_wire`` opens. Use it as a context manager.
    """

    def __init__(
        self,
        *,
        lines: int = 1,
        seed: int = 1,
        transport: Transport | None = None,
        open_wire: OpenEndpoint | None = None,
        clock: Clock | None = None,
        patience: float = PATIENCE_S,
        has_terminals: bool = False,
    ) -> None:
        self.lines: list[HallLine | TerminalLine] = []
        self._has_terminals = has_terminals
        self.placed: list[Placed] = []
        self._count = lines
        self._seed = seed
        chosen = transport or default_transport()
        self._open_wire = open_wire or (lambda: open_endpoint(chosen))
        self._clock = clock or SystemClock()
        self._patience = patience
        self._exit = AsyncExitStack()

    @property
    def truth(self) -> list[Box]:
        """Every box that was put on a scale, in that order."""
        return [placed.box for placed in self.placed]

    @property
    def terminals(self) -> list[SimulatedTerminal]:
        """The unmanned terminals, if that is what its lines are."""
        return [line.terminal for line in self.lines if isinstance(line, TerminalLine)]

    def cards(self, count: int) -> list[str]:
        """The cards of the first ``count`` boxes of every line, as they will be made."""
        makers = [self._box_maker(number) for number in range(1, self._count + 1)]
        return [maker.make()[0].card for maker in makers for _ in range(count)]

    @property
    def ports(self) -> frozenset[str]:
        """Where the scales and readers are, as site.yaml names it."""
        return frozenset(uart.endpoint.port for line in self.lines for _, uart in line.wires)

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            for number in range(1, self._count + 1):
                self.lines.append(await self._make_line(number, stack))
            transmitter = asyncio.create_task(self._transmit())
            stack.push_async_callback(_end, transmitter)
            self._exit = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._exit.aclose()
        await asyncio.sleep(0)  # connections that were broken off are closed in the loop's next turn

    def site_yaml(self, server_url: str) -> str:
        """A site.yaml for a gateway in this hall; it asks the server often, because people are watching."""
        return "\n".join(_site_lines(server_url, self.lines))

    async def run_boxes(self, count: int, committed: Committed) -> list[Box]:
        """Weigh ``count`` boxes, dealt evenly to the lines; the boxes that were not committed.

        ``committed(box)`` returns when the operator may know that the box's record is durable. A line ends at the
        first box that is not committed in time.
        """
        shares = [count // self._count + (i < count % self._count) for i in range(self._count)]
        return await self._run([iter(range(share)) for share in shares], committed)

    async def run_for(self, seconds: float, committed: Committed) -> list[Box]:
        """Weigh boxes until ``seconds`` have passed; the box under way is finished."""
        end = self._clock.monotonic() + seconds

        def until_end() -> Iterator[int]:
            while self._clock.monotonic() < end:
                yield 0

        return await self._run([until_end() for _ in self.lines], committed)

    async def _run(self, turns: list[Iterator[int]], committed: Committed) -> list[Box]:
        async with asyncio.TaskGroup() as tasks:
            work = [
                tasks.create_task(self._work(line, turn, committed))
                for line, turn in zip(self.lines, turns, strict=True)
            ]
        return [missed for task in work if (missed := task.result()) is not None]

    async def _work(self, line: HallLine | TerminalLine, turns: Iterator[int], committed: Committed) -> Box | None:
        operator = line.operator(self._clock, self._note_placed)
        for _ in turns:
            box, handling = line.boxes.make()
            if not await operator.weigh(box, handling, committed, self._patience):
                return box
        return None

    def _note_placed(self, box: Box, rest_at: float) -> None:
        self.placed.append(Placed(box, rest_at))

    async def _make_line(self, number: int, stack: AsyncExitStack) -> HallLine | TerminalLine:
        name, boxes = _name(number), self._box_maker(number)
        scale = SimulatedScale(_division(number), self._random(name, "scale"), self._clock.monotonic())
        first_end = await self._open_wire()
        stack.callback(first_end.close)
        if self._has_terminals:
            terminal = SimulatedTerminal(weigh_on(scale), baudrate=TERMINAL_BAUDRATE)
            return TerminalLine(name, scale, terminal, Uart(first_end, TERMINAL_BAUDRATE), boxes)
        reader_end = await self._open_wire()
        stack.callback(reader_end.close)
        return HallLine(
            name=name,
            scale=scale,
            reader=SimulatedReader(self._random(name, "reader")),
            scale_uart=Uart(first_end, SCALE_BAUDRATE),
            reader_uart=Uart(reader_end, READER_BAUDRATE),
            boxes=boxes,
        )

    def _box_maker(self, number: int) -> BoxMaker:
        name = _name(number)
        digits = TERMINAL_CARD_DIGITS if self._has_terminals else READER_CARD_DIGITS
        return BoxMaker(name, number, _division(number), self._random(name, "boxes"), digits)

    def _random(self, line: str, purpose: str) -> Random:
        return Random(f"{self._seed}/{line}/{purpose}")  # noqa: S311 - to be repeatable is the point

    async def _transmit(self) -> None:
        """Move what the devices send; one task for the whole hall keeps pacing cheap."""
        wires = [wire for line in self.lines for wire in line.wires]
        while True:
            now = self._clock.monotonic()
            for device, uart in wires:
                if isinstance(device, SimulatedTerminal):
                    device.receive(uart.endpoint.read(), now)
                for at, frame in device.frames(now):
                    uart.send(frame, at)
                    uart.pump(now)
                uart.pump(now)
            await asyncio.sleep(_TICK_S)


def _name(number: int) -> str:
    return f"dock-{number}"


def _division(number: int) -> Decimal:
    return _DIVISIONS[(number - 1) % len(_DIVISIONS)]


async def _end(task: asyncio.Task[None]) -> None:
    """Cancel a task; raise what it failed with, if it did."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.result()


def _site_lines(server_url: str, lines: list[HallLine | TerminalLine]) -> Iterator[str]:
    yield "site: 가상 위판장"
    yield f"server:    {{url: {json.dumps(server_url)}}}"
    yield f"gateway:   {{name: 가상 위판장, mac_address: {json.dumps(MAC_ADDRESS)}}}"
    yield 'store:     {url: "sqlite:///ledger.sqlite"}'
    yield "lines:"
    for line in lines:
        yield from line.site_lines()
    yield "sync:      {interval: 1 s}"
    yield "upload:    {interval: 1 s}"
    yield "heartbeat: {interval: 5 s}"
    yield "stream:    {max_rate: 10 Hz}"
    yield "units:     {weight: kg}"
    yield "log:       {level: info, format: json}"
    yield ""


if __name__ == "__main__":
    from engine.sim.hall_process import main

    sys.exit(main())
