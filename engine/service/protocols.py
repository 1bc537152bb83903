"""Protocol profiles: what is wrong with one, and those that stand beside a site.yaml."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from engine.documents.limits import MAX_BYTES
from engine.documents.schema import check
from engine.documents.source import load_yaml
from engine.documents.tree import Document, Map
from engine.errors import Diagnostic, DiagnosticError, EngineError, Position
from parsers import LineSettings, Parser, ProtocolInfo
from schemas import load_schema

_FOLDERS: Final = ("", "protocols")  # beside site.yaml
_SUFFIXES: Final = frozenset({".yaml", ".yml"})
_PROFILE: Final = re.compile(rb"^['\"]?protocol['\"]?[ \t]*:[ \t]*['\"]?([a-z0-9._-]*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile that was read. ``info`` is None when it has problems."""

    path: Path
    name: str | None
    document: Document | None
    info: ProtocolInfo | None
    problems: tuple[Diagnostic, ...] = ()

    def place(self, name: str) -> Position:
        """Where the profile says that it is called ``name``."""
        if self.document is None:
            return Position(str(self.path))
        aliases = self.document.root.get("aliases")
        if name != self.name and isinstance(aliases, list) and name in aliases:
            return self.document.position(("aliases", aliases.index(name)))
        return self.document.position(("protocol",))


@dataclass(slots=True)
class SiteProtocols:
    """What a site may name: the protocols there are, and its own."""

    known: Mapping[str, ProtocolInfo]
    profiles: list[Profile] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)


def looks_like_profile(content: bytes) -> bool:
    """Whether a file is a profile, also when it cannot be read as YAML: ``protocol:`` stands at the left of a line."""
    return _PROFILE.search(content) is not None


def profiles_beside(folder: Path) -> Iterator[Path]:
    """The profiles in a site's folder and in its folder ``protocols``."""
    for inner in _FOLDERS:
        try:
            files = sorted(path for path in (folder / inner).iterdir() if path.suffix in _SUFFIXES and path.is_file())
        except OSError:
            continue
        yield from (path for path in files if looks_like_profile(_beginning(path)))


def _beginning(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES)
    except OSError:
        return b""


def read_profile(path: Path) -> Profile:
    """Read a profile, check it and run its golden frames; whatever is wrong is in ``problems``."""
    from parsers.profile import ProfileError, compile_profile

    try:
        document = load_yaml(path)
    except DiagnosticError as error:
        named = _PROFILE.search(_beginning(path))
        return Profile(path, named[1].decode() if named else None, None, None, tuple(error.diagnostics))
    name = document.root.text("protocol")
    problems = check(document, load_schema("protocol"))
    if problems:
        return Profile(path, name, document, None, tuple(problems))
    try:
        return Profile(path, name, document, compile_profile(document.root))
    except ProfileError as error:
        found = [Diagnostic(one.code, document.position(one.path), one.params) for one in error.problems]
        ordered = sorted(found, key=lambda one: (one.position, one.code))
        return Profile(path, name, document, None, tuple(ordered))


def site_protocols(folder: Path, shipped: Mapping[str, ProtocolInfo]) -> SiteProtocols:
    """The protocols of a site: ``shipped`` and the profiles beside it, whose names must be new."""
    profiles = [read_profile(path) for path in profiles_beside(folder)]
    own: dict[str, ProtocolInfo] = {}
    for profile in profiles:
        info = profile.info or _broken(profile)
        if info is not None:
            own |= {name: info for name in (info.name, *info.aliases) if name not in own}
    known = ChainMap(own, shipped) if own else shipped  # type: ignore[arg-type]  # nothing is ever written to it
    told = [problem for profile in profiles for problem in profile.problems]
    return SiteProtocols(known, profiles, [*told, *names_taken(profiles, shipped)])


def names_taken(profiles: Iterable[Profile], shipped: Mapping[str, ProtocolInfo]) -> list[Diagnostic]:
    """The names that a profile shares with a shipped protocol, or with another profile."""
    found: list[Diagnostic] = []
    first: dict[str, Profile] = {}
    for profile in profiles:
        if profile.info is None or _is_shipped(profile.path):
            continue
        for name in (profile.info.name, *profile.info.aliases):
            other = first.setdefault(name, profile)
            if other is not profile:
                related = ((other.place(name), "first-place"),)
                params = {"name": name, "other": str(other.path)}
                found.append(Diagnostic("protocol-name-taken", profile.place(name), params, related=related))
            elif name in shipped and _origin(name) != str(profile.path.absolute()):
                params = {"name": name, "other": shipped[name].title}
                found.append(Diagnostic("protocol-name-taken", profile.place(name), params))
    return found


def register(profiles: Iterable[Profile]) -> None:
    """Let the site's devices use its profiles."""
    from parsers import register_protocol

    for profile in profiles:
        if profile.info is not None:
            register_protocol(profile.info, origin=str(profile.path.absolute()))


def _origin(name: str) -> str | None:
    """The file that a registered protocol comes from: a site that is read again finds its own."""
    from parsers.registry import origin_of

    return origin_of(name)


def _is_shipped(path: Path) -> bool:
    import parsers

    try:
        return path.resolve().parent == Path(parsers.__path__[0]).resolve()
    except (OSError, RuntimeError):
        return False


def _broken(profile: Profile) -> ProtocolInfo | None:
    """What a site may still name while the profile has mistakes: they are told once, not at every device as well."""
    if profile.name is None:
        return None
    root = profile.document.root if profile.document is not None else Map(("", 1, 1, 1, 1, False))

    def refuse() -> Parser:
        raise EngineError(f"the profile {profile.path} has mistakes")

    kind = "reader" if root.get("kind") == "reader" else "scale"
    return ProtocolInfo(profile.name, profile.name, kind, LineSettings(), refuse)  # type: ignore[arg-type]
