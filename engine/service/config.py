"""``site.yaml``: where it is found, and what it says, checked and typed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final

from engine.bindings.discover import load_files, load_installed
from engine.bindings.registry import Registry
from engine.devices.filters import FilterSettings
from engine.devices.record_settings import RecordSettings
from engine.documents.environment import Substitution
from engine.documents.schema import NOTHING
from engine.documents.source import load_yaml
from engine.documents.tree import Document, Map, Seq
from engine.errors import Diagnostic, DiagnosticError, Position
from engine.service.chart_names import chart_place
from engine.service.protocols import register, site_protocols
from engine.service.site_checks import Known, check_lines, check_site
from engine.service.uplink import UplinkSettings, uplink_options
from engine.units import parse_duration, parse_mass, parse_size
from machines import shipped_charts
from parsers import PROTOCOLS, ProtocolInfo
from schemas import load_schema

FILE_NAME: Final = "site.yaml"
_APP: Final = "scaleledger"  # the folder in the platform's configuration folders
_PARITY: Final = {"none": "N", "even": "E", "odd": "O"}


@dataclass(frozen=True, slots=True)
class DeviceSettings:
    """One device of a line. What is None was not said: the protocol's, or the device's, own default holds."""

    name: str
    port: str
    protocol: tuple[str, ...]
    position: Position
    baudrate: int | None = None
    data_bits: int | None = None
    parity: str | None = None  # N, E or O
    stop_bits: float | None = None
    unit: str | None = None  # of a scale that sends bare numbers
    filter: FilterSettings | None = None
    leave_after: float | None = None  # seconds
    silent_after: float | None = None  # seconds
    channel: int | None = None  # of a signal's relay
    poll: float | None = None  # seconds between two questions; 0: never ask
    rs485: bool | None = None
    device_id: str | None = None

    def options(self) -> dict[str, Any]:
        """What the site says beside port and protocol, by name: keyword arguments for the device that is made of it."""
        names = (
            "baudrate",
            "data_bits",
            "parity",
            "stop_bits",
            "unit",
            "filter",
            "leave_after",
            "silent_after",
            "channel",
            "poll",
            "rs485",
            "device_id",
        )
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


@dataclass(frozen=True, slots=True)
class LineSettings:
    """One line. ``chart`` is a shipped chart's name, or the absolute path of a file.

    ``settings`` are raw YAML with places: only the chart knows what they mean.
    """

    name: str
    chart: str | Path
    settings: Map
    devices: Mapping[str, DeviceSettings]
    position: Position


@dataclass(frozen=True, kw_only=True)
class SiteConfig(UplinkSettings):
    """A whole site; paths count from ``base_dir``."""

    path: Path
    base_dir: Path
    site: str
    lines: tuple[LineSettings, ...]
    store_url: str = field(default="sqlite:///ledger.sqlite", repr=False)  # may hold a password
    log_level: str = "info"
    log_format: str = "json"
    record: RecordSettings | None = None  # None: nothing is recorded
    document: Document | None = field(default=None, repr=False, compare=False)  # to show places in


def find_site(path: Path | None) -> Path:
    """The file to read: ``path``, else ./site.yaml, else the first in the platform's configuration folders.

    Raises DiagnosticError naming every place that was tried.
    """
    if path is not None:
        return path
    from platformdirs import PlatformDirs

    folders = PlatformDirs(_APP, appauthor=False).iter_config_paths()
    places = [Path(FILE_NAME), *dict.fromkeys(folder / FILE_NAME for folder in folders)]
    for place in places:
        if place.is_file():
            return place
    tried = [str(place) if place.is_absolute() else f"./{place}" for place in places]
    raise DiagnosticError([Diagnostic("no-site", Position(FILE_NAME), {"places": ", ".join(tried)})])


def load_site(
    path: Path | None,
    env: Mapping[str, str],
    *,
    protocols: Mapping[str, ProtocolInfo] = PROTOCOLS,
    charts: Collection[str] | None = None,
    registry: Registry | None = None,
) -> SiteConfig:
    """Find, read and check a site. ``protocols`` and ``charts`` (shipped names) are what it may name.

    ``registry`` is given what the site's own ``bindings`` and installed packages add, before anything else is checked.
    Protocol profiles beside the file are made known to its devices. Raises DiagnosticError with everything that is
    wrong, each problem at its place, and RegistryError for bindings.
    """
    found = find_site(path)
    document = load_yaml(found)
    base_dir = found.absolute().parent
    if registry is not None:
        _load_bindings(document.root, base_dir, registry)
    own = site_protocols(base_dir, protocols)
    problems = [*own.problems, *check_document(document, base_dir, env, protocols=own.known, charts=charts)]
    if problems:
        raise DiagnosticError(problems)
    register(own.profiles)
    return _site(document, found, base_dir)


def load_line(line: Map, base_dir: Path) -> LineSettings:
    """Check and read a line that stands in another file than a site's, whose shape was checked with that file.

    Protocol profiles in ``base_dir`` are made known to its devices. Raises DiagnosticError.
    """
    own = site_protocols(base_dir, PROTOCOLS)
    problems = [*own.problems, *check_lines([line], base_dir, Known(own.known, shipped_charts()))]
    if problems:
        raise DiagnosticError(sorted(problems, key=lambda problem: (problem.position, problem.code)))
    register(own.profiles)
    return line_settings(line, base_dir)


def check_document(
    document: Document,
    base_dir: Path,
    env: Mapping[str, str],
    *,
    protocols: Mapping[str, ProtocolInfo] = PROTOCOLS,
    charts: Collection[str] | None = None,
) -> list[Diagnostic]:
    """Everything that is wrong with a site's document, in its order; environment variables are put into it."""
    known = Known(protocols, shipped_charts() if charts is None else charts)
    variables = Substitution(document, env)
    problems = variables.check(_site_schema())
    problems += check_site(document, base_dir, known)
    problems = [*variables.problems, *variables.shown(problems)]
    return sorted(problems, key=lambda problem: (problem.position, problem.code))


