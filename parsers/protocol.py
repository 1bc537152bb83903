"""What a protocol is: its name, how its line is set, and what makes a parser of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from parsers.reading import Parser, Reading

Kind = Literal["scale", "reader"]
Parity = Literal["N", "E", "O"]


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
    ``id_at``: which bytes of a frame say which device of several it is from, as in ``raw[first:end]``.
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
    title_ko: str = ""  # empty: as in English
    check_bits: int = 0
    id_at: tuple[int, int] | None = None
