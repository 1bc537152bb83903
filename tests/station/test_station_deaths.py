"""Processes that die, by whatever and wherever: nothing is lost, nothing is left on, nothing is left over."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest
from station_kit import (
    ENDINGS,
    KINDS,
    Rig,
    assert_clean,
    at_step,
    is_alive,
    make_rig,
    opened,
    processes_of,
    run,
    start_in,
    station_of,
    until,
    up,
)

from engine.sequence.records import ExecutionStatus
from engine.station.locks import Locks, step_lock
from engine.station.orders import locks_folder


async def _in_every_step(station, rigs, kinds) -> dict[str, str]:
    """Each rig's batch in its kind of step; the executions by batch."""
    executions = {}
    for rig, kind in zip(rigs, kinds, strict=True):
        if kind in ENDINGS:
            executions[rig.name] = await station.start_sequence(rig.name, {"only": "pause", "slow_off": 1.5})
            await at_step(station, rig.name, "pause")
            await station.stop_sequence(rig.name)
            await until(lambda rig=rig: "off" in rig.calls)
        else:
            executions[rig.name] = await start_in(station, rig, kind)
    return executions


async def _killed(folder: Path, kinds: tuple[str, ...]) -> None:
    rigs = [make_rig(folder, f"b{number}-{kind}") for number, kind in enumerate(kinds)]
    settings = station_of(folder, rigs, auto_start=True)
    async with opened(settings) as station:
        await up(station)
        hindered = Locks(locks_folder(settings.data), "somebody else")
        hindered.take(step_lock("bench"))
        executions = await _in_every_step(station, rigs, kinds)
        pids = [station.status(rig.name).pid for rig in rigs]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        await until(lambda: all(station.status(rig.name).status == "error" for rig in rigs))
        await station.ready()
        for rig, kind in zip(rigs, kinds, strict=True):
            status = station.status(rig.name)
            assert (status.status, status.owes_cleanup) == ("error", False), status
            assert "SIGKILL" in status.reason
            stored = await station.store.find(executions[rig.name])
            assert stored.record.status is ExecutionStatus.INTERRUPTED
            assert "SIGKILL" in stored.record.reason
            if kind == "power_off":  # killed in its cleanup: it was begun once more
                rig.log.write_text(rig.log.read_text().replace(f"{pids[rigs.index(rig)]} off\n", ""))
            assert_clean(rig, stored)
        hindered.release_all()
    assert not any(map(is_alive, pids))
    assert processes_of(settings.data) == []


def test_a_process_that_is_killed_in_any_kind_of_step_is_cleaned_up_after(tmp_path):
    run(_killed(tmp_path, (*KINDS, "power_off")))


