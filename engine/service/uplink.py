"""What ``site.yaml``, and ``gateway:`` of ``station.yaml``, say of the server: typed, and what is wrong with it.

Of devices and protocols this module knows nothing: a station's master reads it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from engine.documents.tree import Map
from engine.errors import Diagnostic, UnitError
from engine.service.upload_fields import check_upload_fields, upload_fields
from engine.units import Quantity, parse_duration, parse_rate


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
class CardSettings:
    """``cards``: where the server has its list, relative to its URL, and how often it is asked for (seconds)."""

    url: str
    every: float = 3600.0


@dataclass(frozen=True, kw_only=True)
class UplinkSettings:
    """All of it. Intervals are seconds, the rate is messages per second and line."""

    server: ServerSettings
    gateway: GatewaySettings
    sync_interval: float = 10.0
    upload_interval: float = 5.0
    upload_fields: Mapping[str, str] = field(default_factory=dict)  # name on the wire -> column, or extra.NAME
    heartbeat_interval: float = 30.0
    stream_max_rate: float = 10.0
    units_weight: str = "kg"
    cards: CardSettings | None = None  # None: the server is not asked for cards


# Typed ------------------------------------------------------------------------------------------------------------


def uplink_options(root: Map, gateway: Map, default_name: str, base_dir: Path) -> dict[str, Any]:
    """The fields of :class:`UplinkSettings` that a sound document gives; ``gateway`` has name and mac_address."""
    mac = str(gateway.get("mac_address", "auto"))
    timing = {
        "sync_interval": _given(root.section("sync"), "interval"),
        "upload_interval": _given(root.section("upload"), "interval"),
        "heartbeat_interval": _given(root.section("heartbeat"), "interval"),
    }
    rate, unit = _given(root.section("stream"), "max_rate"), _given(root.section("units"), "weight")
    options: dict[str, Any] = {key: parse_duration(text) for key, text in timing.items() if text is not None}
    if rate is not None:
        options["stream_max_rate"] = parse_rate(rate)
    if unit is not None:
        options["units_weight"] = unit
    return {
        "server": _server(root.section("server"), base_dir),
        "gateway": GatewaySettings(
            str(gateway.get("name") or default_name), mac if mac == "auto" else mac.upper().replace("-", ":")
        ),
        "upload_fields": upload_fields(root.section("upload")),
        "cards": _cards(root.section("cards")),
        **options,
    }


def _given(owner: Map, key: str) -> str | None:
    return str(owner[key]) if key in owner else None


def _server(server: Map, base_dir: Path) -> ServerSettings:
    files = {name: base_dir / str(path) for name, path in server.section("tls").items()}
    return ServerSettings(str(server["url"]), TlsFiles(**files) if files else None)


def _cards(cards: Map) -> CardSettings | None:
    every = _given(cards, "every")
    options = {} if every is None else {"every": parse_duration(every)}
    return CardSettings(str(cards["url"]), **options) if cards else None


# What is wrong with it --------------------------------------------------------------------------------------------


def check_uplink(root: Map, base_dir: Path) -> Iterator[Diagnostic]:
    """What a schema cannot see of it."""
    yield from _check_server(root.section("server"), base_dir)
    for section in ("sync", "upload", "heartbeat"):
        yield from not_zero(root.section(section), "interval", parse_duration)
    yield from not_zero(root.section("stream"), "max_rate", parse_rate)
    yield from not_zero(root.section("cards"), "every", parse_duration)
    yield from check_upload_fields(root.section("upload"))


def not_zero(owner: Map, key: str, parse: Callable[[str], float | Quantity]) -> Iterator[Diagnostic]:
    """A time, a rate or a size that must not be zero, and is."""
    text = owner.text(key)
    if text is None:
        return
    try:
        value = parse(text)
    except UnitError:
        return  # the schema has told
    if (value.base if isinstance(value, Quantity) else value) <= 0:
        yield Diagnostic("must-be-positive", owner.at(key), {"value": text})


def without_user(url: str) -> str:
    """The URL without what may be a password."""
    return re.sub(r"(?<=//)[^/@]*@", "…@", url)


def is_file(path: Path) -> bool:
    """Whether there is such a file; also for what can be no path at all."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # ValueError: a NUL in the path
        return False


def _check_server(server: Map, base_dir: Path) -> Iterator[Diagnostic]:
    url = server.text("url")
    if url is not None and not _is_server_url(url):
        yield Diagnostic("bad-url", server.at("url"), {"url": without_user(url)})
    tls = server.section("tls")
    if tls and url is not None and url.lower().startswith("http://"):
        yield Diagnostic("tls-without-https", server.key_at("tls"))
    for name in tls:
        path = tls.text(name)
        if path is not None and not is_file(base_dir / path):
            yield Diagnostic("referenced-file-missing", tls.at(name), {"path": path})


def _is_server_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    is_plain = parts.username is None and not parts.query and not parts.fragment and port != 0
    return parts.scheme in ("http", "https") and bool(parts.hostname) and is_plain and not re.search(r"\s", url)
