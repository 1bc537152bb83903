"""However a run ends, its cleanup is done exactly once, and nothing is driven after it."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sequence_kit import HEAD, World, play, write_package

from engine.sequence.bench import Bench
from engine.sequence.local import LocalResources, MemoryRecorder
from engine.sequence.package import load_package
from engine.sequence.records import ExecutionRecord, ExecutionStatus, Shown, StepStatus, Verdict
from engine.sequence.run import ResumeError, SequenceRun
from engine.testing.loop import VirtualLoop

# Every kind of step, each taking a second or so of virtual time.
TWO = 'sequence: test\nhardware: {psu: {driver: "drivers.psu:Psu"}, b: {driver: "drivers.psu:Psu"}}\n'
STEPS = """
- {name: power_on, call: psu.on, timeout: 2 s, retry: {times: 2, first: 1 s}}
- {name: slow, call: psu.slow, with: {seconds: 1}, timeout: 3 s, on_fail: continue}
- {name: settle, wait: 1 s}
- {name: rail, call: psu.read, timeout: 2 s, on_fail: continue, measure: {v: {unit: V, range: [3, 3.5]}}}
- {name: maybe, when: results.rail.v > 3, call: b.slow, timeout: 3 s}
- {name: look, prompt: {text: LED?, choices: [예, 아니오], timeout: 5 s}}
- {name: checked, measure: {v: {value: "${results.rail.v + 1}", unit: V, at_most: 9}}}
- {name: rounds, lock: chamber, repeat: {times: 2}, steps: [{name: sample, call: psu.slow, timeout: 3 s}]}
- name: both
  parallel:
    - - {name: left, call: psu.slow, timeout: 3 s}
    - - {name: right, call: b.slow, timeout: 3 s}
- {name: meet, rendezvous: {name: start, members: 1}, timeout: 2 s}
"""
CLEANUP = """cleanup:
  - {name: power_off, call: psu.off, timeout: 2 s}
  - {name: all_off, call: b.off, timeout: 2 s}
"""
COMMANDS = ["psu.on", "psu.slow", "psu.read", "b.slow", "psu.off", "b.off"]
KINDS = ["exception", "timeout", "hang", "drift:0.5"]


class SlowOperator:
    async def ask(self, prompt):
        await asyncio.sleep(1)
        return prompt.choices[0]


class SlowRecorder(MemoryRecorder):
    """Takes a moment for every commit, and keeps everything that ever came."""

    def __init__(self):
        super().__init__()
        self.all = {}

    async def commit(self, items):
        await asyncio.sleep(0.05)
        self.all.update({item.seq: item for item in items if not isinstance(item, Shown)})
        await super().commit(items)


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return load_package(write_package(tmp_path_factory.mktemp("cleanup"), STEPS, head=TWO, cleanup=CLEANUP))


faults = st.lists(
    st.builds("{}={}{}".format, st.sampled_from(COMMANDS), st.sampled_from(KINDS), st.sampled_from(["", "@1", "@2"])),
    max_size=3,
)
moments = st.one_of(st.none(), st.floats(0, 16))


@settings(max_examples=120, deadline=None)
@given(faults=faults, stop=moments, second=st.floats(0, 8), cancel=st.booleans())
def test_the_cleanup_is_done_exactly_once(package, faults, stop, second, cancel):
    world = World(package, faults=faults, recorder=SlowRecorder())
    world.operator = SlowOperator()

    async def during(world):
        if stop is not None:
            await asyncio.sleep(stop)
            world.run.stop("by hand")
            await asyncio.sleep(second)
            world.run.stop("again")

    async def life(clock):
        main = asyncio.ensure_future(world.live(clock, during))
        if cancel and stop is not None:
            await asyncio.sleep(stop)
            main.cancel()
        try:
            return await main
        except asyncio.CancelledError:
            return world.recorder.execution

    loop = VirtualLoop()
    try:
        record = loop.run(life(loop.clock))
    finally:
        loop.close()
    judge(world, record, {text.partition("=")[0] for text in faults if "drift" not in text})


def judge(world, record, struck):
    calls = world.calls
    expected = [name for name in ("psu.off", "b.off") if name not in struck]
    assert calls.count("off") >= len(expected)
    assert calls.count("off") <= 2
    if len(expected) == 2:
        # Nothing is driven after the cleanup has begun but the cleanup itself.
        assert calls[-2:] == ["off", "off"]
    steps = world.recorder.steps
    cleanup = [step for step in steps if step.is_cleanup]
    assert [step.name for step in cleanup] == ["power_off", "all_off"]
    assert [step.order for step in steps] == list(range(1, len(steps) + 1))
    assert steps[-2:] == tuple(cleanup)
    assert all(step.status is not StepStatus.RUNNING for step in steps)
    seqs = sorted(world.recorder.all)
    assert seqs == list(range(1, len(seqs) + 1))
    assert world.recorder.all[seqs[-1]] == record
    assert isinstance(record, ExecutionRecord)
    assert record.status is not ExecutionStatus.RUNNING
    if any(not step.is_pass for step in cleanup):
        assert record.verdict.rank >= Verdict.ERROR.rank
    if record.status is ExecutionStatus.STOPPED:
        assert record.verdict is Verdict.ABORTED
    assert world.run.unrecorded == ()
    assert world.run.current_steps == ()


def test_a_stop_in_the_middle_of_a_call_waits_for_its_end_before_the_cleanup(tmp_path):
    async def during(world):
        await asyncio.sleep(3)
        world.run.stop("door open")

    world = play(
        tmp_path, "- {name: slow, call: psu.slow, with: {seconds: 60}}\n- {name: on, call: psu.on}", during=during
    )
    assert world.calls == ["slow begins", "off"]
    assert world.verdicts() == {"slow": "aborted", "power_off": "pass"}
    assert (world.record.status, world.record.verdict) == (ExecutionStatus.STOPPED, Verdict.ABORTED)
    assert world.record.reason == "door open"
    assert world.steps[0].error == "door open"


def test_a_stop_before_the_start_drives_nothing_but_the_cleanup(tmp_path):
    write_package(tmp_path, "- {name: on, call: psu.on}")
    world = World(tmp_path)

    async def stopped(clock):
        world.bench = Bench(world.package.hardware, simulate=True)
        world.run = SequenceRun(world.package, {}, world.bench, world.recorder, world.operator, LocalResources(), clock)
        world.run.stop("never mind")
        return await world.run.run()

    loop = VirtualLoop()
    record = loop.run(stopped(loop.clock))
    loop.close()
    assert world.calls == ["off"]
    assert record.status is ExecutionStatus.STOPPED


@pytest.mark.parametrize("fault", ["psu.off=exception", "psu.off=timeout", "psu.off=hang"])
def test_a_cleanup_step_that_fails_keeps_no_other_from_being_done_and_makes_the_run_an_error(tmp_path, fault):
    cleanup = """cleanup:
  - {name: first, call: psu.off, timeout: 2 s}
  - {name: computed, call: psu.on, with: {voltage: "${results.rail.v * 2}"}}
  - {name: last, call: psu.read}
