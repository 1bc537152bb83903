"""The warden: nothing of a run is left when its master is killed, whatever else is killed with it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import uuid
from contextlib import contextmanager, suppress

import psutil
from kill_kit import known_by, struck
from station_kit import is_alive, make_rig, opened, run, start_in, station_of, until, up

from engine.station.leftovers import MARK, end_left, started
from engine.station.wardship import Wardship

# What a warden knows of a process of a batch: it leads a session, and has a child in it and one that has left it.
BATCH = """
import subprocess, sys
for leaves in (False, True):
    subprocess.Popen(["sleep", "600"], start_new_session=leaves)
print(flush=True)
sys.stdin.read()
"""


class Batch:
    """It ends when its standard input does."""

    def __init__(self) -> None:
        self.mark = uuid.uuid4().hex
        self.popen = subprocess.Popen(
            [sys.executable, "-c", BATCH], start_new_session=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, MARK: self.mark},
        )  # fmt: skip
        self.popen.stdout.readline()
        self.pid = self.popen.pid
        self.children = [one.pid for one in psutil.Process(self.pid).children()]
        assert len(self.children) == 2

    def left(self) -> list[int]:
        return [pid for pid in (self.pid, *self.children) if is_alive(pid)]


@contextmanager
def batches(count: int):
    made = [Batch() for _ in range(count)]
    try:
        yield made
    finally:
        for batch in made:
            with suppress(BrokenPipeError), batch.popen:
                batch.popen.kill()
            end_left(0, batch.mark)


def test_the_warden_waits_for_each_process_as_long_as_it_may_take_and_leaves_nothing_of_it(tmp_path):
    folder = tmp_path / "wires"
    folder.mkdir()
    (folder / "c").touch()

    async def scenario(own, killed, slow, over) -> None:
        with Wardship(folder) as wards:
            for batch in (own, killed, slow, over):
                wards.watch(batch.pid, batch.mark)
            wards.allow(slow.pid, 0.5)
            wards.allow(own.pid, 60)
            wards.forget(over.pid)
            os.kill(killed.pid, signal.SIGKILL)
            warden = wards._popen
        # The context is left while batches are there: for the warden the master has died.
        await until(lambda: not killed.left() and not slow.left())
        assert len(own.left()) == 3  # it has a minute
        assert folder.exists()
        own.popen.stdin.close()
        await until(lambda: not own.left() and not folder.exists())
        await until(lambda: warden.poll() is not None)
        assert len(over.left()) == 3  # the master had seen to that itself

    with batches(4) as made:
        run(scenario(*made))


def test_a_process_that_has_the_number_of_one_that_is_dead_is_not_touched(tmp_path):
    async def scenario(batch) -> None:
        with Wardship(None) as wards:
            wards.watch(batch.pid, "a mark that nobody has")
            line = wards._wards[batch.pid][0]
            wards._wards[batch.pid][0] = line.replace(str(started(batch.pid)), str(started(batch.pid) - 1))
            wards._popen.kill()  # the next one is told of a process that was started a moment before this one
            await until(lambda: wards.pid is None)
            await until(lambda: wards.pid is not None)
            warden = wards._popen
        await until(lambda: warden.poll() is not None)
        assert len(batch.left()) == 3

    with batches(1) as (batch,):
        run(scenario(batch))


def test_a_warden_that_is_killed_or_stands_still_is_replaced_by_one_that_knows_all(tmp_path):
    rig = make_rig(tmp_path, "b")

    async def scenario() -> None:
        async with opened(station_of(tmp_path, [rig], auto_start=True)) as station:
            await up(station)
            first = station._wards.pid
            os.kill(first, signal.SIGKILL)
            await until(lambda: station._wards.pid not in {first, None})
            await start_in(station, rig, "cancellable", children=2)
            pid = station.status("b").pid
            assert [told[0].split()[1] for told in station._wards._wards.values()] == [str(pid)]
            second = station._wards.pid
            os.kill(second, signal.SIGSTOP)
            for _ in range(10_000):  # more than a pipe holds
                station._wards.allow(pid, 60)
            await until(lambda: station._wards.pid not in {second, None})
            os.kill(pid, signal.SIGKILL)
            await until(lambda: station.status("b").status == "error")
            await station.ready()
            assert rig.calls == ["on", "rest", "off", "cool"]

    with known_by(tmp_path):
        run(scenario())


def test_a_normal_end_leaves_no_warden_and_waits_for_none(tmp_path):
    async def scenario() -> None:
        async with opened(station_of(tmp_path, [make_rig(tmp_path, "b")])) as station:
            await station.ready()
            warden, folder = station._wards.pid, station._wires.folder
            assert psutil.Process(warden).memory_info().rss < 20_000_000
            await until(lambda: psutil.Process(warden).name() == "station:warden")
            os.kill(warden, signal.SIGTERM)  # as a service manager does to all at once: it is no reason to end
            await asyncio.sleep(0.1)
            assert station._wards.pid == warden
        assert not is_alive(warden)
        assert not folder.exists()

    with known_by(tmp_path):
        run(scenario())


def test_a_master_without_a_warden_is_cleaned_up_after_by_the_next_one(tmp_path):
    """Batch, warden and master are killed: what drivers have started drives on until the station is started again."""
    assert run(struck(tmp_path, "step", "all", kind="cancellable")) == 3
