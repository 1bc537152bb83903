"""A machine that dies at any point goes on, or is cleaned up after, when it is started again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from survival_kit import Rig

from engine.ports import StoreError

# The voltage must be off, however the test is left.
POWERED = """\
chart: powered
events: {go: {}, finish: {}}
initial: idle
states:
  idle:
    tags: [safe]
    on: {go: powered}
  powered:
    initial: measuring
    finally: down
    states:
      measuring:
        entry: [{rig.set: "on"}]
        on: {finish: idle}
        after: {1 h: idle}
      down:
        entry: [{rig.set: "off"}]
"""
# The same, but switching off takes its time.
SLOWLY_POWERED = POWERED.replace(
    """\
        entry: [{rig.set: "off"}]
""",
    """\
        initial: lowering
        states:
          lowering:
            entry: [{rig.set: ramp}]
            invoke:
              service: rig.work
              with: {to: "off"}
              timeout: 5 s
              on: {done: lowered, error: lowered, timeout: lowered}
          lowered: {type: final}
""",
)
# A count that goes on where it was.
COUNTING = """\
chart: counting
version: 1.0.0
events: {go: {}, count: {}, look: {}, finish: {}}
data: {count: {type: int, default: 0}}
initial: idle
states:
  idle:
    tags: [safe]
    on: {go: {target: counting, actions: [{assign: {count: 0}}]}}
  counting:
    persist: true
    on:
      count: {actions: [{assign: {count: "${data.count + 1}"}}, {rig.set: "${format(data.count, '0')}"}]}
      look: {when: data.count > 100, target: idle}
      finish: {target: saving}
    after: {1 h: {target: idle, actions: [{rig.set: late}]}}
  saving:
    persist: true
    invoke:
      service: rig.work
      with: {to: saved}
      timeout: 5 s
      on:
        done:
          target: idle
          actions: [{rig.set: light}, {send: {to: upload, event: saved, with: {n: "${data.count}"}}}]
        error: idle
        timeout: idle
