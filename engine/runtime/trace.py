"""What happened in a macrostep, and why nothing did: for incident logs, ``engine graph --trace`` and people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from engine.bindings.window import Window
from engine.chart.model import Transition, Values
from engine.documents.suggest import did_you_mean
from engine.effects import Effect
from engine.errors import Position
from engine.ports import Secret
from engine.runtime import cleanup
from engine.runtime.program import matches

if TYPE_CHECKING:
    from engine.runtime.interpreter import Interpreter
    from engine.runtime.program import Step

# ruff: noqa: SLF001 - a part of the interpreter, kept apart for its size

_IMPLICIT: Final = ("done.state.", "error.")  # events that no chart declares


@dataclass(frozen=True, slots=True)
class GuardTried:
    """A guard that was tried and what it said; ``result`` is the error's text when it raised."""

    source: str
    text: str
    result: bool | str
    position: Position
    values: Mapping[str, str]  # what it looked at

    def as_json(self) -> dict[str, Any]:
        """A part of a macrostep's line."""
        where, values = str(self.position), dict(self.values)
        return {"source": self.source, "guard": self.text, "result": self.result, "where": where, "values": values}


@dataclass(slots=True)
class Macrostep:
    """One macrostep: an event taken to completion. ``error`` tells why it was undone, if it was."""

    event: str
    data: Values
    monotonic: float
    before: tuple[str, ...]
    guards: list[GuardTried] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    configuration: tuple[str, ...] = ()
    error: str = ""

    def took(self, step: Step) -> None:
        """Note a microstep's transitions and actions, in the order in which they ran."""
        self.transitions.extend(step.transitions)
        self.actions += [a.text for a in step.actions]

    def as_json(self) -> dict[str, Any]:
        """One object for a line of JSON: what ``engine graph --trace`` reads."""
        return {
            "event": self.event,
            "data": {
                name: str(value) if not isinstance(value, Secret) else repr(value) for name, value in self.data.items()
            },
            "at": self.monotonic,
            "before": list(self.before),
            "guards": [guard.as_json() for guard in self.guards],
            "transitions": [
                {"source": t.source, "event": t.event, "targets": list(t.targets), "where": str(t.position)}
                for t in self.transitions
            ],
            "actions": self.actions,
            "effects": [repr(effect) for effect in self.effects],
            "configuration": list(self.configuration),
            **({"error": self.error} if self.error else {}),
        }


Tracer = Callable[[Macrostep], None]


def why(machine: Interpreter, event: str, data: Mapping[str, object]) -> list[str]:
    """Explain, a line a reason, what the machine would do on an event now, or why nothing. Changes nothing."""
    if not machine.is_running:
        return [machine.ended or "the machine has not been started"]
    candidates = machine._program.candidates(machine._configuration, event)
    if not candidates:
        return [_why_nothing_handles(machine, event)]
    at_work = cleanup.states_at_work(machine)
    lines: list[str] = []
    for tried in candidates:
        for _, transition in tried:
            if at_work is not None and transition.source not in at_work:
                lines.append(f"{_where(transition)}: not tried, because the machine is ending")
                continue
            text, is_last = _why_transition(machine, transition, data)
            if text not in lines:
                lines.append(text)
            if is_last:
                break
    return lines


def _why_nothing_handles(machine: Interpreter, event: str) -> str:
    chart, configuration = machine.chart, machine._configuration
    active = ", ".join(s.id for s in configuration.atomic)
    handlers = [
        s.id for s in chart.in_order for t in s.transitions if s.id not in configuration.ids and matches(t, event)
    ]
    told = f"nothing handles '{event}' in {active}"
    if handlers:
        return f"{told}; it is handled in {', '.join(dict.fromkeys(handlers))}"
    if event in chart.events or event.startswith(_IMPLICIT) or "/" in event:
        return f"{told}; no state handles it"
    guess = did_you_mean(event, chart.events)
    return f"{told}; chart '{chart.name}' declares no such event" + (f", did you mean '{guess}'?" if guess else "")


def _why_transition(machine: Interpreter, transition: Transition, data: Values) -> tuple[str, bool]:
    """What becomes of a transition, and whether that is the end of trying."""
    where, guard = _where(transition), transition.guard
    if guard is None:
        return f"{where}: would be taken{_held_up(machine, transition)}", True
    try:
        holds = bool(guard.test(machine.data, machine.settings, data, machine))
    except Exception as error:  # noqa: BLE001 - told, not raised
        return f"{where}: its guard '{guard.text}' fails: {type(error).__name__}: {error}", True
    asked = ", ".join(f"{name} = {value}" for name, value in values_of(machine, transition, data).items())
    told = f"'{guard.text}' is {str(holds).lower()}" + (f" ({asked})" if asked else "")
    if holds:
        return f"{where}: would be taken{_held_up(machine, transition)}: {told}", True
    return f"{where}: not taken: {told}", False


def _held_up(machine: Interpreter, transition: Transition) -> str:
    held = machine._program.first_held(machine._configuration, [transition], machine._memory)
    return "" if held is None else f" when the cleanup '{held.finally_}' of {held.id} is done"


def _where(transition: Transition) -> str:
    return f"{transition.source} -> {', '.join(transition.targets) or 'stays'} ({transition.position})"


def values_of(machine: Interpreter, transition: Transition, event: Values) -> dict[str, str]:
    """What a transition's guard looks at, as it is now: ``data.n``, ``settings.limit``, ``event.value``."""
    assert transition.guard is not None
    homes: Mapping[str, Values] = {"data": machine.data, "settings": machine.settings, "event": event}
    found = {}
    for full in sorted(transition.guard.footprint.reads):
        home, _, name = full.partition(".")
        value = homes[home].get(name) if home in homes else None
        found[full] = _shown(value)
    return found


def _shown(value: object) -> str:
    if isinstance(value, Window):
        return f"{len(value)} readings, the last {value.last}"
    return repr(value) if isinstance(value, str) else str(value)
