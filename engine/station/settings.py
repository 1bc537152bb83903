"""What ``station.yaml`` says, checked and typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.documents.tree import Map
from engine.events import NO_DATA
from engine.ports import Secret
from engine.service.uplink import UplinkSettings

LEDGER = "ledger.sqlite"  # of the gateway's lines, in the station's data
LEDGER_URL = f"sqlite:///{LEDGER}"
LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one batch may take. None: as much as it likes.

    Over ``memory`` (bytes) or ``cpu`` (seconds of one process's life) the process is killed, and a fresh one cleans up;
    an execution over ``time`` (seconds) is stopped through its cleanup. ``heartbeat``: seconds without an answer after
    which a process is taken for hung.
    """

    memory: int | None = None
    cpu: float | None = None
    time: float | None = None
    heartbeat: float = 5.0


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """One batch. ``hardware`` and ``parameters`` are plain values: its sequence knows what they mean.

    ``line``: it is a line of the gateway instead, as a line of site.yaml; then ``package`` is empty.
    """

    id: str
    name: str
    package: str
    hardware: Mapping[str, Mapping[str, object]] = field(default_factory=dict, hash=False)
    parameters: Mapping[str, object] = field(default_factory=lambda: NO_DATA, hash=False)
    auto_start: bool = False
    simulate: bool = False
    faults: tuple[str, ...] = ()
    after_crash: str = "cleanup"  # or ask
    restart: str = "never"  # or always: a process that has died is started anew
    line: Map | None = field(default=None, hash=False, compare=False)
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """``server.auth``: whether callers have to show a key, and of what kind."""

    enabled: bool = False
    type: str = "api_key"


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """``server``: where the API listens."""

    host: str = "127.0.0.1"
    port: int = 8080
    auth: AuthSettings = field(default_factory=AuthSettings)


@dataclass(frozen=True, slots=True)
class BackendSettings:
    """``backend``: where results are sent, with what key, and how often it is asked whether it is there (seconds)."""

    url: str
    api_key: Secret | None = None
    interval: float = 10.0


@dataclass(frozen=True, slots=True)
class StationSettings:
    """A whole station. ``data`` and ``sequences`` are absolute folders."""

    id: str
    name: str
    data: Path
    sequences: tuple[Path, ...] = ()
    server: ServerSettings = field(default_factory=ServerSettings)
    backend: BackendSettings | None = None
    batches: tuple[BatchSettings, ...] = ()
    gateway: UplinkSettings | None = None
    path: Path | None = None  # the file, if there is one
