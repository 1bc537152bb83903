"""Readings as JSON lines, the account of what was thrown away, and hexadecimal text as bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from engine.errors import EngineError
from parsers import CardReading, Parser, Reading

_CHUNK: Final = 1 << 16
_UNDECIDED: Final = 1 << 16  # more than any parser holds back, so what lies behind it is no part of a frame
_SHOWN_PIECES: Final = 20
_SHOWN_BYTES: Final = 32
_PREFIX: Final = re.compile(r"(?<![0-9A-Za-z])0[xX]")


class HexError(EngineError):
    """What should be hexadecimal text is not."""


def raw_chunks(stream: BinaryIO) -> Iterator[bytes]:
    """What a stream gives, as it comes."""
    read = getattr(stream, "read1", stream.read)  # a pipe's bytes at once, not only when a buffer is full
    while chunk := read(_CHUNK):
        yield chunk


def hex_chunks(stream: BinaryIO) -> Iterator[bytes]:
    """The bytes that hexadecimal text spells, a line at a time. Raises HexError at what spells none."""
    number, column, held = 1, 1, ""
    while piece := stream.readline(_CHUNK):
        text = held + piece.decode("latin-1")
        whole = text if text.endswith("\n") else text[: _even_end(text)]
        held = text[len(whole) :]
        yield _spelled(whole, number, column)
        column += len(whole)
        if whole.endswith("\n"):
            number, column = number + 1, 1
    yield _spelled(held, number, column)


def _even_end(text: str) -> int:
    """Where an unfinished line can be cut without cutting a byte in two."""
    last_word = len(text) - len(text.rsplit(maxsplit=1)[-1]) if text.strip() and not text[-1].isspace() else len(text)
    return len(text) - (len(text) - last_word) % 2


def _spelled(text: str, line: int, column: int) -> bytes:
    digits = _PREFIX.sub("  ", text)
    try:
        return bytes.fromhex(digits)
    except ValueError:
        for word in re.finditer(r"\S+", digits):
            bad = re.search(r"[^0-9A-Fa-f]", word[0])
            if bad is not None:
                place = f"line {line}, column {column + word.start() + bad.start()}"
                raise HexError(f"{place}: {bad[0]!r} is not a hexadecimal digit") from None
            if len(word[0]) % 2:
                place = f"line {line}, column {column + word.end() - 1}"
                raise HexError(f"{place}: half a byte; '{word[0][-9:]}' has an odd number of digits") from None
        raise


def to_line(reading: Reading) -> str:
    """A reading as one JSON object."""
    return json.dumps(_card(reading) if isinstance(reading, CardReading) else _weight(reading), ensure_ascii=False)


def _weight(reading: Any) -> dict[str, object]:
    told: dict[str, object] = {
        "kind": "weight",
        "value": _text(reading.value),
        "unit": reading.unit,
        "stable": reading.is_stable,
        "status": reading.status,
        "mode": reading.mode,
        "raw": reading.raw.hex(),
    }
    if reading.tare is not None:
        told["tare"] = _text(reading.tare)
    if reading.is_zero is not None:
        told["zero"] = reading.is_zero
    return told


def _card(reading: CardReading) -> dict[str, object]:
    told: dict[str, object] = {
        "kind": "rfid",
        "value": reading.uid,
        "unit": None,
        "stable": None,
        "status": reading.status,
        "mode": None,
        "raw": reading.raw.hex(),
    }
    if reading.antenna is not None:
        told["antenna"] = reading.antenna
    if reading.rssi is not None:
        told["rssi"] = reading.rssi
    return told


def _text(value: object) -> str | None:
    """The number exactly as it was displayed, every place kept."""
    return None if value is None else f"{value:f}"


@dataclass(slots=True)
class _Rubbish:
    """Bytes in a row that were thrown away, the first of them to show."""

    offset: int
    head: bytes = b""
    length: int = 0

    def add(self, rubbish: bytes) -> None:
        self.head = (self.head + rubbish[:_SHOWN_BYTES])[:_SHOWN_BYTES]
        self.length += len(rubbish)


class Decoder:
    """A parser that keeps account of every byte: which became readings, and which were thrown away."""

    def __init__(self, parser: Parser) -> None:
        self.received = 0
        self.readings = 0
        self._parser = parser
        self._undecided = b""  # received, and in no reading yet
        self._last_raw: bytes | None = None
        self._thrown = 0
        self._pieces = 0
        self._rubbish_ends = -1  # the offset behind the last byte that was thrown away
        self._shown: list[_Rubbish] = []

    def feed(self, chunk: bytes) -> list[str]:
        """The readings that ``chunk`` completed, a line each."""
        self.received += len(chunk)
        stream = self._undecided + chunk
        at = 0
        self._last_raw = None  # the readings of one frame come together
        readings = self._parser.feed(chunk)
        for reading in readings:
            at = self._account(reading.raw, stream, at)
        self.readings += len(readings)
        self._undecided = stream[at:]
        excess = len(self._undecided) - 2 * _UNDECIDED
        if excess > 0:
            self._throw_away(self._undecided[:-_UNDECIDED])
            self._undecided = self._undecided[-_UNDECIDED:]
        return [to_line(reading) for reading in readings]

    def end(self) -> None:
        """Nothing more comes: what is undecided is thrown away."""
        self._throw_away(self._undecided)
        self._undecided = b""

    def thrown_away(self) -> Iterator[str]:
        """What was thrown away, for people: how much, and the bytes of the first places."""
        if not self._thrown:
            return
        places = "1 place" if self._pieces == 1 else f"{self._pieces} places"
        yield f"thrown away: {self._thrown} of {self.received} bytes, in {places}"
        for piece in self._shown:
            more = f" ... ({piece.length} bytes)" if piece.length > len(piece.head) else ""
            yield f"  at byte {piece.offset}: {piece.head.hex(' ')}{more}"
        if self._pieces > len(self._shown):
            yield f"  ... and in {self._pieces - len(self._shown)} more"

    def _account(self, raw: bytes, stream: bytes, at: int) -> int:
        """Where the bytes behind a reading's frame begin. A frame with several readings is counted once."""
        if raw is self._last_raw:
            return at
        self._last_raw = raw
        found = stream.find(raw, at)
        if found < 0:
            return at
        self._throw_away(stream[at:found], behind=len(stream) - at)
        return found + len(raw)

    def _throw_away(self, rubbish: bytes, behind: int | None = None) -> None:
        if not rubbish:
            return
        self._thrown += len(rubbish)
        offset = self.received - (len(self._undecided) if behind is None else behind)
        goes_on = offset == self._rubbish_ends
        self._rubbish_ends = offset + len(rubbish)
        if not goes_on:
            self._pieces += 1
            if len(self._shown) < _SHOWN_PIECES:
                self._shown.append(_Rubbish(offset))
        if len(self._shown) == self._pieces:
            self._shown[-1].add(rubbish)
