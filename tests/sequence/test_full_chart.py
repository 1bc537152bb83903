"""A flow that a list of steps cannot say is a full chart, with the same records, drivers and end."""

import asyncio

import pytest
from sequence_kit import HEAD, World, codes, play, write_package

from engine.sequence.bench import Bench
from engine.sequence.local import LocalResources, MemoryRecorder
from engine.sequence.records import ExecutionStatus, StepRecord, StepStatus, Verdict
from engine.sequence.run import SequenceRun
from engine.testing.loop import VirtualLoop

FLOW = """
chart: flow
settings: {limit: {type: number, default: 3}}
data: {volts: {type: number}}
initial: testing
states:
  testing:
    initial: reading
    finally: cleaning
    states:
      reading:
        invoke:
          service: hw.call
          with: {hardware: psu, command: read}
          timeout: 2 s
          on:
            done: {target: judging, actions: [{assign: {volts: "${event.value}"}}]}
            error: over
            timeout: over
      judging:
        invoke:
          service: measure
          with: {name: v, value: "${data.volts}", unit: V, limits: {at_most: "${settings.limit}"}}
          on: {passed: over, marginal: over, inconclusive: over, failed: over, error: over}
      cleaning:
        initial: off
        states:
          off:
            invoke:
              service: hw.call
              with: {hardware: psu, command: "off"}
              timeout: 2 s
              on: {done: cleaned, error: cleaned, timeout: cleaned}
          cleaned: {type: final}
  over: {type: final}
"""
CHART = HEAD + "parameters: {limit: {type: number, default: 3}}\nchart: flow.yaml\n"


def test_a_flow_can_be_a_full_chart(tmp_path):
    write_package(tmp_path, "")
    (tmp_path / "flow.yaml").write_text(FLOW, encoding="utf-8")
    (tmp_path / "sequence.yaml").write_text(CHART, encoding="utf-8")
    world = play(tmp_path)
    assert world.calls == ["read v", "off"]
    assert world.verdicts() == {"reading": "pass", "judging": "fail", "off": "pass"}
    assert [step.is_cleanup for step in world.steps] == [False, False, True]
    assert play(tmp_path, parameters={"limit": 4}).record.overall_pass
    slow = play(tmp_path, faults=["psu.read=timeout"])
    assert slow.verdicts() == {"reading": "error", "off": "pass"}
    assert slow.record.status is ExecutionStatus.FAILED


def test_a_full_chart_is_stopped_and_made_up_for_through_its_own_cleanup(tmp_path):
    write_package(tmp_path, "")
    (tmp_path / "flow.yaml").write_text(
        FLOW.replace("command: read", "command: slow, with: {seconds: 60}").replace("timeout: 2 s", "timeout: 90 s", 1),
        encoding="utf-8",
    )
    (tmp_path / "sequence.yaml").write_text(CHART, encoding="utf-8")

    async def during(world):
        await asyncio.sleep(3)
        world.run.stop("door open")

    world = play(tmp_path, during=during)
    assert world.calls == ["slow begins", "off"]
    assert world.verdicts() == {"reading": "aborted", "off": "pass"}
    assert world.record.status is ExecutionStatus.STOPPED
    assert world.package.longest_cleanup == pytest.approx(2 + 1 + 2 + 2)

    async def recover(clock):
        world.driver.CALLS.clear()
        world.bench = Bench(world.package.hardware, simulate=True)
        run = SequenceRun(
            world.package, {}, world.bench, MemoryRecorder(), world.operator, LocalResources(), clock, first_seq=3
        )
        return await run.cleanup_only("the worker died")

    loop = VirtualLoop()
    record = loop.run(recover(loop.clock))
    loop.close()
    assert world.calls == ["off"]
    assert record.status is ExecutionStatus.INTERRUPTED


def test_a_call_that_is_blocked_does_not_cost_a_full_chart_its_cleanup(tmp_path):
    write_package(tmp_path, "")
    flow = FLOW.replace("timeout: 2 s", "timeout: 90 s", 1).replace("timeout: 2 s", "timeout: 1 s")
    (tmp_path / "flow.yaml").write_text(flow, encoding="utf-8")
    (tmp_path / "sequence.yaml").write_text(CHART, encoding="utf-8")

    async def during(world):
        await asyncio.sleep(3)
        world.run.stop("door open")

    world = play(tmp_path, during=during, faults=["psu.read=hang"])
    assert world.calls == ["off"]  # on a fresh handle, once the blocked call has had its time
    assert world.verdicts() == {"reading": "aborted", "off": "pass"}
    assert world.run.needs_new_process