"""
    steps = "- {name: rail, when: false, call: psu.read, measure: {v: {unit: V}}}\n- {name: on, call: psu.on}"
    world = play(tmp_path, steps, cleanup=cleanup, faults=[fault])
    assert world.verdicts() == {"rail": "skipped", "on": "pass", "first": "error", "computed": "error", "last": "pass"}
    assert world.record.verdict is Verdict.ERROR
    assert world.record.status is ExecutionStatus.FAILED


def test_a_failing_limit_in_the_cleanup_makes_the_run_an_error(tmp_path):
    cleanup = "cleanup:\n  - {name: is_off, call: psu.read, measure: {v: {unit: V, at_most: 0.5}}}\n"
    world = play(tmp_path, "- {name: on, call: psu.on}", cleanup=cleanup)
    assert world.verdicts()["is_off"] == "fail"
    assert world.record.verdict is Verdict.ERROR


def test_a_call_that_nothing_can_cancel_holds_nothing_up_and_asks_for_a_new_process(tmp_path):
    steps = """
    - {name: on, call: psu.on, timeout: 2 s, cancel: 1 s, retry: {times: 3}}
    """
    world = play(tmp_path, steps, faults=["psu.on=hang@1"])
    assert world.calls == ["off"]  # on a fresh handle; and no second try beside the one that is blocked
    assert world.driver.CALLS.count("open") == 2
    assert world.run.needs_new_process
    assert "blocked" in world.steps[0].error
    assert world.record.duration == pytest.approx(3.0, abs=0.1)


def test_the_cleanup_of_a_run_whose_process_died_is_made_up_for(tmp_path):
    write_package(tmp_path, "- {name: on, call: psu.on}\n- {name: slow, call: psu.slow}")
    world = World(tmp_path)

    async def recover(clock):
        world.bench = Bench(world.package.hardware, simulate=True)
        world.run = SequenceRun(
            world.package, {}, world.bench, world.recorder, world.operator, LocalResources(), clock,
            execution_id="e1", first_seq=4, first_order=2,
        )  # fmt: skip
        return await world.run.cleanup_only("the worker died")

    loop = VirtualLoop()
    record = loop.run(recover(loop.clock))
    loop.close()
    assert world.calls == ["off"]
    assert [(step.name, step.order, step.seq) for step in world.steps] == [("power_off", 3, 6)]
    assert (record.seq, record.status, record.verdict) == (7, ExecutionStatus.INTERRUPTED, Verdict.ABORTED)
    assert record.reason == "the worker died"


def test_no_lock_outlives_its_run(tmp_path):
    held = []

    class Door(LocalResources):
        async def acquire(self, name):
            await super().acquire(name)
            held.append(name)

        async def release(self, name):
            await super().release(name)
            held.remove(name)

    async def during(world):
        await asyncio.sleep(1)
        assert held == ["chamber"]
        world.run.stop()

    steps = "- {name: slow, lock: chamber, call: psu.slow, with: {seconds: 60}}"
    world = play(tmp_path, steps, head=HEAD, resources=Door(), during=during)
    assert held == []
    assert world.calls == ["slow begins", "off"]


RESUMABLE = """
- {name: rail, call: psu.read, measure: {v: {unit: V}}}
- {name: on, call: psu.on}
- {name: again, resumable: true, when: results.rail.v > 3, call: psu.read, with: {name: w}, measure: {w: {at_most: 5}}}
- {name: last, measure: {sum: {value: "${results.rail.v + results.again.w}", unit: V}}}
"""


def half_run(tmp_path):
    """A run that ended as a kill would end it: its records up to the start of the third step."""
    world = World(write_package(tmp_path, RESUMABLE), values={"v": 3.5, "w": 4})
    records = {}

    class Killed:
        async def commit(self, batch):
            records.update((record.order, record) for record in batch if hasattr(record, "order"))
            if any(getattr(record, "name", "") == "again" for record in batch):
                await asyncio.Event().wait()

        def show(self, event): ...

    async def killed(clock):
        world.recorder = Killed()
        task = asyncio.ensure_future(world.live(clock))
        await asyncio.sleep(1)
        kept = list(records.values())
        task.cancel()  # its cleanup is not what this is about
        await asyncio.wait({task}, timeout=60)
        return kept

    loop = VirtualLoop()
    kept = loop.run(killed(loop.clock))
    loop.close()
    world.driver.CALLS.clear()
    return world, kept


def go_on(world, begin):
    async def life(clock):
        world.bench = Bench(world.package.hardware, simulate=True)
        world.recorder = SlowRecorder()
        world.run = SequenceRun(
            world.package, {}, world.bench, world.recorder, world.operator, LocalResources(), clock,
            execution_id="e1", first_seq=10, first_order=3,
        )  # fmt: skip
        return await begin(world.run)

    loop = VirtualLoop()
    try:
        return loop.run(life(loop.clock))
    finally:
        loop.close()


def test_a_run_is_gone_on_with_only_where_the_sequence_says_so(tmp_path):
    world, records = half_run(tmp_path)
    assert [(r.name, r.status.value) for r in records] == [
        ("rail", "completed"),
        ("on", "completed"),
        ("again", "running"),
    ]
    with pytest.raises(ResumeError, match="'on' may not be resumed"):
        go_on(world, lambda run: run.resume("on", records))
    assert world.calls == []
    record = go_on(world, lambda run: run.resume("again", records))
    assert world.calls == ["read w", "off"]
    assert [(step.order, step.name, step.verdict.value) for step in world.steps] == [
        (3, "again", "aborted"), (4, "again", "pass"), (5, "last", "pass"), (6, "power_off", "pass"),
    ]  # fmt: skip
    assert world.steps[2].measurements[0].value == 7.5  # what the process that died had measured is known
    assert record.verdict is Verdict.PASS


def test_a_step_that_was_underway_in_a_process_that_died_is_closed_with_the_cleanup(tmp_path):
    world, records = half_run(tmp_path)
    go_on(world, lambda run: run.cleanup_only("killed", records))
    assert world.calls == ["off"]
    assert [(step.name, step.status.value) for step in world.steps] == [("again", "failed"), ("power_off", "completed")]


def test_how_long_an_end_can_take_is_known(tmp_path):
    cleanup = """cleanup:
  - {name: first, call: psu.off, timeout: 2 s, cancel: 1 s, retry: {times: 2, first: 1 s}}
  - {name: last, call: psu.off}
