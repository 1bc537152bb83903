"""Every kind of step, on virtual time: what it does, what follows, and what is on record of it."""

import asyncio

import pytest
from sequence_kit import HEAD, OFF, World, play, write_package

from engine.sequence.records import ExecutionStatus, Shown, StepStatus, Verdict


def test_a_call_hands_over_its_arguments_and_its_value_is_kept(tmp_path):
    head = HEAD + "parameters: {vin: {type: number, unit: V, default: 12 V}}\n"
    world = play(tmp_path, "- {name: power_on, call: psu.on, with: {voltage: '${parameters.vin / 2}'}}", head=head)
    assert world.calls == ["on 6", "off"]
    assert world.verdicts() == {"power_on": "pass", "power_off": "pass"}
    assert world.record.status is ExecutionStatus.COMPLETED
    assert world.record.overall_pass
    assert world.record.parameters == {"vin": 12.0}


def test_measurements_decide_and_the_worst_wins(tmp_path):
    steps = """
    - name: rails
      call: psu.read
      on_fail: continue
      measure:
        v3: {unit: V, range: [3.1, 3.5], marginal: [3.2, 3.4]}
        v5: {unit: V, within: {of: 5, percent: 2}, from: more.v5}
        model: {pattern: "[A-Z]+"}
        gone: {at_least: 1}
    - {name: after, call: psu.on}
    """
    world = play(tmp_path, steps, values={"v": {"v3": 3.15, "more": {"v5": 5.05}, "model": "SIM"}})
    first = world.steps[0]
    assert {one.name: one.verdict.value for one in first.measurements} == {
        "v3": "marginal", "v5": "pass", "model": "pass", "gone": "inconclusive",
    }  # fmt: skip
    assert first.verdict is Verdict.INCONCLUSIVE
    assert first.status is StepStatus.COMPLETED
    assert not first.is_pass
    assert world.record.verdict is Verdict.INCONCLUSIVE
    assert world.calls == ["read v", "on 5", "off"]  # on_fail: continue


@pytest.mark.parametrize(("on_fail", "calls"), [("stop", ["read v", "off"]), ("continue", ["read v", "on 5", "off"])])
def test_a_failure_stops_or_goes_on_as_the_step_says(tmp_path, on_fail, calls):
    steps = f"""
    - {{name: rail, call: psu.read, on_fail: {on_fail}, measure: {{v: {{at_most: 3}}}}}}
    - {{name: after, call: psu.on}}
    """
    world = play(tmp_path, steps)
    assert world.calls == calls
    assert world.record.verdict is Verdict.FAIL
    assert world.record.status is ExecutionStatus.COMPLETED


def test_an_error_is_tried_again_and_a_failed_limit_only_when_asked_for(tmp_path):
    steps = """
    - {name: flaky, call: psu.read, retry: {times: 2, first: 1 s}}
    - {name: drifting, call: psu.read, with: {name: w}, on_fail: retry, retry: {times: 3}, measure: {w: {at_most: 3}}}
    - {name: off_limits, call: psu.read, with: {name: x}, retry: {times: 3}, measure: {x: {at_most: 3}}}
    """
    values = {"v": [OSError("gone"), OSError("gone"), 3.3], "w": [5, 4, 3], "x": [5, 1]}
    world = play(tmp_path, steps, values=values)
    assert [(step.name, step.attempts, step.verdict.value) for step in world.steps] == [
        ("flaky", 3, "pass"), ("drifting", 3, "pass"), ("off_limits", 1, "fail"), ("power_off", 1, "pass"),
    ]  # fmt: skip
    assert [one.data["error"] for one in world.shown if one.kind == "retry"][:2] == ["OSError: gone"] * 2


def test_a_call_that_takes_too_long_is_an_error_and_leads_to_the_cleanup(tmp_path):
    world = play(tmp_path, "- {name: slow, call: psu.slow, with: {seconds: 60}, timeout: 2 s}")
    assert world.calls == ["slow begins", "off"]
    assert world.steps[0].error == "timed out after 2 s"
    assert world.steps[0].duration == pytest.approx(2.0)
    assert world.record.status is ExecutionStatus.FAILED
    assert world.record.verdict is Verdict.ERROR


