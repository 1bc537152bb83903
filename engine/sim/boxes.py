"""The boxes of a virtual hall: what each really weighs, which card it has, and how its operator handles it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Final

LIGHTEST_KG: Final = Decimal(2)
HEAVIEST_KG: Final = Decimal(25)


@dataclass(frozen=True, slots=True)
class Box:
    """The truth about one box. ``weight`` is what its scale displays once it rests, in kg, to the scale's division."""

    line: str
    number: int  # 1, 2, 3 ... on its line
    card: str  # hexadecimal digits, as its reader tells them (ten: RDM6300); no two boxes of a hall share one
    weight: Decimal

    def __str__(self) -> str:
        return f"box {self.number} on {self.line} (card {self.card}, {self.weight} kg)"


@dataclass(frozen=True, slots=True)
class Swing:
    """How the platform comes to rest under a box: a damped oscillation."""

    decay: float  # seconds in which the swing falls to a third (1/e)
    frequency: float  # Hz


@dataclass(frozen=True, slots=True)
class Handling:
    """What the operator does with one box; times in seconds."""

    swing: Swing
    is_card_first: bool  # the card is touched before the box is put down; else the box stands already
    between: float  # from the one to the other
    card_stays: float | None  # how long the card is in the reader's field; None: until the box is lifted
    touches_again: float | None  # so long after the card left it is touched once more
    reaction: float  # from learning that the record is committed to lifting the box
    lifting: float  # how long the scale takes to fall to zero
    break_after: float  # from an empty scale to the next box


class BoxMaker:
    """Makes one line's boxes, the same ones for the same seed. Its cards have so many hexadecimal digits."""

    def __init__(self, line: str, line_number: int, division: Decimal, rng: Random, digits: int = 10) -> None:
        self._line = line
        self._prefix = f"{line_number:02X}"  # cards of two lines can never be the same
        self._division = division
        self._rng = rng
        self._digits = digits - len(self._prefix)
        self._cards: set[str] = set()
        self._number = 0

    def make(self) -> tuple[Box, Handling]:
        """The next box and how it is handled."""
        self._number += 1
        steps = self._rng.randint(int(LIGHTEST_KG / self._division), int(HEAVIEST_KG / self._division))
        box = Box(self._line, self._number, self._new_card(), steps * self._division)
        return box, self._new_handling()

    def _new_card(self) -> str:
        while True:
            card = f"{self._prefix}{self._rng.getrandbits(4 * self._digits):0{self._digits}X}"
            if card not in self._cards:
                self._cards.add(card)
                return card

    def _new_handling(self) -> Handling:
        rng = self._rng
        touches_twice = rng.random() < 0.25  # noqa: PLR2004 - a share of the boxes, as the two below
        stays_throughout = not touches_twice and rng.random() < 0.2  # noqa: PLR2004
        longest = 1.0 if touches_twice else 3.0
        return Handling(
            swing=Swing(decay=rng.uniform(0.06, 0.12), frequency=rng.uniform(2.0, 6.0)),
            is_card_first=rng.random() < 0.75,  # noqa: PLR2004
            between=rng.uniform(0.2, 0.6),
            card_stays=None if stays_throughout else rng.uniform(0.3, longest),
            touches_again=rng.uniform(0.3, 0.8) if touches_twice else None,
            reaction=rng.uniform(0.2, 0.5),
            lifting=rng.uniform(0.15, 0.35),
            break_after=rng.uniform(0.2, 0.4),
        )
