"""The charts of a service: each loaded once, machines made of them with their settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.bindings.registry import Registry
from engine.chart.declare import resolve_settings
from engine.chart.load import load_chart
from engine.errors import Diagnostic, DiagnosticError
from engine.runtime.interpreter import Interpreter
from engine.runtime.program import Program
from engine.service.chart_names import chart_place


@dataclass(frozen=True, slots=True)
class Machine:
    """What a :class:`~engine.service.host.MachineHost` hosts. The class of a chart is for those who script it."""

    interpreter: Interpreter


class Charts:
    """Files that charts name as their children count from ``base_dir``."""

    def __init__(self, registry: Registry, base_dir: Path) -> None:
        self._registry = registry
        self._base_dir = base_dir
        self._loaded: dict[str, Program] = {}

    def machine(self, chart: str | Path, settings: Mapping[str, object], problems: list[Diagnostic]) -> Machine | None:
        """A machine, not started; None when there are problems, which are told."""
        key = str(chart)
        try:
            if key not in self._loaded:
                self._loaded[key] = Program(load_chart(chart, self._registry))
        except DiagnosticError as error:
            problems.extend(error.diagnostics)
            return None
        program, found = self._loaded[key], len(problems)
        values = resolve_settings(program.chart.settings, settings, problems)
        return None if len(problems) > found else Machine(Interpreter(program, values))

    def child(self, chart: str, settings: Mapping[str, object]) -> Machine:
        """The machine of a chart that another one invokes. Raises DiagnosticError."""
        problems: list[Diagnostic] = []
        machine = self.machine(chart_place(chart, self._base_dir), settings, problems)
        if machine is None:
            raise DiagnosticError(problems)
        return machine
