"""What happened in a macrostep, and why nothing did: for incident logs, ``engine graph --trace`` and people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.chart.model import Transition, Values
from engine.effects import Effect
from engine.errors import Position
from engine.ports import Secret

if TYPE_CHECKING:
    from engine.runtime.interpreter import Interpreter
    from engine.runtime.program import Step


@dataclass(frozen=True, slots=True)
class GuardTried:
    """A guard that was tried and what it said; ``result`` is the error's text when it raised."""

    source: str
    text: str
    result: bool | str
    position: Position


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
            "guards": [
                {"source": g.source, "guard": g.text, "result": g.result, "where": str(g.position)} for g in self.guards
            ],
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
    configuration = machine._configuration  # noqa: SLF001 - a part of the interpreter
    if not machine.is_running:
        return ["the machine is not running"]
    candidates = machine._program.candidates(configuration, event)  # noqa: SLF001
    if not candidates:
        active = ", ".join(s.id for s in configuration.atomic)
        handlers = [
            s.id
            for s in machine.chart.in_order
            for t in s.transitions
            if t.event == event and s.id not in configuration.ids
        ]
        elsewhere = f"; it is handled in {', '.join(dict.fromkeys(handlers))}" if handlers else "; no state handles it"
        return [f"nothing handles '{event}' in {active}{elsewhere}"]
    lines: list[str] = []
    for tried in candidates:
        for guard, transition in tried:
            target = ", ".join(transition.targets) or "stays"
            where = f"{transition.source} -> {target} ({transition.position})"
            if guard is None:
                lines.append(f"{where}: would be taken")
                break
            try:
                holds = bool(guard(machine.data, machine.settings, data, machine))
            except Exception as error:  # noqa: BLE001 - told, not raised
                lines.append(f"{where}: its guard '{transition.guard.text}' fails: {error}")  # type: ignore[union-attr]
                break
            text = transition.guard.text  # type: ignore[union-attr]
            lines.append(f"{where}: {'would be taken:' if holds else 'not taken:'} '{text}' is {str(holds).lower()}")
            if holds:
                break
    return lines