"""
    package = load_package(write_package(tmp_path, "- {name: slow, call: psu.slow, cancel: 5 s}", cleanup=cleanup))
    # The call that is stopped, three tries with two pauses (1 s, 2 s), and the default of 10 s.
    assert package.longest_cleanup == (5 + 1) + 3 * (2 + 1 + 1) + 3 + (10 + 2 + 1)
    world = World(package, faults=["psu.slow=hang", "psu.off=hang"])

    async def during(world):
        await asyncio.sleep(1)
        world.run.stop()

    world.go(during)
    assert world.record.duration - 1 <= package.longest_cleanup


def test_calls_that_are_blocked_side_by_side_are_given_up_together(tmp_path):
    names = ("psu", "dmm", "load", "fan")
    hardware = ", ".join(f'{name}: {{driver: "drivers.psu:Psu"}}' for name in names)
    branches = "".join(f"    - [{{name: {name}_slow, call: {name}.slow}}]\n" for name in names)
    head = f"sequence: test\nversion: 1.0.0\nhardware: {{{hardware}}}\n"
    package = load_package(write_package(tmp_path, f"- name: all\n  parallel:\n{branches}", head=head))
    world = World(package, faults=[f"{name}.slow=hang" for name in names])

    async def during(world):
        await asyncio.sleep(1)
        world.run.stop()

    world.go(during)
    assert world.calls == ["off"]
    assert [step.verdict for step in world.steps] == [Verdict.ABORTED] * 4 + [Verdict.PASS]
    assert world.record.duration == pytest.approx(1 + 2, abs=0.1)  # all of them had the same 2 s to end
