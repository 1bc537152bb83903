"""Processes that die, by whatever and wherever: nothing is lost, nothing is left on, nothing is left over."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from kill_kit import (
    LEFT_AT_ONCE,
    WITH_PROCESS,
    WITHOUT,
    alive_of,
    assert_cleaned_up,
    assert_locks_are_free,
    assert_recorded,
    executions_of,
    known_by,
    note_committed,
    struck,
)
from station_kit import (
    ENDINGS,
    KINDS,
    Rig,
    assert_clean,
    is_alive,
    make_rig,
    opened,
    run,
    start_in,
    station_of,
    until,
    up,
)

from engine.bindings.shipped import shipped_registry
from engine.chart.load import load_chart
from engine.sequence.records import ExecutionStatus
from engine.station.locks import Locks, step_lock
from engine.station.orders import locks_folder

OF_MASTERS = (*KINDS, *ENDINGS, "tick")  # tick: one short step after the other
EVERY = (*OF_MASTERS, "hogging")
SLOW = {"power_off": {"slow_off": 1}, "cool_down": {"slow_cool": 2}}


async def in_every_step(station, rigs, kinds) -> dict[str, str]:
    """Each rig's batch in its kind of step; the executions by batch. Some have children that drive the hardware."""
    executions = {}
    for number, (rig, kind) in enumerate(zip(rigs, kinds, strict=True)):
        within, children = "pause" if kind in ENDINGS else kind, 0 if number % 4 else 2
        executions[rig.name] = await start_in(station, rig, within, children=children, **SLOW.get(kind, {}))
    for last, call in (("cool_down", "cool"), ("power_off", "off")):  # these go on by themselves
        for rig, kind in zip(rigs, kinds, strict=True):
            if kind == last:
                await station.stop_sequence(rig.name)
                await until(lambda rig=rig, call=call: call in rig.calls)
    return executions


def _assert_all_is_well(rigs, kinds, killed, found, committed) -> None:
    for rig, kind in zip(rigs, kinds, strict=True):
        (stored,) = found[rig.name]
        assert_recorded(stored, committed, rig)
        assert_cleaned_up(rig, [stored], 0, kind if rig.name in killed else "")
        if rig.name in killed:
            assert stored.record.status is ExecutionStatus.INTERRUPTED
            assert len({pid for pid, what in rig.told if what != "drive"}) == 2


async def _killed(folder: Path, kinds: tuple[str, ...]) -> None:
    """All batches' processes are killed at one moment; their master lives."""
    rigs = [make_rig(folder, f"b{number}-{kind}") for number, kind in enumerate(kinds)]
    settings = station_of(folder, rigs, auto_start=True)
    async with opened(settings) as station:
        await up(station)
        hindered = Locks(locks_folder(settings.data), "somebody else")
        hindered.take(step_lock("bench"))
        committed = note_committed(station)
        await in_every_step(station, rigs, kinds)
        for rig in rigs:
            os.kill(station.status(rig.name).pid, signal.SIGKILL)
        await until(lambda: all(station.status(rig.name).status == "error" for rig in rigs))
        await station.ready()
        for rig in rigs:
            status = station.status(rig.name)
            assert (status.status, status.owes_cleanup) == ("error", False), status
            assert "SIGKILL" in status.reason
        found = {rig.name: await executions_of(station, rig.name) for rig in rigs}
        assert all("SIGKILL" in stored.record.reason for (stored,) in found.values())
        assert len(committed) >= len(rigs)  # each has at least been switched on
        _assert_all_is_well(rigs, kinds, {rig.name for rig in rigs}, found, committed)
        hindered.release_all()
    assert_locks_are_free(settings.data)


def test_a_process_that_is_killed_in_any_kind_of_step_is_cleaned_up_after(tmp_path):
    with known_by(tmp_path):
        run(_killed(tmp_path, EVERY))


MASTER = """
import asyncio, json, sys
sys.path.insert(0, {here!r})
from kill_kit import note_committed, say
from station_kit import *

async def main():
    from test_station_deaths import in_every_step
    folder, kinds = Path(sys.argv[1]), sys.argv[2].split(",")
    rigs = [Rig(folder, f"b{{number}}-{{kind}}") for number, kind in enumerate(kinds)]
    async with opened(station_of(folder, rigs, auto_start=True)) as station:
        await up(station)
        committed = note_committed(station)
        await in_every_step(station, rigs, kinds)
        pids = {{rig.name: station.status(rig.name).pid for rig in rigs}}
        say(committed=committed, pids=pids, wires=str(station._wires.folder))
        await asyncio.sleep(600)

asyncio.run(main())
"""