# ``around`` belongs to the state itself, ``first`` is done before ``second`` begins; each cleans up after itself.
NESTED = """
chart: flow
initial: testing
states:
  testing:
    initial: first
    finally: cleaning
    invoke:
      service: hw.call
      with: {hardware: psu, command: on, step: around}
      timeout: 90 s
      on: {done: {actions: [{log: on}]}, error: over, timeout: over}
    states:
      first:
        initial: clamp
        finally: release
        on: {done: second}
        states:
          clamp:
            invoke: READ_CLAMP
          held: {type: final}
          release:
            initial: open
            states:
              open:
                invoke: READ_OPEN
              opened: {type: final}
      second:
        initial: heat
        finally: cool
        entry: [{log: second}]
        on: {done: over}
        states:
          heat:
            invoke: SLOW
          hot: {type: final}
          cool:
            initial: fan
            states:
              fan:
                invoke: READ_FAN
              cooled: {type: final}
      cleaning:
        initial: "off"
        states:
          "off":
            invoke: SWITCH_OFF
          cleaned: {type: final}
  over: {type: final}
"""
END = ", timeout: 90 s, on: {{done: {0}, error: {0}, timeout: {0}}}}}"
for place, command, end in (
    ("READ_CLAMP", "read, with: {name: clamp}", "held"),
    ("READ_OPEN", "read, with: {name: open}", "opened"),
    ("SLOW", "slow, with: {seconds: 60}", "hot"),
    ("READ_FAN", "read, with: {name: fan}", "cooled"),
    ("SWITCH_OFF", '"off"', "cleaned"),
):
    call = "{service: hw.call, with: {hardware: psu, command: " + command + "}" + END.format(end)
    NESTED = NESTED.replace(place, call)


@pytest.mark.parametrize(
    ("names", "calls"),
    [
        ([], ["off"]),
        (["around"], ["off"]),
        (["around", "clamp"], ["read open", "off"]),
        (["around", "clamp", "open"], ["read open", "off"]),
        (["around", "clamp", "open", "heat"], ["read fan", "off"]),
        (["around", "clamp", "open", "heat", "fan"], ["read fan", "off"]),
        (["around", "clamp", "open", "heat", "fan", "off"], ["off"]),
    ],
)
def test_after_a_crash_every_cleanup_that_is_owed_is_done_and_nothing_else(tmp_path, names, calls):
    write_package(tmp_path, "")
    (tmp_path / "flow.yaml").write_text(NESTED, encoding="utf-8")
    (tmp_path / "sequence.yaml").write_text(HEAD + "chart: flow.yaml\n", encoding="utf-8")
    world = World(tmp_path)
    records = [
        StepRecord("e1", order, order, name, name, StepStatus.COMPLETED, verdict=Verdict.PASS)
        for order, name in enumerate(names, start=1)
    ]

    async def recover(clock):
        world.bench = Bench(world.package.hardware, simulate=True)
        world.run = SequenceRun(
            world.package, {}, world.bench, world.recorder, world.operator, LocalResources(), clock, first_seq=9
        )
        return await world.run.cleanup_only("the worker died", records)

    loop = VirtualLoop()
    record = loop.run(recover(loop.clock))
    loop.close()
    assert world.calls == calls
    assert all(step.is_cleanup for step in world.steps)
    assert record.status is ExecutionStatus.INTERRUPTED


@pytest.mark.parametrize(
    ("wrong", "right", "code"),
    [
        ("hardware: pus", "hardware: psu", "unknown-hardware"),
        ("command: raed", "command: read", "unknown-command"),
        ("command: read, with: {nam: x}", "command: read", "unknown-argument"),
        ("on: {passed: ovr,", "on: {passed: over,", "unknown-target"),
    ],
)
def test_a_full_chart_is_checked_against_the_package(tmp_path, wrong, right, code):
    write_package(tmp_path, "")
    (tmp_path / "flow.yaml").write_text(FLOW.replace(right, wrong), encoding="utf-8")
    (tmp_path / "sequence.yaml").write_text(CHART, encoding="utf-8")
    assert code in codes(tmp_path)


def test_what_a_package_is_given_must_be_a_setting_of_its_chart(tmp_path):
    write_package(tmp_path, "")
    (tmp_path / "flow.yaml").write_text(FLOW, encoding="utf-8")
    (tmp_path / "sequence.yaml").write_text(CHART.replace("{limit:", "{limits:"), encoding="utf-8")
    assert codes(tmp_path) == ["unknown-setting"]
