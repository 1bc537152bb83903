"""The chart of a batch's life: what has died is started anew by itself where that is wanted, and never in a hurry."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from engine.bindings.shipped import shipped_registry
from engine.chart.declare import resolve_settings
from engine.chart.load import load_chart
from engine.effects import CancelInvoke, CancelTimer, Effect, StartInvoke, StartTimer
from engine.errors import Diagnostic
from engine.events import Event
from engine.runtime.interpreter import Interpreter
from engine.runtime.program import Program

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PROGRAM = Program(load_chart("batch", shipped_registry()))


class Life:
    """A batch's machine in a time of its own; ``answer`` says what came of what it has invoked."""

    def __init__(self, **settings: object) -> None:
        problems: list[Diagnostic] = []
        values = resolve_settings(PROGRAM.chart.settings, settings, problems)
        assert not problems
        self.machine = Interpreter(PROGRAM, values, seed=1)
        self.time = 0.0
        self._timers: dict[str, float] = {}
        self._invokes: dict[str, str] = {}
        self._take(self.machine.start(self.time, NOW))
        self.answer("batch.recall", "clean")

    @property
    def state(self) -> str:
        return self.machine.atomic_states[0]

    def post(self, event: str, **data: object) -> None:
        self._take(self.machine.handle(Event(event, data), self.time, NOW))

    def answer(self, service: str, outcome: str, **payload: Any) -> None:
        key = next(key for key, name in self._invokes.items() if name == service)
        del self._invokes[key]
        self._take(self.machine.resolve(key, outcome, payload, self.time, NOW))

    def wait(self, seconds: float) -> None:
        end = self.time + seconds
        while due := sorted((at, key) for key, at in self._timers.items() if at <= end):
            self.time, key = due[0]
            del self._timers[key]
            self._take(self.machine.fire(key, self.time, NOW))
        self.time = end

    def starts_within(self, seconds: float) -> bool:
        """Whether a process is started in this time, of which no more is spent than needed."""
        end = self.time + seconds
        while self.time < end and self.state != "spawning":
            self.wait(0.01)
        return self.state == "spawning"

    def come_up(self) -> None:
        self.answer("worker.spawn", "ready")

    def die(self) -> None:
        self.answer("worker.watch", "died", reason="killed")
        self.answer("batch.settle", "clean")

    def be_refused(self) -> None:
        self.answer("worker.spawn", "refused", reason="no such port")
        self.answer("batch.settle", "clean")

    def _take(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case StartTimer(key, deadline):
                    self._timers[key] = deadline
                case CancelTimer(key):
                    self._timers.pop(key, None)
                case StartInvoke(key, service, _):
                    self._invokes[key] = service
                case CancelInvoke(key, _):
                    self._invokes.pop(key, None)


def running(**settings: object) -> Life:
    life = Life(**settings)
    life.post("batch.start")
    life.come_up()
    assert life.state == "free"
    return life


def test_a_line_that_dies_is_started_within_a_second_however_often() -> None:
    life = running(restart="always", work="line")
    for _ in range(20):
        life.die()
        assert life.state == "faulted"
        assert life.starts_within(1.05)
        life.come_up()


def test_a_sequence_s_process_that_dies_stays_dead_until_somebody_starts_it() -> None:
    life = running()
    life.die()
    life.wait(3600)
    assert life.state == "faulted"
    life.post("batch.start")
    assert life.state == "spawning"


def test_a_line_that_cannot_start_is_tried_less_and_less_often() -> None:
    life = Life(restart="always", work="line")
    life.post("batch.start")
    tries, end = 0, 600.0
    while life.time < end:
        life.be_refused()
        assert life.starts_within(31)
        tries += 1
    assert 20 <= tries <= 80  # every half minute at the slowest, with some jitter


def test_a_line_that_is_killed_while_it_starts_is_no_line_that_cannot_start() -> None:
    life = running(restart="always", work="line")
    for _ in range(20):
        life.die()
        assert life.starts_within(1.05)
        life.be_refused()
        assert life.starts_within(0.21)
        life.come_up()


def test_a_line_that_ran_for_a_while_counts_its_deaths_anew() -> None:
    life = running(restart="always", work="line")
    for _ in range(5):
        life.die()
        assert life.starts_within(1.05)
        life.come_up()
    life.wait(11)
    life.die()
    assert life.starts_within(0.21)


def test_a_line_that_waits_for_its_restart_can_be_stopped_and_then_stays_so() -> None:
    life = running(restart="always", work="line")
    life.die()
    life.post("batch.stop")
    life.wait(3600)
    assert life.state == "idle"


@pytest.mark.parametrize(("event", "data"), [("sequence.start", {"execution": "1"}), ("manual.run", {"command": "1"})])
def test_a_line_takes_no_sequence_and_no_command(event: str, data: dict[str, object]) -> None:
    life = running(restart="always", work="line")
    life.post(event, **data)
    assert life.state == "free"


def test_what_is_owed_is_cleaned_up_before_a_process_starts_anew() -> None:
    life = running(restart="always")
    life.answer("worker.watch", "died", reason="killed")
    life.answer("batch.settle", "owed", reason="killed")
    assert life.state == "recovering"
    life.answer("worker.recover", "cleaned")
    assert life.starts_within(1.05)


def asking(step: str) -> Life:
    """A batch whose process died in a run, and that asks before it cleans up; ``step``: where it may go on."""
    life = running(after_crash="ask")
    life.post("sequence.start", execution="e1")
    life.answer("worker.watch", "died", reason="killed")
    life.answer("batch.settle", "owed", reason="killed", execution="e1" if step else "", step=step)
    assert life.state == "asking"
    return life


def test_what_was_interrupted_where_it_may_be_resumed_goes_on_in_a_fresh_process_when_it_is_told_to() -> None:
    life = asking("soak")
    life.wait(3600)
    assert life.state == "asking"
    life.post("sequence.resume")
    life.come_up()
    assert life.state == "resuming"
    assert life.machine.data["owes"] is False
    life.answer("worker.resume", "finished")
    assert life.state == "free"
    life.post("sequence.start", execution="e2")
    assert life.state == "executing"  # and the old one is not gone on with again


def test_only_what_may_be_resumed_and_is_not_cleaned_up_after_can_be_gone_on_with() -> None:
    life = asking("")
    life.post("sequence.resume")
    assert life.state == "asking"
    for decide in ("cleanup.run", "cleanup.waive", "batch.start"):
        life = asking("soak")
        life.post(decide)
        decided = life.state
        life.post("sequence.resume")
        assert life.state == decided
    life = asking("soak")
    life.post("cleanup.run")
    for _ in range(3):
        life.answer("worker.recover", "failed", reason="killed")
    assert life.state == "unclean"  # half a cleanup is no state to go on from
    life.post("sequence.resume")
    assert life.state == "unclean"


@pytest.mark.parametrize("refusal", ["worker.spawn", "worker.resume", "batch.stop", "worker.watch"])
def test_a_resume_that_comes_to_nothing_leaves_the_cleanup_owed(refusal: str) -> None:
    life = asking("soak")
    life.post("sequence.resume")
    if refusal == "worker.spawn":
        life.answer("worker.spawn", "refused", reason="no such port")
    elif refusal == "batch.stop":
        life.post("batch.stop")
        life.answer("worker.end", "ended")
    else:
        life.come_up()
        life.answer(refusal, "refused" if refusal == "worker.resume" else "died", reason="changed")
        if refusal == "worker.resume":
            life.answer("worker.end", "ended")
    life.answer("batch.settle", "owed", reason="killed", execution="e1", step="soak")
    assert life.state == "asking"
    assert life.machine.data["owes"] is True
    life.post("cleanup.run")
    life.answer("worker.recover", "cleaned")
    life.post("batch.start")
    life.come_up()
    assert life.state == "free"  # what was not to be is forgotten


def test_a_batch_of_which_nobody_knows_what_it_owes_is_cleaned_up_after_before_it_starts_anew() -> None:
    life = running()
    life.answer("worker.watch", "died", reason="killed")
    life.answer("batch.settle", "error", reason="the disk is gone")
    assert (life.state, life.machine.data["owes"]) == ("unclean", True)
    life.post("batch.start")
    life.answer("worker.recover", "failed", reason="the disk is gone")
    life.answer("worker.recover", "cleaned")
    assert life.state == "spawning"


def test_a_line_has_nothing_to_clean_up_after_and_is_started_whatever_the_store_says() -> None:
    life = running(restart="always", work="line")
    life.answer("worker.watch", "died", reason="killed")
    life.answer("batch.settle", "error", reason="the disk is gone")
    assert life.starts_within(1.05)
