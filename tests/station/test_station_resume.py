"""A run whose process died at a step that may be resumed is gone on with when somebody says so, and only then."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from station_kit import DRIVER, Rig, cleanups, opened, processes_of, run, station_of, until, up

from engine.sequence.records import ExecutionRecord, ExecutionStatus, StepRecord, StepStatus, Verdict
from engine.station.errors import CommandError, WrongStateError
from engine.station.owed import resumable_step
from engine.station.settings import BackendSettings, BatchSettings
from engine.store.station_ports import StoredExecution

SEQUENCE = """\
sequence: oven
version: 1.0.0
parameters:
  crashes: {type: number, default: 1}
  vin: {type: number, unit: V}
hardware:
  rig: {driver: drivers.rig:Oven, config: {log: {type: text}}, lock: LOCK}
steps:
  - {name: heat, call: rig.on}
  - {name: rail, call: rig.double, with: {number: "${parameters.vin}"}, measure: {v: {unit: V, range: [1, 50]}}}
  - {name: soak, resumable: true, call: rig.soak, with: {crashes: "${parameters.crashes}"}}
  - {name: sum, measure: {more: {value: "${results.rail.v + 1}", range: [24, 26], marginal: [24.9, 24.99]}}}
  - {name: leave, call: rig.leave, with: {crashes: "${parameters.crashes}"}}
cleanup:
  - {name: power_off, call: rig.off, timeout: 5 s}
  - {name: cool_down, call: rig.cool, timeout: 5 s}
