"""Rules across the charts of a site: events that nobody handles, and what they carry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from engine.chart.lint.facts import Facts
from engine.chart.lint.finding import finding
from engine.chart.lint.usage import matches
from engine.chart.model import Sent
from engine.documents.suggest import did_you_mean
from engine.errors import Diagnostic

SELF: Final = "self"
EVERYONE: Final = "everyone"
LINES: Final = "lines"
# The machines that every gateway has; each runs the shipped chart of its name.
FIXED_MACHINES: Final = ("registration", "upload", "streaming")


@dataclass(frozen=True, slots=True)
class Machines:
    """Who can be sent an event: the chart behind each machine's name, None for one that could not be built.

    ``is_whole``: these are all the machines of a site, so a name that is not among them is a mistake.
    """

    by_name: Mapping[str, Facts | None]
    lines: Sequence[str]
    is_whole: bool

    def receivers(self, sender: Facts, to: str) -> list[Facts | None] | None:
        """The charts that get an event; None when there is no such machine."""
        if to == SELF:
            return [sender]
        if to == EVERYONE:
            return self._others(sender)
        if to == LINES:
            return [self.by_name[name] for name in self.lines]
        return [self.by_name[to]] if to in self.by_name else None

    def _others(self, sender: Facts) -> list[Facts | None]:
        """All but the sender; its chart may run in several machines, which then hear each other."""
        charts = list(self.by_name.values())
        same = [facts for facts in charts if facts is not None and facts.name == sender.name]
        return [facts for facts in charts if len(same) > 1 or facts not in same]


def check_sends(sender: Facts, machines: Machines) -> Iterator[Diagnostic]:
    """Events of one chart that nobody handles, or that carry what nobody declared."""
    for sent in sender.sends:
        if sent.event is None or sent.to is None:
            continue  # worked out while running
        receivers = machines.receivers(sender, sent.to)
        if receivers is None:
            yield from _unknown_machine(sent, machines)
        elif None not in receivers:
            yield from _received(sent, [facts for facts in receivers if facts is not None])


def _unknown_machine(sent: Sent, machines: Machines) -> Iterator[Diagnostic]:
    if machines.is_whole:
        known = sorted({*machines.by_name, SELF, EVERYONE, LINES})
        guess = did_you_mean(str(sent.to), known) or ""
        yield finding("unknown-machine", sent.position, name=sent.to, guess=guess, known=known)


def _received(sent: Sent, receivers: Sequence[Facts]) -> Iterator[Diagnostic]:
    event = str(sent.event)
    takers = [facts for facts in receivers if any(matches(handled, event) for handled in facts.handles)]
    if not takers:
        known = sorted({handled for facts in receivers for handled in facts.handles})
        guess = did_you_mean(event, known) or ""
        yield finding("unhandled-send", sent.position, event=event, to=sent.to, guess=guess, known=known)
        return
    declared = {field for facts in takers for field in facts.fields.get(event, ())}
    if not any(event in facts.fields for facts in takers):
        return  # taken by a wildcard: nothing is known of its fields
    for name, position in sent.fields or ():
        if name not in declared:
            guess = did_you_mean(name, declared) or ""
            yield finding("unknown-field", position, name=name, event=event, guess=guess, known=sorted(declared))
