"""Hardware that was driven by hand is cleaned up after, however the process ends that drove it; it is no result."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest
from station_kit import is_alive, make_rig, opened, processes_of, run, start_in, station_of, until, up

from engine.sequence.records import LOG
from engine.station.bus import StationEvent
from engine.station.by_hand import Mark, keep
from engine.store.station_ports import ResultFilter


async def tidied(station) -> list[tuple[str, str, list[str]]]:
    """What the audit log tells of cleanups after manual control: why, what came of it, its steps."""
    entries, _ = await station.store.audit("b")
    return [
        (str(one.detail.get("reason", "")), one.outcome, [step["step"] for step in one.detail.get("steps", ())])
        for one in entries
        if one.action == "cleanup.manual"
    ]


async def results(station) -> int:
    return (await station.store.page(ResultFilter())).total


def marks(folder: Path) -> list[Path]:
    return list((folder / "data" / "by-hand").glob("*"))


def test_a_process_that_dies_after_a_manual_command_is_cleaned_up_after_by_a_fresh_one(tmp_path):
    async def scenario() -> None:
        rig = make_rig(tmp_path, "b")
        async with opened(station_of(tmp_path, [rig], auto_start=True)) as station:
            told: list[StationEvent] = []
            station.bus.listeners.append(told.append)
            await up(station)
            await station.manual("b", "rig", "double", {"number": 1})
            await station.manual("b", "rig", "on", actor="kim")
            assert len(marks(tmp_path)) == 1
            os.kill(station.status("b").pid, signal.SIGKILL)
            await until(lambda: station.status("b").state == "faulted")
            assert rig.calls == ["on", "off", "cool"]
            assert len(set(rig.callers)) == 2
            (cleanup,) = await tidied(station)
            assert "SIGKILL" in cleanup[0]
            assert cleanup[1:] == ("ok", ["power_off", "cool_down"])
            assert any(event.type == LOG and "after manual control" in event.data["message"] for event in told)
            assert any(event.data.get("owes_cleanup") for event in told)
            assert not station.status("b").owes_cleanup
            assert (await results(station), marks(tmp_path)) == (0, [])
            # It is over: the next process owes nothing.
            os.kill((await station.start_batch("b")).pid, signal.SIGKILL)
            await until(lambda: station.status("b").state == "faulted")
            assert rig.calls == ["on", "off", "cool"]

    run(scenario())


def test_a_station_can_ask_before_it_cleans_up_after_manual_control_too(tmp_path):
    async def scenario() -> None:
        rig = make_rig(tmp_path, "b")
        async with opened(station_of(tmp_path, [rig], auto_start=True, after_crash="ask")) as station:
            await up(station)
            for decide, calls in ((station.waive_cleanup, ["on"]), (station.run_cleanup, ["on", "on", "off", "cool"])):
                await station.manual("b", "rig", "on")
                os.kill(station.status("b").pid, signal.SIGKILL)
                await until(lambda: station.status("b").state == "asking")
                assert (station.status("b").owes_cleanup, station.status("b").resumable) == (True, None)
                await decide("b", actor="kim")
                assert rig.calls == calls
                assert (station.status("b").owes_cleanup, marks(tmp_path)) == (False, [])
                await station.start_batch("b")
            assert len(await tidied(station)) == 1

    run(scenario())


@pytest.mark.parametrize("command", ["on", "block"])
def test_a_batch_that_is_stopped_after_a_manual_command_cleans_up_first_also_while_it_is_underway(tmp_path, command):
    async def scenario() -> None:
        rig = make_rig(tmp_path, "b")
        async with opened(station_of(tmp_path, [rig], auto_start=True)) as station:
            await up(station)
            params = {"seconds": 600} if command == "block" else {}
            driven = asyncio.create_task(station.manual("b", "rig", command, params))
            await until(lambda: rig.calls == [command] and (command == "block" or driven.done()))
            assert (await station.stop_batch("b", actor="kim")).status == "idle"
            assert rig.calls == [command, "off", "cool"]
            await asyncio.wait({driven})
            assert (driven.exception() is None) == (command == "on")
            assert [outcome for _, outcome, _ in await tidied(station)] == ["ok"]
            assert (await results(station), marks(tmp_path)) == (0, [])

    run(scenario())


def test_the_cleanup_of_a_run_is_one_for_what_was_driven_by_hand_before_it(tmp_path):
    async def scenario() -> None:
        rig = make_rig(tmp_path, "b")
        async with opened(station_of(tmp_path, [rig], auto_start=True)) as station:
            await up(station)
            await station.manual("b", "rig", "on")
            execution = await station.start_sequence("b")
            await station.wait_sequence("b", execution)
            await until(lambda: not marks(tmp_path))
            await station.manual("b", "rig", "on")
            await start_in(station, rig, "pause")  # and so is that of one that is interrupted
            os.kill(station.status("b").pid, signal.SIGKILL)
            await until(lambda: station.status("b").state == "faulted")
            assert rig.calls == ["on", "on", "off", "cool", "on", "on", "off", "cool"]
            assert (await tidied(station), marks(tmp_path)) == ([], [])

    run(scenario())


MASTER = """
import asyncio, json, sys
sys.path.insert(0, {here!r})
from station_kit import *

