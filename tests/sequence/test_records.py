"""Records say what happened in words that survive JSON, and are told apart by their numbers."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ports import Secret
from engine.sequence.records import (
    ExecutionRecord,
    ExecutionStatus,
    Measurement,
    Shown,
    StepRecord,
    StepStatus,
    Verdict,
    plain,
    record_from_json,
)
from engine.units import Quantity

TIMES = st.none() | st.datetimes(timezones=st.just(UTC))
PLAIN = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text()
MEASUREMENTS = st.builds(Measurement, st.text(), PLAIN, st.text(), st.sampled_from(Verdict), st.text())
STEPS = st.builds(
    StepRecord, st.text(), st.integers(1, 9), st.integers(1, 9), st.text(), st.text(), st.sampled_from(StepStatus),
    verdict=st.none() | st.sampled_from(Verdict), started_at=TIMES, completed_at=TIMES,
    duration=st.none() | st.floats(0, 1e6), result=st.dictionaries(st.text(), PLAIN, max_size=3),
    measurements=st.lists(MEASUREMENTS, max_size=3).map(tuple), error=st.none() | st.text(),
    attempts=st.integers(1, 5), is_cleanup=st.booleans(), title=st.text(),
)  # fmt: skip
EXECUTIONS = st.builds(
    ExecutionRecord, st.text(), st.integers(1, 9), st.text(), st.text(), st.text(), st.sampled_from(ExecutionStatus),
    parameters=st.dictionaries(st.text(), PLAIN, max_size=3), verdict=st.none() | st.sampled_from(Verdict),
    started_at=TIMES, completed_at=TIMES, duration=st.none() | st.floats(0, 1e6), reason=st.none() | st.text(),
    is_simulated=st.booleans(), package_hash=st.text(),
)  # fmt: skip


@given(STEPS | EXECUTIONS)
def test_a_record_comes_back_from_json_as_it_was(record):
    assert record_from_json(json.loads(json.dumps(record.to_json()))) == record


@pytest.mark.parametrize("raw", [{}, {"kind": "step"}, {"kind": "other"}, {"kind": "execution", "status": "melted"}])
def test_anything_else_is_refused(raw):
    with pytest.raises((KeyError, TypeError, ValueError)):
        record_from_json(raw)


def test_what_is_shown_comes_back_as_well():
    event = Shown("step_start", "e1", datetime(2026, 1, 1, tzinfo=UTC), {"step": "one"})
    assert Shown.from_json(json.loads(json.dumps(event.to_json()))) == event


def test_values_become_plain_json():
    value = {
        "n": Decimal("1.5"),
        "w": Quantity("1.640", "kg"),
        "t": (1, float("inf")),
        "s": Secret("a-long-token-1234"),
    }
    assert plain(value) == {"n": 1.5, "w": "1.640 kg", "t": [1, None], "s": "Secret('…1234')"}


def test_pass_is_true_for_pass_and_marginal_and_for_what_was_skipped():
    def step(verdict, status=StepStatus.COMPLETED):
        return StepRecord("e", 1, 1, "n", "n", status, verdict=verdict).is_pass

    assert [step(verdict) for verdict in Verdict] == [True, True, False, False, False, False]
    assert step(None, StepStatus.SKIPPED)
    assert not step(None, StepStatus.RUNNING)
