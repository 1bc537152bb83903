"""The fields of a frame that are looked up and not computed: status codes, status bits, units."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from parsers.fields import WIRE_NAMES, unit_fields
from parsers.profile.facts import Facts, facts_of, says_no_weight
from parsers.profile.problem import Path, Problems
from parsers.profile.text import to_bytes, words_of

Words = tuple[str, ...]
CodeTable = Mapping[bytes, Words]
_SIGNS: Final[dict[bytes, Words]] = {b"+": ("positive",), b"-": ("negative",), b" ": ("positive",)}
_BYTES: Final = 256
DIGITS: Final[dict[bytes, int]] = {b"%d" % digit: digit for digit in range(10)}


def code_table(name: str, spec: Mapping[str, Any], width: int | None, path: Path, problems: Problems) -> CodeTable:
    """What each text of a field means. ``width`` None: the texts may differ in length."""
    if "bits" in spec:
        if width not in (1, None):
            problems.add((*path, "bits"), "profile-bits-width", width=width)
        return _bit_table(spec["bits"], str(spec.get("from", "\0")), str(spec.get("to", "\xff")))
    codes = spec.get("codes")
    if codes is None:
        if name != "sign":
            problems.add(path, "profile-field-without-meaning", field=name)
        return _SIGNS
    table: dict[bytes, Words] = {}
    for text, words in codes.items():
        code = to_bytes(text, (*path, "codes", text), problems)
        if width is not None and len(code) != width:
            problems.add((*path, "codes", text), "profile-code-width", code=text, length=len(code), width=width)
        table[code] = words_of(words)
    if "absent" in spec:
        table[b""] = words_of(spec["absent"])
    return table


def _bit_table(bits: Mapping[str, Any], first: str, last: str) -> CodeTable:
    table: dict[bytes, Words] = {}
    for byte in range(ord(first), ord(last) + 1):
        words: list[str] = []
        for bit, meaning in bits.items():
            either = meaning if isinstance(meaning, Mapping) else {"set": meaning}
            words += words_of(either.get("set" if byte >> int(bit) & 1 else "clear"))
        table[bytes((byte,))] = tuple(words)
    return table


@dataclass(frozen=True, slots=True)
class Units:
    """The unit field: its spellings, and what a blank one says (None: it must not be blank)."""

    fields: Mapping[bytes, str]
    blank: Words | None


def unit_table(units: object, spec: Mapping[str, Any], width: int | None, path: Path, problems: Problems) -> Units:
    """The spellings of a profile's units in a field of ``width`` bytes; None: as they are, without blanks."""
    blank = words_of(spec["blank"]) if "blank" in spec else None
    if isinstance(units, Mapping):
        return Units(_spelt(units, width, path, problems), blank)
    names = tuple(unit for unit in words_of(units) if unit in WIRE_NAMES)
    if not names:
        problems.add(path, "profile-units-needed")
    if width is not None:
        return Units(unit_fields(names, width), blank)
    longest = max((len(name) for unit in names for name in WIRE_NAMES[unit]), default=0)
    return Units({field.strip(): unit for field, unit in unit_fields(names, longest).items()}, blank)


def _spelt(units: Mapping[str, Any], width: int | None, path: Path, problems: Problems) -> dict[bytes, str]:
    table: dict[bytes, str] = {}
    for unit, spellings in units.items():
        for spelling in words_of(spellings):
            field = to_bytes(spelling, ("units", unit), problems)
            padded = (field,) if width is None else (field.rjust(width), field.ljust(width))
            for one in padded:
                if table.setdefault(one, unit) != unit:
                    problems.add(("units", unit), "profile-unit-twice", spelling=spelling, other=table[one])
                if width is not None and len(one) > width:
                    problems.add(path, "profile-unit-width", spelling=spelling, width=width)
    return table


@dataclass(frozen=True, slots=True)
class Lookup:
    """All fields that are looked up, in the order in which :meth:`resolve` is given their texts."""

    says: Words  # of every frame of the shape
    unit: str | None  # of every frame of the shape, which then has no field of it
    tables: tuple[CodeTable, ...]
    units: Units | None
    has_decimals: bool

    def resolve(self, texts: tuple[bytes, ...]) -> Facts | None:
        """What the texts say together; None when one of them says nothing that the profile knows."""
        words: list[str] = list(self.says)
        for table, text in zip(self.tables, texts, strict=False):
            meant = table.get(text)
            if meant is None:
                return None
            words += meant
        rest = texts[len(self.tables) :]
        decimals = None
        if self.has_decimals:
            decimals = DIGITS.get(rest[-1])
            if decimals is None:
                return None
        if self.units is None:
            return facts_of(words, self.unit, decimals)
        return self._with_unit(self.units, rest[0], words, decimals)

    def _with_unit(self, units: Units, text: bytes, words: list[str], decimals: int | None) -> Facts | None:
        unit = units.fields.get(text)
        if unit is None:
            if text.strip(b" "):
                return None
            if units.blank is not None:
                words += units.blank
            elif not says_no_weight(words):
                return None  # a weight whose unit was lost
        return facts_of(words, unit, decimals)

    def may_say_no_weight(self) -> bool:
        """Whether there is a frame of this shape that carries no weight."""
        blank = () if self.units is None else self.units.blank or ()
        meanings = [self.says, blank, *(words for table in self.tables for words in table.values())]
        return any(says_no_weight(words) for words in meanings)


Resolve = Callable[[tuple[bytes, ...]], Facts | None]
