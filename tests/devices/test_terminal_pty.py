"""A terminal at the other end of a real port, with a thread that polls it in real time."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Callable
from decimal import Decimal

from device_support import CLOCK, run

from engine.devices.settings import DeviceSettings
from engine.devices.terminal.device import PROTOCOL, MasterSettings, Terminal
from engine.devices.terminal.receipt import receipt
from engine.events import Event
from engine.sim.terminal import SimulatedTerminal
from engine.sim.transport import PtyEndpoint, Uart
from parsers.suwol import Key
from parsers.suwol_device import weight_field

BAUDRATE = 38400  # four times as fast, and four times as short a test


class Plugged:
    """A terminal, its wire, and what its master's chart would be told."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.changed = asyncio.Event()
        self.device = SimulatedTerminal(lambda at: weight_field(Decimal("12.340"), is_stable=True), baudrate=BAUDRATE)
        self.wire = PtyEndpoint()
        self.uart = Uart(self.wire, BAUDRATE)
        self.terminal = Terminal(
            "dock-1/terminal",
            DeviceSettings(self.wire.port, (PROTOCOL,), baudrate=BAUDRATE, silent_after=0.8),
            MasterSettings(0.1),
            loop=asyncio.get_running_loop(),
            clock=CLOCK,
            emit=self.emit,
        )
        self.is_answering = True
        self._player = asyncio.create_task(self._play())

    def emit(self, event: Event) -> None:
        self.events.append(event)
        self.changed.set()

    def named(self, name: str) -> list[Event]:
        return [event for event in self.events if event.name == name]

    async def until(self, name: str, times: int = 1) -> Event:
        while len(self.named(name)) < times:
            self.changed.clear()
            await self.changed.wait()
        return self.named(name)[-1]

    async def until_so(self, claim: Callable[[], bool]) -> None:
        while not claim():  # noqa: ASYNC110 - the device has nothing to wait for
            await asyncio.sleep(0.005)

    async def _play(self) -> None:
        while True:
            now = CLOCK.monotonic()
            self.device.receive(self.wire.read(), now)
            for at, frame in self.device.frames(math.inf):
                if self.is_answering:
                    self.uart.send(frame, at)
            self.uart.pump(now)
            await asyncio.sleep(0.002)

    async def unplug(self) -> None:
        if not self._player.done():
            self._player.cancel()
            await asyncio.wait({self._player})
            self.wire.close()


@contextlib.asynccontextmanager
async def plugged() -> AsyncIterator[Plugged]:
    at = Plugged()
    at.terminal.start()
    try:
        yield at
    finally:
        at.terminal.stop()
        await at.terminal.wait_closed()
        await at.unplug()


def test_weights_cards_and_keys_come_through_a_real_port():
    async def scenario() -> None:
        async with plugged() as at:
            weight = await at.until("weight.read", 3)
            assert (str(weight.data["value"]), weight.data["status"]) == ("12.340 kg", "ok")
            at.device.touch("0A1B2C3D", CLOCK.monotonic())
            assert (await at.until("card.read")).data == {"uid": "0A1B2C3D"}
            at.device.press(Key("product", "42"), CLOCK.monotonic())
            assert (await at.until("key.pressed")).data == {"kind": "product", "value": "42"}
            assert len(at.named("card.read")) == len(at.named("key.pressed")) == 1

    run(scenario)


def test_orders_reach_the_terminal_and_are_answered():
    async def scenario() -> None:
        async with plugged() as at:
            await at.until("weight.read")
            at.terminal.show(Decimal("1.5"), "대기")
            at.terminal.orders.light(2)
            at.terminal.orders.say(4)
            answer = await at.terminal.print(receipt(["계량증", {"label": "중량", "value": "12.340 kg"}], "abc"))
            assert answer.came == "done"
            await at.until("voice.done")
            assert at.device.shown.text == "대기"
            assert at.device.is_red
            assert [voice for _, voice in at.device.voices] == [4]
            assert len(at.device.receipts) == 1
            assert at.device.refused_prints == 0

    run(scenario)


def test_a_terminal_that_falls_silent_is_lost_and_back_with_its_next_reply():
    async def scenario() -> None:
        async with plugged() as at:
            await at.until("weight.read")
            at.device.is_jammed = True
            printing = asyncio.ensure_future(at.terminal.print(b"x"))
            at.is_answering = False
            for name in ("terminal.lost", "rfid.lost", "scale.lost"):
                assert "0.8 s" in str((await at.until(name)).data["reason"])
            assert (await printing).came == "failed"
            at.is_answering = True
            for name in ("terminal.back", "rfid.back", "scale.back"):
                await at.until(name)

    run(scenario)


def test_a_port_that_vanishes_is_lost_at_once():
    async def scenario() -> None:
        async with plugged() as at:
            await at.until("weight.read")
            await at.unplug()
            for name in ("terminal.lost", "rfid.lost", "scale.lost"):
                await at.until(name)

    run(scenario)


def test_a_terminal_is_switched_off_when_its_master_leaves():
    async def scenario() -> None:
        async with plugged() as at:
            await at.until("weight.read")
            at.terminal.orders.light(1)
            await at.until_so(lambda: at.device.is_green)
            at.terminal.stop()
            await at.terminal.wait_closed()
            await at.until_so(lambda: not at.device.is_green)

    run(scenario)
