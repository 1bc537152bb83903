"""The measurement of the terminals' polls, shortly: it runs, and four terminals are all served."""

from __future__ import annotations

from tests.bench.report import Options
from tests.bench.terminal import LIMIT_MS, SUITE, TERMINALS


def test_four_terminals_are_polled_in_time_while_they_print():
    report = SUITE.run(Options(3.0, lambda _text: None))
    figures = {figure.name: figure for figure in report.figures}
    assert report.failures == []
    # The 99th percentile is measured by the suite itself, on a machine that does nothing else.
    assert figures["a poll is late, median"].value <= LIMIT_MS
    assert figures["cards handed on"].value >= TERMINALS
