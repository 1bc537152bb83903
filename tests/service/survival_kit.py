"""A machine on virtual time that dies at any point of its life, and a rig that notes what it was told to do."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from types import MappingProxyType
from typing import Any

from engine.bindings.registry import Help, Parameter, Registry
from engine.bindings.shipped import shipped_registry
from engine.bindings.types import TEXT
from engine.chart.load import load_chart
from engine.events import Event
from engine.ports import Outcome
from engine.runtime.machine import machine_class
from engine.service.host import Call, MachineHost, Surroundings
from engine.testing.loop import VirtualLoop
from engine.testing.memory_store import MemoryStore


def rig_registry() -> Registry:
    """What ships, and a rig: an action that sets something, a service that takes a while and one that does not."""
    registry = shipped_registry()
    rig = Help("test rig", "시험용")
    word = MappingProxyType({"to": Parameter(TEXT)})
    registry.action("rig.set", word, help=rig, source="test")
    registry.service("rig.work", "hardware", word, outcomes={"done": {}}, is_repeatable=True, help=rig, source="test")
    registry.service("rig.once", "hardware", word, outcomes={"done": {}}, help=rig, source="test")
    return registry


class Rig:
    """Hosts one chart over one store, through any number of deaths."""

    def __init__(self, folder: Path, text: str) -> None:
        self.folder = folder
        self.loop = VirtualLoop()
        self.store = MemoryStore(self.loop.clock)
        self.told: list[str] = []  # what reached the outside, in order
        self.steps = 0  # points at which the process may die: before and after everything that leaves the machine
        self.dies_at = -1
        self.is_dead = False
        self._tasks: set[asyncio.Task[None]] = set()
        self.host: MachineHost
        self.change(text)

    def change(self, text: str) -> None:
        """Another version of the chart."""
        path = self.folder / "chart.yaml"
        path.write_text(text, encoding="utf-8")
        self.machine_class = machine_class(load_chart(path, rig_registry()))

    def start(self) -> None:
        """A new process."""
        self.is_dead = False
        around = Surroundings(
            clock=self.loop.clock,
            loop=self.loop,
            services={"rig.work": self._work, "rig.once": self._work},
            performers={"rig.set": lambda _machine, to: self._tell(to)},
            route=lambda origin, to, event: self._tell(f"{origin}>{to} {event.name} {dict(event.data)}"),
            spawn=self._spawn,
            snapshots=self,
        )
        self.host = MachineHost("rig", self.machine_class(clock=self.loop.clock, seed=1), around)
        self.host.start()

    def run(self, *events: str) -> None:
        """Let these events come a second apart, and a second pass after them."""
        self._wait(1.0)
        for event in events:
            self.host.post(Event(event))
            self._wait(1.0)

    def stop(self) -> None:
        """SIGTERM: the machine is asked to end, and given time."""
        self.host.stop()
        self.loop.run(self.host.wait_ended(5.0))
        self._end_tasks()

    def kill(self) -> None:
        """The process is gone."""
        self._die()
        self._end_tasks()

    def close(self) -> None:
        """No more processes."""
        self.kill()
        self.loop.close()

    @property
    def snapshot(self) -> str | None:
        """What is kept of the machine."""
        return self.loop.run(self.store.load_snapshot("rig"))

    # engine.ports.Snapshots ------------------------------------------------------------------------------------------

    async def save_snapshot(self, machine: str, document: str) -> None:
        await self._step()
        await self.store.save_snapshot(machine, document)
        await self._step()

    async def load_snapshot(self, machine: str) -> str | None:
        await self._step()
        return await self.store.load_snapshot(machine)

    async def drop_snapshot(self, machine: str) -> None:
        await self._step()
        await self.store.drop_snapshot(machine)
        await self._step()

    # The outside -----------------------------------------------------------------------------------------------------

    def _tell(self, word: str) -> None:
        if not self._dies_here():
            self.told.append(word)
            self._dies_here()

    async def _work(self, _call: Call, to: str) -> Outcome:
        await self._step()
        self.told.append(to)
        await asyncio.sleep(0.1)
        await self._step()
        return Outcome("done")

    async def _step(self) -> None:
        if self._dies_here():
            await asyncio.Event().wait()  # a dead process goes on with nothing
        await asyncio.sleep(0)

    def _dies_here(self) -> bool:
        self.steps += 1
        if self.steps == self.dies_at:
            self._die()
        return self.is_dead

    def _die(self) -> None:
        self.is_dead = True
        self.host.abandon()

    def _wait(self, seconds: float) -> None:
        self.loop.run(asyncio.sleep(seconds))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _end_tasks(self) -> None:
        self.dies_at = -1  # of the next process nothing is said yet

        async def end() -> None:
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self.loop.run(end())
