"""Kills of batches' processes and of masters, anywhere in the life of a batch, and what must be true after each.

A station runs in a process of its own, so that it can be killed like any other. It kills itself, or the process of its
first batch, or both at one moment, as soon as that batch is at a place: a state of the chart of a batch, or a kind of
step. A second batch works beside it. Both have children that drive hardware by themselves, one of them a daemon.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from itertools import groupby
from pathlib import Path
from typing import Any

import psutil
from station_kit import ENDINGS, Rig, is_alive, make_rig, opened, start_in, station_of, until

from engine.sequence.records import STEP_COMPLETE, ExecutionStatus, StepStatus
from engine.station.errors import CommandError
from engine.station.locks import Locks, is_held, step_lock
from engine.station.orders import locks_folder
from engine.station.station import Station
from engine.store.station_ports import ResultFilter, StoredExecution

OF_TEST = "STATION_TEST"  # in the environment of every process that a test has started, whoever its parent was

# States of the chart of a batch (machines/batch.yaml), by whether a process of the batch is there to be killed.
WITH_PROCESS = (
    "spawning", "free", "executing", "commanding", "replacing", "stopping", "recovering", "resuming", "withdrawing",
)  # fmt: skip
WITHOUT = ("boot", "idle", "leaving", "settling", "asking", "unclean", "waiving", "faulted")
LEFT_AT_ONCE = ("owing",)
_ASKED = ("asking", "waiving", "resuming", "withdrawing")


# The processes of a test -------------------------------------------------------------------------------------------


@contextmanager
def known_by(folder: Path) -> Iterator[None]:
    """Every process that is started meanwhile can be found again; at the end none must be left."""
    os.environ[OF_TEST] = str(folder)
    try:
        yield
        assert alive_of(folder) == []
    finally:
        del os.environ[OF_TEST]
        for pid, _ in alive_of(folder):  # of a test that failed
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def alive_of(folder: Path) -> list[tuple[int, str]]:
    """The processes that a test has started, whether by its stations, their batches or those's drivers."""
    found = []
    for process in psutil.process_iter(["environ", "status", "cmdline"]):
        given = process.info["environ"] or {}
        if (
            given.get(OF_TEST) == str(folder)
            and process.pid != os.getpid()
            and process.info["status"] != psutil.STATUS_ZOMBIE
        ):
            found.append((process.pid, " ".join(process.info["cmdline"] or ())))
    return found


def in_sessions_of(pids: Iterable[int]) -> list[int]:
    """Processes that are in a session which one of these has led."""
    led, found = set(pids), []
    for pid in psutil.pids():
        with suppress(ProcessLookupError, PermissionError):
            if os.getsid(pid) in led and is_alive(pid):
                found.append(pid)
    return found


# What must be true -------------------------------------------------------------------------------------------------

_LETTERS = {"on": "o", "off": "f", "cool": "c"}
# One execution: switched on, worked, and, as often as its process was killed, up to some point of its cleanup; at the
# end the whole cleanup. A manual command (w) is none.
_LIFE = re.compile(r"(?:\|?(?:(?:o[ow]*)?(?:(?:fc?)?\|)*fc|w+))*\|?")


def assert_cleaned_up(rig: Rig, executions: list[StoredExecution], kills: int, kind: str = "") -> None:
    """The hardware is off: cleaned up after each execution, by one process at a time, and not told anything after."""
    told = [(pid, what) for pid, what in rig.told if what != "drive"]
    blocks = [(pid, [what for _, what in calls]) for pid, calls in groupby(told, lambda one: one[0])]
    assert len({pid for pid, _ in blocks}) == len(blocks), f"two processes drove it at one time: {blocks}"
    life = "|".join("".join(_LETTERS.get(what, "w") for what in calls) for _, calls in blocks)
    assert _LIFE.fullmatch(life), life
    if executions or rig.calls:
        assert rig.calls[-2:] == ["off", "cool"], blocks
    ends = life.count("fc") if kind not in ENDINGS else life.count("fc") - life.count("fc|")
    assert len(executions) <= ends <= len(executions) + kills, life
    _assert_children_were_silent(rig, blocks)
    assert in_sessions_of(rig.callers) == []


def _assert_children_were_silent(rig: Rig, blocks: list[tuple[int, list[str]]]) -> None:
    """When another process came to clean up, no child of the one that had died drove the hardware any more."""
    if len(blocks) < 2 or "on" in blocks[-1][1]:
        return
    first = next(at for at, (pid, _) in enumerate(rig.told) if pid == blocks[-1][0])
    assert all(what != "drive" for _, what in rig.told[first:]), rig.told


