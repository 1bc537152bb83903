"""What cannot work is refused before anything is driven: at its place, with the way to mend it."""

from __future__ import annotations

import pytest
from sequence_kit import HEAD, check_package, problem, write_package

from engine.documents.render import mend, message

DRIVER = """
import abc

class Psu:
    def on(self, voltage: float = 5.0) -> None: ...
    def off(self) -> None: ...
    def read(self) -> float:
        return 3.3
    def ready(self) -> bool:
        return True
    def maybe(self) -> float | None:
        return None
    def all(self) -> dict[str, float]:
        return {}

class PsuSim(Psu): ...

class Poor:
    def on(self, voltage: float) -> None: ...

class PoorSim:
    def on(self, volts: float) -> None: ...

class Abstract(abc.ABC):
    @abc.abstractmethod
    def on(self) -> None: ...
"""
PARAMETERS = """parameters:
  small: {type: number, unit: mV, default: 5}
  right: {type: number, unit: V, default: 5}
  bare: {type: number, default: 5}
"""


def package(tmp_path, steps, head=HEAD, cleanup=""):
    return write_package(tmp_path, steps, head=head + PARAMETERS, driver=DRIVER, cleanup=cleanup)


def measured(limits, call="call: psu.read, "):
    return f"- {{name: one, {call}measure: {{v: {{unit: V, {limits}}}}}}}"


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ("at_least: 5, at_most: 3", "limits-never"),
        ("range: [1, 2], at_least: 3", "limits-never"),
        ("range: [1, 2], within: {of: 5, by: 1}", "limits-never"),
        ("range: [1, 2], equals: 5", "limits-never"),
        ("at_least: 3, one_of: [1, 2]", "limits-never"),
        ("range: [1, 2], at_least: 0.5, marginal: [0.7, 1.5]", "marginal-outside"),
        ("equals: abc", "limit-not-number"),
        ("one_of: [1, 2 A]", "limit-unit"),
        ("within: {of: 0, percent: 5}", "no-tolerance"),
        ("within: {of: 5, by: -1}", "no-tolerance"),
        ("within: {of: 5, percent: -1}", "no-tolerance"),
        ('at_most: "${parameters.small}"', "unit-mismatch"),
        ('range: [1, "${ parameters.small }"]', "unit-mismatch"),
        ('within: {of: "${parameters.small}", percent: 5}', "unit-mismatch"),
    ],
)
def test_limits_that_nothing_can_pass_or_that_compare_other_units_are_refused(tmp_path, limits, code):
    found = problem(package(tmp_path, measured(limits)))
    assert (found.code, found.position.line) == (code, 9)
    for language in ("en", "ko"):
        assert "{" not in message(found, language).replace("${", "")
        assert mend(found, language)


@pytest.mark.parametrize(
    "limits",
    [
        "at_least: 3, at_most: 3",
        "range: [1, 5], within: {of: 5, percent: 5}, at_least: 2, marginal: [4.8, 5]",
        "range: [1, 5], one_of: [0, 3]",
        "equals: 3300 mV",
        "within: {of: 0, by: 0.1}",
        'at_most: "${parameters.right}"',
        'at_most: "${parameters.bare}"',
        'at_most: "${parameters.small * 0.001}"',
        'within: {of: "${parameters.right}", percent: "${parameters.small}"}',
    ],
)
def test_limits_that_can_be_passed_are_let_be(tmp_path, limits):
    assert check_package(package(tmp_path, measured(limits))).findings == []


def test_a_band_without_a_limit_never_decides_and_is_warned_of(tmp_path):
    found = problem(package(tmp_path, measured("marginal: [1, 2]")))
    assert (found.code, found.severity) == ("marginal-alone", "warning")


def test_a_measurement_is_not_taken_for_another_unit(tmp_path):
    steps = (
        measured("at_most: 5")
        + '\n- {name: two, measure: {i: {unit: A, value: "${results.one.v}"}, v: {unit: V, value: "${results.one.v}"}}}'
    )
    found = problem(package(tmp_path, steps))
    assert (found.code, found.params["unit"]) == ("unit-mismatch", "A")


@pytest.mark.parametrize(
    "step",
    [
        "call: psu.read, measure: {v: {at_least: 1}, w: {at_least: 1}}",
        "call: psu.read, measure: {v: {from: a.b}}",
        "call: psu.ready, measure: {v: {from: a}}",
        "call: psu.on, measure: {v: {at_least: 1}}",
        "prompt: {text: how many}, measure: {v: {at_least: 1}, w: {at_least: 1}}",
    ],
)
def test_what_gives_one_value_or_none_is_not_measured_as_several(tmp_path, step):
    found = {one.code for one in check_package(package(tmp_path, f"- {{name: one, {step}}}")).findings}
    assert found == {"never-measured"}


@pytest.mark.parametrize("call", ["psu.all", "psu.maybe"])
def test_what_may_give_several_is_measured_as_such(tmp_path, call):
    step = f"- {{name: one, call: {call}, measure: {{v: {{at_least: 1}}, w: {{from: a.b}}}}}}"
    assert check_package(package(tmp_path, step)).findings == []


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ("- {name: one, call: psu.read, timeout: 0 s}", "no-time"),
        ("- {name: one, prompt: {text: a, timeout: 0 s}}", "no-time"),
        ("- {name: one, wait: 1 s, lock: {name: a, timeout: 0 s}}", "no-time"),
        ("- {name: one, lock: a, steps: [{name: two, wait: 1 s, lock: a}]}", "lock-held"),
        (
            "- {name: both, parallel: [[{name: one, wait: 1 s}], [{name: two, when: results.one.passed, wait: 1 s}]]}",
            "parallel-result",
        ),
    ],
)
def test_steps_that_wait_for_themselves_or_race_are_refused(tmp_path, steps, code):
    assert problem(package(tmp_path, steps)).code == code


def test_steps_of_one_branch_and_after_a_parallel_use_each_others_results(tmp_path):
    steps = """
- name: both
  parallel:
    - [{name: one, call: psu.read}, {name: two, when: "results.one.value > 1", wait: 1 s}]
    - [{name: three, lock: a, wait: 1 s}, {name: four, lock: a, wait: 1 s}]
- {name: after, when: "results.one.value > 1 and results.four.passed", wait: 1 s}
"""
    assert check_package(package(tmp_path, steps)).findings == []


def test_the_twin_must_take_the_call_that_the_driver_takes(tmp_path):
    head = 'sequence: test\nhardware: {psu: {driver: "drivers.psu:Poor"}}\n'
    found = check_package(package(tmp_path, "- {name: one, call: psu.on, with: {voltage: 1}}", head=head)).findings
    assert sorted(one.code for one in found) == ["twin-lacks-argument", "twin-wants-argument"]


def test_an_abstract_class_is_no_driver(tmp_path):
    head = 'sequence: test\nhardware: {psu: {driver: "drivers.psu:Abstract"}}\n'
    found = check_package(package(tmp_path, "- {name: one, call: psu.on}", head=head)).findings
    assert [one.code for one in found if one.severity == "error"] == ["driver-abstract"]


def test_of_many_names_only_those_are_listed_that_may_have_been_meant(tmp_path):
    steps = "\n".join(f"- {{name: step_{n}, wait: 1 ms}}" for n in range(40))
    found = problem(package(tmp_path, steps + '\n- {name: last, when: "results.step_x.passed", wait: 1 ms}'))
    assert found.code == "unknown-name"
    assert len(found.params["known"]) <= 8
    assert all(name.startswith("results.step_") for name in found.params["known"])