def _load_bindings(root: Map, base_dir: Path, registry: Registry) -> None:
    import structlog  # 0.2 s that checking a site does without

    log = structlog.get_logger(__name__)
    listed = root.get("bindings")
    files = [base_dir / item for item in listed if isinstance(item, str)] if isinstance(listed, Seq) else []
    for loaded in [*load_installed(registry), *load_files(registry, files)]:
        log.info("bindings.module.loaded", source=loaded.source, names=" ".join(loaded.names))


@cache
def _site_schema() -> dict[str, Any]:
    """The schema as it holds once variables are put in: what it allows an editor to see as ``${NAME}`` is over."""
    schema = load_schema("site")
    return {**schema, "$defs": {**schema["$defs"], "env": NOTHING}}


def _site(document: Document, path: Path, base_dir: Path) -> SiteConfig:
    from socket import gethostname  # 10 ms that only running needs

    root = document.root
    gateway, logging = root.section("gateway"), root.section("log")
    name = str(gateway.get("name") or root.get("site") or gethostname())
    words: dict[str, Any] = {
        "store_url": _given(root.section("store"), "url"),
        "log_level": _given(logging, "level"),
        "log_format": _given(logging, "format"),
    }
    return SiteConfig(
        path=path,
        base_dir=base_dir,
        site=str(root.get("site") or name),
        lines=tuple(line_settings(line, base_dir) for line in _items(root, "lines")),
        document=document,
        record=_record(root.section("record"), base_dir),
        **uplink_options(root, gateway, name, base_dir),
        **{key: text for key, text in words.items() if text is not None},
    )


def _items(owner: Map, key: str) -> list[Map]:
    value = owner.get(key)
    return [item for item in value if isinstance(item, Map)] if isinstance(value, Seq) else []


def _given(owner: Map, key: str) -> str | None:
    return str(owner[key]) if key in owner else None


def _record(record: Map, base_dir: Path) -> RecordSettings | None:
    if not record:
        return None
    sizes = {name: parse_size(text) for name in ("max_size", "min_free") if (text := _given(record, name)) is not None}
    return RecordSettings(base_dir / str(record["dir"]), **sizes)


def line_settings(line: Map, base_dir: Path) -> LineSettings:
    """A line that was checked."""
    devices = line.section("devices")
    return LineSettings(
        name=str(line["name"]),
        chart=chart_place(str(line.get("chart", "weighing")), base_dir),
        settings=line.section("settings"),
        devices={name: _device(name, devices.section(name), devices.key_at(name)) for name in devices},
        position=line.at("name"),
    )


def _device(name: str, device: Map, position: Position) -> DeviceSettings:
    protocol = device.get("protocol", "lcus")
    names = tuple(map(str, protocol)) if isinstance(protocol, Seq) else (str(protocol),)
    parity, unit = _given(device, "parity"), _given(device, "unit")
    return DeviceSettings(
        name=name,
        port=str(device["port"]),
        protocol=names,
        position=position,
        baudrate=_whole(device, "baudrate"),
        data_bits=_whole(device, "data_bits"),
        parity=None if parity is None else _PARITY[parity],
        stop_bits=_stop_bits(device),
        unit=unit,
        filter=_filter(device),
        leave_after=_duration(device, "leave_after"),
        silent_after=_duration(device, "silent_after"),
        channel=_whole(device, "channel"),
        poll=_duration(device, "poll"),
        rs485=_flag(device, "rs485"),
        device_id=_given(device, "id"),
    )


def _whole(owner: Map, key: str) -> int | None:
    value = owner.get(key)
    return value if isinstance(value, int) else None


def _flag(owner: Map, key: str) -> bool | None:
    value = owner.get(key)
    return value if isinstance(value, bool) else None


def _stop_bits(device: Map) -> float | None:
    value = device.get("stop_bits")
    return float(value) if isinstance(value, int | Decimal) else None


def _duration(owner: Map, key: str) -> float | None:
    text = _given(owner, key)
    return None if text is None else parse_duration(text)


def _filter(device: Map) -> FilterSettings | None:
    noise = device.section("filter")
    if not noise:
        return None
    spike = _given(noise, "spike")
    return FilterSettings(None if spike is None else parse_mass(spike), _whole(noise, "median") or 1)
