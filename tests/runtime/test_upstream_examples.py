"""Every difference that ``docs/upstream-differences.md`` lists is there, and is the only one that its example shows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from chart_spec import from_yaml
from our_machine import OurMachine
from scxml_reference import Reference
from stock_engine import MENDS, StockMachine

DOCUMENT = Path(__file__).parents[2] / "docs" / "upstream-differences.md"
_SECTION = re.compile(
    r"<!-- (?P<name>[\w-]+)(?P<others>[\w, -]*) -->.*?```yaml\n(?P<chart>.*?)```\n\n"
    r"- (?:at the start|send: (?P<events>.*?))\n- SCXML: (?P<scxml>.*?)\n- python-statemachine:(?P<library>.*?)\n",
    re.DOTALL,
)


@dataclass(frozen=True)
class Example:
    name: str
    others: list[str]  # differences that show in it too
    chart: str
    events: list[str]
    scxml: list[str]
    library: list[str]


def _words(text: str | None) -> list[str]:
    return [word.strip() for word in (text or "").split(",") if word.strip()]


EXAMPLES = {
    found["name"]: Example(
        found["name"],
        _words(found["others"]),
        found["chart"],
        _words(found["events"]),
        _words(found["scxml"]),
        _words(found["library"]),
    )
    for found in _SECTION.finditer(DOCUMENT.read_text(encoding="utf-8"))
}


def last_notes(machine: OurMachine | Reference | StockMachine, events: list[str]) -> list[str]:
    """What is noted on the last event, or at the start where there is none."""
    notes = machine.start()
    for event in events:
        notes = machine.send(event)
    return notes


def test_the_document_lists_every_difference_and_no_other() -> None:
    assert sorted(EXAMPLES) == sorted(MENDS)


@pytest.mark.parametrize("name", sorted(MENDS))
def test_a_listed_difference_is_as_the_document_says(name: str) -> None:
    example = EXAMPLES[name]
    spec = from_yaml(example.chart)
    assert last_notes(Reference(spec), example.events) == example.scxml
    assert last_notes(OurMachine(spec), example.events) == example.scxml
    assert last_notes(StockMachine(spec), example.events) == example.library
    others = frozenset(example.others)
    assert last_notes(StockMachine(spec, others), example.events) != example.scxml
    assert last_notes(StockMachine(spec, others | {name}), example.events) == example.scxml
