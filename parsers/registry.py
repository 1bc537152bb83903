"""Every protocol by its name, and the making of a parser for one port."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from parsers.and_std import AND_STD
from parsers.cards import ID_12, RDM6300, CardLayout, CardParser
from parsers.cas import CAS_10, CAS_22
from parsers.combined import CombinedParser
from parsers.lines import LineLayout, LineParser
from parsers.reading import Parser, Reading
from parsers.st_gs import ST_GS, ST_GS_7BIT

Kind = Literal["scale", "reader"]
Parity = Literal["N", "E", "O"]


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


@dataclass(frozen=True, slots=True)
class LineSettings:
    """How a protocol's devices leave the factory; a site may set its port otherwise."""

    baudrate: int = 9600
    data_bits: Literal[7, 8] = 8
    parity: Parity = "N"
    stop_bits: Literal[1, 2] = 1

    def __str__(self) -> str:
        return f"{self.baudrate} {self.data_bits}{self.parity}{self.stop_bits}"


@dataclass(frozen=True, slots=True)
class Golden:
    """A frame and the readings that it must give, none for a frame that must be refused."""

    frame: bytes
    readings: tuple[Reading, ...]  # their ``raw`` is not compared


@dataclass(frozen=True, slots=True)
class ProtocolInfo:
    """One protocol: its ``name`` in site.yaml, what it is, how its line is set, and what makes a parser of it.

    ``ask`` is what a polled device is sent for one reading (None: it sends by itself). What is known only from frames
    that nobody has logged from a device is not ``is_proven``, and is marked wherever it is listed. ``aliases`` are the
    names of the same protocol on other devices. ``check_bits`` says how much of a frame proves the rest: 0 for none, 7
    or 8 for a sum or an XOR, 16 for a CRC; of damaged frames that look well no more than one in 2**check_bits passes.
    """

    name: str
    title: str
    kind: Kind
    line: LineSettings
    factory: Callable[[], Parser]
    golden: tuple[Golden, ...] = ()
    is_proven: bool = True
    ask: bytes | None = None
    aliases: tuple[str, ...] = ()
    check_bits: int = 0


def _scale(name: str, title: str, layout: LineLayout, line: LineSettings) -> ProtocolInfo:
    return ProtocolInfo(name, title, "scale", line, lambda: LineParser(name, layout))


def _reader(name: str, title: str, layout: CardLayout) -> ProtocolInfo:
    return ProtocolInfo(name, title, "reader", LineSettings(), lambda: CardParser(name, (layout,)))


_SEVEN_EVEN: Final = LineSettings(data_bits=7, parity="E")
_INFOS: Final = (
    _scale("cas-22", "CAS 22-byte (CI, NT, BI, DB indicators)", CAS_22, LineSettings()),
    _scale("cas-10", "CAS 10-byte, a bare number", CAS_10, LineSettings()),
    _scale("and-std", "A&D standard format", AND_STD, LineSettings(2400, data_bits=7, parity="E")),
    _scale("st-gs", "ST/GS 18-byte (T-Scale, General Measure, Rinstrum, clones)", ST_GS, LineSettings()),
    _scale("st-gs-7bit", "ST/GS 18-byte from a device with 7 data bits", ST_GS_7BIT, _SEVEN_EVEN),
    _reader("rdm6300", "RDM6300 / EM4100 card reader", RDM6300),
    _reader("id-12", "ID-12 / ID-20 card reader, ASCII", ID_12),
)
_PROTOCOLS: Final[dict[str, ProtocolInfo]] = {info.name: info for info in _INFOS}
PROTOCOLS: Final[Mapping[str, ProtocolInfo]] = MappingProxyType(_PROTOCOLS)


def register_protocol(info: ProtocolInfo) -> None:
    """Add a protocol of a third party. Raises ProtocolError when its name is taken by another."""
    known = _PROTOCOLS.get(info.name)
    if known is not None and known != info:
        raise ProtocolError(
            f"a protocol is called '{info.name}' already ({known.title}); give '{info.title}' another name"
        )
    _PROTOCOLS[info.name] = info


def make_parser(protocols: str | Sequence[str]) -> Parser:
    """A parser for a port that carries one protocol, or for a combined indicator that carries several.

    Several may share a port when at most one of them is a scale's line protocol and the others are card frames that
    prove themselves. Raises UnknownProtocolError, and ProtocolError for none, a repeated one, or two that cannot share.
    """
    names = [protocols] if isinstance(protocols, str) else list(protocols)
    if not names:
        raise ProtocolError("a port needs at least one protocol")
    if len(set(names)) < len(names):
        raise ProtocolError(f"a protocol is named twice: {', '.join(names)}")
    parsers = [_make_one(name) for name in names]
    return parsers[0] if len(parsers) == 1 else _combine(names, parsers)


def _make_one(name: str) -> Parser:
    info = PROTOCOLS.get(name)
    if info is None:
        raise UnknownProtocolError(name, sorted(PROTOCOLS))
    return info.factory()


def _combine(names: list[str], parsers: list[Parser]) -> Parser:
    lines = [parser for parser in parsers if isinstance(parser, LineParser)]
    cards = [parser for parser in parsers if isinstance(parser, CardParser)]
    if len(lines) + len(cards) < len(parsers) or len(lines) > 1:
        clashing = [line.protocol for line in lines] if len(lines) > 1 else names
        raise ProtocolError(f"{' and '.join(clashing)} cannot share a port; give each device a port of its own")
    layouts = tuple(layout for card in cards for layout in card.layouts)
    protocol = "+".join(names)
    return CombinedParser(layouts, lines[0], protocol) if lines else CardParser(protocol, layouts)


def _add_binary() -> None:
    from parsers.binary import BINARY  # it is made of what stands above
    from parsers.suwol import SUWOL_1000

    for info in (*BINARY, SUWOL_1000):
        register_protocol(info)


_add_binary()