"""
OVEN = '''

class Oven(Rig):
    """Soaks for ever until it was begun more often than ``crashes``; leaves at once, unless that is 0."""

    async def soak(self, crashes: float) -> None:
        self._note("soak")
        if self._soaks() <= crashes:
            await asyncio.sleep(600)

    async def leave(self, crashes: float) -> None:
        self._note("leave")
        if not crashes:
            await asyncio.sleep(600)

    def _soaks(self) -> int:
        with open(self._log) as file:
            return file.read().count("soak")
'''


def make_oven(folder: Path, name: str = "b") -> Rig:
    rig = Rig(folder, name)
    (rig.package / "drivers").mkdir(parents=True)
    (rig.package / "sequence.yaml").write_text(SEQUENCE.replace("LOCK", f"rig-{name}"))
    (rig.package / "drivers" / "rig.py").write_text(DRIVER + OVEN)
    return rig


async def crashed(station, rig: Rig, soaks: int = 1) -> None:
    """Kill the process in its step, and wait until somebody is asked."""
    await until(lambda: rig.calls.count("soak") == soaks)
    os.kill(station.status(rig.name).pid, signal.SIGKILL)
    await until(lambda: station.status(rig.name).state == "asking")


def told(stored) -> list[tuple[int, str, str]]:
    return [(step.order, step.name, step.verdict.value) for step in stored.steps]


def test_a_run_goes_on_at_the_step_where_its_process_was_killed_however_often_and_is_recorded_once(tmp_path):
    async def scenario() -> None:
        rig = make_oven(tmp_path)
        settings = station_of(tmp_path, [rig], auto_start=True, after_crash="ask")
        async with opened(replace(settings, backend=BackendSettings("http://127.0.0.1:9"))) as station:
            await up(station)
            execution = await station.start_sequence("b", {"vin": 12, "crashes": 2}, serial="SN-1", operator="kim")
            began = (await station.store.find(execution)).record.started_at
            await crashed(station, rig)
            status = station.status("b")
            assert status.resumable == {"execution_id": execution, "step": "soak"}
            assert status.owes_cleanup
            assert rig.calls == ["on", "soak"]  # nothing was switched off, and nothing done by itself
            assert await station.resume_sequence("b", actor="lee") == execution
            status = station.status("b")
            assert (status.status, status.execution_id, status.owes_cleanup) == ("running", execution, False)
            assert status.resumable is None
            stored = await station.store.find(execution)
            assert (stored.record.status, stored.needs_cleanup) == (ExecutionStatus.RUNNING, False)
            await crashed(station, rig, soaks=2)
            assert station.status("b").resumable == {"execution_id": execution, "step": "soak"}
            assert await station.store.queue_counts() == (0, 0)  # it is no result yet
            await station.resume_sequence("b", actor="lee")
            stored = await station.wait_sequence("b", execution)
            assert await station.store.queue_counts() == (1, 0)
            assert told(stored) == [
                (1, "heat", "pass"), (2, "rail", "pass"), (3, "soak", "aborted"), (4, "soak", "aborted"),
                (5, "soak", "pass"), (6, "sum", "marginal"), (7, "leave", "pass"), (8, "power_off", "pass"),
                (9, "cool_down", "pass"),
            ]  # fmt: skip
            assert all("SIGKILL" in step.error for step in stored.steps[2:4])
            assert stored.steps[5].measurements[0].value == 25  # of what another process had measured
            record = stored.record
            assert (record.status, record.verdict.value) == (ExecutionStatus.COMPLETED, "marginal")
            assert (record.serial, record.operator, record.started_at) == ("SN-1", "kim", began)
            assert rig.calls == ["on", "soak", "soak", "soak", "leave", "off", "cool"]
            assert len(set(rig.callers)) == 3
            entries, _ = await station.store.audit("b")
            resumed = [one for one in entries if one.action == "sequence.resume"]
            assert [(one.actor, one.outcome, one.detail["step"]) for one in resumed] == [("lee", "ok", "soak")] * 2
            assert station.status("b").status == "running"
        assert processes_of(tmp_path / "data") == []

    run(scenario())


def test_where_nothing_can_be_gone_on_with_the_reason_is_told(tmp_path):
    async def scenario() -> None:
        asking, cleaning = make_oven(tmp_path, "asking"), make_oven(tmp_path, "cleaning")
        settings = station_of(tmp_path, [asking, cleaning], auto_start=True)
        batches = (asking.batch(auto_start=True, after_crash="ask"), cleaning.batch(auto_start=True))
        async with opened(type(settings)("t", "T", settings.data, batches=batches)) as station:
            await up(station)
            with pytest.raises(WrongStateError, match="after a crash and before its cleanup, not now"):
                await station.resume_sequence("asking", actor="lee")
            for rig in (asking, cleaning):
                await station.start_sequence(rig.name, {"vin": 12, "crashes": 0})
                await until(lambda rig=rig: "leave" in rig.calls)
                os.kill(station.status(rig.name).pid, signal.SIGKILL)
            await until(lambda: station.status("asking").state == "asking")
            await until(lambda: station.status("cleaning").state == "faulted")
            assert station.status("asking").resumable is None
            with pytest.raises(WrongStateError, match="did not die at a step of which the sequence says 'resumable: "):
                await station.resume_sequence("asking")
            with pytest.raises(WrongStateError, match=r"cleaned up after at once here \(after_crash: cleanup\)"):
                await station.resume_sequence("cleaning")
            assert cleaning.calls[-2:] == ["off", "cool"]
            entries, _ = await station.store.audit("asking")
            assert [one.actor for one in entries if one.action == "sequence.resume"] == ["", "lee"]
            # What may be resumed may also be cleaned up after, and then it is over.
            await station.run_cleanup("asking")
            await station.start_batch("asking")
            await station.start_sequence("asking", {"vin": 12, "crashes": 9})
            await crashed(station, asking, soaks=2)
            assert station.status("asking").resumable is not None
            await station.run_cleanup("asking")
            assert station.status("asking").resumable is None
            with pytest.raises(WrongStateError, match="before its cleanup, not now"):
                await station.resume_sequence("asking")

    run(scenario())


def test_a_sequence_that_was_changed_meanwhile_is_not_gone_on_with_and_its_cleanup_stays_owed(tmp_path):
    async def scenario() -> None:
        rig = make_oven(tmp_path)
        async with opened(station_of(tmp_path, [rig], auto_start=True, after_crash="ask")) as station:
            await up(station)
            execution = await station.start_sequence("b", {"vin": 12})
            await crashed(station, rig)
            file = rig.package / "sequence.yaml"
            as_it_was = file.read_text()
            file.write_text(as_it_was.replace("range: [1, 50]", "range: [1, 40]"))
            with pytest.raises(CommandError, match="has been changed since this run of it was interrupted") as refused:
                await station.resume_sequence("b")
            assert refused.value.code == "sequence_changed"
            status = station.status("b")
            assert (status.state, status.owes_cleanup, status.pid) == ("asking", True, None)
            assert "has been changed" in status.reason
            assert rig.calls == ["on", "soak"]
            file.write_text(as_it_was)
            await station.resume_sequence("b")
            assert (await station.wait_sequence("b", execution)).record.overall_pass

    run(scenario())


def test_a_run_that_is_gone_on_with_can_be_stopped_and_ends_through_its_cleanup(tmp_path):
    async def scenario() -> None:
        rig = make_oven(tmp_path)
        async with opened(station_of(tmp_path, [rig], auto_start=True, after_crash="ask")) as station:
            await up(station)
            execution = await station.start_sequence("b", {"vin": 12, "crashes": 9})
            await crashed(station, rig)
            await station.resume_sequence("b")
            await station.stop_sequence("b", "enough")
            stored = await station.wait_sequence("b", execution)
            assert (stored.record.status, stored.record.reason) == (ExecutionStatus.STOPPED, "enough")
            assert cleanups(stored) == ["power_off", "cool_down"]
            assert rig.calls[-2:] == ["off", "cool"]

    run(scenario())


MASTER = """
import asyncio, json, sys
sys.path.insert(0, {here!r})
from station_kit import *
from test_station_resume import make_oven

