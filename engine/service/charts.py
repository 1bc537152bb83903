"""The charts of a service: each loaded once, machines made of them with their settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.bindings.registry import Registry
from engine.chart.declare import resolve_settings
from engine.chart.load import load_chart
from engine.chart.model import Chart
from engine.clock import Clock
from engine.errors import Diagnostic, DiagnosticError
from engine.runtime.machine import machine_class
from engine.service.chart_names import chart_place


class Charts:
    """Files that charts name as their children count from ``base_dir``."""

    def __init__(self, registry: Registry, clock: Clock, base_dir: Path) -> None:
        self._registry = registry
        self._clock = clock
        self._base_dir = base_dir
        self._loaded: dict[str, Chart] = {}

    def machine(self, chart: str | Path, settings: Mapping[str, object], problems: list[Diagnostic]) -> Any:
        """A machine, not started; None when there are problems, which are told."""
        key = str(chart)
        try:
            if key not in self._loaded:
                self._loaded[key] = load_chart(chart, self._registry)
        except DiagnosticError as error:
            problems.extend(error.diagnostics)
            return None
        found = len(problems)
        resolve_settings(self._loaded[key].settings, settings, problems)
        if len(problems) > found:
            return None
        return machine_class(self._loaded[key])(settings, clock=self._clock)

    def child(self, chart: str, settings: Mapping[str, object]) -> Any:
        """The machine of a chart that another one invokes. Raises DiagnosticError."""
        problems: list[Diagnostic] = []
        machine = self.machine(chart_place(chart, self._base_dir), settings, problems)
        if problems:
            raise DiagnosticError(problems)
        return machine
