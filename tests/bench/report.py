"""What a suite of measurements says: figures with their limits, as a table for people and as JSON for machines."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value. ``limit`` is the most it may be, ``least`` the least; without either it explains another."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    note: str = ""
    places: int = 1
    least: float | None = None

    @property
    def is_ok(self) -> bool | None:
        """Whether the limit is kept; None without one."""
        if self.limit is None and self.least is None:
            return None
        return (self.limit is None or self.value <= self.limit) and (self.least is None or self.value >= self.least)

    @property
    def wanted(self) -> str:
        """The limit as people write it."""
        bounds = (("≥", self.least), ("≤", self.limit))
        return ", ".join(f"{sign} {bound:g} {self.unit}" for sign, bound in bounds if bound is not None)


@dataclass(slots=True)
class Report:
    """What one run of one suite came to. ``failures``: what went wrong with the run itself, a sentence each."""

    suite: str
    title: str
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def to_json(self) -> Mapping[str, Any]:
        """Everything, with ``ok`` beside each figure. What was not measured (nan) is null."""
        figures = [
            {**asdict(figure), "value": None if math.isnan(figure.value) else figure.value, "ok": figure.is_ok}
            for figure in self.figures
        ]
        return {**asdict(self), "figures": figures}


@dataclass(frozen=True, slots=True)
class Options:
    """What every suite is given."""

    seconds: float
    tell: Callable[[str], None]  # progress, for a person who waits


@dataclass(frozen=True, slots=True)
class Suite:
    """A named set of measurements."""

    name: str
    help: str
    run: Callable[[Options], Report]


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: the smallest value that ``share`` of all values do not exceed; nan for none."""
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def show(console: Console, report: Report) -> None:
    """Print a report as a table."""
    table = Table(title=report.title, title_justify="left", title_style="bold")
    for name, justify in (("figure", "left"), ("limit", "right"), ("measured", "right"), ("ok", "left"), ("", "left")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for figure in report.figures:
        table.add_row(
            figure.name,
            figure.wanted,
            f"{figure.value:,.{figure.places}f} {figure.unit}",
            {None: "", True: "[green]yes[/]", False: "[red]NO[/]"}[figure.is_ok],
            f"[dim]{figure.note}[/]",
        )
    console.print(table)
    for note in report.notes:
        console.print(f"[dim]{note}[/]", highlight=False)
    for failure in report.failures:
        console.print(f"[red]the run failed:[/] {failure}", highlight=False)


def write_json(reports: Sequence[Report]) -> str:
    """All reports as one document."""
    return json.dumps([report.to_json() for report in reports], ensure_ascii=False, indent=2)
