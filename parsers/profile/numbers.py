"""How profiles write numbers: where the sign stands, where the point, in which order the digits come."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from parsers.fields import number
from parsers.profile.facts import Facts

NumberReader = Callable[[bytes, Facts], Decimal | None]
_Signed = tuple[bytes, bytes] | None  # the sign and what is left; None when the rule is broken

_SIGNS: Final = (b"+", b"-")
NUMBER_BYTES: Final = frozenset(b" +-.0123456789")
BCD_BYTES: Final = frozenset(high << 4 | low for high in range(10) for low in range(10))
_PLAIN: Final = {"sign": "leading", "blanks": "before", "reversed": False}


def number_reader(spec: Mapping[str, Any], *, has_sign_field: bool, has_decimals_field: bool) -> NumberReader | None:
    """A reader for a field of digits; None when it is an ordinary number, which :func:`parsers.fields.number` reads."""
    options = {**_PLAIN, "sign": "none" if has_sign_field else "leading", **spec}
    drop = str(options.get("drop", "")).encode("latin-1")
    decimals = options.get("decimals")
    if is_bcd(options):
        return _bcd_reader(is_reversed=bool(options["reversed"]), decimals=decimals)
    is_plain = all(options[name] == value for name, value in _PLAIN.items())
    if is_plain and not drop and decimals is None and not has_decimals_field:
        return None
    split_sign = _SIGN_RULES[options["sign"]]
    blanks, is_reversed = options["blanks"], options["reversed"]

    def read(field: bytes, facts: Facts) -> Decimal | None:
        text = field[::-1] if is_reversed else field
        if drop:
            text = text.replace(drop, b"", 1)
        if blanks != "none":
            text = text.lstrip(b" ") if blanks == "before" else text.strip(b" ")
        signed = split_sign(text)
        if signed is None:
            return None
        sign, digits = signed
        if facts.is_negative:
            sign = b"-"
        places = facts.decimals if decimals is None else decimals
        return _decimal(sign, digits, places)

    return read


def is_bcd(spec: Mapping[str, Any]) -> bool:
    """Whether a number is written as two digits in each byte."""
    return spec.get("as") == "bcd"


def _bcd_reader(*, is_reversed: bool, decimals: int | None) -> NumberReader:
    """Two digits in each byte; a half byte beyond nine is none. The sign, if there is one, is a field of its own."""

    def read(field: bytes, facts: Facts) -> Decimal | None:
        digits = (field[::-1] if is_reversed else field).hex().encode()
        return _decimal(b"-" if facts.is_negative else b"", digits, facts.decimals if decimals is None else decimals)

    return read


def read_number(field: bytes, _facts: Facts) -> Decimal | None:
    """An ordinary number, with the interface of the others."""
    return number(field)


def _decimal(sign: bytes, digits: bytes, places: int | None) -> Decimal | None:
    minus = "-" if sign == b"-" else ""
    if places is not None:
        return Decimal(f"{minus}{digits.decode()}E-{places}") if digits.isdigit() else None
    if not digits.replace(b".", b"", 1).isdigit():
        return None
    return Decimal(minus + digits.decode())


def _none(text: bytes) -> _Signed:
    return b"", text


def _leading(text: bytes) -> _Signed:
    return (text[:1], text[1:].lstrip(b" ")) if text[:1] in _SIGNS else (b"", text)


def _required(text: bytes) -> _Signed:
    return _leading(text) if text[:1] in _SIGNS else None


def _trailing(text: bytes) -> _Signed:
    return (text[-1:], text[:-1].rstrip(b" ")) if text[-1:] in _SIGNS else (b"", text)


def _anywhere(text: bytes) -> _Signed:
    return _leading(text) if text[:1] in _SIGNS else _trailing(text)


def _brackets(text: bytes) -> _Signed:
    if text[:1] == b"(" and text[-1:] == b")":
        return b"-", text[1:-1].strip(b" ")
    return b"", text


_SIGN_RULES: Final[dict[str, Callable[[bytes], _Signed]]] = {
    "none": _none,
    "leading": _leading,
    "required": _required,
    "trailing": _trailing,
    "anywhere": _anywhere,
    "brackets": _brackets,
}
SIGN_RULES: Final = tuple(_SIGN_RULES)
