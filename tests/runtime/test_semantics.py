"""One rule of SCXML's algorithm (Appendix D, and 3.13) each, as a chart, the events sent to it, and what must come of them.

Every chart is also run by the algorithm as it is written down in ``scxml_reference``: what a file expects is what SCXML
says, not what the engine happens to do.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from chart_spec import from_map
from our_machine import OurMachine, machine_of
from scxml_reference import Reference

from engine.documents.source import load_yaml
from engine.documents.tree import Document, Map

FOLDER = Path(__file__).parent / "semantics"
CASES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
_PARTS = {"rule", "chart", "steps"}


def case(name: str) -> tuple[Document, list[tuple[str, dict[str, Any]]]]:
    """The chart of a case as a document of its own, and its steps: what is sent, and what is expected then."""
    document = load_yaml(FOLDER / f"{name}.yaml")
    assert document.root.keys() == _PARTS
    chart = document.root["chart"]
    assert isinstance(chart, Map)
    steps = [next(iter(step.items())) for step in document.root["steps"]]  # type: ignore[union-attr]
    return Document(name, document.text, chart, document.start), steps  # type: ignore[return-value]


def check(machine: OurMachine | Reference, steps: list[tuple[str, dict[str, Any]]]) -> None:
    for place, (event, expected) in enumerate(steps):
        notes = machine.start() if place == 0 else machine.send(event)
        assert (notes, list(machine.configuration)) == (expected["notes"], expected["active"]), f"step {place}: {event}"
        assert machine.running is not expected.get("has_ended", False), f"step {place}: {event}"


@pytest.mark.parametrize("name", CASES)
def test_a_rule_of_the_algorithm(name: str) -> None:
    document, steps = case(name)
    check(machine_of(document), steps)


@pytest.mark.parametrize("name", CASES)
def test_the_expectation_is_what_the_algorithm_says(name: str) -> None:
    document, steps = case(name)
    check(Reference(from_map(document.root)), steps)
