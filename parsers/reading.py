"""What a parser gives: one reading per valid frame. Weights are exact decimals; nothing is guessed."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, Protocol

# "motion" is of protocols that send no weight while it moves; "echo_probe" answers a probe and is no weight.
Status = Literal[
    "ok", "overload", "underload", "motion", "error", "syntax_error", "unknown_command", "no_signal", "echo_probe"
]
CardStatus = Literal["ok", "no_tag"]
Mode = Literal["gross", "net", "count"]


@dataclass(frozen=True, slots=True)
class WeightReading:
    """One frame of a weighing indicator.

    ``value`` is exactly what was displayed (None when the frame carries no weight: overload, error); ``unit`` is
    None when the frame does not say; ``is_stable`` is None when the frame carries no status, never a guess; so is
    ``is_zero`` (the centre of zero). ``tare`` is in the same unit as ``value``, None when the frame does not carry it.
    """

    value: Decimal | None
    unit: str | None
    is_stable: bool | None
    status: Status = "ok"
    mode: Mode | None = None
    raw: bytes = field(default=b"", repr=False)
    tare: Decimal | None = None
    is_zero: bool | None = None


@dataclass(frozen=True, slots=True)
class CardReading:
    """One sight of a card. ``uid`` is upper-case hexadecimal; readers repeat it while the card stays.

    A reader that answers that no card is there gives ``uid`` None and ``status`` ``no_tag``. ``antenna`` counts from 1;
    ``rssi`` is what the reader sends, in its own scale.
    """

    uid: str | None
    raw: bytes = field(default=b"", repr=False)
    status: CardStatus = "ok"
    antenna: int | None = None
    rssi: int | None = None


Reading = WeightReading | CardReading


class Parser(Protocol):
    """Bytes in, readings out. Never raises on input, keeps a bounded buffer, resynchronises after rubbish."""

    protocol: str
    rejected: int  # frames or runs of bytes thrown away so far

    def feed(self, data: bytes) -> list[Reading]:
        """Take any number of bytes, split anywhere; give the readings of the frames they completed."""
        ...

    def reset(self) -> None:
        """Forget a half-received frame (the port was reopened)."""
        ...