async def main():
    folder = Path(sys.argv[1])
    rig = Rig(folder, "b")
    async with opened(station_of(folder, [rig], auto_start=True)) as station:
        await up(station)
        await station.manual("b", "rig", "on")
        print(json.dumps(station.status("b").pid), flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.parametrize("killed", ["master", "both"])
def test_a_master_that_is_killed_leaves_no_hardware_as_it_was_driven_by_hand(tmp_path, killed):
    async def scenario() -> None:
        rig = make_rig(tmp_path, "b")
        code = MASTER.format(here=str(Path(__file__).parent))
        master = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, str(tmp_path), stdout=asyncio.subprocess.PIPE
        )
        try:
            line = b""
            while not line.strip().isdigit():
                line = await master.stdout.readline()
                assert line, "the master ended"
            pid = json.loads(line)
            if killed == "both":
                os.kill(master.pid, signal.SIGSTOP)  # so that it cannot see its batch die
                os.kill(pid, signal.SIGKILL)
        finally:
            master.kill()
            await master.wait()
        if killed == "master":
            await until(lambda: not is_alive(pid))
            assert rig.calls == ["on", "off", "cool"]
        async with opened(station_of(tmp_path, [rig])) as station:
            await station.ready()
            assert rig.calls == ["on", "off", "cool"]
            assert (rig.callers[-1] == pid) == (killed == "master")
            ((reason, outcome, _),) = await tidied(station)
            assert "master" in reason
            assert outcome == "ok"
            assert (await results(station), marks(tmp_path)) == (0, [])
        assert processes_of(tmp_path / "data") == []

    run(scenario())


def test_what_could_not_be_cleaned_up_after_manual_control_is_told(tmp_path):
    async def scenario() -> None:
        rig = make_rig(tmp_path, "b")
        file = rig.package / "drivers" / "rig.py"
        file.write_text(file.read_text().replace('        self._note("off")\n', '        raise OSError("no answer")\n'))
        async with opened(station_of(tmp_path, [rig], auto_start=True)) as station:
            await up(station)
            await station.manual("b", "rig", "on")
            await station.stop_batch("b")
            ((_, outcome, _),) = await tidied(station)
            assert outcome == "failed: power_off: OSError: no answer"
            assert rig.calls == ["on", "cool"]

    run(scenario())


def test_manual_control_of_a_batch_that_there_is_no_more_is_told_once(tmp_path):
    async def scenario() -> None:
        keep(tmp_path / "data" / "by-hand", Mark("gone", "2026-01-01T00:00:00+00:00", "psu.on"))
        for count in (1, 1):
            async with opened(station_of(tmp_path, [])) as station:
                entries, total = await station.store.audit("gone")
                assert (total, entries[0].action, marks(tmp_path)) == (count, "cleanup.manual", [])
                assert "nobody has cleaned up" in entries[0].outcome

    run(scenario())


def test_a_mark_that_cannot_be_read_owes_a_cleanup_all_the_same(tmp_path):
    async def scenario() -> None:
        rig = make_rig(tmp_path, "b")
        keep(tmp_path / "data" / "by-hand", Mark("b", "2026-01-01T00:00:00+00:00", "rig.on"))
        (tmp_path / "data" / "by-hand" / "b.json").write_bytes(b"\xff{")
        async with opened(station_of(tmp_path, [rig])) as station:
            await station.ready()
            assert rig.calls == ["off", "cool"]
            assert len(await tidied(station)) == 1

    run(scenario())
