"""The SUWOL-1000 turned round: what the terminal reads of its master, and the reply that it sends. For simulators.

Raises ValueError for what does not fit a field, as its master's side does.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from parsers.suwol import (
    CLIMATE_LENGTH,
    ETX,
    POLL_LENGTH,
    REPLY_LENGTH,
    STX,
    Key,
    PrinterState,
    relay_field,
)

_KEY_LETTERS: Final = {"vehicle": "N", "customer": "C", "product": "M", "reprint": "P"}
_PRINTER_DIGITS: Final[dict[PrinterState, str]] = {"ready": "0", "no_paper": "1", "busy": "2"}
_PRINT_HEAD: Final = 8  # STX id P length(4) copies
_LONGEST: Final = _PRINT_HEAD + 9999 + 1


@dataclass(frozen=True, slots=True)
class Poll:
    """``D``: what to show, switch and say. ``weight`` and ``text`` are as displayed, without blanks."""

    terminal: int
    weight: str
    text: str
    relays: int
    voice: int


@dataclass(frozen=True, slots=True)
class Print:
    """``P``: ESC/POS for the printer."""

    terminal: int
    data: bytes
    copies: int


@dataclass(frozen=True, slots=True)
class Climate:
    """``T``: set points in degrees."""

    terminal: int
    fan: int
    heater: int


Request = Poll | Print | Climate


def weight_field(
    weight: Decimal | None, *, is_stable: bool, mode: str = "GS", is_overload: bool = False, unit: str = "kg"
) -> bytes:
    """The 16 characters of the weight; without one and without an overload, the indicator has no signal."""
    if is_overload:
        return f"OL,{mode},+{' ' * 7}{unit:>2}".encode()
    if weight is None:
        return b"00,00,0000000000"
    digits = f"{abs(weight):f}".zfill(7)
    if len(digits) > 7:  # noqa: PLR2004 - the field's width
        raise ValueError(f"{weight} does not fit the weight field")
    return f"{'ST' if is_stable else 'US'},{mode},{'-' if weight < 0 else '+'}{digits}{unit:>2}".encode()


def reply_frame(
    weight: bytes,
    *,
    terminal: int = 0,
    card: str | None = None,
    key: Key | None = None,
    relays: int = 0,
    inputs: int = 0,
    voice: int = 0,
    temperature: int = 25,
    fan: int = 30,
    heater: int = 5,
    printer: PrinterState = "ready",
) -> bytes:
    """The 53 bytes of a reply; ``weight`` as :func:`weight_field` makes it."""
    kind, value = ("0", "000000") if key is None else (_KEY_LETTERS[key.kind], key.value.ljust(6))
    frame = b"%c%d%b%b%b%b%b%b%b%c" % (
        STX,
        terminal,
        f"D{card or '0' * 8}{kind}{value}".encode(),
        relay_field(relays),
        relay_field(inputs),
        f"{voice:02d}{temperature:03d}{fan:02d}{heater:02d}".encode(),
        _PRINTER_DIGITS[printer].encode(),
        b"0000",
        weight,
        ETX,
    )
    if len(frame) != REPLY_LENGTH:
        raise ValueError(f"a field does not fit: {frame!r}")
    return frame


class RequestCutter:
    """Cuts the master's requests out of a stream. What is none is thrown away, byte by byte."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> list[Request]:
        """The requests that ``data`` completed."""
        requests: list[Request] = []
        held = self._held + data
        while (start := held.find(STX)) >= 0:
            held = held[start:]
            length = _length(held)
            if length is None or len(held) < length:
                self._held = held[-_LONGEST:]
                return requests
            request = _decode(held[:length]) if length else None
            held = held[length if request else 1 :]
            requests += [request] if request else []
        self._held = b""
        return requests


def _length(held: bytes) -> int | None:
    """How long the request is that begins here; None when more must come to tell, 0 when it is none."""
    match held[2:3]:
        case b"":
            return None
        case b"D":
            return POLL_LENGTH
        case b"T":
            return CLIMATE_LENGTH
        case b"P" if len(held) < _PRINT_HEAD:
            return None
        case b"P" if held[3:7].isdigit():
            return _PRINT_HEAD + int(held[3:7]) + 1
        case _:
            return 0


def _decode(frame: bytes) -> Request | None:
    if frame[-1] != ETX or not frame[1:2].isdigit():
        return None
    terminal = int(frame[1:2])
    try:
        match frame[2:3]:
            case b"D":
                weight, text = frame[3:11].decode().strip(" +"), frame[11:17].decode("cp949").strip()
                relays = (frame[23] - 0x30) << 4 | (frame[24] - 0x30)
                return Poll(terminal, weight, text, relays, int(frame[25:27]))
            case b"T":
                return Climate(terminal, int(frame[3:5]), int(frame[5:7]))
            case _:
                return Print(terminal, frame[_PRINT_HEAD:-1], int(frame[7:8]))
    except ValueError:
        return None
