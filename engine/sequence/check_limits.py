"""Whether the limits of a measurement can hold at all, as far as they are written out: said before anything runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from engine.documents.tree import Map, Seq, Value
from engine.errors import Diagnostic, Position
from engine.sequence.limits import LIMITS, LimitError, distance, number

_SCALARS: Final = (str, int, Decimal, bool)
_Bounds = tuple[Decimal | None, Decimal | None]


def is_worked_out(raw: Value) -> bool:
    """Whether a value is an expression, which is known only when it is needed."""
    return isinstance(raw, str) and "${" in raw


@dataclass(frozen=True, slots=True)
class LimitChecker:
    """Checks the limits of one measurement."""

    body: Map
    unit: str
    problems: list[Diagnostic]

    def check(self) -> None:
        """Note what is wrong: no numbers, other units, patterns that cannot be read, limits that nothing passes."""
        before = len(self.problems)
        self._check_numbers()
        self._check_within()
        self._check_pattern()
        self._check_order()
        if len(self.problems) == before:
            self._check_together()
            self._check_band()

    # Each by itself --------------------------------------------------------------------------------------------------

    def _check_numbers(self) -> None:
        for key in ("at_least", "at_most"):
            if key in self.body:
                self._check_number(self.body[key], self.body.at(key))
        for key in ("range", "marginal"):
            values = self.body.get(key)
            if isinstance(values, Seq):
                # An open end is for a band alone, which has another.
                may_be_open = key == "marginal" and any(one is not None for one in values)
                for index, value in enumerate(values):
                    if value is not None or not may_be_open:
                        self._check_number(value, values.at(index))
        if self.unit:  # what is in a unit is a number
            for value, at in self._wanted():
                self._check_number(value, at)

    def _wanted(self) -> Iterator[tuple[Value, Position]]:
        """The values of ``equals`` and ``one_of``."""
        if "equals" in self.body:
            yield self.body["equals"], self.body.at("equals")
        values = self.body.get("one_of")
        for index, value in enumerate(values if isinstance(values, Seq) else ()):
            assert isinstance(values, Seq)
            yield value, values.at(index)

    def _check_number(self, raw: Value, at: Position, unit: str | None = None) -> bool:
        if is_worked_out(raw):
            return False
        unit = self.unit if unit is None else unit
        try:
            is_number = number(raw, unit) is not None
        except LimitError:
            self._report("limit-unit", at, value=str(raw), unit=unit)
            return False
        if not is_number:
            self._report("limit-not-number", at, value="null" if raw is None else str(raw))
        return is_number

    def _check_within(self) -> None:
        within = self.body.get("within")
        if not isinstance(within, Map):
            return
        if ("percent" in within) == ("by" in within):
            self._report("missing-key", within.position, key="percent", where="within")
            return
        for key in within:
            unit = "" if key == "percent" else self.unit
            if self._check_number(within[key], within.at(key), unit) and key != "of":
                by = number(within[key], unit)
                is_of_nothing = key == "percent" and _known(within["of"], self.unit) == 0
                if by is not None and (by < 0 or is_of_nothing):
                    self._report("no-tolerance", within.at(key), value=str(within[key]), of=str(within["of"]))

    def _check_pattern(self) -> None:
        pattern = self.body.text("pattern")
        if pattern is None or is_worked_out(pattern):
            return
        import re2  # type: ignore[import-untyped]  # 20 ms that most sequences do without

        options = re2.Options()
        options.log_errors = False
        try:
            re2.compile(pattern, options)
        except re2.error as error:
            self._report("bad-pattern", self.body.at("pattern"), reason=_decoded(error))

    def _check_order(self) -> None:
        for key in ("range", "marginal"):
            low, high = self._pair(key)
            if low is not None and high is not None and low > high:
                self._report("limits-reversed", self.body.at(key), low=low, high=high)

    # All together ----------------------------------------------------------------------------------------------------

    def _check_together(self) -> None:
        """A value must be within each limit: the tightest of all ends decide."""
        low: tuple[Decimal, str] | None = None
        high: tuple[Decimal, str] | None = None
        for key in ("range", "within", "at_least", "at_most"):
            floor, ceiling = self._bounds(key)
            if floor is not None and (low is None or floor > low[0]):
                low = floor, key
            if ceiling is not None and (high is None or ceiling < high[0]):
                high = ceiling, key
        if low is not None and high is not None and low[0] > high[0]:
            keys = [key for key in self.body if key in {low[1], high[1]}]
            self._report("limits-never", self.body.at(keys[-1]), key=keys[-1], other=keys[0])
            return
        self._check_wanted(low, high)

    def _check_wanted(self, low: tuple[Decimal, str] | None, high: tuple[Decimal, str] | None) -> None:
        for key in ("equals", "one_of"):
            raw = self.body.get(key)
            found = [_known(one, self.unit) for one in (raw if isinstance(raw, Seq) else [raw])]
            values = [one for one in found if one is not None]
            if not values or len(values) < len(found):
                continue
            if low is not None and max(values) < low[0]:
                self._report("limits-never", self.body.at(key), key=key, other=low[1])
            elif high is not None and min(values) > high[0]:
                self._report("limits-never", self.body.at(key), key=key, other=high[1])

    def _check_band(self) -> None:
        if "marginal" not in self.body:
            return
        if not any(key in self.body for key in LIMITS if key != "marginal"):
            found = Diagnostic("marginal-alone", self.body.at("marginal"), {}, severity="warning")
            self.problems.append(found)
            return
        band = self._pair("marginal")
        for key in ("range", "within", "at_least", "at_most"):
            floor, ceiling = self._bounds(key)
            if (band[0] is not None and floor is not None and band[0] < floor) or (
                band[1] is not None and ceiling is not None and band[1] > ceiling
            ):
                self._report("marginal-outside", self.body.at("marginal"))
                return

    def _bounds(self, key: str) -> _Bounds:
        """The ends that a limit sets, where they are written out."""
        if key == "at_least":
            return _known(self.body.get(key), self.unit), None
        if key == "at_most":
            return None, _known(self.body.get(key), self.unit)
        return self._reach() if key == "within" else self._pair(key)

    def _pair(self, key: str) -> _Bounds:
        values = self.body.get(key)
        if isinstance(values, Seq) and len(values) == 2:  # noqa: PLR2004 - low and high
            return _known(values[0], self.unit), _known(values[1], self.unit)
        return None, None

    def _reach(self) -> _Bounds:
        within = self.body.get("within")
        if not isinstance(within, Map) or ("percent" in within) == ("by" in within):
            return None, None
        middle = _known(within.get("of"), self.unit)
        if middle is None or any(_known(within[one], "") is None for one in within if one == "percent"):
            return None, None
        if "by" in within and _known(within["by"], self.unit) is None:
            return None, None
        by = distance(within, self.unit)
        return middle - by, middle + by

    def _report(self, code: str, position: Position, **params: object) -> None:
        self.problems.append(Diagnostic(code, position, params))


def _known(raw: Value, unit: str) -> Decimal | None:
    """A bound that is written out, as a number."""
    try:
        return number(raw, unit) if isinstance(raw, _SCALARS) else None
    except LimitError:
        return None


def _decoded(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
