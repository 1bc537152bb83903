"""M100, YRM100 and R200 UHF modules (MagicRF M100 firmware manual): what an inventory answers.

BB type cmd len(2) data sum 7E; ``sum`` is the low byte of the sum from type to the last byte of data. A tag is the
notice 02 22 with RSSI, PC, EPC and CRC; the answer 01 FF 15 says that no tag is there. The RSSI is a signed byte, in
dBm. The EPC's own CRC is the tag's business; the sum covers the frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from parsers.packets import INCOMPLETE, REFUSED, Packet, Verdict
from parsers.reading import CardReading

_HEAD: Final = 5  # BB type cmd len(2)
_TAIL: Final = 2  # sum 7E
_END: Final = 0x7E
_RSSI_AND_PC: Final = 3
_TAG_CRC: Final = 2
_LONGEST_EPC: Final = 62  # 31 words: the five bits of length in the PC
_NOTICE: Final = b"\xbb\x02\x22\x00"
_NO_TAG: Final = b"\xbb\x01\xff\x00\x01\x15\x16\x7e"


@dataclass(frozen=True, slots=True)
class M100Layout:
    """The frames of an inventory; the answers to other commands are no sight of a card."""

    mark: bytes = b"\xbb"
    mark_at: int = 0
    shortest: int = len(_NO_TAG)

    def match(self, text: bytes, at: int, raw: bytes) -> Packet | Verdict:
        """Judge a frame by its head, its end and its sum."""
        head = text[at : at + len(_NO_TAG)]
        if head == _NO_TAG:
            return Packet(len(_NO_TAG), (CardReading(None, raw[at : at + len(_NO_TAG)], "no_tag"),))
        if _NO_TAG.startswith(head):
            return INCOMPLETE
        if not head.startswith(_NOTICE):
            return INCOMPLETE if _NOTICE.startswith(head) else REFUSED
        if len(head) < _HEAD:
            return INCOMPLETE
        return _notice(text, at, head[4], raw)


def _notice(text: bytes, at: int, length: int, raw: bytes) -> Packet | Verdict:
    if not 0 < length - _RSSI_AND_PC - _TAG_CRC <= _LONGEST_EPC:
        return REFUSED
    whole = _HEAD + length + _TAIL
    frame = text[at : at + whole]
    if len(frame) < whole:
        return INCOMPLETE
    if frame[-1] != _END or sum(frame[1:-_TAIL]) & 0xFF != frame[-_TAIL]:
        return REFUSED
    epc = frame[_HEAD + _RSSI_AND_PC : -_TAIL - _TAG_CRC]
    rssi = int.from_bytes(frame[_HEAD : _HEAD + 1], signed=True)
    return Packet(whole, (CardReading(epc.hex().upper(), raw[at : at + whole], rssi=rssi),))


M100: Final = M100Layout()
ASK_M100: Final = b"\xbb\x00\x22\x00\x00\x22\x7e"  # single poll