def note_committed(station: Station) -> list[dict[str, Any]]:
    """Every step that the station tells to be done, from now on, in a list that grows."""
    told, publish = [], station.bus.publish

    def note(kind: str, batch_id: str, data: Any = None, *more: Any) -> Any:
        if kind == STEP_COMPLETE:
            told.append(dict(data))
        return publish(kind, batch_id, data, *more)

    station.bus.publish = note  # type: ignore[method-assign]
    return told


def assert_recorded(stored: StoredExecution, committed: Iterable[dict[str, Any]], rig: Rig) -> None:
    """An execution that was begun is over, its cleanup on record once, and nothing lost that anybody was told."""
    assert stored.record.status is not ExecutionStatus.RUNNING
    assert stored.record.completed_at is not None
    assert not stored.needs_cleanup
    steps = {step.order: step for step in stored.steps}
    assert sorted(steps) == list(range(1, len(stored.steps) + 1))
    assert [(step.name, step.status) for step in stored.steps if step.is_cleanup] == [
        (name, StepStatus.COMPLETED) for name in ENDINGS
    ]
    assert not any(step.status is StepStatus.RUNNING for step in stored.steps)
    ticks = sum(step.name == "tick" for step in stored.steps)
    assert ticks - 1 <= rig.calls.count("tick") <= ticks  # nothing is driven before it is on record that it begins
    for one in committed:
        if one["execution_id"] == stored.record.execution_id:
            kept = steps[one["order"]]
            assert kept.path == one["path"]
            if not kept.is_cleanup:  # that may have been done once more
                assert (kept.status.value, kept.verdict and kept.verdict.value) == (one["status"], one["verdict"])


async def executions_of(station: Station, batch_id: str) -> list[StoredExecution]:
    page = await station.store.page(ResultFilter(batch_id=batch_id), 0, 1000)
    found = [await station.store.find(one.record.execution_id) for one in page.items]
    return [one for one in found if one is not None]


def assert_locks_are_free(data: Path) -> None:
    """Nobody holds a lock of the station that is closed."""
    names = [file.stem for file in locks_folder(data).glob("*.lock")]
    assert names
    assert [name for name in names if is_held(locks_folder(data), name)] == []


# A station that is killed --------------------------------------------------------------------------------------------

_CODE = "import sys; sys.path.insert(0, sys.argv[1]); import kill_kit; kill_kit.main(sys.argv[2])"


class Plan(dict[str, Any]):
    """``place``: a state, or ``step``; ``kind``: of step; ``victim``: worker, master, both, or all.

    ``all`` is the warden as well. ``delay``: seconds until the kill.
    """

    @property
    def rigs(self) -> list[Rig]:
        return [Rig(Path(self["folder"]), name) for name in ("struck", "beside")]

    def settings(self, **more: Any) -> Any:
        after = "ask" if self["place"] in _ASKED else "cleanup"
        return station_of(Path(self["folder"]), self.rigs, **{"after_crash": after, **more})


def main(text: str) -> None:
    """The process of the station that is killed."""
    asyncio.run(_live(Plan(json.loads(text))))


def say(**facts: Any) -> None:
    """For the test that has started this process."""
    sys.stdout.write(json.dumps(facts, default=str) + "\n")
    sys.stdout.flush()


async def _live(plan: Plan) -> None:
    struck, beside = plan.rigs
    station = opened(plan.settings())
    publish = station.bus.publish
    strike = _Strike(station, struck.name, plan)

    def told(kind: str, batch_id: str, data: Any = None, *more: Any) -> Any:
        if kind == STEP_COMPLETE:
            say(committed=dict(data))
        if batch_id == struck.name and kind == "batch_status":
            strike.at(data["state"])
        return publish(kind, batch_id, data, *more)

    station.bus.publish = told  # type: ignore[method-assign]
    async with station:
        await station.ready()
        if plan["place"] not in {"boot", "idle"}:
            await station.start_batch(beside.name)
            await start_in(station, beside, "cancellable", children=2)
        pid = station.status(beside.name).pid
        walking = asyncio.create_task(_walk(station, struck, plan, strike))
        await strike.over.wait()  # not for a master that is struck
        await station.ready()
        walking.cancel()
        assert station.status(beside.name).pid == pid
        say(ready=True)


