"""A cleanup has the time that it was given, however long what it cleans up after took to end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from engine.bindings.registry import Help, Parameter, Registry
from engine.bindings.types import TEXT
from engine.chart.load import load_chart
from engine.events import Event
from engine.ports import Outcome
from engine.runtime.machine import machine_class
from engine.service.host import Call, MachineHost, Surroundings
from engine.testing.loop import VirtualLoop

CHART = """\
chart: bench
events: {halt: {}}
initial: live
states:
  live:
    initial: driving
    finally: off
    on: {halt: idle}
    states:
      driving:
        invoke: {service: drive, cancel: wait 3 s, on: {error: off, timeout: off}, timeout: 60 s}
      off:
        initial: cutting
        states:
          cutting: {entry: [{tell: off}], after: {2 s: gone}}
          gone: {type: final, entry: [{tell: gone}]}
  idle: {entry: [{tell: idle}]}
"""


def test_its_timers_begin_when_it_does(tmp_path: Path) -> None:
    loop, told = VirtualLoop(), list[str]()
    tasks: list[asyncio.Task[None]] = []

    async def drive(_call: Call) -> Outcome:
        try:
            await asyncio.sleep(1000)
        finally:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(2.5)  # it takes its time to end
        return Outcome("error", {"reason": "never"})

    def spawn(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        tasks.append(loop.create_task(work))
        return tasks[-1]

    registry = Registry()
    registry.action("tell", {"word": Parameter(TEXT)}, help=Help("", ""), source="test")
    registry.service("drive", "hardware", outcomes={}, help=Help("", ""), source="test")
    (tmp_path / "bench.yaml").write_text(CHART, encoding="utf-8")
    machine = machine_class(load_chart(tmp_path / "bench.yaml", registry))({}, clock=loop.clock)
    performers = {"tell": lambda _machine, word: told.append(f"{word} {loop.time() - began:.1f}")}
    around = Surroundings(loop.clock, loop, {"drive": drive}, performers, lambda *_: None, spawn)
    host = MachineHost("bench", machine, around)
    host.start()
    loop.run(asyncio.sleep(1.0))
    began = loop.time()
    host.post(Event("halt"))
    loop.run(asyncio.sleep(30.0))
    assert told == ["off 2.5", "gone 4.5", "idle 4.5"]
    host.abandon()
    loop.close()
