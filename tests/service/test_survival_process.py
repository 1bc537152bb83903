"""kill -9 of a real process with a real database: what persists goes on, what must be switched off is, exactly once."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from test_survival import COUNTING, POWERED

HOST = """
import asyncio, sys
from pathlib import Path
import structlog
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
from engine.chart.load import load_chart
from engine.clock import SystemClock
from engine.events import Event
from engine.ports import Outcome
from engine.runtime.machine import machine_class
from engine.service.host import MachineHost, Surroundings
from engine.store import open_store
from survival_kit import rig_registry

async def main(folder):
    async with await open_store("sqlite:///ledger.sqlite", base_dir=folder, clock=SystemClock()) as store:
        loop = asyncio.get_running_loop()
        tasks = set()
        def spawn(work):
            tasks.add(task := loop.create_task(work))
            task.add_done_callback(tasks.discard)
            return task
        async def work(call, to):
            await asyncio.sleep(60)
            return Outcome("done")
        around = Surroundings(
            clock=SystemClock(), loop=loop, services={"rig.work": work}, spawn=spawn, snapshots=store,
            performers={"rig.set": lambda machine, to: print("did", to, flush=True)}, route=lambda *_: None,
        )
        machine = machine_class(load_chart(folder / "chart.yaml", rig_registry()))()
        host = MachineHost("rig", machine, around, on_change=lambda host: print("in", *host.states, flush=True))
        host.start()
        while name := (await asyncio.to_thread(sys.stdin.readline)).strip():
            host.post(Event(name))
        host.stop()
        await host.wait_ended(5.0)

asyncio.run(main(Path(sys.argv[1])))
"""


class Host:
    """A process that hosts the chart in its folder; it tells what it does, line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def post(self, event: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(event + "\n")
        self.process.stdin.flush()

    def told(self, count: int) -> list[str]:
        """The next lines."""
        assert self.process.stdout is not None
        return [self.process.stdout.readline().strip() for _ in range(count)]

    def told_until(self, line: str) -> list[str]:
        """The next lines, up to this one."""
        told = self.told(1)
        while told[-1] != line:
            assert told[-1], f"it ended after {told}"
            told += self.told(1)
        return told

    def rest(self) -> list[str]:
        """What it still told before it ended."""
        assert self.process.stdout is not None
        return self.process.stdout.read().splitlines()


@contextlib.contextmanager
def hosting(folder: Path) -> Iterator[Host]:
    here = Path(__file__).parent
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = {[str(here), str(here.parents[1])]}\n{HOST}", folder]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Host(process)
        finally:
            process.kill()


def test_a_process_killed_in_a_state_that_persists_goes_on_there(tmp_path: Path) -> None:
    (tmp_path / "chart.yaml").write_text(COUNTING, encoding="utf-8")
    with hosting(tmp_path) as first:
        assert first.told(1) == ["in idle"]
        for event in ("go", "count", "count"):
            first.post(event)
        assert first.told(3) == ["in counting", "did 1", "did 2"]
    with hosting(tmp_path) as second:
        assert second.told(1) != ["in idle"]
        second.post("count")
        # What was done in the very moment of the kill may be done once more, and never not at all.
        assert second.told_until("did 3") in (["did 3"], ["did 2", "in counting", "did 3"], ["did 2", "did 3"])
        second.post("")  # a stop in order
        assert second.rest() == []
        assert second.process.wait() == 0


def test_a_process_killed_with_the_voltage_on_switches_it_off_once(tmp_path: Path) -> None:
    (tmp_path / "chart.yaml").write_text(POWERED, encoding="utf-8")
    with hosting(tmp_path) as first:
        first.post("go")
        assert first.told(3) == ["in idle", "in measuring", "did on"]
    with hosting(tmp_path) as second:
        assert [line for line in second.told_until("in idle") if line.startswith("did")] == ["did off"]
    with hosting(tmp_path) as third:
        assert third.told(1) == ["in idle"]
        third.post("go")
        third.post("finish")
        third.post("")
        assert [line for line in third.rest() if line.startswith("did")] == ["did on", "did off"]
        assert third.process.wait() == 0