PROMPT = "- {name: look, prompt: {text: 'LED?', choices: [예, 아니오]}, on_fail: continue}"


@pytest.mark.parametrize(("answer", "verdict"), [("예", "pass"), ("아니오", "fail"), ("글쎄", "error")])
def test_of_two_choices_the_first_passes(tmp_path, answer, verdict):
    world = play(tmp_path, PROMPT, answers={"look": answer})
    assert world.verdicts()["look"] == verdict
    assert world.calls == ["off"]


def test_an_answer_can_be_measured_and_used(tmp_path):
    steps = """
    - {name: serial, prompt: {text: 번호}, measure: {number: {pattern: "[0-9]{4}"}}}
    - {name: bright, when: "results.serial.answer == '1234'", call: psu.on}
    """
    world = play(tmp_path, steps, answers={"serial": "1234"})
    assert world.steps[0].result == {"answer": "1234"}
    assert world.calls == ["on 5", "off"]
    assert play(tmp_path, answers={"serial": "12a4"}).verdicts()["serial"] == "fail"


def test_a_question_that_nobody_answers_takes_its_default_or_is_an_error(tmp_path):
    class Silent:
        async def ask(self, _prompt):
            await asyncio.sleep(1e6)

    for prompt, verdict, duration in (("timeout: 60 s", "error", 60), ("timeout: 5 s, default: 예", "pass", 5)):
        write_package(tmp_path, f"- {{name: look, prompt: {{text: LED?, choices: [예, 아니오], {prompt}}}}}")
        world = World(tmp_path)
        world.operator = Silent()
        world.go()
        assert world.verdicts()["look"] == verdict
        assert world.steps[0].duration == pytest.approx(duration)
        assert [one.kind for one in world.shown if "prompt" in one.kind] == ["prompt", "prompt_closed"]


def test_a_wait_lets_time_pass(tmp_path):
    head = HEAD + "parameters: {pause: {type: duration, default: 90 s}}\n"
    world = play(tmp_path, "- {name: settle, wait: '${parameters.pause}'}\n- {name: more, wait: 500 ms}", head=head)
    assert [step.duration for step in world.steps[:2]] == [pytest.approx(90), pytest.approx(0.5)]


def test_a_measurement_of_earlier_results_needs_no_call(tmp_path):
    steps = """
    - {name: high, call: psu.read, with: {name: a}, measure: {v: {unit: V}}}
    - {name: low, call: psu.read, with: {name: b}, measure: {v: {unit: V}}}
    - {name: ratio, measure: {gain: {value: "${results.high.v / results.low.v}", range: [9, 11]}}}
    """
    world = play(tmp_path, steps, values={"a": 20, "b": 2})
    assert world.steps[2].measurements[0].value == 10.0
    failing = play(tmp_path, values={"a": 20, "b": 0})
    assert failing.steps[2].verdict is Verdict.ERROR
    assert "ZeroDivisionError" in failing.steps[2].error
    assert failing.calls[-1] == "off"


def test_a_condition_skips_a_step_and_says_so(tmp_path):
    steps = """
    - {name: rail, call: psu.read, measure: {v: {unit: V}}}
    - {name: high, when: results.rail.v > 5, call: psu.on}
    - {name: group, when: false, steps: [{name: inner, call: psu.on}]}
    """
    world = play(tmp_path, steps)
    assert world.calls == ["read v", "off"]
    assert world.verdicts() == {"rail": "pass", "high": "skipped", "group/inner": "skipped", "power_off": "pass"}
    assert world.record.overall_pass


def test_a_condition_that_cannot_be_worked_out_is_an_error_of_its_step(tmp_path):
    steps = """
    - {name: rail, when: false, call: psu.read, measure: {v: {unit: V}}}
    - {name: high, when: results.rail.v * 2 > 5, call: psu.on}
    """
    world = play(tmp_path, steps)
    assert world.verdicts()["high"] == "error"
    assert world.calls == ["off"]


def test_a_condition_that_is_neither_true_nor_false_is_no_condition(tmp_path):
    steps = """
        - {name: one, call: psu.read, with: {name: ready}}
        - {name: two, when: results.one.value, call: psu.on}
        """
    world = play(tmp_path, steps, values={"ready": "false"})
    assert world.verdicts() == {"one": "pass", "two": "error", "power_off": "pass"}
    assert "neither true nor false: 'false'" in world.steps[1].error


