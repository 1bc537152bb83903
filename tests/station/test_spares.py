"""A process is kept ready for the next batch; it is nobody's until it has orders, and never outlives its master."""

import os
import signal
import subprocess
import sys

import psutil
import pytest
from station_kit import make_rig, opened, run, station_of, until

from engine.station.spares import Spares

MASTER = """
from engine.station.spares import Spares
spares = Spares()
spares.refill()
print(spares.take().popen.pid, flush=True)
input()
"""


@pytest.fixture
def spares():
    kept = Spares()
    yield kept
    kept.close()


def ended(process):
    process.kill()
    process.wait()
    process.stdin.close()


def test_there_is_one_and_it_is_handed_out_once(spares):
    spares.refill()
    taken = spares.take()
    assert taken.popen.poll() is None
    assert spares.take() is None
    ended(taken.popen)


def test_there_is_never_more_than_one(spares):
    spares.refill()
    spares.refill()
    taken = spares.take()
    assert spares.take() is None
    ended(taken.popen)


def test_one_that_has_died_is_not_handed_out_but_replaced(spares):
    spares.refill()
    dead = spares._spare.popen
    dead.kill()
    dead.wait()
    assert spares.take() is None
    assert dead.stdin.closed
    spares.refill()
    assert spares._spare.popen.pid != dead.pid


def test_none_is_left_after_the_end_and_none_is_made(spares):
    spares.refill()
    pid = spares._spare.popen.pid
    spares.close()
    spares.refill()
    assert not psutil.pid_exists(pid)
    assert spares.take() is None


def test_it_ends_with_its_master_even_when_that_is_killed():
    with subprocess.Popen([sys.executable, "-c", MASTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as master:
        spare = psutil.Process(int(master.stdout.readline()))
        master.kill()
    spare.wait(timeout=20)


def test_a_batch_takes_it_over_with_its_own_name_and_starts_without_one_too(tmp_path):
    async def scenario():
        rigs = [make_rig(tmp_path, name) for name in ("one", "two")]
        async with opened(station_of(tmp_path, rigs)) as station:
            spare = station._spares._spare.popen.pid
            await until(lambda: psutil.Process(spare).cmdline()[0].startswith("batch:spare"))
            status = await station.start_batch("one")
            assert status.pid == spare
            assert psutil.Process(spare).cmdline()[0].startswith("batch:one")
            await until(lambda: station._spares._spare is not None)
            os.kill(station._spares._spare.popen.pid, signal.SIGKILL)
            status = await station.start_batch("two")
            assert status.pid != spare

    run(scenario())
