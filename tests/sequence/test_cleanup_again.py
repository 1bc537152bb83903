"""A cleanup that died half way is done again from its beginning, and is one cleanup on record all the same."""

import pytest
from sequence_kit import World, write_package

from engine.sequence.bench import Bench
from engine.sequence.local import LocalResources
from engine.sequence.records import StepRecord, StepStatus
from engine.sequence.run import SequenceRun
from engine.testing.loop import VirtualLoop

STEPS = "- {name: on, call: psu.on}\n- {name: rest, wait: 1 s}"
CLEANUP = """cleanup:
  - {name: power_off, call: psu.off, timeout: 2 s}
  - {name: cold, when: parameters.hot, wait: 1 s}
  - {name: vent, call: psu.slow, timeout: 2 s}
  - {name: last, call: psu.off, timeout: 2 s}
"""
HEAD = (
    "sequence: test\nversion: 1.0.0\nparameters: {hot: {type: flag, default: false}}\n"
    'hardware: {psu: {driver: "drivers.psu:Psu"}}\n'
)
ALL_OF_IT = ["off", "slow begins", "slow ends", "off"]


class Log:
    """A recorder that keeps every record one by one, as if a process could die between any two."""

    def __init__(self):
        self.records = []

    async def commit(self, records):
        self.records += [record for record in records if hasattr(record, "seq")]

    def show(self, event): ...


def kept(records):
    """What is on record: of each step its newest."""
    return list({one.order: one for one in records if isinstance(one, StepRecord)}.values())


def recover(world, log):
    """Make up for the cleanup of what is on record."""
    steps = kept(log.records)
    world.driver.CALLS.clear()

    async def life(clock):
        bench = Bench(world.package.hardware, simulate=True)
        run = SequenceRun(
            world.package, {}, bench, log, world.operator, LocalResources(), clock, execution_id="e1",
            first_seq=log.records[-1].seq, first_order=max(step.order for step in steps),
        )  # fmt: skip
        await run.cleanup_only("killed", steps)
        await bench.close()

    loop = VirtualLoop()
    loop.run(life(loop.clock))
    loop.close()


@pytest.fixture
def whole(tmp_path):
    """A run that nothing befell, and all its records."""
    log = Log()
    world = World(write_package(tmp_path, STEPS, head=HEAD, cleanup=CLEANUP), recorder=log)
    world.go()
    return world, log.records


def test_wherever_a_cleanup_died_all_of_it_is_done_again_and_each_of_its_steps_is_on_record_once(whole):
    world, records = whole
    expected = [(step.order, step.path, step.status) for step in kept(records)]
    for died_after in range(2, len(records)):
        log = Log()
        log.records = records[:died_after]
        recover(world, log)
        assert world.calls == ALL_OF_IT
        steps = kept(log.records)
        cleanup = [(step.order, step.path, step.status) for step in steps if step.is_cleanup]
        before = [step for step in steps if not step.is_cleanup]
        assert [(path, status) for _, path, status in cleanup] == [(path, status) for _, path, status in expected[2:]]
        assert sorted(step.order for step in steps) == list(range(1, len(steps) + 1))
        assert not any(step.status is StepStatus.RUNNING for step in before)


def test_a_cleanup_that_dies_again_and_again_tells_how_often_each_step_was_tried(whole):
    world, records = whole
    log = Log()
    log.records = list(records[:-1])  # all but its end
    for _ in range(2):
        recover(world, log)
        log.records.pop()  # and once more
    tried = {step.path: step.attempts for step in kept(log.records) if step.is_cleanup}
    assert tried == {"power_off": 3, "cold": 1, "vent": 3, "last": 3}
