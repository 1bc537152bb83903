"""``station.yaml``: read, checked whole, and typed.

The master reads it without any code of a sequence; what its sequences have to say of parameters and hardware is asked
by :func:`check_station`, in another process.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from engine.documents.environment import Substitution
from engine.documents.schema import NOTHING
from engine.documents.source import load_yaml
from engine.documents.suggest import did_you_mean
from engine.documents.tree import Document, Map, Seq, Value
from engine.errors import Diagnostic, DiagnosticError, Position
from engine.ports import Secret
from engine.sequence.faults import FaultError, parse_fault
from engine.service.router import RESERVED_NAMES
from engine.service.uplink import UplinkSettings, check_uplink, uplink_options
from engine.station.settings import (
    LOOPBACK,
    AuthSettings,
    BackendSettings,
    BatchSettings,
    Limits,
    ServerSettings,
    StationSettings,
)
from engine.units import parse_duration, parse_size
from schemas import load_schema

FILE_NAME: Final = "station.yaml"
_DEFAULT_HEARTBEAT_S: Final = 5.0
LINE_NAMES: Final = {
    "id": "name",
    "chart": "chart",
    "devices": "devices",
    "settings": "settings",
}  # here -> in site.yaml
LINE_KEYS: Final = ("devices", "settings")
SEQUENCE_KEYS: Final = ("sequencePackage", "hardware", "parameters", "simulate", "faults", "after_crash")


def load_station(path: Path, env: Mapping[str, str]) -> StationSettings:
    """Read a station's file. Raises DiagnosticError with everything that is wrong in it, each problem at its place."""
    document = load_yaml(path)
    problems = check_document(document, env, path.absolute().parent)
    if problems:
        raise DiagnosticError(problems)
    return _settings(document.root, path)


def data_folder(path: Path, env: Mapping[str, str]) -> Path:
    """Where a station keeps its data, whatever else may be wrong with its file, or missing in the environment.

    Raises DiagnosticError when the file cannot be read, or its ``paths.data`` names a variable that is not set.
    """
    document = load_yaml(path)
    variables = Substitution(document, env)
    data = str(document.root.section("paths").get("data", "data"))
    if "${" in data:
        raise DiagnosticError(variables.problems)
    return path.absolute().parent / data


def check_station(path: Path, env: Mapping[str, str]) -> list[Diagnostic]:
    """Everything that is wrong with a station's file, and between it and its sequences, whose drivers are imported."""
    try:
        document = load_yaml(path)
    except DiagnosticError as error:
        return list(error.diagnostics)
    problems = check_document(document, env, path.absolute().parent)
    told = {problem.position for problem in problems}
    problems += [one for one in _between(document.root, path.absolute().parent) if one.position not in told]
    return sorted(problems, key=lambda problem: (problem.position, problem.code))


def check_batch(path: Path, env: Mapping[str, str], batch_id: str) -> list[Diagnostic]:
    """What is wrong between one batch of a file that is sound by itself and its sequence, whose drivers are imported.

    Raises DiagnosticError when the file cannot be read.
    """
    from engine.sequence.package import check_package

    document, base = load_yaml(path), path.absolute().parent
    check_document(document, env, base)  # puts the variables in
    folders = (base / str(document.root.section("paths").get("sequences", "sequences")),)
    for batch in _batches(document.root):
        written = batch.text("sequencePackage")
        if batch.text("id") == batch_id and written is not None:
            return list(_with_package(batch, written, check_package(_package(written, base), folders)))
    return []


def check_document(document: Document, env: Mapping[str, str], base: Path) -> list[Diagnostic]:
    """What is wrong with a station's document by itself; environment variables are put into it.

    ``base``: the folder that its paths are relative to.
    """
    variables = Substitution(document, env)
    problems = variables.check(_schema())
    problems += _own(document.root, base)
    problems = [*variables.problems, *variables.shown(problems)]
    return sorted(problems, key=lambda problem: (problem.position, problem.code))


@cache
def _schema() -> dict[str, Any]:
    """The schema as it holds once variables are put in."""
    schema = load_schema("station")
    return {**schema, "$defs": {**schema["$defs"], "env": NOTHING}}


# By itself --------------------------------------------------------------------------------------------------------


