"""The engine's own machine, in the shape of the other runners."""

from __future__ import annotations

from chart_spec import Spec, as_yaml

from engine.bindings.registry import Registry
from engine.chart.load import build_checked
from engine.clock import DEFAULT_EPOCH
from engine.documents.source import load_yaml
from engine.documents.tree import Document
from engine.effects import Effect, LogLine
from engine.events import Event
from engine.runtime.interpreter import Interpreter
from engine.runtime.program import Program


class OurMachine:
    """One machine. ``start`` and ``send`` answer with the notes that were taken."""

    def __init__(self, spec: Spec) -> None:
        self.interpreter = interpreter_of(load_yaml(as_yaml(spec), "sample.yaml"))

    @property
    def n(self) -> object:
        return self.interpreter.data["n"]

    @property
    def running(self) -> bool:
        return self.interpreter.is_running

    @property
    def configuration(self) -> tuple[str, ...]:
        return self.interpreter.configuration

    def start(self) -> list[str]:
        return notes(self.interpreter.start(0.0, DEFAULT_EPOCH))

    def send(self, event: str) -> list[str]:
        return notes(self.interpreter.handle(Event(event), 0.0, DEFAULT_EPOCH))


def machine_of(document: Document) -> OurMachine:
    """A machine of a chart that is written in the engine's own language."""
    machine = OurMachine.__new__(OurMachine)
    machine.interpreter = interpreter_of(document)
    return machine


def interpreter_of(document: Document) -> Interpreter:
    """An interpreter of a chart, which its schema has passed."""
    return Interpreter(Program(build_checked(document, Registry())), {}, seed=1)


def notes(effects: list[Effect]) -> list[str]:
    """What the log actions among the effects said."""
    return [effect.message for effect in effects if isinstance(effect, LogLine)]
