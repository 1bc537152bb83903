"""A chart that runs another one as a service: its settings, what it ends with, and how it is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.bindings.registry import Help, Parameter, Registry
from engine.bindings.types import TEXT
from engine.chart.load import load_chart
from engine.events import Event
from engine.runtime.machine import machine_class
from engine.service.host import MachineHost, Surroundings
from engine.testing.loop import VirtualLoop

PARENT = """
chart: batch
events: {halt: {}}
settings: {board: {type: text, default: A}}
initial: idle
states:
  idle: {on: {halt: testing}}
  testing:
    exit: [{tell: "parent left"}]
    on: {halt: stopped}
    invoke:
      chart: sequence
      with: {board: "${settings.board}", pause: 2 s}
      timeout: 60 s
      cancel: CANCEL
      on:
        done: {target: idle, actions: [{tell: "done ${event.measured}"}]}
        error: {target: idle, actions: [{tell: "error ${event.reason}"}]}
        timeout: {target: idle, actions: [{tell: "timeout"}]}
  stopped: {entry: [{tell: "parent stopped"}]}
"""
CHILD = """
chart: sequence
settings: {board: {type: text, default: none}, pause: {type: duration, default: 1 s, max: 9 s}}
data: {zero: {type: int, default: 0}}
initial: powered
states:
  powered:
    initial: measuring
    finally: off
    entry: [{tell: "on ${settings.board}"}]
    states:
      measuring: {after: {"${settings.pause}": FIRST}}
      broken: {entry: [{tell: "x ${1 / data.zero}"}]}
      off:
        initial: down
        states: {down: {after: {3 s: {target: safe, actions: [{tell: "off"}]}}}, safe: {type: final}}
  over: {type: final, done: {measured: 12}}
"""


class Bench:
    """A parent on virtual time, and what it and its child told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.loop = VirtualLoop()
        self.told: list[str] = []
        self.registry = Registry()
        self.registry.action("tell", {"word": Parameter(TEXT)}, help=Help("", ""), source="test")
        self.host: MachineHost
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self, *, cancel: str = "now", first: str = "over", child: str = CHILD) -> None:
        (self.folder / "sequence.yaml").write_text(child.replace("FIRST", first), encoding="utf-8")
        (self.folder / "batch.yaml").write_text(PARENT.replace("CANCEL", cancel), encoding="utf-8")
        around = Surroundings(
            clock=self.loop.clock,
            loop=self.loop,
            services={},
            performers={"tell": lambda _machine, word: self.told.append(word)},
            route=lambda *_: None,
            spawn=self._spawn,
            make_machine=self._make,
        )
        self.host = MachineHost("batch", self._make("batch", {}), around)
        self.host.start()
        self.send("halt")

    def send(self, event: str, then: float = 0.5) -> None:
        self.host.post(Event(event))
        self.wait(then)

    def wait(self, seconds: float) -> None:
        self.loop.run(asyncio.sleep(seconds))

    def stop(self, within: float = 10.0) -> None:
        self.host.stop()
        self.loop.run(self.host.wait_ended(within))

    def _make(self, chart: str, settings: Mapping[str, object]) -> Any:
        return machine_class(load_chart(self.folder / f"{chart}.yaml", self.registry))(settings, clock=self.loop.clock)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        self._tasks.append(self.loop.create_task(work))
        return self._tasks[-1]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.host.abandon()
    made.loop.close()


def test_it_is_given_its_settings_and_its_end_is_the_outcome_with_what_it_says(bench: Bench) -> None:
    bench.begin()
    bench.wait(1.4)
    assert bench.told == ["on A"]
    bench.wait(5.0)  # two seconds of measuring, and three until it is off
    assert bench.told == ["on A", "off", "parent left", "done 12"]
    assert bench.host.states == ("idle",)


def test_a_child_that_faults_has_cleaned_up_and_is_an_error_with_the_reason(bench: Bench) -> None:
    bench.begin(first="broken")
    bench.wait(6.0)
    assert bench.told[:3] == ["on A", "off", "parent left"]
    assert bench.told[3].startswith("error ")
    assert "ZeroDivisionError" in bench.told[3]
    assert "sequence.yaml:" in bench.told[3]


@pytest.mark.parametrize(
    "child", [CHILD.replace("max: 9 s", "max: 1 s"), CHILD.replace("pause:", "pase:"), CHILD.replace("board:", "bord:")]
)
def test_a_child_whose_settings_do_not_fit_is_an_error(bench: Bench, child: str) -> None:
    bench.begin(child=child)
    assert bench.told[0] == "parent left"
    assert bench.told[1].startswith("error ")


def test_a_child_chart_that_cannot_be_loaded_is_an_error(bench: Bench) -> None:
    bench.begin(child="chart: [")
    assert bench.told[0] == "parent left"
    assert bench.told[1].startswith("error ")


def test_it_is_stopped_when_its_state_is_left_and_does_its_cleanup_meanwhile(bench: Bench) -> None:
    bench.begin()
    bench.send("halt")
    assert bench.host.states == ("stopped",)
    assert bench.told == ["on A", "parent left", "parent stopped"]
    bench.wait(4.0)
    assert bench.told == ["on A", "parent left", "parent stopped", "off"]
    bench.wait(60.0)
    assert len(bench.told) == 4  # its end is nobody's outcome any more


def test_what_comes_next_waits_for_it_as_long_as_it_is_given(bench: Bench) -> None:
    bench.begin(cancel="wait 5 s")
    bench.send("halt", then=2.5)
    assert bench.told == ["on A", "parent left"]
    bench.wait(1.0)
    assert bench.told == ["on A", "parent left", "off", "parent stopped"]


def test_it_is_not_waited_for_any_longer_than_that(bench: Bench) -> None:
    bench.begin(cancel="wait 1 s")
    bench.send("halt", then=1.5)
    assert bench.told == ["on A", "parent left", "parent stopped"]
    bench.wait(2.0)
    assert bench.told == ["on A", "parent left", "parent stopped", "off"]


def test_a_child_that_takes_too_long_is_stopped_as_well(bench: Bench) -> None:
    bench.begin(first="{target: measuring, internal: true}")
    bench.wait(61.0)
    assert bench.told == ["on A", "parent left", "timeout"]
    bench.wait(4.0)
    assert bench.told[-1] == "off"


def test_when_the_parent_is_stopped_its_end_waits_for_the_cleanup_of_the_child(bench: Bench) -> None:
    """Else the process would be gone, and what the child has switched on would stay on."""
    bench.begin()
    bench.stop()
    assert bench.told == ["on A", "parent left", "off"]


def test_a_child_whose_cleanup_takes_longer_than_the_stop_may_is_left(bench: Bench) -> None:
    bench.begin()
    began = bench.loop.time()
    bench.stop(within=1.0)
    assert bench.loop.time() - began < 1.1
    assert bench.told == ["on A", "parent left"]
