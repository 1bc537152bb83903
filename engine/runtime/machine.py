"""A chart as a ``python-statemachine`` class whose instances are run by our own interpreter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from statemachine import StateChart
from statemachine.orderedset import OrderedSet

from engine.chart.compile import compile_class
from engine.chart.declare import resolve_settings
from engine.chart.model import Chart
from engine.clock import Clock, SystemClock
from engine.effects import Effect
from engine.errors import Diagnostic, DiagnosticError
from engine.runtime.interpreter import Interpreter
from engine.runtime.program import Program


class _Model:
    """What the library reads an instance's state from: the interpreter's configuration."""

    def __init__(self, interpreter: Interpreter) -> None:
        self._interpreter = interpreter

    @property
    def state(self) -> OrderedSet[str] | None:
        """The active states' ids, or None before the machine was started."""
        active = self._interpreter.configuration
        return OrderedSet(active) if active else None


class _PlanEngine:
    """Stands where the library's engine would: there is nothing left for it to do."""

    def __init__(self, machine: Any) -> None:
        self._interpreter: Interpreter = machine.interpreter

    @property
    def running(self) -> bool:
        """Whether the machine has been started and has not reached a top-level final state."""
        return self._interpreter.is_running

    def start(self, **_kwargs: object) -> None:
        """The owner starts the machine: it needs the effects."""


def machine_class(chart: Chart) -> type[StateChart[Any]]:
    """Compile a chart.

    Instances take ``settings`` (YAML literals or typed values), ``clock`` and ``seed``; ``start()`` and
    ``send(event, **data)`` answer with the effects; ``interpreter`` is what a host drives.
    """
    program = Program(chart)

    def __init__(  # noqa: N807 - a member of the class that is made here
        self: Any,
        settings: Mapping[str, object] | None = None,
        *,
        clock: Clock | None = None,
        seed: int | None = None,
    ) -> None:
        problems: list[Diagnostic] = []
        values = resolve_settings(chart.settings, settings or {}, problems)
        if problems:
            raise DiagnosticError(problems)
        vars(self)["interpreter"] = Interpreter(program, values, seed=seed)
        vars(self)["_clock"] = clock or SystemClock()
        vars(self)["_dispatch"] = self.interpreter.dispatch
        StateChart.__init__(self, model=_Model(self.interpreter))

    def start(self: Any) -> list[Effect]:
        effects: list[Effect] = self.interpreter.start(self._clock.monotonic(), self._clock.now())
        return effects

    def send(self: Any, event: str, **data: object) -> list[Effect]:
        clock = self._clock
        effects: list[Effect] = self._dispatch(event, data, clock.monotonic(), clock.now)
        return effects

    def _get_engine(self: Any) -> _PlanEngine:
        return _PlanEngine(self)

    return compile_class(
        chart, __init__=__init__, start=start, send=send, _get_engine=_get_engine, chart=chart, program=program
    )