async def main():
    folder = Path(sys.argv[1])
    rig = Rig(folder, "b")
    async with opened(station_of(folder, [rig], auto_start=True, after_crash="ask")) as station:
        await up(station)
        execution = await station.start_sequence("b", {{"vin": 12}})
        await until(lambda: "soak" in rig.calls)
        print(json.dumps([execution, station.status("b").pid]), flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


def test_a_run_goes_on_after_a_power_cut_that_took_master_and_batch_at_once(tmp_path):
    async def scenario() -> None:
        rig = make_oven(tmp_path)
        code = MASTER.format(here=str(Path(__file__).parent))
        master = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, str(tmp_path), stdout=asyncio.subprocess.PIPE
        )
        try:
            line = b""
            while not line.startswith(b"["):
                line = await master.stdout.readline()
                assert line, "the master ended"
            execution, pid = json.loads(line)
            os.kill(master.pid, signal.SIGSTOP)  # so that it cannot see its batch die
            os.kill(pid, signal.SIGKILL)
        finally:
            master.kill()
            await master.wait()
        async with opened(station_of(tmp_path, [rig], after_crash="ask")) as station:
            await until(lambda: station.status("b").state == "asking")
            assert station.status("b").resumable == {"execution_id": execution, "step": "soak"}
            await station.resume_sequence("b")
            stored = await station.wait_sequence("b", execution)
            assert [step.status for step in stored.steps].count(StepStatus.FAILED) == 1
            assert stored.record.status is ExecutionStatus.COMPLETED
            assert rig.calls == ["on", "soak", "soak", "leave", "off", "cool"]

    run(scenario())


@pytest.mark.parametrize(("steps", "step"), [
    ("- {name: soak, resumable: true, wait: 1 s}", "soak"),
    ("- {name: soak, wait: 1 s}", ""),
    ("- {name: frame, steps: [{name: soak, resumable: true, wait: 1 s}]}", "soak"),
    # The lock around it is what makes the step safe, and the process that held it is dead.
    ("- {name: frame, lock: bench, steps: [{name: soak, resumable: true, wait: 1 s}]}", ""),
    ("- {name: soak, resumable: [", ""),
])  # fmt: skip
def test_where_a_run_may_be_gone_on_with_is_read_from_its_sequence(tmp_path, steps, step):
    (tmp_path / "sequence.yaml").write_text(f"sequence: oven\nsteps:\n  {steps}\n")
    settings = BatchSettings("b", "b", str(tmp_path))
    cut_off = StepRecord("e", 2, 1, "soak", "soak", StepStatus.FAILED, Verdict.ABORTED)
    execution = ExecutionRecord("e", 3, "b", "oven", "1", ExecutionStatus.INTERRUPTED)
    assert resumable_step([StoredExecution(execution, (cut_off,), None, needs_cleanup=True)], settings, ()) == step
    in_cleanup = replace(cut_off, order=2, name="off", is_cleanup=True)
    done = replace(cut_off, status=StepStatus.COMPLETED, verdict=Verdict.PASS)
    for others in ((cut_off, in_cleanup), (done,), ()):
        assert resumable_step([StoredExecution(execution, others, None, needs_cleanup=True)], settings, ()) == ""