def test_a_repeat_has_a_record_for_every_round(tmp_path):
    steps = """
    - name: outer
      repeat: {times: 2}
      steps:
        - {name: inner, repeat: {times: 2}, steps: [{name: sample, call: psu.read}]}
        - {name: tick, call: psu.on}
    """
    world = play(tmp_path, steps)
    assert [step.path for step in world.steps] == [
        "outer[1]/inner[1]/sample", "outer[1]/inner[2]/sample", "outer[1]/tick",
        "outer[2]/inner[1]/sample", "outer[2]/inner[2]/sample", "outer[2]/tick", "power_off",
    ]  # fmt: skip
    assert [step.order for step in world.steps] == [1, 2, 3, 4, 5, 6, 7]


def test_a_repeat_of_no_rounds_skips_its_steps_and_says_so(tmp_path):
    head = HEAD + "parameters: {n: {type: int, default: 0}}\n"
    steps = '- {name: loop, repeat: {times: "${parameters.n}"}, steps: [{name: one, call: psu.on}]}'
    world = play(tmp_path, steps, head=head)
    assert world.verdicts() == {"loop[0]/one": "skipped", "power_off": "pass"}
    assert world.record.overall_pass


def test_a_repeat_ends_when_what_it_waits_for_is_there(tmp_path):
    steps = """
    - name: warm_up
      repeat: {times: 10, until: results.sample.v >= 3}
      steps: [{name: sample, call: psu.read, measure: {v: {unit: V}}}]
    """
    assert play(tmp_path, steps, values={"v": [1, 2, 3, 4]}).calls == ["read v"] * 3 + ["off"]


def test_a_group_can_fail_without_ending_the_run(tmp_path):
    steps = """
    - name: optional
      on_fail: continue
      steps:
        - {name: rail, call: psu.read, measure: {v: {at_most: 1}}}
        - {name: never, call: psu.on}
    - {name: after, call: psu.read}
    """
    world = play(tmp_path, steps)
    assert world.calls == ["read v", "read v", "off"]
    assert world.record.verdict is Verdict.FAIL


TWO = 'sequence: test\nhardware: {psu: {driver: "drivers.psu:Psu"}, b: {driver: "drivers.psu:Psu"}}\n'


def test_parallel_steps_run_side_by_side(tmp_path):
    steps = """
    - name: both
      parallel:
        - - {name: one, call: psu.slow, with: {seconds: 10}}
        - - {name: two, call: b.slow, with: {seconds: 10}}
          - {name: three, wait: 5 s}
    """
    world = play(tmp_path, steps, head=TWO)
    assert world.calls == ["slow begins", "slow begins", "slow ends", "slow ends", "off"]
    assert world.record.duration == pytest.approx(15)
    assert set(world.verdicts().values()) == {"pass"}


def test_a_failure_on_one_side_ends_the_other_and_the_verdict_is_the_failure(tmp_path):
    steps = """
    - name: both
      parallel:
        - - {name: long, call: psu.slow, with: {seconds: 100}}
        - - {name: bad, call: b.read, measure: {v: {at_most: 1}}}
    """
    world = play(tmp_path, steps, head=TWO)
    assert world.verdicts() == {"both/long": "aborted", "both/bad": "fail", "power_off": "pass"}
    assert world.record.verdict is Verdict.FAIL
    assert world.record.duration < 1


def test_one_piece_of_hardware_does_one_thing_at_a_time(tmp_path):
    steps = """
    - name: both
      parallel:
        - - {name: one, call: psu.slow, with: {seconds: 10}}
        - - {name: two, call: psu.slow, with: {seconds: 10}}
    """
    world = play(tmp_path, steps)
    assert world.calls == ["slow begins", "slow ends", "slow begins", "slow ends", "off"]