class _Strike:
    """Kills, once."""

    def __init__(self, station: Station, batch_id: str, plan: Plan) -> None:
        self.over = asyncio.Event()
        self._station, self._batch_id, self._plan = station, batch_id, plan
        self._is_begun = False

    def at(self, place: str) -> None:
        if place == self._plan["place"] and not self._is_begun:
            self._is_begun = True
            # At once where a master is meant: the state must not be over, whatever this process has still to do.
            if self._plan["delay"] or self._plan["victim"] == "worker":
                asyncio.get_running_loop().call_later(self._plan["delay"], self._kill)
            else:
                self._kill()

    def _kill(self) -> None:
        victim, batch = self._plan["victim"], self._station._batches[self._batch_id]
        pid = batch.process.pid if batch.process is not None and batch.process.is_alive else None
        say(struck=pid, state=batch.status().state, wires=str(self._station._wires.folder))
        if victim != "master" and pid is not None:
            os.kill(pid, signal.SIGKILL)
        if victim == "all":
            os.kill(self._station._wards.pid or 0, signal.SIGKILL)
        if victim != "worker":
            os.kill(os.getpid(), signal.SIGKILL)
        self.over.set()


async def _walk(station: Station, rig: Rig, plan: Plan, strike: _Strike) -> None:
    """Lead a batch to where it is struck; further, it is led nowhere."""
    place, name = plan["place"], rig.name
    if place in {"boot", "idle"}:
        return
    await station.start_batch(name)
    if place in {"spawning", "free"}:
        return
    if place == "commanding":
        with suppress(CommandError):
            await station.manual(name, "rig", "rest", {"seconds": 60})
        return
    kind = plan["kind"] if place == "step" else "blocking" if place == "replacing" else "pause"
    await start_in(station, rig, kind, children=2)
    strike.at("step")
    if place == "replacing":  # a call that blocks is left behind
        await station.stop_sequence(name)
    elif place in {"stopping", "leaving"}:
        await station.stop_batch(name)
    elif place not in {"step", "executing"}:
        pid = station.status(name).pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    if place in _ASKED:
        await until(lambda: station.status(name).state == "asking")
        await _answer(station, rig, place)


async def _answer(station: Station, rig: Rig, place: str) -> None:
    """Say what is to become of an execution that is owed a cleanup."""
    name = rig.name
    if place == "waiving":
        await station.waive_cleanup(name)
    elif place in {"resuming", "withdrawing"}:
        if place == "withdrawing":  # what is gone on with must be what was begun
            rig.change_package()
        with suppress(CommandError):
            await station.resume_sequence(name)


async def struck(folder: Path, place: str, victim: str, *, kind: str = "", delay: float = 0.0) -> int:
    """Strike a station at a place, and see that all is well once the next has come; how many kills it were."""
    for name in ("struck", "beside"):
        make_rig(folder, name)
    plan = Plan(folder=str(folder), place=place, victim=victim, kind=kind, delay=delay)
    rigs, settings = plan.rigs, plan.settings(after_crash="cleanup")
    with known_by(folder):
        locks_folder(settings.data).mkdir(parents=True)
        hindered = Locks(locks_folder(settings.data), "somebody else")
        hindered.take(step_lock("bench"))
        with rigs[0].deadly() if place == "unclean" else nullcontext():
            said = await _until_it_ends(plan)
        hindered.release_all()
        facts = {name: value for one in said for name, value in one.items()}
        assert "state" in facts, "it was never there"
        async with opened(settings) as station:
            await station.ready()
            committed = [one["committed"] for one in said if "committed" in one]
            for rig in rigs:
                await _assert_well(station, rig, plan, committed)
        if victim == "all":  # nobody was left to do it
            shutil.rmtree(facts["wires"])
        await until(lambda: not alive_of(folder) and not os.access(facts["wires"], os.F_OK))  # nor a warden
        assert_locks_are_free(settings.data)
    return {"worker": 1, "master": 1, "both": 1 + (facts["struck"] is not None), "all": 3}[victim]


async def _until_it_ends(plan: Plan) -> list[dict[str, Any]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _CODE, str(Path(__file__).parent), json.dumps(plan), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            said = [json.loads(line) async for line in process.stdout if line.startswith(b"{")]
            assert await process.wait() == (0 if plan["victim"] == "worker" else -signal.SIGKILL)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return said


async def _assert_well(station: Station, rig: Rig, plan: Plan, committed: list[dict[str, Any]]) -> None:
    executions = await executions_of(station, rig.name)
    if plan["place"] == "waiving" and rig.name == "struck" and "off" not in rig.calls:
        (waived,) = executions  # it was the last thing that the master did
        assert (waived.record.status, waived.needs_cleanup) == (ExecutionStatus.INTERRUPTED, False)
        return
    status = station.status(rig.name)
    assert (status.status in {"idle", "error"}, status.owes_cleanup) == (True, False), status
    for stored in executions:
        assert_recorded(stored, committed, rig)
    is_unsure = plan["delay"] or plan["place"] in {"unclean", "recovering", "stopping", "leaving", "faulted"}
    more = 4 if is_unsure else 1 if plan["place"] == "commanding" else 0  # manual control is cleaned up after as well
    assert_cleaned_up(rig, executions, more if rig.name == "struck" else 0, plan["kind"])
