"""What bytes look like to somebody who does not know their protocol: as hex, and as text of this or that line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

Parity = Literal["E", "O"]

_ENOUGH: Final = 16  # bytes, to speak of a parity
_MOST_DAMAGED: Final = 0.03
_TEXT: Final = frozenset((*range(0x20, 0x7F), *b"\r\n\t\x02\x03\x04\x05\x06"))
_EVEN: Final = bytes(value.bit_count() % 2 == 0 for value in range(256))
_SEVEN: Final = bytes(value & 0x7F for value in range(256))
_DOTTED: Final = bytes(value if 0x20 <= value < 0x7F else 0x2E for value in range(256))  # noqa: PLR2004 - printable ASCII
_WIDTH: Final = 16


def without_parity(data: bytes) -> bytes:
    """The low seven bits of each byte."""
    return data.translate(_SEVEN)


def parity_of(data: bytes) -> Parity | None:
    """The parity that the eighth bits make; None when they are data, always clear, or too few to tell."""
    if len(data) < _ENOUGH or max(data) < 0x80:  # noqa: PLR2004 - the eighth bit
        return None
    even = data.translate(_EVEN).count(1)
    if even >= len(data) * (1 - _MOST_DAMAGED):
        return "E"
    return "O" if even <= len(data) * _MOST_DAMAGED else None


def text_share(data: bytes) -> float:
    """How much of it is text with the usual control characters: 1 for a text protocol, about 0.4 for noise."""
    if not data:
        return 0.0
    plain = without_parity(data) if parity_of(data) else data
    return sum(value in _TEXT for value in plain) / len(data)


def hex_lines(data: bytes, *, is_seven_bit: bool = False) -> Iterator[str]:
    """``0000  53 54 2C ...  ST,``: sixteen bytes a line; the text without a parity where there is one."""
    for start in range(0, len(data), _WIDTH):
        part = data[start : start + _WIDTH]
        text = as_text(without_parity(part) if is_seven_bit else part)
        yield f"{start:04X}  {part.hex(' ').upper():{3 * _WIDTH - 1}}  {text}"


def as_text(data: bytes) -> str:
    """The bytes as ASCII; a dot for what cannot be shown."""
    return data.translate(_DOTTED).decode("ascii")
