"""Chafon UHF readers: the answers to an inventory (user's manuals of UHFReader18 and UHFReader288).

len addr 01 status data CRC. ``len`` counts what follows it; the CRC is CRC-16/MCRF4XX of all before it, low byte
first.

- UHFReader18: data is the number of tags, then for each its length and its EPC.
- UHFReader288: data is the antenna (one bit each), the number of tags, then for each its length, its EPC and its RSSI.

Status 1 to 4 carry tags (done, out of time, more to come, memory full), FB says that no tag is there. An empty answer
after "more to come" only ends it; by itself it says that no tag is there. Everything else, and the answers to other
commands, are no sight of a card. A frame has no first byte to know it by, but the command, the
status and the lengths of the tags must all fit before a single byte more is waited for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from parsers.packets import INCOMPLETE, REFUSED, Packet, Verdict
from parsers.reading import CardReading

_INVENTORY: Final = 0x01
_NO_TAG: Final = 0xFB
_MORE: Final = 0x03
_WITH_TAGS: Final = frozenset({0x01, 0x02, 0x03, 0x04})
_HEAD: Final = 4  # len addr cmd status
_CRC: Final = 2
_EMPTY: Final = 5  # len of an answer without data


def _table() -> tuple[int, ...]:
    remainders = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x8408 if byte & 1 else 0)  # noqa: PLW2901 - shifted out, bit by bit
        remainders.append(byte)
    return tuple(remainders)


_TABLE: Final = _table()


def crc16_mcrf4xx(data: bytes) -> int:
    """CRC-16/MCRF4XX: polynomial 1021 reflected, from FFFF, no final XOR; ``b"123456789"`` gives 6F91."""
    crc = 0xFFFF
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc


def command(code: int, data: bytes = b"", *, address: int = 0xFF) -> bytes:
    """The request frame for a command; every reader answers address FF."""
    head = bytes((len(data) + _HEAD, address, code)) + data
    return head + crc16_mcrf4xx(head).to_bytes(2, "little")


@dataclass(frozen=True, slots=True)
class ChafonLayout:
    """The answers of one family of readers; ``has_antenna`` is UHFReader288, with antenna and RSSI."""

    has_antenna: bool
    mark: bytes = bytes((_INVENTORY,))
    mark_at: int = 2
    shortest: int = _HEAD + _CRC

    def match(self, text: bytes, at: int, raw: bytes) -> Packet | Verdict:
        """Judge a frame by its lengths first, then by its CRC."""
        length = text[at] + 1
        if length < self.shortest:
            return REFUSED
        frame = text[at : at + length]
        tags = self._tags(frame, length - _CRC)
        if tags is REFUSED or tags is INCOMPLETE:
            return tags
        if len(frame) < length:
            return INCOMPLETE
        if crc16_mcrf4xx(frame[:-_CRC]) != int.from_bytes(frame[-_CRC:], "little"):
            return REFUSED
        assert isinstance(tags, tuple)
        readings = tuple(self._readings(frame, tags, raw[at : at + length]))
        is_empty = not tags and frame[3] != _NO_TAG
        return Packet(length, readings, goes_on=frame[3] == _MORE, closes=is_empty)

    def _tags(self, frame: bytes, end: int) -> tuple[slice, ...] | Verdict:
        """Where the EPCs are in a frame whose data ends at ``end``, of which the last bytes may be missing."""
        have = len(frame)
        if have < _HEAD:
            return INCOMPLETE
        status = frame[3]
        if status == _NO_TAG:
            return () if frame[0] == _EMPTY else REFUSED
        count_at = _HEAD + self.has_antenna
        if status not in _WITH_TAGS or end <= count_at:
            return REFUSED
        if have <= count_at:
            return INCOMPLETE
        return self._walk(frame, count_at, end)

    def _walk(self, frame: bytes, count_at: int, end: int) -> tuple[slice, ...] | Verdict:
        tags: list[slice] = []
        place = count_at + 1
        for _ in range(frame[count_at]):
            if place >= end:
                return REFUSED
            if place >= len(frame):
                return INCOMPLETE
            tags.append(slice(place + 1, place + 1 + frame[place]))
            place += 1 + frame[place] + self.has_antenna
        return tuple(tags) if place == end else REFUSED

    def _readings(self, frame: bytes, tags: tuple[slice, ...], raw: bytes) -> Iterator[CardReading]:
        if not tags:
            yield CardReading(None, raw, "no_tag")
        antenna = _antenna(frame[_HEAD]) if self.has_antenna and tags else None
        for tag in tags:
            uid = frame[tag].hex().upper()
            if uid:  # a tag that nobody has written to yet has no EPC to know it by
                yield CardReading(uid, raw, antenna=antenna, rssi=frame[tag.stop] if self.has_antenna else None)


def _antenna(bits: int) -> int | None:
    """The antenna's number, from 1; None when the reader says several or none."""
    return bits.bit_length() if bits.bit_count() == 1 else None


CHAFON_18: Final = ChafonLayout(has_antenna=False)
CHAFON_288: Final = ChafonLayout(has_antenna=True)
ASK_18: Final = command(_INVENTORY)
# Q 4, session 0, mask on the EPC with no bits, target A, antenna 1, one second at most.
ASK_288: Final = command(_INVENTORY, bytes((4, 0, 1, 0, 0, 0, 0, 0x80, 10)))
