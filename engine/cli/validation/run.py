"""Checks files by themselves and together, and says what is left to tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.validation.bindings import bindings_digest, make_registry
from engine.cli.validation.cache import Cache, digest, program_digest
from engine.cli.validation.find import Found, find, is_file
from engine.errors import Diagnostic, EngineError, Position

if TYPE_CHECKING:
    from engine.chart.lint.check import Checked
    from engine.cli.validation.charts import ShippedCharts
    from engine.cli.validation.site import SiteChecked
    from engine.sequence.package import Checked as PackageChecked


@dataclass(slots=True)
class Report:
    """What there is to tell: the findings by place, how many files were checked, and where their texts are."""

    findings: list[Diagnostic]
    files: list[str]
    paths: dict[str, str] = field(default_factory=dict)  # of the texts, by shown name

    @property
    def is_clean(self) -> bool:
        """Whether there is nothing to mend. What is only worth knowing (info) is not to be mended."""
        return all(found.severity == "info" for found in self.findings)


def validate(paths: Sequence[str], cache_folder: Path | None) -> Report:
    """Check the files that are named, or everything of the site in the current folder.

    ``cache_folder`` None: remember nothing.
    """
    found = find(paths)
    if found.sites or found.around:
        return _validate_with_sites(found, cache_folder)
    cache = _cache(cache_folder, ())
    if found.protocols or found.stations:
        return _validate_charts(found, cache)[0]
    files_named = (*found.charts, *found.sequences)
    names = ["run", *(str(part) for path in files_named for part in (path, path.absolute()))]
    kept = None if cache is None or found.problems else cache.load(_report_from_json, *names)
    if kept is not None:
        return kept
    report, files = _validate_charts(found, cache)
    if cache is not None and files is not None and not found.problems:
        cache.save(_report_to_json(report), files, *names)
    return report


def _cache(folder: Path | None, bindings: Sequence[str]) -> Cache | None:
    return None if folder is None else Cache(folder, f"{program_digest()} {bindings_digest(bindings)}")


def _validate_charts(found: Found, cache: Cache | None) -> tuple[Report, dict[str, str] | None]:
    """Check charts without a site; and the digests of all that was read, unless more than that was looked at."""
    from engine.cli.validation.charts import ShippedCharts, check_charts, digests

    own = check_charts(found.charts, (), cache)
    shipped = ShippedCharts((), cache, own)
    report = _report(found, own, shipped, ())
    checked = [*own, *shipped.made.values()]
    if not all(one.is_whole for one in checked) or any(one.facts and one.facts.children for one in own):
        return report, None
    if any(one.code == "driver-broken" for one in report.findings):
        return report, None  # what is missing may be installed any time
    files = {path: known for one in checked for path, known in digests(one).items()}
    return report, files | _sequence_digests(found.sequences)


def _validate_with_sites(found: Found, cache_folder: Path | None) -> Report:
    from engine.cli.validation.charts import ShippedCharts, check_charts
    from engine.cli.validation.site import bindings_place, check_site, read_bindings
    from engine.service.protocols import profiles_beside

    files = [*found.sites, *found.around]
    bindings = list(dict.fromkeys(file for site in files for file in read_bindings(site)))
    try:
        cache = _cache(cache_folder, bindings)
        make_registry(bindings)  # its protocols are what the sites may name
    except EngineError as error:
        place = next(
            (bindings_place(site, str(error)) for site in files if read_bindings(site)), Position(str(files[0]))
        )
        found.problems.append(Diagnostic("bindings-failed", place, {"detail": str(error)}))
        bindings, cache = [], None
    sites, around = list(map(check_site, found.sites)), list(map(check_site, found.around))
    for chart in _charts_of(sites):
        found.add("chart", chart)
    for site in found.sites:
        for profile in profiles_beside(site.parent):
            found.add("protocol", profile)
    own = check_charts(found.charts, bindings, cache)
    # Charts of the sites around are only asked what they send and handle.
    others = check_charts([chart for chart in _charts_of(around) if not found.has(chart)], bindings, cache)
    return _report(found, own, ShippedCharts(bindings, cache, own), sites, around, others)


def _charts_of(sites: Sequence[SiteChecked]) -> list[Path]:
    """The files of the sites' lines, each once."""
    charts = [line.chart for site in sites for line in site.lines]
    return list(dict.fromkeys(chart for chart in charts if isinstance(chart, Path) and is_file(chart)))


def _report(
    found: Found,
    own: Sequence[Checked],
    shipped: ShippedCharts,
    sites: Sequence[SiteChecked],
    around: Sequence[SiteChecked] = (),
    others: Sequence[Checked] = (),
) -> Report:
    from engine.cli.validation.together import Together

    found.problems += _protocol_problems(found.protocols)
    packages = _check_sequences(found.sequences)
    found.problems += [problem for package in packages for problem in package.findings]
    found.problems += _station_problems(found.stations)
    findings = Together(own, shipped, sites, around, others).findings(found.problems)
    read = [*own, *shipped.made.values()]
    paths = {name: str(source.path) for one in read for name, source in one.sources.items()}
    paths |= {site.name: site.name for site in sites}
    paths |= {name: str(path) for package in packages for name, path in package.texts.items()}
    profiles = [*map(str, (*found.protocols, *found.stations)), *(package.name for package in packages)]
    refused = {one.position.file for one in found.problems if one.code != "nothing-to-validate"}
    refused -= {*profiles, *(name for package in packages for name in package.texts)}
    return Report(
        findings, [*sorted(refused), *profiles, *(site.name for site in sites), *(one.name for one in own)], paths
    )


def _protocol_problems(paths: Sequence[Path]) -> list[Diagnostic]:
    if not paths:
        return []
    from engine.service.protocols import names_taken, read_profile
    from parsers import PROTOCOLS

    profiles = list(map(read_profile, paths))
    return [*(problem for profile in profiles for problem in profile.problems), *names_taken(profiles, PROTOCOLS)]


def _station_problems(paths: Sequence[Path]) -> list[Diagnostic]:
    if not paths:
        return []
    import os

    from engine.cli.validation.site import milder
    from engine.station.config import check_station

    return [milder(found) for path in paths for found in check_station(path, os.environ)]


def _check_sequences(paths: Sequence[Path]) -> list[PackageChecked]:
    if not paths:
        return []
    from engine.sequence.package import check_package

    return [check_package(path) for path in paths]


def _sequence_digests(paths: Sequence[Path]) -> dict[str, str]:
    """What the checks of packages were made of: every YAML and Python file of theirs."""
    files = [file for path in paths for kind in ("*.yaml", "*.py") for file in path.parent.rglob(kind)]
    return {str(file.absolute()): digest(file.read_bytes()) for file in files if is_file(file)}


def _report_to_json(report: Report) -> dict[str, Any]:
    from engine.cli.validation.plain import diagnostic_to_json

    found = [diagnostic_to_json(one) for one in report.findings]
    return {"findings": found, "files": report.files, "paths": report.paths}


def _report_from_json(raw: dict[str, Any]) -> Report:
    findings: list[Diagnostic] = []
    if raw["findings"]:
        from engine.cli.validation.plain import diagnostic_from_json

        findings = [diagnostic_from_json(one) for one in raw["findings"]]
    return Report(findings, raw["files"], raw["paths"])