def _own(root: Map, base: Path) -> Iterator[Diagnostic]:
    yield from _server(root.section("server"))
    backend = root.section("backend")
    url = backend.text("url")
    if url is not None and not _is_url(url):
        yield Diagnostic("bad-url", backend.at("url"), {"url": url.rpartition("@")[2]})
    names: dict[str, Position] = {}
    for batch in _batches(root):
        id_ = batch.text("id")
        if id_ is not None and id_ in names:
            related = ((names[id_], "first-place"),)
            yield Diagnostic("duplicate-batch", batch.at("id"), {"batch": id_}, related=related)
        elif id_ is not None:
            names[id_] = batch.at("id")
        yield from _faults(batch)
        yield from _work(batch, has_gateway="gateway" in root)
    yield from check_uplink(root.section("gateway"), base)


def _work(batch: Map, *, has_gateway: bool) -> Iterator[Diagnostic]:
    """A batch has a sequence or a line, and of the other's keys none."""
    place = batch.at("id")
    if "chart" not in batch:
        if "sequencePackage" not in batch:
            yield Diagnostic("batch-without-work", place)
            return
        yield from _misplaced(batch, LINE_KEYS, "sequencePackage")
        return
    yield from _misplaced(batch, SEQUENCE_KEYS, "chart")
    if "devices" not in batch:
        yield Diagnostic("missing-key", batch.position, {"key": "devices"})
    if not has_gateway:
        yield Diagnostic("line-without-gateway", batch.key_at("chart"))
    if batch.text("id") in RESERVED_NAMES:
        yield Diagnostic("reserved-name", place, {"name": batch.text("id")})


def _misplaced(batch: Map, keys: Iterable[str], other: str) -> Iterator[Diagnostic]:
    for key in keys:
        if key in batch:
            yield Diagnostic("batch-key-misplaced", batch.key_at(key), {"key": key, "other": other})


def _server(server: Map) -> Iterator[Diagnostic]:
    host = server.text("host")
    if host is not None and host not in LOOPBACK and server.section("auth").get("enabled") is not True:
        yield Diagnostic("host-without-auth", server.at("host"), {"host": host})


def _is_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and " " not in url
    except ValueError:
        return False


def _faults(batch: Map) -> Iterator[Diagnostic]:
    faults = batch.get("faults")
    if not isinstance(faults, Seq) or not faults:
        return
    if batch.get("simulate") is not True:
        yield Diagnostic("faults-not-simulated", batch.key_at("faults"))
    for index, text in enumerate(faults):
        try:
            parse_fault(str(text))
        except FaultError as error:
            yield Diagnostic("bad-fault", faults.at(index), {"fault": str(text), "detail": str(error)})


# With its sequences -----------------------------------------------------------------------------------------------


def _between(root: Map, base: Path) -> Iterator[Diagnostic]:
    from engine.sequence.package import check_package

    folders = (base / str(root.section("paths").get("sequences", "sequences")),)
    packages: dict[str, Any] = {}
    lines = [line_of(batch) for batch in _batches(root) if "chart" in batch]
    if lines:
        from engine.station.line_checks import check_station_lines  # devices and protocols: only to check them

        yield from check_station_lines(root.section("gateway"), lines, base)
    for batch in _batches(root):
        written = batch.text("sequencePackage")
        if written is None:
            continue
        if written not in packages:
            packages[written] = check_package(_package(written, base), folders)
        yield from _with_package(batch, written, packages[written])


def _package(written: str, base: Path) -> str:
    """A package as it is looked for: a folder is relative to the file."""
    return str(base / written) if "/" in written or "\\" in written else written


def _with_package(batch: Map, written: str, checked: Any) -> Iterator[Diagnostic]:
    at = batch.at("sequencePackage")
    if checked.package is None:
        missing = [found for found in checked.findings if found.code == "unknown-sequence"]
        if missing:
            yield Diagnostic("unknown-sequence", at, missing[0].params)
        else:
            first = min((found for found in checked.findings if found.severity == "error"), key=lambda f: f.position)
            yield Diagnostic("broken-sequence", at, {"name": written, "place": str(first.position)})
        return
    yield from _parameters(batch, checked.package)
    yield from _hardware(batch, checked.package)


def _parameters(batch: Map, package: Any) -> Iterator[Diagnostic]:
    from engine.sequence.parameters import resolve_parameters

    given = batch.section("parameters")
    try:
        resolve_parameters(package, given)
    except DiagnosticError as error:
        for found in error.diagnostics:
            if found.code == "parameter-missing":
                continue  # whoever starts a run gives it
            name = str(found.params.get("name", "")) or _holds(given, found.params.get("value"))
            place = given.key_at(name) if found.code == "unknown-setting" else given.at(name)
            yield Diagnostic(found.code, place, found.params)


def _holds(values: Map, text: object) -> str:
    """The key of the value that is written so."""
    return next((name for name, value in values.items() if str(value) == text), "")


