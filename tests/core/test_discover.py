"""A site's own folder adds guards, actions, services and protocols; what came from where is told."""

import asyncio

import pytest

from engine.bindings.discover import load_files
from engine.bindings.registry import RegistryError
from engine.bindings.shipped import shipped_registry
from engine.chart.load import load_chart
from engine.runtime.machine import machine_class

OWN = """
from engine.bindings.registry import Help, Parameter
from engine.bindings.types import TEXT
from engine.ports import Outcome

async def shout(call, text):
    return Outcome("shouted", {"text": text.upper()})

def register(registry):
    registry.guard("is_market_day", help=Help("today is one", "장날이다"))(lambda: True)
    registry.service("own.shout", "process", {"text": Parameter(TEXT)}, outcomes={"shouted": {"text": TEXT}},
                     help=Help("shout", "외친다"), source=__name__, function=shout)
"""
CHART = """
chart: own
initial: a
states:
  a:
    invoke: {service: own.shout, with: {text: hello}, on: {shouted: b, error: a}}
  b:
    always: {target: c, guard: is_market_day}
  c: {type: final}
"""


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(OWN, encoding="utf-8")
    return path


def test_a_chart_uses_what_the_site_added(own, tmp_path):
    registry = shipped_registry()
    (loaded,) = load_files(registry, [own])
    assert loaded.source == str(own)
    assert loaded.names == ("is_market_day", "own.shout")
    chart = tmp_path / "own.yaml"
    chart.write_text(CHART, encoding="utf-8")
    machine = machine_class(load_chart(chart, registry))()
    (started,) = machine.start()
    spec = registry.services[started.service]
    outcome = asyncio.run(spec.function(None, **started.args))
    assert dict(outcome.payload) == {"text": "HELLO"}
    clock = machine._clock
    machine.interpreter.resolve(started.key, outcome.name, outcome.payload, clock.monotonic(), clock.now())
    assert machine.interpreter.configuration == ("c",)


def test_a_name_that_is_there_already_names_both_places(own):
    registry = shipped_registry()
    load_files(registry, [own])
    with pytest.raises(RegistryError, match=r"'is_market_day' is registered twice"):
        load_files(registry, [own])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def register(registry):\n    1/0", "ZeroDivisionError"),
        ("import nothing_of_this_name", "ModuleNotFoundError"),
        ("this is no Python", "SyntaxError"),
        ("register = 3", r"no function 'register\(registry\)'"),
    ],
)
def test_a_file_that_cannot_be_used_is_an_error_that_names_it(tmp_path, text, message):
    path = tmp_path / "bad.py"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RegistryError, match=message) as caught:
        load_files(shipped_registry(), [path])
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_is_an_error_that_names_it(tmp_path):
    with pytest.raises(RegistryError, match=r"gone\.py"):
        load_files(shipped_registry(), [tmp_path / "gone.py"])