"""


@pytest.fixture
def rigs(tmp_path: Path) -> Iterator[list[Rig]]:
    made: list[Rig] = []
    yield made
    for rig in made:
        rig.close()


def start(rigs: list[Rig], folder: Path, text: str) -> Rig:
    rig = Rig(folder, text)
    rigs.append(rig)
    rig.start()
    return rig


# Going on -------------------------------------------------------------------------------------------------------------


def test_a_machine_goes_on_with_its_data_in_a_state_that_persists(rigs: list[Rig], tmp_path: Path) -> None:
    rig = start(rigs, tmp_path, COUNTING)
    rig.run("go", "count", "count")
    rig.kill()
    rig.start()
    rig.run("count", "finish")
    upload = "rig>upload saved {'n': 3}"
    assert rig.told == ["1", "2", "3", "saved", "light", upload]
    assert rig.host.states == ("idle",)


def test_a_state_that_does_not_persist_begins_anew(rigs: list[Rig], tmp_path: Path) -> None:
    rig = start(rigs, tmp_path, COUNTING)
    rig.run("go", "count", "finish")
    assert rig.snapshot is None
    rig.kill()
    rig.start()
    rig.run()
    assert rig.host.states == ("idle",)


def test_a_stop_in_order_is_a_restart_as_well(rigs: list[Rig], tmp_path: Path) -> None:
    rig = start(rigs, tmp_path, COUNTING)
    rig.run("go", "count")
    rig.run(*["look"] * 1798)  # half an hour in which nothing happens: no macrostep writes a snapshot
    rig.stop()
    rig.loop.advance(86_400)
    rig.start()
    rig.run()
    assert rig.host.states == ("counting",)
    rig.loop.advance(1795)
    assert rig.told == ["1"]
    rig.loop.advance(10)  # an hour of running in all
    assert rig.told == ["1", "late"]


def test_events_that_change_nothing_write_nothing(rigs: list[Rig], tmp_path: Path) -> None:
    rig = start(rigs, tmp_path, COUNTING)
    rig.run("go", "count")
    before = rig.steps
    rig.run("look", "look", "look")
    assert rig.steps == before


def test_an_interrupted_service_is_repeated_and_what_it_ordered_is_done(rigs: list[Rig], tmp_path: Path) -> None:
    rig = start(rigs, tmp_path, COUNTING)
    rig.run("go", "count")
    steps = rig.steps
    rig.run("finish")
    for dies_at in range(steps + 1, rig.steps + 1):
        again = start(rigs, tmp_path, COUNTING)
        again.run("go", "count")
        again.dies_at = dies_at
        again.run("finish")
        assert again.is_dead
        again.kill()
        again.start()
        again.run()
        if again.host.states == ("counting",):
            again.run("finish")  # it had died before the event was known to anybody
        told = again.told[1:]
        assert again.host.states == ("idle",), (dies_at, told)
        assert again.snapshot is None
        assert set(told) == {"saved", "light", "rig>upload saved {'n': 1}"}, (dies_at, told)
        assert len(told) <= 6
        assert told[-3:] == ["saved", "light", "rig>upload saved {'n': 1}"] or told[-2:] == [
            "light",
            "rig>upload saved {'n': 1}",
        ], (dies_at, told)


# Cleaning up ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [POWERED, SLOWLY_POWERED], ids=["at once", "slowly"])
def test_after_a_crash_the_cleanup_is_entered_exactly_once(rigs: list[Rig], tmp_path: Path, text: str) -> None:
    rig = start(rigs, tmp_path, text)
    rig.run("go")
    assert rig.told == ["on"]
    rig.kill()
    rig.start()
    rig.run()
    assert [word for word in rig.told if word != "ramp"] == ["on", "off"]
    assert rig.host.states == ("idle",)
    rig.kill()
    rig.start()
    rig.run("go", "finish")
    assert [word for word in rig.told if word != "ramp"] == ["on", "off", "on", "off"]


@pytest.mark.parametrize("text", [POWERED, SLOWLY_POWERED], ids=["at once", "slowly"])
@pytest.mark.parametrize("ending", ["killed", "stopped"])
def test_wherever_it_dies_what_was_switched_on_is_switched_off(
    rigs: list[Rig], tmp_path: Path, text: str, ending: str
) -> None:
    whole = start(rigs, tmp_path, text)
    whole.run("go", "finish")
    for dies_at in range(1, whole.steps + 2):
        rig = start(rigs, tmp_path, text)
        rig.dies_at = dies_at
        rig.run("go", "finish")
        rig.kill() if ending == "killed" or rig.is_dead else rig.stop()
        rig.start()
        rig.run()
        told = [word for word in rig.told if word != "ramp"]
        assert rig.host.states == ("idle",), (dies_at, told)
        assert rig.snapshot is None
        assert told[-1:] == ["off"] or told == [], (dies_at, told)
        assert told.count("on") <= 1
        assert told.count("off") <= 2  # done, but not known to be done: once more does no harm, never would


def test_a_second_crash_during_the_cleanup_does_not_lose_it(rigs: list[Rig], tmp_path: Path) -> None:
    rig = start(rigs, tmp_path, SLOWLY_POWERED)
    rig.run("go")
    rig.kill()
    before = rig.steps
    rig.start()
    rig.run()
    for dies_at in range(before + 1, rig.steps + 1):
        again = start(rigs, tmp_path, SLOWLY_POWERED)
        again.run("go")
        again.kill()
        again.dies_at = dies_at
        again.start()
        again.run()
        again.kill()
        again.start()
        again.run()
        assert again.told[0] == "on"
        assert again.told[-1] == "off", (dies_at, again.told)
        assert again.told.count("on") == 1
        assert (again.host.states, again.snapshot) == (("idle",), None)


def test_a_stop_cleans_up_and_leaves_nothing_to_go_on_with(rigs: list[Rig], tmp_path: Path) -> None:
    text = POWERED.replace("    finally: down\n", "    finally: down\n    persist: true\n")
    rig = start(rigs, tmp_path, text)
    rig.run("go")
    rig.stop()
    assert rig.told == ["on", "off"]
    assert rig.snapshot is None
    rig.start()
    rig.run()
    assert (rig.told, rig.host.states) == (["on", "off"], ("idle",))


def test_a_state_with_a_cleanup_that_persists_is_gone_on_with(rigs: list[Rig], tmp_path: Path) -> None:
    text = POWERED.replace("    finally: down\n", "    finally: down\n    persist: true\n")
    rig = start(rigs, tmp_path, text)
    rig.run("go")
    rig.kill()
    rig.start()
    rig.run()
    assert (rig.told, rig.host.states) == (["on"], ("measuring",))
    rig.run("finish")
    assert (rig.told, rig.host.states) == (["on", "off"], ("idle",))


# What does not fit ----------------------------------------------------------------------------------------------------


def test_a_service_that_cannot_be_repeated_ends_with_its_error(rigs: list[Rig], tmp_path: Path) -> None:
    text = COUNTING.replace("rig.work", "rig.once").replace(
        "error: idle", "error: {target: idle, actions: [{rig.set: lost}]}"
    )
    rig = start(rigs, tmp_path, text)
    rig.run("go")
    rig.dies_at = rig.steps + 4  # the service has begun
    rig.run("finish")
    rig.kill()
    rig.start()
    rig.run()
    assert rig.told[-1] == "lost"
    assert rig.told.count("saved") <= 1


def test_a_snapshot_that_no_longer_fits_is_told_and_the_chart_begins_anew(rigs: list[Rig], tmp_path: Path) -> None:
    rig = start(rigs, tmp_path, COUNTING)
    rig.run("go", "count")
    rig.kill()
    rig.change(
        COUNTING.replace("counting:\n    persist", "adding:\n    persist").replace("target: counting", "target: adding")
    )
    with capture_logs() as logs:
        rig.start()
        rig.run()
    [told] = [entry["reason"] for entry in logs if entry["event"] == "machine.snapshot.refused"]
    assert "counting" in told
    assert rig.host.states == ("idle",)


@pytest.mark.parametrize("document", ["", "null", "[]", "{}", '{"effects": 7}', '{"effects": [{}]}', "nonsense"])
def test_a_damaged_snapshot_is_told_and_the_chart_begins_anew(rigs: list[Rig], tmp_path: Path, document: str) -> None:
    rig = start(rigs, tmp_path, COUNTING)
    rig.kill()
    rig.loop.run(rig.store.save_snapshot("rig", document))
    with capture_logs() as logs:
        rig.start()
        rig.run()
    assert [e["event"] for e in logs if e["log_level"] == "error"] in (
        ["machine.snapshot.refused"],
        ["machine.snapshot.unreadable"],
    )
    assert rig.host.states == ("idle",)
    rig.run("go", "finish")
    assert rig.snapshot is None


def test_a_chart_that_survives_nothing_clears_away_what_another_left(rigs: list[Rig], tmp_path: Path) -> None:
    rig = start(rigs, tmp_path, COUNTING)
    rig.run("go")
    rig.kill()
    rig.change(COUNTING.replace("    persist: true\n", ""))
    rig.start()
    rig.run()
    assert rig.snapshot is None
    assert rig.host.states == ("idle",)


def test_a_store_that_fails_does_not_hold_up_the_machine(
    rigs: list[Rig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = start(rigs, tmp_path, COUNTING)
    rig.run("go", "count")

    async def refuse(*_args: object) -> None:
        raise StoreError("the disk does not answer")

    for name in ("save_snapshot", "drop_snapshot", "load_snapshot"):
        monkeypatch.setattr(rig.store, name, refuse)
    with capture_logs() as logs:
        rig.run("count")
    assert rig.told == ["1", "2"]
    assert {entry["event"] for entry in logs if entry["log_level"] == "error"} == {"machine.snapshot.failed"}
    rig.kill()
    with capture_logs() as logs:
        rig.start()
        rig.run()
    assert "machine.snapshot.unreadable" in {entry["event"] for entry in logs}
    assert rig.host.states == ("idle",)  # it could not know
    monkeypatch.undo()
    rig.run("go", "finish")
    assert rig.snapshot is None


def test_a_machine_that_is_stopped_before_it_knows_where_it_was_stays_stopped(rigs: list[Rig], tmp_path: Path) -> None:
    rig = start(rigs, tmp_path, COUNTING)
    rig.run("go", "count")
    rig.kill()
    rig.start()
    rig.host.stop()
    rig.loop.advance(1)
    assert not rig.host.interpreter.is_running
    assert rig.snapshot is not None
    rig.kill()
    rig.start()
    rig.run("count")
    assert rig.told == ["1", "2"]
