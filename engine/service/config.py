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
from engine.service.protocols import register, site_protocols
from engine.service.site_checks import Known, check_site, is_chart_file
from engine.service.upload_fields import upload_fields
from engine.units import parse_duration, parse_mass, parse_rate, parse_size
from machines import shipped_charts
from parsers import PROTOCOLS, ProtocolInfo
from schemas import load_schema

FILE_NAME: Final = "site.yaml"
_APP: Final = "scaleledger"  # the folder in the platform's configuration folders
_PARITY: Final = {"none": "N", "even": "E", "odd": "O"}


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """``server.tls``: PEM files, their paths absolute."""

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """``server``: the base URL of the central server (http or https), and certificates for it."""

    url: str
    tls: TlsFiles | None = None


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """``gateway``: the name to show, and ``auto`` or a hardware address (``AA:BB:CC:DD:EE:01``)."""

    name: str
    mac_address: str = "auto"


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


@dataclass(frozen=True, slots=True)
class CardSettings:
    """``cards``: where the server has its list, relative to its URL, and how often it is asked for (seconds)."""

    url: str
    every: float = 3600.0


@dataclass(frozen=True)
class SiteConfig:
    """A whole site. Intervals are seconds, the rate is messages per second and line; paths count from ``base_dir``."""

    path: Path
    base_dir: Path
    site: str
    server: ServerSettings
    gateway: GatewaySettings
    lines: tuple[LineSettings, ...]
    store_url: str = field(default="sqlite:///ledger.sqlite", repr=False)  # may hold a password
    sync_interval: float = 10.0
    upload_interval: float = 5.0
    upload_fields: Mapping[str, str] = field(default_factory=dict)  # name on the wire -> column, or extra.NAME
    heartbeat_interval: float = 30.0
    stream_max_rate: float = 10.0
    units_weight: str = "kg"
    log_level: str = "info"
    log_format: str = "json"
    cards: CardSettings | None = None  # None: the server is not asked for cards
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
    mac = str(gateway.get("mac_address", "auto"))
    timing = {
        "sync_interval": _given(root.section("sync"), "interval"),
        "upload_interval": _given(root.section("upload"), "interval"),
        "heartbeat_interval": _given(root.section("heartbeat"), "interval"),
    }
    rate = _given(root.section("stream"), "max_rate")
    words = {
        "store_url": _given(root.section("store"), "url"),
        "units_weight": _given(root.section("units"), "weight"),
        "log_level": _given(logging, "level"),
        "log_format": _given(logging, "format"),
    }
    options: dict[str, Any] = {key: parse_duration(text) for key, text in timing.items() if text is not None}
    options |= {key: text for key, text in words.items() if text is not None}
    if rate is not None:
        options["stream_max_rate"] = parse_rate(rate)
    return SiteConfig(
        path=path,
        base_dir=base_dir,
        site=str(root.get("site") or name),
        server=_server(root.section("server"), base_dir),
        gateway=GatewaySettings(name, mac if mac == "auto" else mac.upper().replace("-", ":")),
        lines=tuple(_line(line, base_dir) for line in _items(root, "lines")),
        document=document,
        upload_fields=upload_fields(root.section("upload")),
        cards=_cards(root.section("cards")),
        record=_record(root.section("record"), base_dir),
        **options,
    )


def _items(owner: Map, key: str) -> list[Map]:
    value = owner.get(key)
    return [item for item in value if isinstance(item, Map)] if isinstance(value, Seq) else []


def _given(owner: Map, key: str) -> str | None:
    return str(owner[key]) if key in owner else None


def _server(server: Map, base_dir: Path) -> ServerSettings:
    files = {name: base_dir / str(path) for name, path in server.section("tls").items()}
    return ServerSettings(str(server["url"]), TlsFiles(**files) if files else None)


def _cards(cards: Map) -> CardSettings | None:
    every = _duration(cards, "every")
    return CardSettings(str(cards["url"]), **({} if every is None else {"every": every})) if cards else None


def _record(record: Map, base_dir: Path) -> RecordSettings | None:
    if not record:
        return None
    sizes = {name: parse_size(text) for name in ("max_size", "min_free") if (text := _given(record, name)) is not None}
    return RecordSettings(base_dir / str(record["dir"]), **sizes)


def _line(line: Map, base_dir: Path) -> LineSettings:
    chart = str(line.get("chart", "weighing"))
    devices = line.section("devices")
    return LineSettings(
        name=str(line["name"]),
        chart=base_dir / chart if is_chart_file(chart) else chart,
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