def test_included_steps_stand_in_the_place_of_the_inclusion(tmp_path):
    rails = """
    steps:
      - {name: rail, call: psu.read, measure: {v: {unit: V}}}
      - {name: twice, measure: {v: {value: "${results.rail.v * 2}", unit: V}}}
    """
    steps = """
    - {include: shared/rails.yaml, prefix: left_}
    - {include: shared/rails.yaml, prefix: right_}
    - {name: sum, measure: {v: {value: "${results.left_twice.v + results.right_twice.v}", equals: 6}}}
    """
    world = play(tmp_path, steps, values={"v": [1, 2]}, files={"shared__rails.yaml": rails})
    assert [step.name for step in world.steps][:4] == ["left_rail", "left_twice", "right_rail", "right_twice"]
    assert world.record.overall_pass


class Door:
    """Resources that tell what was held, and are given after a time."""

    def __init__(self, after=0.0):
        self.events, self.after = [], after

    async def acquire(self, name):
        await asyncio.sleep(self.after)
        self.events.append(f"+{name}")

    async def release(self, name):
        self.events.append(f"-{name}")

    async def rendezvous(self, name, members):
        await asyncio.sleep(self.after)
        self.events.append(f"{name} {members}")


LOCKED = """
- {name: heat, lock: chamber, call: psu.on}
- {name: group, lock: {name: printer, timeout: 5 s}, steps: [{name: label, call: psu.read}]}
- {name: meet, rendezvous: {name: start, members: 3}, timeout: 9 s}
"""


def test_a_lock_is_held_while_its_step_runs(tmp_path):
    door = Door(after=1)
    world = play(tmp_path, LOCKED, resources=door)
    assert door.events == ["+chamber", "-chamber", "+printer", "-printer", "start 3"]
    assert world.calls == ["on 5", "read v", "off"]
    assert [one.kind for one in world.shown if one.kind.endswith("_wait")] == [
        "lock_wait",
        "lock_wait",
        "rendezvous_wait",
    ]


def test_a_lock_that_cannot_be_had_in_time_is_an_error_and_nothing_is_driven(tmp_path):
    door = Door(after=1e6)
    world = play(tmp_path, LOCKED, resources=door)
    assert door.events == []
    assert world.calls == ["off"]
    assert world.steps[0].error == "the lock 'chamber' could not be had within 60 s"
    assert world.record.verdict is Verdict.ERROR


def test_a_rendezvous_that_nobody_comes_to_times_out(tmp_path):
    world = play(tmp_path, "- {name: meet, rendezvous: {name: start, members: 2}, timeout: 9 s}")
    assert world.steps[0].error == "timed out after 9 s"


def _named(item):
    if isinstance(item, Shown):
        return item.kind, "shown"
    return getattr(item, "name", "run"), item.status.value


def test_the_start_of_a_step_is_kept_together_with_the_result_of_the_last_before_anything_is_driven(tmp_path):
    write_package(tmp_path, "- {name: one, call: psu.on}\n- {name: two, call: psu.read}")
    world = World(tmp_path)
    commits = []

    class Recorder:
        async def commit(self, items):
            commits.append([(*_named(one), len(world.calls)) for one in items])

        def show(self, event):
            world.shown.append(event.kind)

    world.recorder = Recorder()
    world.go()
    assert commits == [
        [("run", "running", 0), ("one", "running", 0)],
        [("one", "completed", 1), ("two", "running", 1)],
        [("two", "completed", 2), ("cleanup_start", "shown", 2), ("power_off", "running", 2)],
        [("power_off", "completed", 3), ("run", "completed", 3), ("sequence_complete", "shown", 3)],
    ]
    # Nothing is shown past the records that wait.
    assert world.shown == []
    assert world.run.unrecorded == ()


def test_when_records_cannot_be_kept_nothing_is_driven_but_the_cleanup(tmp_path):
    write_package(tmp_path, "- {name: one, call: psu.on}\n- {name: two, call: psu.read}")
    world = World(tmp_path)

    class Broken:
        async def commit(self, _records):
            raise OSError("the disk is gone")

        def show(self, event): ...

    world.recorder = Broken()
    world.go()
    assert world.calls == ["off"]
    assert world.record.verdict is Verdict.ERROR
    assert [record.seq for record in world.run.unrecorded] == [1, 2, 3, 4, 5, 6]


def test_a_run_without_a_cleanup_ends_as_well(tmp_path):
    world = play(tmp_path, "- {name: one, call: psu.on}", cleanup="")
    assert world.calls == ["on 5"]
    assert OFF not in (tmp_path / "sequence.yaml").read_text()