async def _master_killed(folder: Path, kinds: tuple[str, ...], also: Callable[[int], bool]) -> int:
    """A master is killed, and at the same moment some of its batches' processes; how many kills it were."""
    rigs = [make_rig(folder, f"b{number}-{kind}") for number, kind in enumerate(kinds)]
    killed = {rig.name for number, rig in enumerate(rigs) if also(number)}
    settings = station_of(folder, rigs)
    locks_folder(settings.data).mkdir(parents=True)
    hindered = Locks(locks_folder(settings.data), "somebody else")
    hindered.take(step_lock("bench"))
    code = MASTER.format(here=str(Path(__file__).parent))
    master = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(folder), ",".join(kinds), stdout=asyncio.subprocess.PIPE, limit=2**24
    )
    try:
        assert master.stdout is not None
        line = b""
        while not line.startswith(b"{"):
            line = await master.stdout.readline()
            assert line, "the master ended"
        told = json.loads(line)
        for name in killed:
            os.kill(told["pids"][name], signal.SIGKILL)
    finally:
        master.kill()
        await master.wait()
    hindered.release_all()
    async with opened(settings) as station:  # at once: the old processes are still at their cleanup
        await station.ready()
        assert not any(map(is_alive, told["pids"].values()))
        found = {rig.name: await executions_of(station, rig.name) for rig in rigs}
        _assert_all_is_well(rigs, kinds, killed, found, told["committed"])
        for rig in rigs:
            status = station.status(rig.name)
            assert (status.status, status.owes_cleanup) == ("error" if rig.name in killed else "idle", False)
            if rig.name not in killed:
                (stored,) = found[rig.name]
                assert stored.record.status in {ExecutionStatus.STOPPED, ExecutionStatus.INTERRUPTED}
    assert_locks_are_free(settings.data)
    await until(lambda: not Path(told["wires"]).exists())
    await until(lambda: not alive_of(folder))
    return 1 + len(killed)


def test_a_master_that_is_killed_leaves_processes_that_clean_up_and_records_that_the_next_takes_in(tmp_path):
    """Every other batch's process is killed at the same moment: after that one, the next master cleans up."""
    with known_by(tmp_path):
        run(_master_killed(tmp_path, OF_MASTERS, lambda number: number % 2 == 0))


@pytest.mark.parametrize(("place", "victim"), [("recovering", "both"), ("stopping", "worker")])
def test_whatever_a_batch_is_at_when_it_is_killed_it_is_well_again_with_the_next_master(tmp_path, place, victim):
    run(struck(tmp_path, place, victim))


def test_there_is_no_state_of_a_batch_at_which_it_is_not_killed():
    chart = load_chart("batch", shipped_registry())
    leaves = {state.id for state in chart.states.values() if not state.children}
    assert leaves == {*WITH_PROCESS, *WITHOUT, *LEFT_AT_ONCE}


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(4))
def test_processes_and_masters_are_killed_two_hundred_times(tmp_path, seed):
    """At least 50 each: in every kind of step and at every state; with a seed, at random moments after that."""
    moments, kills = random.Random(seed), 0
    for number, also in enumerate([lambda _: True, lambda _: False]):
        folder = tmp_path / f"masters-{number}"
        folder.mkdir()
        with known_by(folder):
            kills += run(_master_killed(folder, OF_MASTERS, also), within=180)
    folder = tmp_path / "workers"
    folder.mkdir()
    with known_by(folder):
        run(_killed(folder, EVERY), within=180)
    kills += len(EVERY)
    for place in (*WITH_PROCESS, *WITHOUT):
        for victim in ("worker", "master", "both") if place in WITH_PROCESS else ("master",):
            folder = tmp_path / f"{place}-{victim}"
            folder.mkdir()
            delay = moments.uniform(0, 0.5) if seed and victim != "worker" else 0.0
            kills += run(struck(folder, place, victim, delay=delay), within=120)
    for victim in ("worker", "master", "both"):
        folder = tmp_path / f"tick-{victim}"
        folder.mkdir()
        kills += run(struck(folder, "step", victim, kind="tick", delay=moments.uniform(0, 1)), within=120)
    assert kills >= 50


def test_what_a_driver_has_started_does_not_outlive_its_process(tmp_path):
    async def scenario() -> None:
        rig = make_rig(tmp_path, "b")
        async with opened(station_of(tmp_path, [rig], auto_start=True)) as station:
            await up(station)
            for end in ("kill", "stop"):
                if end == "stop":
                    await station.start_batch("b")
                await station.start_sequence("b", {"only": "breeding"})
                count = 3 if end == "kill" else 6
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


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
def test_a_process_whose_words_cannot_be_written_cleans_up_all_the_same(tmp_path):
    async def scenario() -> None:
        full, none = rigs = [make_rig(tmp_path, name) for name in ("full", "none")]
        logs = tmp_path / "data" / "logs"
        logs.mkdir(parents=True)
        (logs / f"batch-{full.name}.log").symlink_to("/dev/full")
        (logs / f"batch-{none.name}.log").mkdir()
        async with opened(station_of(tmp_path, rigs, auto_start=True)) as station:
            await up(station)
            for rig in rigs:
                execution = await start_in(station, rig, "cancellable")
                os.kill(station.status(rig.name).pid, signal.SIGTERM)
                await until(lambda rig=rig: station.status(rig.name).status == "error")
                stored = await station.store.find(execution)
                assert stored.record.status is ExecutionStatus.STOPPED
                assert_clean(rig, stored)

    run(scenario())


def test_of_a_driver_that_tells_much_only_the_end_is_read(tmp_path):
    async def scenario() -> None:
        rig = make_rig(tmp_path, "b")
        async with opened(station_of(tmp_path, [rig], auto_start=True)) as station:
            await up(station)
            with (tmp_path / "data" / "logs" / "batch-b.log").open("ab") as file:
                file.truncate(2**40)  # nobody has the memory to read all of this
                file.write(b"\nthe psu is on fire\n")
            os.kill(station.status("b").pid, signal.SIGKILL)
            await until(lambda: station.status("b").status == "error", within=5)
            assert station.status("b").reason.endswith("its last words: the psu is on fire")

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
