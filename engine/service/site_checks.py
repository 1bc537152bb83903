"""What is wrong with a site.yaml beyond its shape: names that do not exist, ports used twice, files that are missing.

Each check looks at what it needs and passes over what has the wrong shape (the schema has told that), so that all
problems come out at once.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.devices.device_id import encode_id
from engine.devices.port_names import BadPortNameError, parse_port_name
from engine.devices.terminal import POLL_RANGE_S
from engine.documents.suggest import did_you_mean
from engine.documents.tree import Document, Map, Seq, Value
from engine.errors import Diagnostic, Position, UnitError
from engine.service.chart_names import is_chart_file
from engine.service.uplink import check_uplink, is_file, not_zero, without_user
from engine.units import parse_duration, parse_mass, parse_size
from parsers import ProtocolInfo

_STORE: Final = re.compile(r"sqlite:///[^?\0]*[^/?\0]\Z|postgresql://[^/\s]*/[^/\s]+\Z")
TERMINAL: Final = "suwol-1000"
_LINE_SETTINGS: Final = ("baudrate", "data_bits", "parity", "stop_bits")


@dataclass(frozen=True, slots=True)
class Known:
    """What a site can name: the protocols there are, and the charts that ship."""

    protocols: Mapping[str, ProtocolInfo]
    charts: Collection[str]


def check_site(document: Document, base_dir: Path, known: Known) -> list[Diagnostic]:
    """Every problem that the schema cannot see, in the order of the file."""
    root = document.root
    findings = [
        *check_uplink(root, base_dir),
        *_store(root.section("store")),
        *not_zero(root.section("record"), "max_size", parse_size),
        *check_lines(_items(root), base_dir, known),
    ]
    return sorted(findings, key=lambda finding: (finding.position, finding.code))


def _store(store: Map) -> Iterator[Diagnostic]:
    url = store.text("url")
    if url is not None and (not _STORE.match(url) or url == "sqlite:///:memory:"):
        yield Diagnostic("bad-store-url", store.at("url"), {"url": without_user(url)})


def _items(root: Map) -> list[Map]:
    raw = root.get("lines")
    return [line for line in raw if isinstance(line, Map)] if isinstance(raw, Seq) else []


def check_lines(lines: Iterable[Map], base_dir: Path, known: Known) -> Iterator[Diagnostic]:
    """What is wrong with lines, and between them, in no order."""
    names: dict[str, Position] = {}
    ports: dict[str, tuple[str, Position]] = {}
    for index, line in enumerate(lines):
        name = line.text("name")
        if name is not None and name in names:
            related = ((names[name], "first-place"),)
            yield Diagnostic("duplicate-line", line.at("name"), {"line": name}, related=related)
        elif name is not None:
            names[name] = line.at("name")
        yield from _chart(line, base_dir, known.charts)
        for device_name, device in line.section("devices").items():
            if isinstance(device, Map):
                yield from _device(device_name, device, known)
                yield from _port(device, f"{name or index + 1}.{device_name}", ports)


def _chart(line: Map, base_dir: Path, charts: Collection[str]) -> Iterator[Diagnostic]:
    chart = line.text("chart")
    if chart is None:
        return
    if is_chart_file(chart):
        if not is_file(base_dir / chart):
            yield Diagnostic("referenced-file-missing", line.at("chart"), {"path": chart})
    elif chart not in charts:
        params = {"name": chart, "guess": did_you_mean(chart, charts), "known": sorted(charts)}
        yield Diagnostic("unknown-chart", line.at("chart"), params)


def _port(device: Map, owner: str, ports: dict[str, tuple[str, Position]]) -> Iterator[Diagnostic]:
    port = device.text("port")
    if port is None or port.lower().startswith("loop://"):  # every loop:// is a port of its own
        return
    try:
        parse_port_name(port)
    except BadPortNameError:
        yield Diagnostic("bad-port-name", device.at("port"), {"port": port})
    if "://" in port and device.get("rs485") is True:
        yield Diagnostic("rs485-over-network", device.key_at("rs485"), {"port": port})
    other, position = ports.setdefault(_same_port(port), (owner, device.at("port")))
    if other != owner:
        params = {"port": port, "other": other}
        related = ((position, "other-device"),)
        yield Diagnostic("port-used-twice", device.at("port"), params, related=related)


def _same_port(port: str) -> str:
    """One text for one port: links are followed, COM names and URLs have no case."""
    if "://" in port or re.match(r"(?i)(\\\\\.\\)?com\d+\Z|usb(-location)?:", port):
        return port.lower().removeprefix("\\\\.\\")
    try:
        return os.path.realpath(port)
    except (OSError, ValueError):
        return port


def _device(name: str, device: Map, known: Known) -> Iterator[Diagnostic]:
    if name != "signal":
        yield from _protocols(device, known.protocols)
    noise = device.section("filter")
    yield from not_zero(noise, "spike", parse_mass)
    yield from not_zero(device, "leave_after", parse_duration)
    yield from not_zero(device, "silent_after", parse_duration)
    median = noise.get("median")
    if isinstance(median, int) and median > 0 and median % 2 == 0:
        yield Diagnostic("median-not-odd", noise.at("median"), {"value": median})


def _protocols(device: Map, protocols: Mapping[str, ProtocolInfo]) -> Iterator[Diagnostic]:
    named = [(name, position) for name, position in _named_protocols(device) if isinstance(name, str)]
    for name, position in named:
        if name not in protocols:
            names = [*protocols, *(alias for info in protocols.values() for alias in info.aliases)]
            params = {"protocol": name, "guess": did_you_mean(name, names), "allowed": sorted(protocols)}
            yield Diagnostic("unknown-protocol", position, params)
    infos = [protocols[name] for name, _ in named if name in protocols]
    yield from _never_asked(device, infos)
    yield from _numbered(device, infos)
    if any(info.name == TERMINAL for info in infos):
        yield from _terminal(device, [info.name for info in infos])
        return
    scales = list(dict.fromkeys(info.name for info in infos if info.kind == "scale"))
    if len(scales) > 1:
        yield Diagnostic("protocols-clash", device.at("protocol"), {"protocols": scales})
    elif len(infos) > 1:
        yield from _differing_lines(device, infos)


def _terminal(device: Map, names: list[str]) -> Iterator[Diagnostic]:
    """A terminal is alone on its line, has one digit for its id, and is polled neither too often nor too seldom."""
    if len(names) > 1:
        yield Diagnostic("protocols-clash", device.at("protocol"), {"protocols": names})
    wanted = device.text("id")
    if wanted is not None and encode_id(wanted, 1) is not None and not re.fullmatch("[0-9]", wanted):
        yield Diagnostic("bad-device-id", device.at("id"), {"id": wanted, "protocols": names, "length": 1})
    poll = device.text("poll")
    if poll is None:
        return
    try:
        is_fitting = POLL_RANGE_S[0] <= parse_duration(poll) <= POLL_RANGE_S[1]
    except UnitError:
        return  # the schema has told
    if not is_fitting:
        yield Diagnostic("terminal-poll-range", device.at("poll"), {"value": poll})


def _never_asked(device: Map, infos: list[ProtocolInfo]) -> Iterator[Diagnostic]:
    """A poll of what cannot be asked; 'never ask' is true of it anyway."""
    poll = device.text("poll")
    if poll is None or not infos or any(info.ask is not None for info in infos):
        return
    try:
        is_asked = parse_duration(poll) > 0
    except UnitError:
        return  # the schema has told
    if is_asked:
        yield Diagnostic("protocol-not-asked", device.key_at("poll"), {"protocols": [info.name for info in infos]})


def _numbered(device: Map, infos: list[ProtocolInfo]) -> Iterator[Diagnostic]:
    """An id where the frames carry none, or none of that length."""
    wanted = device.text("id")
    if wanted is None or not infos:
        return
    names = [info.name for info in infos]
    place = next((info.id_at for info in infos if info.id_at is not None), None)
    if place is None:
        yield Diagnostic("protocol-without-id", device.key_at("id"), {"protocols": names})
    elif encode_id(wanted, place[1] - place[0]) is None:
        params = {"id": wanted, "protocols": names, "length": place[1] - place[0]}
        yield Diagnostic("bad-device-id", device.at("id"), params)


def _named_protocols(device: Map) -> list[tuple[Value, Position]]:
    raw = device.get("protocol")
    if isinstance(raw, Seq):
        return [(name, raw.at(index)) for index, name in enumerate(raw)]
    return [(raw, device.at("protocol"))]


def _differing_lines(device: Map, infos: list[ProtocolInfo]) -> Iterator[Diagnostic]:
    """Two protocols on one port whose devices leave the factory set differently: the site has to say which holds."""
    for setting in _LINE_SETTINGS:
        if setting not in device and len({getattr(info.line, setting) for info in infos}) > 1:
            values = [f"{info.name} {getattr(info.line, setting)}" for info in infos]
            yield Diagnostic("line-setting-needed", device.key_at("protocol"), {"key": setting, "values": values})
