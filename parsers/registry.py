"""Every protocol by its name, and the making of a parser for one port."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

from parsers.protocol import Golden, Kind, LineSettings, Parity, ProtocolInfo
from parsers.reading import Parser

__all__ = [
    "PROTOCOLS",
    "Golden",
    "Kind",
    "LineSettings",
    "Parity",
    "ProtocolError",
    "ProtocolInfo",
    "UnknownProtocolError",
    "make_parser",
    "register_protocol",
]

# Protocols that are programmed, because a profile cannot say them: their name, and the module and the name in it of
# their ProtocolInfo. The module is imported when the protocol is used.
PROGRAMMED: Final[dict[str, str]] = {
    "toledo-continuous": "parsers.binary:TOLEDO_CONTINUOUS",
    "toledo-continuous-nochk": "parsers.binary:TOLEDO_CONTINUOUS_NOCHK",
    "chafon-18": "parsers.binary:CHAFON_UHF18",
    "chafon-288": "parsers.binary:CHAFON_UHF288",
    "m100": "parsers.binary:M100_UHF",
    "suwol-1000": "parsers.suwol:SUWOL_1000",
}
PROGRAMMED_ALIASES: Final = {  # as their ProtocolInfo has them
    "yrm100": "m100",
    "r200": "m100",
    "uhfreader18": "chafon-18",
    "uhfreader288": "chafon-288",
}
# The profiles (parsers/*.yaml) as one JSON file, which is read in a millisecond where YAML takes a hundred. Written by
# engine.cli.generate.profiles; a test compares the two.
PACKED: Final = "profiles.json"


class ProtocolError(ValueError):
    """No parser can be made of the protocols that were named."""


class UnknownProtocolError(ProtocolError):
    """No protocol has this name. ``suggestion`` is the nearest known one, or None."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        # Needed only when something is misspelt; difflib would double the import time of this package.
        from difflib import get_close_matches

        self.name = name
        self.known = tuple(known)
        close = get_close_matches(name.lower(), self.known, n=1)
        self.suggestion = close[0] if close else None
        hint = f"; did you mean '{self.suggestion}'?" if self.suggestion else "."
        super().__init__(f"no protocol is called '{name}'{hint} Protocols are {', '.join(self.known)}")


class _Protocols(Mapping[str, ProtocolInfo]):
    """All protocols, each made when somebody asks for it. Also found by its aliases, which are not listed."""

    def __init__(self) -> None:
        self._infos: dict[str, ProtocolInfo] = {}  # made already
        self._added: dict[str, str] = {}  # name of a third party's -> where it comes from
        self._aliases: dict[str, str] = {}

    def __getitem__(self, name: str) -> ProtocolInfo:
        name = self.canonical(name)
        info = self._infos.get(name)
        if info is None:
            info = self._infos[name] = self._make(name)
        return info

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*_packed(), *PROGRAMMED, *self._added)))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._is_known(self.canonical(name))

    def canonical(self, name: str) -> str:
        """The protocol's own name, where ``name`` is an alias of it."""
        return self._aliases.get(name) or _shipped_aliases().get(name, name)

    def origin(self, name: str) -> str | None:
        """Where a protocol that was added comes from; None for one that ships."""
        return self._added.get(name)

    def add(self, info: ProtocolInfo, origin: str) -> None:
        """Add a protocol, or put a newer one of the same origin in the place of an older."""
        for name in (info.name, *info.aliases):
            known = self.get(name)
            if known is not None and known != info and (not origin or self._added.get(known.name) != origin):
                raise ProtocolError(
                    f"a protocol is called '{name}' already ({known.title}); give '{info.title}' another name"
                )
        if info.name not in _packed() and info.name not in PROGRAMMED:
            self._added[info.name] = origin
        self._infos[info.name] = info
        self._aliases |= dict.fromkeys(info.aliases, info.name)

    def _is_known(self, name: str) -> bool:
        return name in self._infos or name in _packed() or name in PROGRAMMED

    @staticmethod
    def _make(name: str) -> ProtocolInfo:
        # What makes parsers is imported when the first protocol is used: most commands use none.
        from importlib import import_module

        from parsers.profile import describe_profile

        place = PROGRAMMED.get(name)
        if place is None:
            return describe_profile(_packed()[name])
        module, _, attribute = place.partition(":")
        info: ProtocolInfo = getattr(import_module(module), attribute)
        return info


