"""What is wrong between charts: each is checked by itself, and together with those of its site."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from engine.chart.declare import declaration_of, resolve_settings
from engine.chart.lint.across import FIXED_MACHINES, SELF, Machines, check_sends
from engine.chart.lint.check import Checked
from engine.chart.lint.facts import Child, Facts
from engine.chart.lint.rules import ACROSS
from engine.chart.lint.silence import Silencer
from engine.cli.validation.site import LineOf, SiteChecked
from engine.documents.suggest import did_you_mean
from engine.errors import Diagnostic

_DEFAULT_LINE: Final = "weighing"
# What cannot be known while the bindings that might have it cannot be loaded.
_OF_BINDINGS: Final = frozenset({"unknown-guard", "unknown-action", "unknown-service", "unknown-protocol"})
# A name that nothing has -> which declarations of another chart might have it.
_KINDS: Final = {
    "unknown-target": ("states",),
    "unknown-event": ("events",),
    "unknown-data": ("data",),
    "unknown-setting": ("settings",),
    "unknown-name": ("data", "settings"),
}


class Together:
    """The charts that are checked (``own``), the shipped ones by name, and the sites that name them.

    ``around`` are sites that the charts belong to as well, with the ``others`` among their charts: of these nothing is
    told.
    """

    def __init__(
        self,
        own: Sequence[Checked],
        shipped: Mapping[str, Checked],
        sites: Sequence[SiteChecked],
        around: Sequence[SiteChecked] = (),
        others: Sequence[Checked] = (),
    ) -> None:
        self._own = own
        self._shipped = shipped
        self._sites = sites
        self._all_sites = (*sites, *around)
        self._by_place = {_place(one): one for one in (*reversed(others), *reversed(own))}

    def findings(self, problems: Iterable[Diagnostic]) -> list[Diagnostic]:
        """Everything that is wrong, without what is silenced; ``problems`` are known already."""
        silencer = Silencer({name: found for one in self._own for name, found in one.silences.items()})
        found = [*problems, *(one for site in self._sites for one in site.findings)]
        for checked in self._own:
            of_chart = [*checked.findings, *self._between(checked)]
            found += silencer.without_silenced(map(self._hinted, of_chart), checked.extends)
        for checked in self._own:
            found += silencer.wrong(checked.name, partial(self._was_asked, checked))
        if any(problem.code == "bindings-failed" for problem in found):
            found = [one for one in found if one.code not in _OF_BINDINGS]
        return _unique(found)

    def _was_asked(self, checked: Checked, code: str) -> bool:
        """Whether a rule was asked about a chart: most need one that can be built, some all charts of a site."""
        if checked.facts is None:
            return False
        if code not in ACROSS:
            return True
        sites = self._sites_of(checked)
        return bool(sites) and all(None not in self._machines_of(site).by_name.values() for site in sites)

    def _between(self, checked: Checked) -> Iterator[Diagnostic]:
        if checked.facts is None:
            return
        for child in checked.facts.children:
            yield from self._child(child, checked)
        if any(sent.to != SELF for sent in checked.facts.sends):
            for machines in [self._machines_of(site) for site in self._sites_of(checked)] or [self._machines_alone()]:
                yield from check_sends(checked.facts, machines)
        else:
            yield from check_sends(checked.facts, Machines({}, [], is_whole=False))

    def _sites_of(self, checked: Checked) -> list[SiteChecked]:
        return [site for site in self._all_sites if any(self._chart_of(line) is checked for line in site.lines)]

    # Who can be sent an event ------------------------------------------------------------------------------------

    def _machines_of(self, site: SiteChecked) -> Machines:
        by_name: dict[str, Facts | None] = {name: self._shipped[name].facts for name in FIXED_MACHINES}
        for line in site.lines:
            chart = self._chart_of(line)
            by_name[line.name] = None if chart is None else chart.facts
        return Machines(by_name, [line.name for line in site.lines], is_whole=True)

    def _machines_alone(self) -> Machines:
        """Charts without a site: each is taken for a line, beside the machines that every gateway has."""
        by_name: dict[str, Facts | None] = {name: self._shipped[name].facts for name in FIXED_MACHINES}
        lines: list[str] = []
        for number, checked in enumerate(self._own):
            name = f"line {number}" if checked.facts is None else checked.facts.name
            by_name[name] = checked.facts
            if name not in FIXED_MACHINES:
                lines.append(name)
        if not lines:
            by_name[_DEFAULT_LINE] = self._shipped[_DEFAULT_LINE].facts
            lines.append(_DEFAULT_LINE)
        return Machines(by_name, lines, is_whole=False)

    def _chart_of(self, line: LineOf) -> Checked | None:
        if isinstance(line.chart, Path):
            return self._by_place.get(os.path.realpath(line.chart))
        return self._shipped.get(line.chart)

    # Charts that invoke charts -----------------------------------------------------------------------------------

    def _child(self, child: Child, parent: Checked) -> Iterator[Diagnostic]:
        found: Checked | None
        if child.chart.endswith((".yaml", ".yml")) or "/" in child.chart:
            places = [folder / child.chart for folder in self._bases(parent)]
            if not all(place.is_file() for place in places):
                yield Diagnostic("referenced-file-missing", child.position, {"path": child.chart})
            found = self._by_place.get(os.path.realpath(places[0]))
        else:
            found = self._shipped.get(child.chart)
            if found is None:
                known = list(self._shipped)
                params = {"name": child.chart, "guess": did_you_mean(child.chart, known) or "", "known": known}
                yield Diagnostic("unknown-chart", child.position, params)
        if found is not None and found.facts is not None:
            yield from _wrong_settings(child, found.facts)

    def _bases(self, parent: Checked) -> list[Path]:
        """The folders that paths in a chart count from: those of its sites, or its own when it has none."""
        return [Path(site.name).parent for site in self._sites_of(parent)] or [Path(_place(parent)).parent]

    # Help --------------------------------------------------------------------------------------------------------

    def _hinted(self, found: Diagnostic) -> Diagnostic:
        """A finding about an unknown name, with the place in another chart that declares it."""
        if found.code not in _KINDS or found.related:
            return found
        name = str(found.params.get("name", ""))
        for facts in (one.facts for one in (*self._own, *self._shipped.values()) if one.facts is not None):
            for kind in _KINDS[found.code]:
                place = facts.declares[kind].get(name.removeprefix(f"{kind}."))
                if place is not None and (found.code != "unknown-name" or name.startswith(f"{kind}.")):
                    return replace(found, related=((place, "declared-here"),))
        return found


def _wrong_settings(child: Child, facts: Facts) -> list[Diagnostic]:
    """What is wrong with the settings that a chart gives another; what an expression gives is known while running."""
    problems: list[Diagnostic] = []
    declared = {name: declaration_of(name, body) for name, body in facts.settings.items()}
    given = child.given()
    for name in [name for name, value in given.items() if name in declared and "${" in repr(value)]:
        del given[name]
    resolve_settings(declared, given, problems)
    return problems


def _place(checked: Checked) -> str:
    """Where a chart's file really is."""
    source = checked.sources.get(checked.name)
    return os.path.realpath(checked.name if source is None else source.path)


def _unique(findings: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Each finding once, in order: two charts that extend the same one tell the same of it."""
    kept: dict[Any, Diagnostic] = {}
    for found in findings:
        kept.setdefault((found.position, found.code, repr(dict(found.params))), found)
    return [kept[key] for key in sorted(kept)]
