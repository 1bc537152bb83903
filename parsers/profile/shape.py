"""One shape of a profile's frames, compiled: a function from the bytes of a whole frame to its reading."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from parsers.fields import is_printable, number
from parsers.profile.facts import Facts
from parsers.profile.numbers import NumberReader
from parsers.reading import CardReading, Reading, WeightReading

Decode = Callable[[bytes, bytes], Reading | None]
Classes = tuple[frozenset[int] | None, ...]
HEXADECIMAL: Final = b"0123456789ABCDEFabcdef"
VALUE_ROLES: Final = ("value", "tare", "uid")


@dataclass(frozen=True, slots=True)
class Shape:
    """A compiled shape. ``classes``: what each byte of a frame of fixed length may be (None: anything)."""

    decode: Decode
    shortest: int
    longest: int
    has_value: bool
    has_checksum: bool
    classes: Classes | None = None

    @property
    def is_fixed(self) -> bool:
        """Whether all its frames have one length, and stand at positions."""
        return self.classes is not None

    def may_begin(self, text: bytes, at: int) -> bool:
        """Whether a frame of a fixed length may begin with what stands at ``at``."""
        assert self.classes is not None
        return all(
            allowed is None or byte in allowed
            for byte, allowed in zip(text[at : at + self.longest], self.classes, strict=False)
        )


@dataclass(frozen=True, slots=True)
class Finish:
    """The last step of every shape: the fields are found, the codes are looked up; make the reading."""

    has_value: bool
    read_value: NumberReader | None  # None: an ordinary number
    read_tare: NumberReader | None
    read_uid: Callable[[bytes], str | None] | None
    is_text: bool = True  # the value's field

    def weight(self, facts: Facts, value_field: bytes, tare_field: bytes | None, raw: bytes) -> WeightReading | None:
        """A weight, or what the indicator says instead of one. None when a field is not what it should be."""
        is_stable, status, mode, is_zero, _, unit, _ = facts
        if status != "ok":
            # Whatever stands in the field of an overload (nines, blanks, a lone sign) is no weight.
            if self.is_text and not is_printable(value_field):
                return None
            return WeightReading(None, unit, is_stable, status, mode, raw, None, is_zero)
        if not self.has_value:
            return None
        read = self.read_value
        value = number(value_field) if read is None else read(value_field, facts)
        if value is None:
            return None
        tare: Decimal | None = None
        if tare_field is not None and self.read_tare is not None:
            tare = self.read_tare(tare_field, facts)
            if tare is None:
                return None
        return WeightReading(value, unit, is_stable, "ok", mode, raw, tare, is_zero)

    def card(self, uid_field: bytes, raw: bytes) -> CardReading | None:
        """A card, or None when its number is none."""
        assert self.read_uid is not None
        uid = self.read_uid(uid_field)
        return None if uid is None else CardReading(uid, raw)


def uid_reader(spec: Mapping[str, Any]) -> Callable[[bytes], str | None]:
    """The card number as upper-case hexadecimal, from digits or from bytes, in the order that the profile says."""
    is_reversed = bool(spec.get("reversed", False))
    if spec.get("as", "hex") == "bytes":
        return lambda field: (field[::-1] if is_reversed else field).hex().upper()

    def read(field: bytes) -> str | None:
        if not field or len(field) % 2 or field.strip(HEXADECIMAL):
            return None
        code = bytes.fromhex(field.decode("ascii"))
        return (code[::-1] if is_reversed else code).hex().upper()

    return read