@cache
def _packed() -> dict[str, dict[str, Any]]:
    """The shipped profiles, by name."""
    import json
    from pathlib import Path

    # importlib.resources would take longer to import than all the rest of this.
    profiles: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name(PACKED).read_text(encoding="utf-8"))
    return profiles


@cache
def _shipped_aliases() -> dict[str, str]:
    packed = {alias: name for name, profile in _packed().items() for alias in profile.get("aliases", ())}
    return packed | PROGRAMMED_ALIASES


_PROTOCOLS: Final = _Protocols()
PROTOCOLS: Final[Mapping[str, ProtocolInfo]] = _PROTOCOLS


def register_protocol(info: ProtocolInfo, *, origin: str = "") -> None:
    """Add a protocol of a third party. Raises ProtocolError when its name, or an alias of it, is taken by another.

    ``origin`` says where it comes from (a file): registered again from there, the newer one holds.
    """
    _PROTOCOLS.add(info, origin)


def origin_of(name: str) -> str | None:
    """The origin that a protocol, named by its own name or an alias, was registered with; None for one that ships."""
    return _PROTOCOLS.origin(_PROTOCOLS.canonical(name))


def protocol_names() -> tuple[str, ...]:
    """Every name that a site may use, aliases included, sorted."""
    aliases = (alias for name in PROTOCOLS for alias in PROTOCOLS[name].aliases)
    return tuple(sorted({*PROTOCOLS, *aliases}))


def make_parser(protocols: str | Sequence[str]) -> Parser:
    """A parser for a port that carries one protocol, or for a combined indicator that carries several.

    Several may share a port when at most one of them is a scale and the others are card frames that prove themselves.
    Raises UnknownProtocolError, and ProtocolError for none, a repeated one, or two that cannot share.
    """
    given = [protocols] if isinstance(protocols, str) else list(protocols)
    if not given:
        raise ProtocolError("a port needs at least one protocol")
    names = [_PROTOCOLS.canonical(name) for name in given]
    if len(set(names)) < len(names):
        raise ProtocolError(f"a protocol is named twice: {', '.join(given)}")
    parsers = [_make_one(name) for name in names]
    return parsers[0] if len(parsers) == 1 else _combine(names, parsers)


def _make_one(name: str) -> Parser:
    if name not in PROTOCOLS:
        raise UnknownProtocolError(name, sorted(PROTOCOLS))
    return PROTOCOLS[name].factory()


def _combine(names: list[str], parsers: list[Parser]) -> Parser:
    from parsers.combined import CombinedParser
    from parsers.framed import FrameParser
    from parsers.lines import LineParser

    lines = [parser for parser in parsers if isinstance(parser, LineParser)]
    framed = [parser for parser in parsers if isinstance(parser, FrameParser)]
    layouts = tuple(layout for parser in framed for layout in parser.layouts)
    scales = [name for name in names if PROTOCOLS[name].kind == "scale"]
    is_provable = len(lines) + len(framed) == len(parsers) and all(layout.is_checked for layout in layouts)
    if len(lines) > 1 or len(scales) > 1 or not is_provable:
        clashing = scales if len(scales) > 1 else names
        raise ProtocolError(f"{' and '.join(clashing)} cannot share a port; give each device a port of its own")
    protocol = "+".join(names)
    return CombinedParser(layouts, lines[0], protocol) if lines else FrameParser(protocol, layouts)