def _hardware(batch: Map, package: Any) -> Iterator[Diagnostic]:
    given = batch.section("hardware")
    for name in given:
        if name not in package.hardware:
            known = list(package.hardware)
            params = {"name": name, "guess": did_you_mean(name, known) or "", "known": known}
            yield Diagnostic("unknown-hardware", given.key_at(name), params)
    is_simulated = batch.get("simulate") is True
    for name, hardware in package.hardware.items():
        own = given.section(name)
        known = [field.name for field in hardware.config.values() if field.declaration is not None]
        for key in own:
            if key not in known:
                params = {"owner": name, "name": key, "guess": did_you_mean(key, known) or "", "known": known}
                yield Diagnostic("unknown-argument", own.key_at(key), params)
        if not is_simulated:
            place = own.position if name in given else batch.key_at("hardware" if "hardware" in batch else "id")
            for field in hardware.config.values():
                if _is_needed(field) and own.get(field.name) is None:
                    yield Diagnostic("missing-argument", place, {"owner": name, "name": field.name})


def _is_needed(field: Any) -> bool:
    return field.declaration is not None and field.declaration.default is None


# Typed ------------------------------------------------------------------------------------------------------------


def _settings(root: Map, path: Path) -> StationSettings:
    base = path.absolute().parent
    station, paths, backend = root.section("station"), root.section("paths"), root.section("backend")
    server = root.section("server")
    auth = server.section("auth")
    key = backend.text("api_key")
    return StationSettings(
        id=str(station["id"]),
        name=str(station.get("name", station["id"])),
        data=base / str(paths.get("data", "data")),
        sequences=(base / str(paths.get("sequences", "sequences")),),
        server=ServerSettings(
            str(server.get("host", "127.0.0.1")),
            int(str(server.get("port", 8080))),
            AuthSettings(auth.get("enabled") is True, str(auth.get("type", "api_key"))),
        ),
        backend=BackendSettings(
            str(backend["url"]), None if key is None else Secret(key), _seconds(backend, "interval") or 10.0
        )
        if backend
        else None,
        batches=tuple(_batch(batch, base) for batch in _batches(root)),
        gateway=_gateway(root.section("gateway"), str(station.get("name", station["id"])), base),
        path=path.absolute(),
    )


def _gateway(gateway: Map, name: str, base: Path) -> UplinkSettings | None:
    return UplinkSettings(**uplink_options(gateway, gateway, name, base)) if gateway else None


def line_of(batch: Map) -> Map:
    """A batch as the line of a site.yaml that it is."""
    line = Map(batch.start)
    for key, name in LINE_NAMES.items():
        if key in batch:
            line[name], line.marks[name] = batch[key], batch.marks[key]
    return line


def _batch(batch: Map, base: Path) -> BatchSettings:
    faults = batch.get("faults")
    is_line = "chart" in batch
    return BatchSettings(
        id=str(batch["id"]),
        name=str(batch.get("name", batch["id"])),
        package="" if is_line else _package(str(batch["sequencePackage"]), base),
        hardware={name: plain_values(batch.section("hardware").section(name)) for name in batch.section("hardware")},
        parameters=plain_values(batch.section("parameters")),
        auto_start=batch.get("autoStart", is_line) is True,
        simulate=batch.get("simulate") is True,
        faults=tuple(map(str, faults)) if isinstance(faults, Seq) else (),
        after_crash=str(batch.get("after_crash", "cleanup")),
        restart=str(batch.get("restart", "always" if is_line else "never")),
        line=line_of(batch) if is_line else None,
        limits=_limits(batch.section("limits")),
    )


def _limits(limits: Map) -> Limits:
    memory = limits.text("memory")
    return Limits(
        memory=None if memory is None else int(parse_size(memory)),
        cpu=_seconds(limits, "cpu"),
        time=_seconds(limits, "time"),
        heartbeat=_seconds(limits, "heartbeat") or _DEFAULT_HEARTBEAT_S,
    )


def _seconds(owner: Map, key: str) -> float | None:
    text = owner.text(key)
    return None if text is None else float(parse_duration(text))


def _batches(root: Map) -> list[Map]:
    raw = root.get("batches")
    return [batch for batch in raw if isinstance(batch, Map)] if isinstance(raw, Seq) else []


def plain_values(values: Map) -> dict[str, object]:
    """Values as JSON holds them."""
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: Value) -> object:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Map):
        return plain_values(value)
    return [_plain(item) for item in value] if isinstance(value, Seq) else value
