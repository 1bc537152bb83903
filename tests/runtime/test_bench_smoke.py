"""The measurements of the engine can be taken: everyone runs the same cycle to its end, and every figure is there."""

import json

import pytest

from tests.bench import engine
from tests.bench.engine_cycle import WrongEndError, runners
from tests.bench.report import Figure, Options, write_json


def test_everyone_ends_the_cycle_where_it_began():
    with runners() as found:
        for runner in found:
            runner.measure()
    assert {runner.variant for runner in found} == {"flat", "nested", "parallel"}
    assert all(runner.rates[0] > 0 for runner in found)


def test_a_machine_that_ends_elsewhere_is_not_measured(monkeypatch):
    monkeypatch.setitem(
        engine.engine_charts.CHARTS, "flat", engine.engine_charts.FLAT.replace("lifted: idle", "lifted: saving")
    )
    with pytest.raises(WrongEndError, match="saving"), runners(["flat"]) as found:
        found[0].measure()


def test_the_suite_gives_every_figure(monkeypatch):
    for size in ("_STATES", "_WAITING", "_STOCK_WAITING"):
        monkeypatch.setattr(engine, size, 10)
    monkeypatch.setattr(engine, "_ROUNDS", 2)
    report = engine.run(Options(seconds=0.02, tell=lambda _text: None))
    assert report.failures == []
    document = json.loads(write_json([report]))
    names = [figure["name"] for figure in document[0]["figures"]]
    wanted = [name for name in names if document[0]["figures"][names.index(name)]["ok"] is not None]
    for part in (
        "flat: times as fast as python-statemachine",
        "nested",
        "parallel",
        "traced",
        "memory",
        "compile",
        "CPU",
    ):
        assert any(part in name for name in wanted), part


@pytest.mark.parametrize(("value", "ok"), [(0.9, False), (1.0, True), (2.0, True), (2.1, False)])
def test_a_figure_keeps_its_least_and_its_most(value, ok):
    assert Figure("f", value, "×", 2.0, least=1.0).is_ok is ok
