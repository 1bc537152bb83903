"""What machines cost that only wait: each has a timer pending, and nothing happens."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

from engine.clock import SystemClock
from engine.service.host import MachineHost, Surroundings
from tests.bench.engine_charts import compiled
from tests.bench.engine_stock import Waiting

_HOUR_MS: Final = 3_600_000

_CHART: Final = """
chart: waiting
events: {late: {}}
initial: idle
states:
  idle: {after: {1 h: done}, on: {late: done}}
  done: {type: final}
"""


def of_ours(machines: int, seconds: float) -> float:
    """The share of one core that so many hosted machines use."""
    return asyncio.run(_ours(machines, seconds))


def of_stock(machines: int, seconds: float) -> float:
    """The same for the library's machines, each with a delayed event."""
    return asyncio.run(_stock(machines, seconds))


async def _ours(machines: int, seconds: float) -> float:
    _, machine_class = compiled(_CHART)
    clock = SystemClock()
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as tasks:
        around = Surroundings(clock, loop, {}, {}, lambda _to, _from, _event: None, tasks.create_task)
        hosts = [MachineHost(f"m{number}", machine_class(clock=clock), around) for number in range(machines)]
        for host in hosts:
            host.start()
        assert all(host.states == ("idle",) for host in hosts)
        used = await _used(seconds)
        for host in hosts:
            host.stop()
            await host.wait_ended(within=1)
    return used


async def _stock(machines: int, seconds: float) -> float:
    waiting: list[Any] = [Waiting() for _ in range(machines)]
    for machine in waiting:
        await machine.activate_initial_state()
    sends = [asyncio.ensure_future(machine.send("late", delay=_HOUR_MS)) for machine in waiting]
    used = await _used(seconds)
    for send in sends:
        send.cancel()
    await asyncio.gather(*sends, return_exceptions=True)
    return used


async def _used(seconds: float) -> float:
    await asyncio.sleep(seconds / 10)  # what starting leaves behind
    started, before = time.perf_counter(), time.process_time()
    await asyncio.sleep(seconds)
    return (time.process_time() - before) / (time.perf_counter() - started)
