"""Rules about declarations: what is declared and not used, and what is used and never given a value."""

from __future__ import annotations

from collections.abc import Iterator

from engine.chart.lint.finding import finding
from engine.chart.lint.graph import Graph
from engine.chart.lint.reach import is_device_event
from engine.chart.model import Chart, TransitionKind
from engine.errors import Diagnostic, Position


def unused_events(graph: Graph) -> Iterator[Diagnostic]:
    """Events that no state handles. What a device or an invoked service sends anyway is declared to say so."""
    chart = graph.chart
    handled = {t.event for _, t in graph.transitions() if t.kind is TransitionKind.EVENT and t.event}
    sent_anyway = {event for state in graph.states() for invoke in state.invokes for event in invoke.service.events}
    for event in chart.events.values():
        if event.name in sent_anyway or is_device_event(event.name):
            continue
        if not any(matches(descriptor, event.name) for descriptor in handled):
            yield finding("unused-event", event.position, name=event.name)


def matches(descriptor: str, event: str) -> bool:
    """Whether ``on: {descriptor: ...}`` handles an event."""
    return descriptor == event or (descriptor.endswith("*") and event.startswith(descriptor[:-1]))


def unused_settings(graph: Graph) -> Iterator[Diagnostic]:
    """Settings that nothing reads."""
    chart = graph.chart
    for setting in chart.settings.values():
        if f"settings.{setting.name}" not in chart.footprint.reads:
            yield finding("unused-setting", setting.position, name=setting.name)


def settings_without_default(graph: Graph) -> Iterator[Diagnostic]:
    """Settings that every site has to give: expressions take it that a setting always has a value."""
    for setting in graph.chart.settings.values():
        if setting.default is None:
            yield finding("setting-without-default", setting.position, name=setting.name)


def unused_data(graph: Graph) -> Iterator[Diagnostic]:
    """Data that nothing reads."""
    chart = graph.chart
    for name, position in _own_data(chart):
        if f"data.{name}" not in chart.footprint.reads:
            yield finding("unused-data", position, name=name)


def data_never_set(graph: Graph) -> Iterator[Diagnostic]:
    """Data that is read, and has nothing in it, ever."""
    chart = graph.chart
    for name, position in _own_data(chart):
        is_empty = chart.data[name].default is None or chart.data[name].type.name == "window"
        if is_empty and f"data.{name}" in chart.footprint.reads and name not in chart.footprint.writes:
            yield finding("data-never-set", position, name=name)


def _own_data(chart: Chart) -> Iterator[tuple[str, Position]]:
    """The data that the user declared; a retry adds its own."""
    return ((name, declared.position) for name, declared in chart.data.items() if "/" not in name)
