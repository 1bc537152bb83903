"""The newest weight of every line, and the site's one unit for what is stored, uploaded and streamed."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from engine.errors import UnitError
from engine.units import Quantity

_FINEST: Final = Decimal("0.000000000001")


def in_unit(weight: Quantity, unit: str) -> Quantity:
    """The weight in the site's unit, exactly; to twelve places where no decimal is exact (1 kg in lb).

    Raises UnitError for another dimension: newtons or pieces never become kilograms.
    """
    try:
        return weight.to(unit)
    except UnitError:
        one = Quantity(1, unit)
        if one.dimension != weight.dimension:
            raise
        return Quantity((weight.base / one.base).quantize(_FINEST, ROUND_HALF_EVEN).normalize(), unit)


class LatestWeights:
    """Line -> its newest valid weight. A lost or overloaded scale has none."""

    def __init__(self) -> None:
        self._weights: dict[str, Quantity] = {}
        self._unsent: dict[str, Quantity] = {}

    def update(self, line: str, weight: Quantity | None) -> None:
        """A reading came; None says that the scale shows no weight now."""
        if weight is None:
            self._weights.pop(line, None)
            self._unsent.pop(line, None)
        else:
            self._weights[line] = weight
            self._unsent[line] = weight

    def get(self, line: str) -> Quantity | None:
        """The newest weight of a line, or None."""
        return self._weights.get(line)

    def take_unsent(self) -> dict[str, Quantity]:
        """The lines with a reading since the last call, each with its newest weight only."""
        unsent, self._unsent = self._unsent, {}
        return unsent
