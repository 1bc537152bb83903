"""Checks many charts: from the cache where nothing has changed, else here, or in processes when they are many."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from engine.chart.lint.check import Checked, check_chart
from engine.cli.validation.bindings import make_registry
from engine.cli.validation.cache import Cache, digest
from engine.cli.validation.plain import checked_from_json, checked_to_json
from machines import shipped_charts

_ALONE: Final = 24  # charts that are checked before another process would have started
_MOST_PROCESSES: Final = 8
_CHUNK: Final = 8


def check_charts(charts: Sequence[str | Path], bindings: Sequence[str], cache: Cache | None) -> list[Checked]:
    """Check shipped charts (given by name) and files, each by itself. Raises RegistryError for ``bindings``."""
    found: dict[str | Path, Checked] = {}
    for chart in charts:
        kept = None if cache is None else cache.load(checked_from_json, *_name(chart))
        if kept is not None:
            found[chart] = kept
    missing = [chart for chart in charts if chart not in found]
    for chart, checked in zip(missing, _check(missing, bindings), strict=True):
        found[chart] = checked
        if cache is not None and checked.is_whole:
            cache.save(checked_to_json(checked), digests(checked), *_name(chart))
    return [found[chart] for chart in charts]


class ShippedCharts(Mapping[str, Checked]):
    """The checks of the shipped charts by name, each made when it is asked for: most charts need none of them."""

    def __init__(self, bindings: Sequence[str], cache: Cache | None, own: Sequence[Checked]) -> None:
        self._names = sorted(shipped_charts())
        self._bindings = bindings
        self._cache = cache
        # In a checkout of this project they are among what is checked anyway.
        places = {os.path.realpath(str(file)): name for name, file in shipped_charts().items()}
        found = {places.get(os.path.realpath(str(_path(checked)))): checked for checked in own}
        self.made: dict[str, Checked] = {name: checked for name, checked in found.items() if name is not None}

    def __getitem__(self, name: str) -> Checked:
        if name not in self._names:
            raise KeyError(name)
        if name not in self.made:
            (self.made[name],) = check_charts([name], self._bindings, self._cache)
        return self.made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _path(checked: Checked) -> Path:
    source = checked.sources.get(checked.name)
    return Path(checked.name) if source is None else source.path


def digests(checked: Checked) -> dict[str, str]:
    """What a check was made of: the digest of every file, as it was read."""
    return {str(s.path.absolute()): digest(s.text.encode()) for s in checked.sources.values()}


def _name(chart: str | Path) -> tuple[str, str]:
    """Under what a chart's check is kept: how it is shown, and where it is."""
    return (str(chart), str(chart.absolute())) if isinstance(chart, Path) else (chart, "")


def _check(charts: Sequence[str | Path], bindings: Sequence[str]) -> list[Checked]:
    if not charts:
        return []
    processes = min(os.cpu_count() or 1, _MOST_PROCESSES, len(charts) // _ALONE + 1)
    if processes > 1:
        found = _check_in_processes(charts, bindings, processes)
        if found is not None:
            return found
    registry = make_registry(bindings)
    return [check_chart(chart, registry) for chart in charts]


def _check_in_processes(charts: Sequence[str | Path], bindings: Sequence[str], processes: int) -> list[Checked] | None:
    """Check them side by side; None when there is no memory for that, or no right to start processes."""
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    try:
        with ProcessPoolExecutor(processes, get_context("spawn"), _prepare, (tuple(bindings),)) as pool:
            return list(pool.map(_check_one, charts, chunksize=_CHUNK))
    except (BrokenProcessPool, OSError):
        return None


_worker: dict[str, Any] = {}  # what a worker process keeps between charts


def _prepare(bindings: Sequence[str]) -> None:
    _worker["registry"] = make_registry(bindings)


def _check_one(chart: str | Path) -> Checked:
    return check_chart(chart, _worker["registry"])