MASTER = """
import asyncio, json, sys
sys.path.insert(0, {here!r})
from station_kit import *

async def main():
    folder, kinds = Path(sys.argv[1]), sys.argv[2].split(",")
    rigs = [Rig(folder, f"b{{number}}-{{kind}}") for number, kind in enumerate(kinds)]
    async with opened(station_of(folder, rigs, auto_start=True)) as station:
        await up(station)
        from test_station_deaths import _in_every_step
        executions = await _in_every_step(station, rigs, kinds)
        print(json.dumps({{"executions": executions, "pids": [station.status(r.name).pid for r in rigs]}}), flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


async def _master_killed(folder: Path, kinds: tuple[str, ...]) -> None:
    rigs = [make_rig(folder, f"b{number}-{kind}") for number, kind in enumerate(kinds)]
    settings = station_of(folder, rigs)
    locks_folder(settings.data).mkdir(parents=True)
    hindered = Locks(locks_folder(settings.data), "somebody else")
    hindered.take(step_lock("bench"))
    code = MASTER.format(here=str(Path(__file__).parent))
    master = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(folder), ",".join(kinds), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert master.stdout is not None
        line = b""
        while not line.startswith(b"{"):
            line = await master.stdout.readline()
            assert line, "the master ended"
        told = json.loads(line)
    finally:
        master.kill()
        await master.wait()
    hindered.release_all()
    async with opened(settings) as station:  # at once: the old processes are still at their cleanup
        await station.ready()
        assert not any(map(is_alive, told["pids"]))
        for rig in rigs:
            stored = await station.store.find(told["executions"][rig.name])
            assert stored.record.status in {ExecutionStatus.STOPPED, ExecutionStatus.INTERRUPTED}
            assert_clean(rig, stored)
            assert station.status(rig.name).status == "idle"
    assert processes_of(settings.data) == []


def test_a_master_that_is_killed_leaves_processes_that_clean_up_and_records_that_the_next_takes_in(tmp_path):
    run(_master_killed(tmp_path, (*KINDS, "power_off")))


@pytest.mark.torture
def test_processes_and_masters_are_killed_two_hundred_times(tmp_path):
    for number in range(10):
        for name, killed in (("worker", _killed), ("master", _master_killed)):
            folder = tmp_path / f"{name}-{number}"
            folder.mkdir()
            run(killed(folder, (*KINDS, "power_off")), within=180)


def test_what_a_driver_has_started_does_not_outlive_its_process(tmp_path):
    async def scenario() -> None:
        rig = make_rig(tmp_path, "b")
        async with opened(station_of(tmp_path, [rig], auto_start=True)) as station:
            await up(station)
            for end in ("kill", "stop"):
                if end == "stop":
                    await station.start_batch("b")
                await station.start_sequence("b", {"only": "breeding"})
                count = 2 if end == "kill" else 4
                await until(lambda count=count: sum("child" in call for call in rig.calls) == count)
                children = [int(call.split()[1]) for call in rig.calls if "child" in call]
                if end == "kill":
                    os.kill(station.status("b").pid, signal.SIGKILL)
                    await until(lambda: station.status("b").status == "error")
                    await station.ready()
                else:
                    await station.stop_batch("b")
                await until(lambda children=children: not any(map(is_alive, children)), within=5)

    run(scenario())


def test_a_process_that_dies_while_it_starts_or_rests_is_an_error_and_owes_nothing(tmp_path):
    async def scenario() -> None:
        rig = make_rig(tmp_path, "b")
        async with opened(station_of(tmp_path, [rig])) as station:
            await station.ready()
            starting = asyncio.create_task(station.start_batch("b"))
            await until(lambda: station.status("b").pid is not None)
            os.kill(station.status("b").pid, signal.SIGKILL)
            status = await starting
            assert (status.status, status.owes_cleanup) == ("error", False)
            assert "before it was ready: it was killed by SIGKILL" in status.reason
            status = await station.start_batch("b")
            assert (status.status, status.reason) == ("running", "")
            os.kill(status.pid, signal.SIGKILL)
            await until(lambda: station.status("b").status == "error")
            await station.ready()
            assert not station.status("b").owes_cleanup
            assert rig.calls == []

    run(scenario())


def test_a_process_that_is_told_to_end_by_itself_cleans_up_first(tmp_path):
    async def scenario() -> None:
        rig = make_rig(tmp_path, "b")
        async with opened(station_of(tmp_path, [rig], auto_start=True)) as station:
            await up(station)
            execution = await start_in(station, rig, "cancellable")
            os.kill(station.status("b").pid, signal.SIGTERM)
            await until(lambda: station.status("b").status == "error")
            await station.ready()
            stored = await station.store.find(execution)
            assert stored.record.status is ExecutionStatus.STOPPED
            assert "SIGTERM" in stored.record.reason
            assert_clean(rig, stored)

    run(scenario())


def test_a_cleanup_whose_process_dies_is_done_by_the_next_one(tmp_path):
    async def scenario() -> None:
        rig = make_rig(tmp_path, "b")
        async with opened(station_of(tmp_path, [rig], auto_start=True)) as station:
            await up(station)
            execution = await start_in(station, rig, "pause", slow_off=1.5)
            os.kill(station.status("b").pid, signal.SIGKILL)
            await until(lambda: "off" in rig.calls)
            os.kill(station.status("b").pid, signal.SIGKILL)
            await until(lambda: station.status("b").status == "error")
            await station.ready()
            stored = await station.store.find(execution)
            assert rig.calls == ["on", "off", "off", "cool"]
            assert [(s.name, s.status.value, s.attempts) for s in stored.steps if s.is_cleanup] == [
                ("power_off", "completed", 2), ("cool_down", "completed", 1),
            ]  # fmt: skip
            assert stored.record.status is ExecutionStatus.INTERRUPTED
            assert not station.status("b").owes_cleanup

    run(scenario())


def test_a_station_can_ask_before_it_cleans_up(tmp_path):
    async def scenario() -> None:
        rig = make_rig(tmp_path, "b")
        async with opened(station_of(tmp_path, [rig], auto_start=True, after_crash="ask")) as station:
            await up(station)
            first = await start_in(station, rig, "pause")
            os.kill(station.status("b").pid, signal.SIGKILL)
            await until(lambda: station.status("b").state == "asking")
            assert station.status("b").owes_cleanup
            assert rig.calls == ["on"]
        async with opened(station_of(tmp_path, [rig], auto_start=True, after_crash="ask")) as station:
            await until(lambda: station.status("b").state == "asking")  # it has not been forgotten
            status = await station.run_cleanup("b", actor="kim")
            assert_clean(rig, await station.store.find(first))
            assert status.status == "running"  # which had been wanted from the beginning
            second = await start_in(station, rig, "pause")
            os.kill(station.status("b").pid, signal.SIGKILL)
            await until(lambda: station.status("b").state == "asking")
            status = await station.waive_cleanup("b", actor="kim")
            assert not status.owes_cleanup
            stored = await station.store.find(second)
            assert (stored.needs_cleanup, stored.record.status) == (False, ExecutionStatus.INTERRUPTED)
            entries, _ = await station.store.audit("b")
            assert [(one.action, one.actor) for one in entries if one.actor] == [
                ("cleanup.waive", "kim"), ("cleanup.run", "kim"),
            ]  # fmt: skip

    run(scenario())


def test_one_batch_that_dies_or_is_restarted_touches_no_other(tmp_path):
    async def scenario() -> None:
        rigs: list[Rig] = [make_rig(tmp_path, name) for name in ("a", "b")]
        async with opened(station_of(tmp_path, rigs, auto_start=True)) as station:
            await up(station)
            execution = await start_in(station, rigs[0], "cancellable")
            before = station.status("a").pid
            os.kill(station.status("b").pid, signal.SIGKILL)
            await until(lambda: station.status("b").status == "error")
            await station.restart_batch("b")
            await station.restart_batch("b")
            assert station.status("b").status == "running"
            assert (station.status("a").pid, station.status("a").execution_id) == (before, execution)

    run(scenario())
