"""The life of a batch with a real process: what is legal when, how it is stopped, and what it may not take."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time

import psutil
import pytest
from station_kit import (
    KINDS,
    assert_clean,
    make_rig,
    opened,
    run,
    start_in,
    station_of,
    until,
    up,
)

from engine.ports import StoreError
from engine.sequence.records import ExecutionStatus, Verdict
from engine.station.errors import (
    CommandError,
    NoSuchBatchError,
    NoSuchPromptError,
    ParametersError,
    WrongStateError,
)
from engine.station.settings import BatchSettings, Limits, StationSettings


async def ended(station, batch_id: str, execution: str):
    await until(lambda: station.status(batch_id).execution_id != execution)
    return await station.store.find(execution)


def test_a_run_that_is_stopped_in_any_kind_of_step_goes_through_its_cleanup_once(tmp_path):
    async def scenario() -> None:
        rig = make_rig(tmp_path, "b")
        async with opened(station_of(tmp_path, [rig], auto_start=True)) as station:
            await up(station)
            for kind in KINDS:
                if kind == "locked":
                    continue  # nobody holds it here
                rig.log.unlink(missing_ok=True)
                execution = await start_in(station, rig, kind)
                await station.stop_sequence("b", "enough", actor="kim")
                with contextlib.suppress(WrongStateError):  # it may be over already
                    await station.stop_sequence("b", "again", actor="kim")
                stored = await ended(station, "b", execution)
                assert (stored.record.status, stored.record.verdict) == (ExecutionStatus.STOPPED, Verdict.ABORTED), kind
                assert stored.record.reason == "enough"
                assert_clean(rig, stored)
                await until(lambda: station.status("b").state == "free")  # a blocked driver: in a new process

    run(scenario())


def test_a_second_stop_in_the_cleanup_changes_nothing_and_stopping_the_batch_waits_for_it(tmp_path):
    async def scenario() -> None:
        rig = make_rig(tmp_path, "b")
        async with opened(station_of(tmp_path, [rig], auto_start=True)) as station:
            await up(station)
            execution = await start_in(station, rig, "pause", slow_off=0.5)
            await station.stop_sequence("b", "first")
            await until(lambda: "off" in rig.calls)
            await station.stop_sequence("b", "second")
            status = await station.stop_batch("b")
            assert (status.status, status.pid, status.owes_cleanup) == ("idle", None, False)
            stored = await station.store.find(execution)
            assert stored.record.reason == "first"
            assert_clean(rig, stored)

    run(scenario())


def test_what_a_batch_is_not_ready_for_is_refused_with_the_reason(tmp_path):
    async def scenario() -> None:
        rig = make_rig(tmp_path, "b")
        async with opened(station_of(tmp_path, [rig])) as station:
            await station.ready()
            for refused in (
                station.stop_batch("b"), station.start_sequence("b"), station.stop_sequence("b"),
                station.manual("b", "rig", "double", {"number": 2}), station.run_cleanup("b"),
            ):  # fmt: skip
                with pytest.raises(WrongStateError, match="batch 'b' is idle: it has no process; start it first"):
                    await refused
            with pytest.raises(NoSuchBatchError, match="there are: b"):
                await station.start_batch("c")
            assert (await station.start_batch("b")).status == "running"
            with pytest.raises(WrongStateError, match="is running"):
                await station.start_batch("b")
            with pytest.raises(ParametersError) as wrong:
                await station.start_sequence("b", {"only": 5, "volts": 3})
            assert [(one.field, one.code) for one in wrong.value.problems] == [
                ("only", "needs-quotes"), ("volts", "unknown-setting"),
            ]  # fmt: skip
            await start_in(station, rig, "pause")
            with pytest.raises(WrongStateError, match="batch 'b' is running: a sequence runs in it"):
                await station.manual("b", "rig", "double", {"number": 2}, actor="kim")
            with pytest.raises(WrongStateError):
                await station.start_sequence("b")
            with pytest.raises(NoSuchPromptError):
                await station.answer("b", "7", "yes")
            assert rig.calls == ["on"]

    run(scenario())


def test_manual_commands_go_through_the_batch_s_process_and_are_all_in_the_audit_log(tmp_path):
    async def scenario() -> None:
        rig = make_rig(tmp_path, "b")
        async with opened(station_of(tmp_path, [rig], auto_start=True)) as station:
            await up(station)
            answer = await station.manual("b", "rig", "double", {"number": 21}, actor="kim")
            assert (answer["value"], answer["error"]) == (42.0, None)
            answer = await station.manual("b", "rig", "triple", actor="kim")
            assert "has no command 'triple'" in answer["problem"]
            answer = await station.manual("b", "rig", "double", {"number": "x"}, actor="kim")
            assert "takes number" in answer["problem"]
            with pytest.raises(CommandError) as gone:
                await station.manual("b", "rig", "crash", actor="kim")
            assert gone.value.code in {"worker_gone", "no_answer"}
            await until(lambda: station.status("b").status == "error")
            assert "exit code 9" in station.status("b").reason
            entries, total = await station.store.audit("b")
            assert total == len(entries)
            manual = [one for one in reversed(entries) if one.action == "manual"]
            assert [(one.detail["command"], one.outcome.split(":")[0]) for one in manual] == [
                ("double", "ok"), ("triple", "'rig' has no command 'triple'; it has"),
                ("double", "'number' takes number, not 'x'"), ("crash", gone.value.code),
            ]  # fmt: skip
            assert {one.actor for one in manual} == {"kim"}

    run(scenario())


def test_a_question_waits_for_whoever_comes_and_serial_and_operator_travel_with_the_run(tmp_path):
    async def scenario() -> None:
        rig = make_rig(tmp_path, "b")
        async with opened(station_of(tmp_path, [rig], auto_start=True)) as station:
            await up(station)
            execution = await station.start_sequence("b", {"only": "question"}, serial="SN-7", operator="kim")
            await until(lambda: station.status("b").prompts)
            snapshot, subscription = station.subscribe()
            (prompt,) = snapshot[0].data["prompts"]
            assert (prompt["text"], prompt["choices"]) == ("Is it on?", ["yes", "no"])
            with pytest.raises(CommandError, match="answers are yes, no"):
                await station.answer("b", prompt["id"], "perhaps")
            await station.answer("b", prompt["id"], "yes", actor="kim")
            stored = await ended(station, "b", execution)
            assert (stored.record.serial, stored.record.operator) == ("SN-7", "kim")
            assert stored.record.status is ExecutionStatus.COMPLETED
            with subscription:
                events = subscription.take()
            assert [one.seq for one in events] == list(range(events[0].seq, events[0].seq + len(events)))
            told = [one.type for one in events]
            assert [one for one in told if one in {"prompt_closed", "sequence_complete"}] == [
                "prompt_closed", "sequence_complete",
            ]  # fmt: skip

    run(scenario())


def test_two_batches_that_want_one_lock_take_turns_and_hardware_has_one_owner(tmp_path):
    async def scenario() -> None:
        first, second = make_rig(tmp_path, "a", lock="rig-1"), make_rig(tmp_path, "b", lock="rig-1")
        others = [make_rig(tmp_path, name) for name in ("c", "d")]
        async with opened(station_of(tmp_path, [first, second, *others])) as station:
            await station.ready()
            assert (await station.start_batch("a")).status == "running"
            status = await station.start_batch("b")
            assert status.status == "error"
            assert "'hardware-rig-1' is held by batch 'a' (process" in status.reason
            await station.stop_batch("a")
            assert (await station.start_batch("b")).status == "running"
            await asyncio.gather(station.start_batch("c"), station.start_batch("d"))
            one = await station.start_sequence("c", {"only": "locked"})
            await until(lambda: station.status("c").current_step == "locked")
            two = await station.start_sequence("d", {"only": "locked"})
            await until(lambda: station.status("d").waits_for == ("bench",))
            assert station.status("d").current_step != "locked"
            await station.stop_sequence("c")
            await until(lambda: station.status("d").current_step == "locked")
            assert station.status("d").waits_for == ()
            await station.stop_sequence("d")
            for batch_id, execution in (("c", one), ("d", two)):
                await ended(station, batch_id, execution)

    run(scenario())


def test_two_batches_meet(tmp_path):
    async def scenario() -> None:
        rigs = [make_rig(tmp_path, name) for name in ("a", "b")]
        for rig in rigs:
            file = rig.package / "sequence.yaml"
            file.write_text(file.read_text().replace(f"meet-{rig.name}", "both"))
        async with opened(station_of(tmp_path, rigs, auto_start=True)) as station:
            await up(station)
            executions = [await start_in(station, rigs[0], "meeting"), await start_in(station, rigs[1], "meeting")]
            for rig, execution in zip(rigs, executions, strict=True):
                stored = await ended(station, rig.name, execution)
                assert stored.record.verdict is Verdict.PASS

    run(scenario())


def test_a_driver_that_blocks_its_whole_process_is_a_hang_that_is_killed_and_cleaned_up_after(tmp_path):
    async def scenario() -> None:
        rig = make_rig(tmp_path, "b")
        async with opened(station_of(tmp_path, [rig], auto_start=True, limits=Limits(heartbeat=1.5))) as station:
            await up(station)
            execution = await station.start_sequence("b", {"only": "hogging"})
            await until(lambda: station.status("b").status == "error")
            await station.ready()
            assert "did not answer for 1.5 s" in station.status("b").reason
            stored = await station.store.find(execution)
            assert stored.record.status is ExecutionStatus.INTERRUPTED
            assert_clean(rig, stored)

    run(scenario())


def test_a_driver_that_never_returns_costs_its_process_and_no_more(tmp_path):
    async def scenario() -> None:
        rig = make_rig(tmp_path, "b")
        async with opened(station_of(tmp_path, [rig], auto_start=True)) as station:
            await up(station)
            before = station.status("b").pid
            execution = await start_in(station, rig, "blocking")
            await station.stop_sequence("b")
            stored = await ended(station, "b", execution)
            assert_clean(rig, stored)
            await until(lambda: station.status("b").state == "free")
            assert station.status("b").pid != before
            assert not psutil.pid_exists(before)

    run(scenario())


def test_a_batch_over_its_limits_is_ended_and_cleaned_up_after(tmp_path):
    async def scenario() -> None:
        rigs = [make_rig(tmp_path, name) for name in ("time", "memory", "cpu")]
        limits = {
            "time": Limits(time=0.5, heartbeat=30), "memory": Limits(memory=150_000_000, heartbeat=30),
            "cpu": Limits(cpu=0.01, heartbeat=30),
        }  # fmt: skip
        batches = tuple(rig.batch(limits=limits[rig.name]) for rig in rigs)
        async with opened(StationSettings("test", "Test", tmp_path / "data", batches=batches)) as station:
            await station.ready()
            await station.start_batch("time")
            execution = await start_in(station, rigs[0], "pause")
            stored = await ended(station, "time", execution)
            assert stored.record.status is ExecutionStatus.STOPPED
            assert stored.record.reason == "it took longer than its limit of 0.5 s"
            await station.start_batch("memory")
            execution = await station.start_sequence("memory", {"only": "greedy"})
            await until(lambda: station.status("memory").status == "error")
            await station.ready()
            assert "its limit is 150 MB" in station.status("memory").reason
            assert_clean(rigs[1], await station.store.find(execution))
            await station.start_batch("cpu")
            await until(lambda: station.status("cpu").status == "error")
            assert "of the processor; its limit is 0.01 s" in station.status("cpu").reason

    run(scenario())


def test_a_station_that_is_closed_stops_what_runs_through_its_cleanup(tmp_path):
    async def scenario() -> None:
        rigs = [make_rig(tmp_path, name) for name in ("a", "b", "c")]
        async with opened(station_of(tmp_path, rigs, auto_start=True)) as station:
            await up(station)
            executions = [await start_in(station, rig, kind) for rig, kind in zip(rigs, KINDS, strict=False)]
            pids = [station.status(rig.name).pid for rig in rigs]
            began = time.monotonic()
        assert time.monotonic() - began < 10
        assert not any(psutil.pid_exists(pid) for pid in pids)
        async with opened(station_of(tmp_path, rigs)) as station:
            await station.ready()
            for rig, execution in zip(rigs, executions, strict=True):
                assert_clean(rig, await station.store.find(execution))

    run(scenario())


def test_a_station_that_is_closed_does_not_wait_for_a_process_that_hangs_and_has_a_fresh_one_clean_up(tmp_path):
    async def scenario() -> None:
        rig = make_rig(tmp_path, "b")
        settings = station_of(tmp_path, [rig], auto_start=True, limits=Limits(heartbeat=1.5))
        async with opened(settings) as station:
            await up(station)
            hangs = station._batches["b"].process
            execution = await station.start_sequence("b", {"only": "hogging"})
            await until(lambda: rig.calls[-1:] == ["hog"])
        assert hangs.why_killed == "it did not answer for 1.5 s"
        async with opened(settings) as station:
            await station.ready()
            assert_clean(rig, await station.store.find(execution))

    run(scenario())


@pytest.mark.parametrize("at", ["death", "cleanup"])
def test_a_station_that_is_closed_lets_a_cleanup_come_to_its_end_that_is_owed(tmp_path, monkeypatch, at):
    monkeypatch.setattr("engine.station.house._END_MARGIN_S", 0.0)
    if at == "cleanup":
        monkeypatch.setattr("engine.station.house._RECOVERY_S", 0.0)

    async def scenario() -> None:
        rig = make_rig(tmp_path, "b")
        async with opened(station_of(tmp_path, [rig], auto_start=True)) as station:
            await up(station)
            await start_in(station, rig, "pause", slow_off=1)
            os.kill(station.status("b").pid, signal.SIGKILL)
            await until(lambda: station.status("b").status == "error" if at == "death" else "off" in rig.calls)
            await station.close()
            assert rig.calls == ["on", "off", "cool"]
        async with opened(station_of(tmp_path, [rig])) as station:
            await station.ready()
            assert (station.status("b").owes_cleanup, rig.calls) == (False, ["on", "off", "cool"])

    run(scenario())


@pytest.mark.parametrize("fails", ["interrupt", "unfinished"])
def test_hardware_is_cleaned_up_after_a_crash_also_when_the_store_fails_at_first(tmp_path, monkeypatch, fails):
    async def scenario() -> None:
        rig = make_rig(tmp_path, "b")
        async with opened(station_of(tmp_path, [rig], auto_start=True)) as station:
            await up(station)
            execution = await start_in(station, rig, "pause")

            async def refuse(*_: object, **__: object) -> bool:
                raise StoreError("no room")

            monkeypatch.setattr(station.store, fails, refuse)
            os.kill(station.status("b").pid, signal.SIGKILL)
            if fails == "unfinished":  # nobody knows what is owed: it is not said that nothing is
                await until(lambda: station.status("b").state == "unclean")
                assert (station.status("b").reason, station.status("b").owes_cleanup) == ("no room", True)
                with pytest.raises(WrongStateError):
                    await station.resume_sequence("b")
                monkeypatch.undo()
                await station.run_cleanup("b")
            await until(lambda: station.status("b").state == "faulted")
            stored = await station.store.find(execution)
            assert_clean(rig, stored)
            assert stored.record.status is ExecutionStatus.INTERRUPTED

    run(scenario())


def test_a_process_is_called_after_its_batch_and_imports_neither_a_web_server_nor_a_database(tmp_path):
    async def scenario() -> None:
        rig = make_rig(tmp_path, "b")
        async with opened(station_of(tmp_path, [rig], auto_start=True)) as station:
            await up(station)
            process = psutil.Process(station.status("b").pid)
            assert process.cmdline()[0] == "batch:b"
            assert os.getsid(process.pid) == process.pid
            mapped = " ".join(one.path for one in process.memory_maps())
            assert not any(name in mapped for name in ("pydantic", "sqlite"))

    run(scenario())


def test_a_package_that_is_wrong_is_told_when_its_batch_is_started(tmp_path):
    async def scenario() -> None:
        batch = BatchSettings("b", "B", str(tmp_path / "nothing"))
        async with opened(StationSettings("test", "Test", tmp_path / "data", batches=(batch,))) as station:
            await station.ready()
            status = await station.start_batch("b")
            assert status.status == "error"
            assert "no sequence is called" in status.reason

    run(scenario())


@pytest.mark.torture
def test_ten_thousand_steps_take_no_more_memory_at_the_end_than_at_the_beginning(tmp_path):
    async def scenario() -> None:
        rig = make_rig(tmp_path, "b")
        (rig.package / "sequence.yaml").write_text(
            "sequence: many\nversion: 1.0.0\nhardware: {rig: {driver: drivers.rig:Rig, config: {log: {type: text}}}}\n"
            "steps:\n  - name: many\n    repeat: {times: 10000}\n    steps:\n"
            "      - {name: one, call: rig.double, with: {number: 1}}\n"
        )
        async with opened(station_of(tmp_path, [rig], auto_start=True)) as station:
            await up(station)
            worker, master = psutil.Process(station.status("b").pid), psutil.Process()
            execution = await station.start_sequence("b")
            await until(lambda: (station.status("b").step_index or 0) > 2_000, within=120)
            before = (worker.memory_info().rss, master.memory_info().rss)
            stored = None
            await until(lambda: (station.status("b").step_index or 0) > 9_900, within=240)
            after = (worker.memory_info().rss, master.memory_info().rss)
            stored = await ended(station, "b", execution)
            assert len(stored.steps) == 10_000
            assert after[0] - before[0] < 5_000_000
            assert after[1] - before[1] < 12_000_000

    run(scenario(), within=400)
