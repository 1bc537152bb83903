"""kill -9 between and during a truck's two weighings, with a real database: one record, exactly once."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.store import read_journal
from engine.units import Quantity

# The truck chart over the real store and services, its scale and reader in the script: `on KG`, `off`, `touch`, one a
# line. Every signal and every state is told.
BRIDGE = """
import asyncio, sys
from decimal import Decimal
from pathlib import Path
import structlog
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
from engine.bindings.shipped import shipped_registry
from engine.chart.load import load_chart
from engine.clock import SystemClock
from engine.events import Event
from engine.ports import GatewayIdentity, Secret
from engine.runtime.machine import machine_class
from engine.service.host import MachineHost, Surroundings
from engine.service.services import GatewayServices
from engine.store import open_store
from engine.units import Quantity

SETTINGS = {"stable_for": "60 ms", "settle_for": "50 ms", "retry_after": "50 ms"}
IDENTITY = GatewayIdentity("AA:BB:CC:DD:EE:01", "gate", "127.0.0.1", "gate")

async def main(folder):
    clock = SystemClock()
    async with await open_store("sqlite:///ledger.sqlite", base_dir=folder, clock=clock) as store:
        await store.save_identity(IDENTITY)
        await store.save_token(Secret("token-of-a-test-0001"), "1", "active")
        loop = asyncio.get_running_loop()
        tasks = set()
        def spawn(work):
            tasks.add(task := loop.create_task(work))
            task.add_done_callback(tasks.discard)
            return task
        around = Surroundings(
            clock=clock, loop=loop, services=GatewayServices(store, None, IDENTITY, "kg").table(), spawn=spawn,
            performers={"signal.show": lambda machine, pattern: print(pattern, flush=True)},
            route=lambda *_: None, snapshots=store,
        )
        machine = machine_class(load_chart("truck-weighing", shipped_registry()))(SETTINGS)
        host = MachineHost("bridge", machine, around, on_change=lambda host: print("in", *host.states, flush=True))
        load = Quantity(sys.argv[2], "kg")
        def show():
            data = {"value": load, "stable": True, "status": "ok", "raw": b"", "at": clock.monotonic()}
            host.post(Event("weight.read", data))
            loop.call_later(0.01, show)
        host.start()
        show()
        while line := (await asyncio.to_thread(sys.stdin.readline)).split():
            if line[0] == "touch":
                while not {"ready", "standing"} & set(host.states):
                    await asyncio.sleep(0.005)
                host.post(Event("card.read", {"uid": "T1"}))
            else:
                load = Quantity(line[1] if line[0] == "on" else 0, "kg")
        host.stop()
        await host.wait_ended(5.0)

asyncio.run(main(Path(sys.argv[1])))
"""


@contextlib.contextmanager
def bridge(folder: Path, *, on_it: str) -> Iterator[subprocess.Popen[str]]:
    """The process, killed at the end if it has not ended by itself."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(root)!r})\n{BRIDGE}", folder, on_it]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def say(process: subprocess.Popen[str], *lines: str) -> None:
    assert process.stdin is not None
    process.stdin.write("".join(f"{line}\n" for line in lines))
    process.stdin.flush()


def wait_for(process: subprocess.Popen[str], signal: str) -> None:
    assert process.stdout is not None
    while (line := process.stdout.readline().strip()) != signal:
        assert line, f"it ended without '{signal}'"


def weigh_and_be_killed(folder: Path, kilograms: str, dice: random.Random) -> None:
    """Touch, and die somewhere between the stable weight and the light, or a little after."""
    with bridge(folder, on_it="0") as process:
        say(process, f"on {kilograms}", "touch")
        wait_for(process, "in recalling")
        for _ in range(dice.randint(0, 200_000)):
            pass
        process.kill()


def weigh_again(folder: Path, kilograms: str, told: str) -> None:
    """The gateway is back, the truck still stands there, and its driver has perhaps not seen the light."""
    with bridge(folder, on_it=kilograms) as process:
        say(process, "touch")
        wait_for(process, told)
        say(process, "off")
        wait_for(process, "in ready")
        say(process, "")
        assert process.wait(20) == 0


def one_truck(folder: Path, dice: random.Random) -> None:
    folder.mkdir()
    weigh_and_be_killed(folder, "40000.5", dice)
    weigh_again(folder, "40000.5", "held")
    weigh_and_be_killed(folder, "15000.25", dice)
    weigh_again(folder, "15000.25", "saved")
    with contextlib.closing(sqlite3.connect(folder / "ledger.sqlite")) as connection:
        rows = connection.execute("SELECT weight_text, unit, took FROM weighing_records").fetchall()
        assert rows == [("25000.25", "kg", "truck/T1")]
        assert connection.execute("SELECT count(*) FROM remembered").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM machine_snapshots").fetchone() == (0,)
    [record] = read_journal(folder / "ledger.sqlite.journal")
    assert record.extra["gross"] == Quantity("40000.5", "kg")
    assert record.extra["tare"] == Quantity("15000.25", "kg")
    assert record.took == "truck/T1"


def test_a_truck_whose_gateway_is_killed_at_every_weighing_is_one_record(tmp_path: Path) -> None:
    one_truck(tmp_path / "day", random.Random(2026))


@pytest.mark.torture
def test_fifty_trucks_whose_gateway_is_killed_at_every_weighing_are_a_record_each(tmp_path: Path) -> None:
    dice = random.Random(2026)
    for day in range(50):
        one_truck(tmp_path / f"day-{day}", dice)
