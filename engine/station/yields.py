"""The yield report: first-pass yield, what fails most, and how capable each measured process is."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from engine.sequence.limits import LimitError, number
from engine.store.station_reports import Row, YieldRows

_RANGE: Final = re.compile(r"(?P<low>.+) \.\.\. (?P<high>.+)")
_WITHIN: Final = re.compile(r"(?P<of>.+) ± (?P<by>.+?)(?P<percent> %)?")
_SIGMAS: Final = 3


@dataclass(frozen=True, slots=True)
class Failing:
    """A step and in how many runs it did not pass; ``share`` of all that failed, ``cumulative`` with those before."""

    step: str
    runs: int
    verdicts: Mapping[str, int]
    share: float
    cumulative: float


@dataclass(frozen=True, slots=True)
class Capability:
    """A measurement over many runs. ``cpk`` None: no limits, fewer than two values, or no spread at all."""

    step: str
    name: str
    unit: str
    limits: str  # of the newest run
    count: int
    failed: int
    marginal: int
    mean: float | None
    deviation: float | None  # of the sample
    lowest: float | None
    highest: float | None
    low: float | None
    high: float | None
    cp: float | None
    cpk: float | None


@dataclass(frozen=True, slots=True)
class YieldReport:
    """``units``: things under test; a run without a serial number counts as one. Yields are 0 to 1; None: no runs."""

    runs: int
    passed: int
    units: int
    first_passes: int
    final_passes: int
    run_yield: float | None
    first_pass_yield: float | None
    final_yield: float | None
    verdicts: Mapping[str, int]
    pareto: tuple[Failing, ...]
    measurements: tuple[Capability, ...]


def yield_report(rows: YieldRows) -> YieldReport:
    """The report from what the database added up."""
    units = rows.units
    runs, of = int(units["runs"]), int(units["units"])
    return YieldReport(
        runs=runs,
        passed=int(units["passed"]),
        units=of,
        first_passes=int(units["first_passes"]),
        final_passes=int(units["final_passes"]),
        run_yield=_share(units["passed"], runs),
        first_pass_yield=_share(units["first_passes"], of),
        final_yield=_share(units["final_passes"], of),
        verdicts={str(row["verdict"]): int(row["runs"]) for row in rows.verdicts},
        pareto=_pareto(rows),
        measurements=_measurements(rows),
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _pareto(rows: YieldRows) -> tuple[Failing, ...]:
    steps: dict[str, dict[str, int]] = defaultdict(dict)
    for row in rows.pareto:
        steps[row["step"]][row["verdict"]] = int(row["runs"])
    ordered = sorted(steps.items(), key=lambda one: (-sum(one[1].values()), one[0]))
    total, so_far, found = sum(sum(counts.values()) for counts in steps.values()), 0, []
    for step, counts in ordered:
        count = sum(counts.values())
        so_far += count
        found.append(Failing(step, count, counts, count / total, so_far / total))
    return tuple(found)


def _measurements(rows: YieldRows) -> tuple[Capability, ...]:
    spread = {(row["step"], row["name"], row["unit"]): row for row in rows.spread}
    return tuple(_capability(row, spread.get((row["step"], row["name"], row["unit"]))) for row in rows.judged)


def _capability(judged: Row, spread: Row | None) -> Capability:
    low, high = bounds(str(judged["limits"] or ""), str(judged["unit"] or ""))
    mean: float | None = None if spread is None else float(spread["mean"])
    count = 0 if spread is None else int(spread["count"])
    deviation = math.sqrt(spread["squares"] / (count - 1)) if spread is not None and count > 1 else None
    return Capability(
        step=judged["step"],
        name=judged["name"],
        unit=judged["unit"],
        limits=judged["limits"],
        count=int(judged["count"]),
        failed=int(judged["failed"]),
        marginal=int(judged["marginal"]),
        mean=mean,
        deviation=deviation,
        lowest=None if spread is None else float(spread["lowest"]),
        highest=None if spread is None else float(spread["highest"]),
        low=low,
        high=high,
        **_indices(mean, deviation, low, high),
    )


def _indices(mean: float | None, deviation: float | None, low: float | None, high: float | None) -> dict[str, Any]:
    """Cp and Cpk; with one limit only, the distance to that one."""
    if mean is None or not deviation:
        return {"cp": None, "cpk": None}
    sides = [high - mean] if high is not None else []
    sides += [mean - low] if low is not None else []
    cp = (high - low) / (2 * _SIGMAS * deviation) if low is not None and high is not None else None
    return {"cp": cp, "cpk": min(sides) / (_SIGMAS * deviation) if sides else None}


def bounds(limits: str, unit: str) -> tuple[float | None, float | None]:
    """The lowest and the highest value that limits allow, as ``engine.sequence.limits.written`` wrote them."""
    low, high = -math.inf, math.inf
    for part in limits.split(", "):
        lower, upper = _bounds_of(part, unit)
        low, high = max(low, lower), min(high, upper)
    return (low if math.isfinite(low) else None), (high if math.isfinite(high) else None)


def _bounds_of(part: str, unit: str) -> tuple[float, float]:
    nothing = -math.inf, math.inf
    try:
        if part.startswith(">= "):
            return _value(part.removeprefix(">= "), unit), math.inf
        if part.startswith("<= "):
            return -math.inf, _value(part.removeprefix("<= "), unit)
        if found := _RANGE.fullmatch(part):
            return (
                nothing if part.startswith("marginal ") else (_value(found["low"], unit), _value(found["high"], unit))
            )
        if found := _WITHIN.fullmatch(part):
            middle = _value(found["of"], unit)
            by = _value(found["by"], "" if found["percent"] else unit)
            by = abs(middle * by) / 100 if found["percent"] else abs(by)
            return middle - by, middle + by
    except (LimitError, ValueError):
        return nothing  # a text that only looks like a limit: of a pattern, or of a choice
    return nothing


def _value(text: str, unit: str) -> float:
    found = number(text, unit)
    if found is None:
        raise ValueError(text)
    return float(found)
