"""What a parser gives: one reading per valid frame. Weights are exact decimals; nothing is guessed."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, Protocol

Status = Literal["ok", "overload", "underload", "motion", "error"]
Mode = Literal["gross", "net", "count"]


@dataclass(frozen=True, slots=True)
class WeightReading:
    """One frame of a weighing indicator.

    ``value`` is exactly what was displayed (None when the frame carries no weight: overload, error); ``unit`` is
    None when the frame does not say; ``is_stable`` is None when the frame carries no status, never a guess.
    """

    value: Decimal | None
    unit: str | None
    is_stable: bool | None
    status: Status = "ok"
    mode: Mode | None = None
    raw: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class CardReading:
    """One sight of a card. ``uid`` is upper-case hexadecimal; readers repeat it while the card stays."""

    uid: str
    raw: bytes = field(default=b"", repr=False)


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
