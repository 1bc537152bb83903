"""The SUWOL-1000 unmanned weighing terminal (interface specification 1.3): its requests and its 53-byte reply.

The PC is the master: ``D`` polls (and says what to show), ``P`` prints, ``T`` sets fan and heater. Bytes count from 1,
as in the specification. Nothing is ever cut or rounded to fit: a value that does not fit its field raises ValueError,
since a longer one would shift the frame and a rounded one would show a wrong weight.

A reply carries no checksum, so a frame counts only when every one of its fields is what the specification allows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Generic, Literal, TypeVar

from parsers.reading import CardReading, Mode, Reading, Status, WeightReading
from parsers.registry import Golden, LineSettings, ProtocolInfo

STX: Final = 0x02
ETX: Final = 0x03
POLL_LENGTH: Final = 32
REPLY_LENGTH: Final = 53
CLIMATE_LENGTH: Final = 8
MOST_PRINT_BYTES: Final = 9999  # the length field has four digits
MOST_COPIES: Final = 9
TEXT_BYTES: Final = 6
WEIGHT_CHARACTERS: Final = 7
FAN_RANGE: Final = range(15, 41)
HEATER_RANGE: Final = range(16)
# Relays, in a request and in a reply; fan and heater tell what runs, they are set by their temperatures.
GREEN: Final = 0b0_0001
RED: Final = 0b0_0010
FAN: Final = 0b0_1000
HEATER: Final = 0b1_0000

KeyKind = Literal["vehicle", "customer", "product", "reprint"]
PrinterState = Literal["ready", "no_paper", "busy"]

Decoded = TypeVar("Decoded")

_LAST_VOICE: Final = 99
_LAST_ID: Final = 9
_MOST_RELAYS: Final = 0xFF
_NIBBLES: Final = frozenset(range(0x30, 0x40))  # each nibble as chr(0x30 + n): 10..15 are ':' to '?', not 'A' to 'F'
_KEY_KINDS: Final[dict[int, KeyKind]] = {
    ord("N"): "vehicle",
    ord("C"): "customer",
    ord("M"): "product",
    ord("P"): "reprint",
}
_NO_KEY: Final = ord("0")
_KEYS: Final = frozenset({_NO_KEY, *_KEY_KINDS})
_KIND: Final = ord("D")
_DIGITS: Final = frozenset(b"0123456789")
_FIRST_OF_TEMPERATURE: Final = _DIGITS | frozenset(b"+-")
_PRINTER: Final[dict[int, PrinterState]] = {ord("0"): "ready", ord("1"): "no_paper", ord("2"): "busy"}
_HEX: Final = b"0123456789ABCDEFabcdef"
_NO_CARD: Final = b"00000000"
_PRINTABLE: Final = bytes(range(0x20, 0x7F))
_STATUSES: Final[dict[bytes, tuple[bool, Status]]] = {
    b"ST": (True, "ok"),
    b"US": (False, "ok"),
    b"OL": (False, "overload"),
}
_MODES: Final[dict[bytes, Mode]] = {b"GS": "gross", b"NT": "net"}
_HEADS: Final = {
    code + b"," + kind + b",": (*status, mode) for code, status in _STATUSES.items() for kind, mode in _MODES.items()
}
_NO_SIGNAL: Final = b"00,00,0000000000"
_UNITS: Final = {b"kg": "kg", b" g": "g", b"g ": "g", b" t": "t", b"t ": "t", b"lb": "lb"}


@dataclass(frozen=True, slots=True)
class Key:
    """What was typed at the keypad: what it is, and the six characters without their blanks."""

    kind: KeyKind
    value: str


@dataclass(frozen=True, slots=True)
class TerminalReply:
    """One reply, decoded. ``voice`` is what is playing (0: nothing); temperatures are in degrees Celsius.

    ``relays`` and ``inputs`` are bit sets: GREEN, RED, FAN, HEATER.
    """

    terminal: int
    card: str | None
    key: Key | None
    relays: int
    inputs: int
    voice: int
    temperature: int
    fan: int
    heater: int
    printer: PrinterState
    weight: WeightReading
    raw: bytes


# Requests -------------------------------------------------------------------------------------------------------------


def poll_request(
    terminal: int, *, weight: Decimal | None = None, text: str = "", relays: int = 0, voice: int = 0
) -> bytes:
    """The 32 bytes of ``D``: poll, and show ``weight`` (in the display's unit) and ``text``; ``voice`` 0 says nothing.

    Raises ValueError for what does not fit its field.
    """
    if relays & ~(GREEN | RED):
        raise ValueError(f"relays {relays:#x}: only green (1) and red (2) can be switched")
    body = b"%b%b%b%b%02d%b" % (
        _shown(weight),
        _padded(text),
        b"0" * 6,
        relay_field(relays),
        _within(voice, "voice", 0, _LAST_VOICE),
        b"0" * 4,
    )
    return bytes((STX, _id(terminal))) + b"D" + body + bytes((ETX,))


def print_request(terminal: int, data: bytes, copies: int = 1) -> bytes:
    """``P``: print ESC/POS ``data``. Its length is told, so it may hold any byte. Raises ValueError."""
    if not 0 < len(data) <= MOST_PRINT_BYTES:
        raise ValueError(f"{len(data)} bytes cannot be printed at once; 1 to {MOST_PRINT_BYTES} can")
    head = b"P%04d%d" % (len(data), _within(copies, "copies", 1, MOST_COPIES))
    return bytes((STX, _id(terminal))) + head + data + bytes((ETX,))


def climate_request(terminal: int, fan: int, heater: int) -> bytes:
    """``T``: the fan runs above ``fan`` degrees, the heater below ``heater``. Raises ValueError."""
    fan = _within(fan, "fan", FAN_RANGE[0], FAN_RANGE[-1])
    heater = _within(heater, "heater", HEATER_RANGE[0], HEATER_RANGE[-1])
    return bytes((STX, _id(terminal))) + b"T%02d%02d" % (fan, heater) + bytes((ETX,))


def relay_field(relays: int) -> bytes:
    """Eight bits as two nibbles, each ``chr(0x30 + n)``: green and fan are ``09``, red and fan ``0:``."""
    if not 0 <= relays <= _MOST_RELAYS:
        raise ValueError(f"relays {relays} do not fit two nibbles")
    return bytes((0x30 + (relays >> 4), 0x30 + (relays & 0xF)))


def _id(terminal: int) -> int:
    return 0x30 + _within(terminal, "terminal id", 0, _LAST_ID)


def _within(value: int, what: str, least: int, most: int) -> int:
    if not least <= value <= most:
        raise ValueError(f"{what} {value} is not {least} to {most}")
    return value


def _shown(weight: Decimal | None) -> bytes:
    if weight is None:
        return b"+" + b" " * WEIGHT_CHARACTERS
    if not weight.is_finite():
        raise ValueError(f"{weight} is not a weight")
    digits = f"{abs(weight):f}"
    if len(digits) > WEIGHT_CHARACTERS:
        raise ValueError(f"{weight} does not fit the display's {WEIGHT_CHARACTERS} characters")
    return (b"-" if weight < 0 else b"+") + digits.zfill(WEIGHT_CHARACTERS).encode()


def _padded(text: str) -> bytes:
    try:
        coded = text.encode("cp949")
    except UnicodeEncodeError as error:
        raise ValueError(f"'{text}' cannot be shown: '{text[error.start]}' is not in CP949") from None
    if len(coded) > TEXT_BYTES:
        raise ValueError(f"'{text}' takes {len(coded)} bytes in CP949; the display has {TEXT_BYTES}")
    if not text.isprintable():
        raise ValueError(f"{text!r} holds a control character")
    return coded.ljust(TEXT_BYTES)


# The reply ------------------------------------------------------------------------------------------------------------


def decode_reply(frame: bytes) -> TerminalReply | None:
    """Decode a 53-byte ``D`` reply (section 4.2), or give None when a field is not what the specification allows."""
    weight = _weight(frame) if _is_reply(frame) else None
    if weight is None:
        return None
    return TerminalReply(
        terminal=frame[1] - 0x30,
        card=_card(frame),
        key=None if frame[11] == _NO_KEY else Key(_KEY_KINDS[frame[11]], frame[12:18].decode().strip()),
        relays=_bits(frame[18], frame[19]),
        inputs=_bits(frame[20], frame[21]),
        voice=int(frame[22:24]),
        temperature=int(frame[24:27]),
        fan=int(frame[27:29]),
        heater=int(frame[29:31]),
        printer=_PRINTER[frame[31]],
        weight=weight,
        raw=frame,
    )


def _is_reply(frame: bytes) -> bool:
    """Whether every field but the weight is what the specification allows."""
    return (
        len(frame) == REPLY_LENGTH
        and frame[0] == STX
        and frame[52] == ETX
        and frame[2] == _KIND
        and frame[1] in _DIGITS
        and frame[11] in _KEYS
        and frame[24] in _FIRST_OF_TEMPERATURE
        and frame[31] in _PRINTER
        and (frame[22:24] + frame[25:31]).isdigit()
        and _NIBBLES.issuperset(frame[18:22])
        and not frame[3:11].strip(_HEX)
        and not (frame[12:18] + frame[32:36]).strip(_PRINTABLE)
    )


def _card(frame: bytes) -> str | None:
    card = frame[3:11]
    return None if card == _NO_CARD else card.decode().upper()


def _weight(frame: bytes) -> WeightReading | None:
    field = frame[36:52]
    head = _HEADS.get(field[:6])
    if head is None:
        return WeightReading(None, None, False, "no_signal", None, frame) if field == _NO_SIGNAL else None
    is_stable, status, mode = head
    unit = _UNITS.get(field[14:])
    sign, digits = field[6:7], field[7:14]
    if status == "overload":
        is_blank = not digits.strip(b" 0123456789.-")
        return WeightReading(None, None, is_stable, status, mode, frame) if is_blank and sign in b"+- " else None
    # Filled with zeros (or blanks, as other ST/GS devices do), at most one point, and digits on both sides of it.
    number = digits.lstrip(b" ")
    whole, point, places = number.partition(b".")
    if unit is None or sign not in (b"+", b"-") or not whole.isdigit() or (point and not places.isdigit()):
        return None
    return WeightReading(Decimal((sign + number).decode()), unit, is_stable, status, mode, frame)


def _bits(high: int, low: int) -> int:
    return (high - 0x30) << 4 | (low - 0x30)


def _readings(frame: bytes) -> list[Reading] | None:
    """What the frame says of weight and card: as decode_reply, without what a scale and a reader do not have."""
    weight = _weight(frame) if _is_reply(frame) else None
    if weight is None:
        return None
    card = _card(frame)
    return [weight] if card is None else [CardReading(card, frame), weight]


class ReplyCutter(Generic[Decoded]):
    """Cuts whole replies out of a stream. Holds less than one frame between two calls, and resynchronises at each STX.

    ``decode`` gives what a whole frame says, or None when it is none.
    """

    def __init__(self, decode: Callable[[bytes], Decoded | None]) -> None:
        self.rejected = 0  # runs of bytes that are no reply, and each further frame's length of one
        self._decode = decode
        self._held = b""
        self._rubbish = 0  # bytes of the present run

    def feed(self, data: bytes) -> list[Decoded]:
        """The replies that ``data`` completed, whatever their terminal's id."""
        replies: list[Decoded] = []
        held = self._held + data
        at = 0
        while True:
            start = held.find(STX, at)
            if start != at:
                self._throw_away(at, len(held) if start < 0 else start)
            if start < 0 or len(held) - start < REPLY_LENGTH:
                self._held = b"" if start < 0 else held[start:]
                return replies
            reply = self._decode(held[start : start + REPLY_LENGTH])
            if reply is None:
                self._throw_away(start, start + 1)
                at = start + 1
            else:
                self._rubbish = 0
                replies.append(reply)
                at = start + REPLY_LENGTH

    def reset(self) -> None:
        """Forget a half-received reply."""
        self._held = b""
        self._rubbish = 0

    @property
    def missing(self) -> int:
        """How many bytes the reply still lacks that has begun to come; 0 when none has."""
        return REPLY_LENGTH - len(self._held) if self._held else 0

    def _throw_away(self, start: int, end: int) -> None:
        before = -(-self._rubbish // REPLY_LENGTH)
        self._rubbish += end - start
        self.rejected += -(-self._rubbish // REPLY_LENGTH) - before


class SuwolParser:
    """The ``Parser`` of a terminal's replies: its weight, and its card when one was read."""

    def __init__(self) -> None:
        self.protocol = "suwol-1000"
        self.rejected = 0
        self._cutter = ReplyCutter(_readings)

    def feed(self, data: bytes) -> list[Reading]:
        """Take any number of bytes, split anywhere; give the readings of the frames they completed."""
        found = [reading for readings in self._cutter.feed(data) for reading in readings]
        self.rejected = self._cutter.rejected
        return found

    def reset(self) -> None:
        """Forget a half-received frame."""
        self._cutter.reset()


# The weight field and the relays '0:' stand in section 4.2; the rest is composed from its layout.
_GOLDEN: Final = (
    Golden(
        b"\x020D0000000000000000:0000025300500000US,GS,+00012.3kg\x03",
        (WeightReading(Decimal("12.3"), "kg", False, "ok", "gross"),),
    ),
    Golden(
        b"\x020D0A1B2C3DN001234090004025300500000ST,NT,+12345.6kg\x03",
        (CardReading("0A1B2C3D"), WeightReading(Decimal("12345.6"), "kg", True, "ok", "net")),
    ),
    Golden(
        b"\x020D000000000000000000000025300510000OL,GS,+       kg\x03",
        (WeightReading(None, None, False, "overload", "gross"),),
    ),
    Golden(
        b"\x020D00000000000000000000002530050000000,00,0000000000\x03",
        (WeightReading(None, None, False, "no_signal"),),
    ),
    Golden(b"\x020D0000000000000000:0000025300500000XX,GS,+00012.3kg\x03", ()),
)

SUWOL_1000: Final = ProtocolInfo(
    "suwol-1000",
    "SUWOL-1000 unmanned weighing terminal",
    "scale",
    LineSettings(),
    SuwolParser,
    golden=_GOLDEN,
    is_proven=False,  # printed in its specification in parts, composed from its layout in others; logged by nobody
    ask=poll_request(0),  # shows nothing, says nothing, prints nothing
    id_at=(1, 2),
)
