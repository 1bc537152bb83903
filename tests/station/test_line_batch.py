"""Lines as batches: processes of their own with one ledger and one server; a kill loses and doubles nothing."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from line_kit import MEASURING, OCCUPIED, READY, LineStation, hall_of
from station_kit import is_alive, run, until

from engine.errors import DiagnosticError
from engine.sim.boxes import Box
from engine.sim.hall import MAC_ADDRESS
from engine.station.config import load_station
from engine.station.errors import WrongStateError
from engine.station.station import Station

KILLS = 3


@pytest.fixture(autouse=True)
def _keep_bytecode(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an installation: a process starts in a third of the time."""
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(Path(sys.prefix, "bytecode")))


async def both_ready(hall: LineStation, station: Station) -> None:
    await asyncio.gather(hall.at(station, 0, READY), hall.at(station, 1, READY))


def kill(station: Station, batch_id: str) -> int:
    pid = station.status(batch_id).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    return pid


def test_two_lines_in_processes_of_their_own_weigh_into_one_ledger_and_to_one_server(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with hall_of(tmp_path) as hall:
            async with hall.station() as station:
                await both_ready(hall, station)
                pids = {one.pid for one in station.statuses()}
                assert len(pids) == 2
                assert os.getpid() not in pids
                for turn in range(3):
                    await asyncio.gather(*(hall.weigh(station, line, f"{turn + 2}.340") for line in (0, 1)))
                await hall.delivered()
                assert [row.line for row in hall.rows()].count("dock-2") == 3
            assert hall.problems() == []
            assert not any(map(is_alive, filter(None, pids)))

    run(scenario())


def test_a_line_that_is_killed_while_it_weighs_is_back_by_itself_and_its_box_is_one_record(tmp_path: Path) -> None:
    """The other line never notices: it weighs on in the same process."""

    async def scenario() -> None:
        async with hall_of(tmp_path) as hall, hall.station() as station:
            await both_ready(hall, station)
            neighbour = station.status("dock-2").pid
            for number in range(KILLS):
                await hall.at(station, 0, READY)
                box = hall.put(0, f"{number + 1}.345")
                await hall.at(station, 0, MEASURING)
                dead = kill(station, "dock-1")
                killed_at = time.monotonic()
                other = asyncio.create_task(hall.weigh(station, 1, f"{number + 1}.340"))
                await until(lambda: station.status("dock-1").status == "error")
                await until(lambda gone=dead: station.status("dock-1").pid not in {gone, None})
                started_in = time.monotonic() - killed_at
                await other
                # It lies on the reader still; nothing of it is known yet, so it is weighed as if put down now.
                await hall.committed(box)
                hall.lift(0)
                assert started_in < 2.0
            assert station.status("dock-2").pid == neighbour
            await hall.delivered()
            assert hall.problems() == []

    run(scenario())


def test_a_line_that_is_killed_after_the_commit_does_not_weigh_the_same_box_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with hall_of(tmp_path, lines=1) as hall, hall.station() as station:
            for number in range(KILLS):
                await hall.at(station, 0, READY)
                box = hall.put(0, f"{number + 1}.345")
                await hall.committed(box)
                dead = kill(station, "dock-1")
                await until(lambda gone=dead: station.status("dock-1").pid not in {gone, None})
                await hall.at(station, 0, OCCUPIED)
                hall.lift(0)
            await hall.at(station, 0, READY)
            await hall.delivered()
            assert hall.problems() == []

    run(scenario())


def test_a_master_that_ends_and_one_that_follows_it_go_on_with_the_same_ledger(tmp_path: Path) -> None:
    """What was not sent is sent by the next; the box that still stands there is known."""

    async def scenario() -> None:
        async with hall_of(tmp_path) as hall:
            async with hall.station() as station:
                await both_ready(hall, station)
                await hall.server.go_offline()
                await hall.committed(hall.put(0, "1.345"))
                await hall.weigh(station, 1, "2.340")
            assert hall.server.records == []
            assert len(hall.rows()) == 2
            await hall.server.go_online()
            async with hall.station() as station:
                await hall.at(station, 0, OCCUPIED)
                hall.lift(0)
                await hall.weigh(station, 0, "3.345")
                await hall.delivered()
            assert hall.problems() == []

    run(scenario())


def test_a_master_that_is_killed_leaves_no_line_behind_and_the_next_one_doubles_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with hall_of(tmp_path, lines=1) as hall:
            master = start_master(hall)
            try:
                await until(lambda: line_pid(tmp_path) is not None)
                pid = line_pid(tmp_path)
                assert pid is not None
                await hall.server.wait_until(lambda: hall.server.gateways[MAC_ADDRESS].access_token is not None, 30)
                box = hall.put(0, "4.345")
                await hall.committed(box)
            finally:
                master.kill()
                master.wait()
            killed_at = time.monotonic()
            await until(lambda: not is_alive(pid))
            assert time.monotonic() - killed_at < 3.0
            async with hall.station() as station:
                await hall.at(station, 0, OCCUPIED)
                hall.lift(0)
                await hall.weigh(station, 0, "5.345")
                await hall.delivered()
            assert hall.problems() == []

    run(scenario())


def start_master(hall: LineStation) -> subprocess.Popen[bytes]:
    """A master that is nothing but that, as a process."""
    script = """\
import asyncio, sys
from pathlib import Path
from engine.clock import SystemClock
from engine.station.config import load_station
from engine.station.station import Station

async def main():
    async with Station(load_station(Path(sys.argv[1]), {}), SystemClock()) as station:
        await station.ready()
        known = [name for name in sys.modules if name.split(".")[0] in {"parsers", "serial"}]
        known += [name for name in sys.modules if name.startswith("engine.devices")]
        print("knows:", known, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""
    command = [sys.executable, "-c", script, str(hall.config)]
    out = (hall.folder / "master.out").open("wb")
    with out:
        return subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)


def line_pid(folder: Path) -> int | None:
    try:
        return int(json.loads((folder / "data" / "locks" / "batch-dock-1.holder").read_text())["pid"])
    except (OSError, ValueError):
        return None


def test_a_master_of_lines_has_imported_neither_devices_nor_parsers(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with hall_of(tmp_path, lines=1) as hall:
            master = start_master(hall)
            told = tmp_path / "master.out"
            try:
                await until(lambda: "knows:" in told.read_text() and line_pid(tmp_path) is not None)
                pid = line_pid(tmp_path)
            finally:
                master.kill()
                master.wait()
            assert "knows: []" in told.read_text()
            await until(lambda: not is_alive(pid))

    run(scenario())


def test_an_approval_reaches_the_lines_and_their_live_weights_reach_the_server(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with hall_of(tmp_path, approve=False) as hall, hall.station() as station:
            await asyncio.gather(*(hall.at(station, line, "미등록") for line in (0, 1)))
            await hall.server.wait_until(lambda: MAC_ADDRESS in hall.server.gateways, 30)
            hall.server.approve(MAC_ADDRESS)
            await both_ready(hall, station)
            await hall.server.wait_until(lambda: hall.server.streams(MAC_ADDRESS) == 1, 30)
            await hall.weigh(station, 0, "7.770")
            await hall.at(station, 0, READY)
            hall.put(1, "8.880")
            await hall.server.start_stream(MAC_ADDRESS)
            shown = hall.server.stream_messages
            await hall.server.wait_until(
                lambda: any(
                    one.message["line"] == "dock-2" and one.message["value"] == hall.boxes[-1].weight for one in shown
                ),
                30,
            )

    run(scenario())


def test_a_line_runs_no_sequence_and_takes_no_manual_command(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with hall_of(tmp_path, lines=1) as hall, hall.station() as station:
            await hall.at(station, 0, READY)
            with pytest.raises(WrongStateError, match="work"):
                await station.start_sequence("dock-1")
            with pytest.raises(WrongStateError, match="work"):
                await station.manual("dock-1", "scale", "zero")

    run(scenario())


def test_a_line_that_was_stopped_stays_so_and_one_that_cannot_start_says_why(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with hall_of(tmp_path, lines=1) as hall:
            hall.write(more="""\
  - {id: odd, chart: weighing, devices: {scale: {port: "loop://", protocol: cas-23}}}
""")  # fmt: skip
            async with hall.station() as station:
                await hall.at(station, 0, READY)
                assert (await station.stop_batch("dock-1")).status == "idle"
                await until(lambda: station.status("odd").state == "faulted")
                odd = station.status("odd")
                assert "cas-23" in odd.reason
                assert "station.yaml" in odd.reason
                assert (await station.stop_batch("odd")).status == "idle"
                assert {one.status for one in station.statuses()} == {"idle"}

    run(scenario())


def test_what_a_line_may_not_have_is_told_at_its_place(tmp_path: Path) -> None:
    file = tmp_path / "station.yaml"
    file.write_text("""\
station: {id: x}
gateway: {server: {url: "http://127.0.0.1:1"}, upload: {interval: 0 s}}
batches:
  - {id: upload, chart: weighing, devices: {scale: {port: A, protocol: cas-22}}, parameters: {a: 1}}
  - {id: none}
  - {id: both, sequencePackage: power_board, devices: {scale: {port: A, protocol: cas-22}}}
""")
    with pytest.raises(DiagnosticError) as caught:
        load_station(file, {})
    assert [(one.position.line, one.code) for one in caught.value.diagnostics] == [
        (2, "must-be-positive"),
        (4, "reserved-name"),
        (4, "batch-key-misplaced"),
        (5, "batch-without-work"),
        (6, "batch-key-misplaced"),
    ]


PAIR = """\
chart: pair
version: 1.0.0
settings: {stable_for: {type: duration, default: 1 s}}
events: {card.read: {uid: text}, weight.read: {value: mass, stable: flag, status: text, raw: any, at: number}}
data: {first: {type: text}, second: {type: text}, kept: {type: map}}
initial: waiting
states:
  waiting:
    title: waiting
    on: {card.read: {target: holding, actions: [{assign: {first: "${event.uid}"}}]}}
  holding:
    title: holding
    persist: true
    on: {card.read: {target: keeping, when: event.uid != data.first, actions: [{assign: {second: "${event.uid}"}}]}}
  keeping:
    title: keeping
    invoke:
      service: store.remember
      with: {key: pair, fields: {first: "${data.first}", second: "${data.second}"}}
      on: {saved: recalling, error: waiting}
  recalling:
    title: recalling
    invoke:
      service: store.recall
      with: {key: pair}
      on: {found: {target: done, actions: [{assign: {kept: "${event.fields}"}}]}, absent: waiting, error: waiting}
  done: {title: done}
"""


def test_a_site_s_own_chart_goes_on_after_a_kill_where_its_master_has_kept_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with hall_of(tmp_path, lines=1) as hall:
            (tmp_path / "pair.yaml").write_text(PAIR, encoding="utf-8")
            hall.write(chart="./pair.yaml")
            async with hall.station() as station:
                await hall.at(station, 0, "waiting")
                hall.put(0, "1.345")
                await hall.at(station, 0, "holding")
                hall.lift(0)
                dead = kill(station, "dock-1")
                await until(lambda: station.status("dock-1").pid not in {dead, None})
                await hall.at(station, 0, "holding")
                hall.put(0, "2.345")
                await hall.at(station, 0, "done")

    run(scenario())


@pytest.mark.torture
def test_a_whole_hall_whose_lines_are_killed_at_any_moment_records_every_box_once(tmp_path: Path) -> None:
    """Its people work as people do; forty kills fall wherever they fall."""

    async def scenario() -> None:
        async with hall_of(tmp_path) as hall, hall.station() as station:
            await both_ready(hall, station)

            async def committed(box: Box) -> None:
                await hall.committed(box)

            chance = random.Random(7)
            working = asyncio.create_task(hall.hall.run_boxes(80, committed))
            for _ in range(40):
                await asyncio.sleep(chance.uniform(0.2, 3.0))
                line = chance.choice(["dock-1", "dock-2"])
                if station.status(line).pid is not None:
                    kill(station, line)
            assert await working == []
            hall.boxes = hall.hall.truth
            await hall.delivered()
            assert hall.problems() == []

    run(scenario(), within=900)
