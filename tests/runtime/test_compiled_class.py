"""The compiled class is a python-statemachine class with all of the chart's states and transitions in it."""

from __future__ import annotations

from chart_spec import HISTORY, ROOT, Spec, as_yaml
from hypothesis import given, settings
from random_charts import specs
from statemachine import StateChart

from engine.bindings.registry import Registry
from engine.chart.build import build_chart
from engine.chart.model import Chart
from engine.clock import VirtualClock
from engine.documents.source import load_yaml
from engine.runtime.machine import machine_class


def built(text: str) -> Chart:
    return build_chart(load_yaml(text, "chart.yaml"), Registry())


@settings(max_examples=25, deadline=None, database=None)
@given(specs)
def test_every_state_and_transition_of_a_chart_is_in_its_class(spec: Spec) -> None:
    made = machine_class(built(as_yaml(spec)))
    assert issubclass(made, StateChart)
    real = [node for node in spec.root.walk() if node.id != ROOT and node.kind not in HISTORY]
    assert sorted(made.states_map) == sorted(node.id for node in real)
    for node in real:
        state = made.states_map[node.id]
        assert (state.parallel, bool(state.states)) == (node.kind == "parallel", bool(node.children))
        written = [(t.event, [s.id for s in t.targets]) for t in state.transitions if not t.initial]
        assert written == [(arc.event or "", list(arc.targets)) for arc in node.arcs]


def test_names_that_mean_something_to_the_library_are_no_obstacle() -> None:
    """``send``, ``model``, ``states`` and an event called like a state: each would break or hide something there."""
    made = machine_class(
        built("""
chart: awkward
events: {send: {}, model: {}, states: {}, prepare: {}, on_go: {}, idle: {}}
initial: idle
states:
  idle: {on: {send: model}}
  model: {on: {states: configuration, idle: idle}}
  configuration: {on: {prepare: on_enter_idle}}
  on_enter_idle: {on: {on_go: interpreter, model: idle}}
  interpreter: {}
""")
    )
    machine = made(clock=VirtualClock())
    machine.start()
    for event, state in (("send", "model"), ("states", "configuration"), ("prepare", "on_enter_idle")):
        machine.send(event)
        assert machine.interpreter.configuration == (state,)
        assert [s.id for s in machine.configuration] == [made.library_names[state]]
    machine.on_go_()
    assert machine.interpreter.configuration == ("interpreter",)


def test_an_internal_transition_out_of_its_state_is_an_external_one_in_the_class() -> None:
    made = machine_class(
        built("""
chart: outward
events: {a: {}}
initial: s
states:
  s: {initial: s1, states: {s1: {}}, on: {a: [{target: s1, internal: true}, {target: t, internal: true}]}}
  t: {}
""")
    )
    assert [t.internal for t in made.states_map["s"].transitions if t.event] == [True, False]
