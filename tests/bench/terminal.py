"""How late the polls of four terminals are, on pseudo-terminals at 9600 baud, while all of them show, speak and print.

The terminals run in a process of their own, as they do in a hall; their masters run in this one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import math
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import structlog

from engine.clock import SystemClock
from engine.devices.settings import DeviceSettings
from engine.devices.terminal.device import POLL_S, PROTOCOL, MasterSettings, Terminal
from engine.devices.terminal.receipt import receipt
from engine.events import Event
from engine.sim.terminal import SimulatedTerminal
from engine.sim.transport import PtyEndpoint, Uart
from parsers.suwol_device import weight_field
from tests.bench.report import Figure, Options, Report, Suite, percentile

TERMINALS: Final = 4
LIMIT_MS: Final = 50.0
BAUDRATE: Final = 9600
_TICK_S: Final = 0.002
_TOUCH_EVERY_S: Final = 1.7
_PRINT_EVERY_S: Final = 5.0
_CLOCK: Final = SystemClock()


def run(options: Options) -> Report:
    """Poll for so many seconds, and tell how late the polls were."""
    report = Report("terminal", f"{TERMINALS} terminals polled every {POLL_S * 1000:g} ms at {BAUDRATE} baud")
    options.tell(f"polling {TERMINALS} terminals for {options.seconds:g} s ...")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        with _terminals() as ports:
            terminals, cards, seen = asyncio.run(_poll(ports, options.seconds))
    finally:
        structlog.reset_defaults()
    polls = [late * 1000 for one in terminals for late in one.exchange.lateness]
    counters = [one.exchange.counters for one in terminals]
    missed, asked = sum(one.missed for one in counters), sum(one.polls for one in counters)
    report.figures += [
        Figure("a poll is late, p99", percentile(polls, 0.99), "ms", limit=LIMIT_MS, note="a print job is exempt"),
        Figure("a poll is late, median", percentile(polls, 0.5), "ms", places=2),
        Figure("a poll is late, at most", max(polls, default=math.nan), "ms"),
        Figure("polls a second and terminal", asked / options.seconds / TERMINALS, "Hz", note="receipts in between"),
        Figure("polls without a reply in time", 100 * missed / max(asked, 1), "%", limit=1.0, places=2),
        Figure("cards handed on", cards, "", note=f"every {_TOUCH_EVERY_S:g} s and terminal", places=0),
        Figure("receipts printed", seen, "", note="of about 300 bytes, with a QR code", places=0),
    ]
    if not asked:
        report.failures.append("nothing was polled")
    return report


async def _poll(ports: list[str], seconds: float) -> tuple[list[Terminal], int, int]:
    cards = printed = 0

    def emit(event: Event) -> None:
        nonlocal cards, printed
        cards += event.name == "card.read"
        printed += event.name == "printer.done"

    loop = asyncio.get_running_loop()
    data = receipt(
        [*("-" * 32, {"label": "중량", "value": "12.340 kg"}) * 3, "감사합니다"], "https://receipt/" + "0" * 36
    )
    terminals = [
        Terminal(
            f"dock-{number}/terminal",
            DeviceSettings(port, (PROTOCOL,)),
            MasterSettings(),
            loop=loop,
            clock=_CLOCK,
            emit=emit,
        )
        for number, port in enumerate(ports, start=1)
    ]
    for terminal in terminals:
        terminal.start()
    try:
        end = _CLOCK.monotonic() + seconds
        while (left := end - _CLOCK.monotonic()) > 0:
            for terminal in terminals:
                terminal.show(Decimal("12.340"), "계량중")
                terminal.orders.say(4)
                with contextlib.suppress(Exception):  # the queue is full where a terminal does not print any more
                    terminal.orders.print(data)
            await asyncio.sleep(min(left, _PRINT_EVERY_S))
    finally:
        for terminal in terminals:
            terminal.stop()
        await asyncio.gather(*(terminal.wait_closed() for terminal in terminals))
    return terminals, cards, printed


@contextlib.contextmanager
def _terminals() -> Iterator[list[str]]:
    """Four terminals in a process of their own; their ports."""
    process = subprocess.Popen(
        [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.stdin.close()  # that ends it
        process.wait(timeout=10)
        process.stdout.close()


async def _play() -> None:
    lines = [
        (SimulatedTerminal(lambda _at: weight_field(Decimal("12.340"), is_stable=True)), wire, Uart(wire, BAUDRATE))
        for wire in (PtyEndpoint() for _ in range(TERMINALS))
    ]
    print(json.dumps([wire.port for _, wire, _ in lines]), flush=True)
    ended = asyncio.ensure_future(asyncio.to_thread(sys.stdin.read))
    touch_at = _CLOCK.monotonic()
    turn = 0
    while not ended.done():
        now = _CLOCK.monotonic()
        if now >= touch_at:
            touch_at, turn = now + _TOUCH_EVERY_S, turn + 1
        for number, (device, wire, uart) in enumerate(lines):
            if touch_at == now + _TOUCH_EVERY_S:
                device.touch(f"{number:02X}{turn:06X}", now)
            device.receive(wire.read(), now)
            for at, frame in device.frames(now):
                uart.send(frame, at)
            uart.pump(now)
        await asyncio.sleep(_TICK_S)


SUITE: Final = Suite("terminal", "how late the polls of four terminals are", run)

if __name__ == "__main__":
    asyncio.run(_play())
