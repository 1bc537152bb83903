"""Which files are checked: those that are named, or everything of the site in a folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from engine.cli.validation.kinds import Kind, kind_of_file, kind_of_keys
from engine.errors import Diagnostic, DiagnosticError, Position

_FOLDERS: Final = ("", "machines", "charts", "protocols")  # of a site: where its charts and profiles may be
_PACKAGES: Final = ("", "sequences", "machines/sequences")  # where folders of sequence packages may be
_PACKAGE_FILE: Final = "sequence.yaml"
_SUFFIXES: Final = frozenset({".yaml", ".yml"})
_SITE_NAMES: Final = ("site.yaml", "site.yml")


@dataclass(slots=True)
class Found:
    """What is to be checked. Each file is in it once, under the name it was first given."""

    charts: list[Path] = field(default_factory=list)
    sites: list[Path] = field(default_factory=list)
    around: list[Path] = field(default_factory=list)  # sites that charts belong to which were named by themselves
    protocols: list[Path] = field(default_factory=list)  # profiles
    sequences: list[Path] = field(default_factory=list)  # the sequence.yaml of packages
    stations: list[Path] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)
    _seen: set[Path] = field(default_factory=set)

    def add(self, kind: Kind, path: Path) -> None:
        """Add a file, unless it is there already."""
        key = _identity(path)
        if key not in self._seen:
            self._seen.add(key)
            by_kind = {
                "chart": self.charts,
                "site": self.sites,
                "protocol": self.protocols,
                "sequence": self.sequences,
                "station": self.stations,
            }
            by_kind[kind].append(path)

    def __len__(self) -> int:
        return sum(map(len, (self.charts, self.sites, self.protocols, self.sequences, self.stations)))

    def has(self, path: Path) -> bool:
        """Whether a file is among what is checked, under whatever name."""
        return _identity(path) in self._seen

    def look_around(self) -> None:
        """Find the sites that the charts belong to: what a chart may name depends on its site."""
        seen = {_identity(site) for site in self.sites}
        for site in filter(None, map(site_of, self.charts)):
            key = _identity(site)
            if key not in seen:
                seen.add(key)
                self.around.append(site)


def find(paths: Sequence[str]) -> Found:
    """The files to check. Whatever cannot be checked is in ``problems``."""
    found = Found()
    for text in paths or (".",):
        path = Path(text)
        if _is_folder(path):
            _find_in_folder(path, found)
        else:
            _find_file(path, found)
    found.look_around()
    return found


def site_of(chart: Path) -> Path | None:
    """The site file beside a chart, or beside the folder that it is in; written as the chart's path is."""
    beside = chart.parent
    above = beside.parent if beside.name not in {"", ".", ".."} else beside / ".."
    return next((site for folder in (beside, above) for name in _SITE_NAMES if is_file(site := folder / name)), None)


def is_file(path: Path) -> bool:
    """Whether there is a file that we may look at."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _find_file(path: Path, found: Found) -> None:
    try:
        kind = kind_of_file(path) or _kind_of_content(path)
        package = path.parent / _PACKAGE_FILE
        if kind == "chart" and is_file(package):
            found.add("sequence", package)  # the flow of a package: what it may name is the package's
        else:
            found.add(kind, path)
    except DiagnosticError as error:
        found.problems += error.diagnostics


def _kind_of_content(path: Path) -> Kind:
    """Read a file that does not look like anything at the first glance. Raises DiagnosticError."""
    from engine.documents.source import load_yaml

    kind = kind_of_keys(load_yaml(path).data)
    if kind is None:
        raise DiagnosticError([Diagnostic("unknown-document", Position(str(path)))])
    return kind


def _find_in_folder(folder: Path, found: Found) -> None:
    before = len(found)
    if is_file(folder / _PACKAGE_FILE):
        found.add("sequence", folder / _PACKAGE_FILE)
        return
    for package in (path for inner in _PACKAGES for path in _packages(folder / inner)):
        found.add("sequence", package)
    for inner in _FOLDERS:
        for path in _yaml_files(folder / inner):
            kind = kind_of_file(path)
            if kind is not None:
                found.add(kind, path)
    if len(found) == before:
        found.problems.append(Diagnostic("nothing-to-validate", Position(str(folder)), {"place": str(folder)}))


def _yaml_files(folder: Path) -> Iterator[Path]:
    try:
        names = sorted(path for path in folder.iterdir() if path.suffix in _SUFFIXES and path.is_file())
    except OSError:
        return iter(())
    return iter(names)


def _packages(folder: Path) -> list[Path]:
    try:
        return sorted(path / _PACKAGE_FILE for path in folder.iterdir() if is_file(path / _PACKAGE_FILE))
    except OSError:
        return []


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _identity(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # a loop of links
        return path.absolute()
