"""The parsers turned round: build the frame that a device sends. For simulated devices and tests.

Each function raises ValueError for what does not fit the frame. Nothing is ever cut or rounded: a number that lost a
digit on its way into the field would be a wrong weight in a perfect frame.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Literal

_END: Final = b"\r\n"
_STATUS_BITS: Final = {"stable": 0x40, "gross": 0x04, "tare": 0x02, "zero": 0x01}
_LAMP_ALWAYS: Final = 0xA0  # bit 7, and bit 5 as the CI-400 sends it (manual p.104)
_MODES: Final = {"gross": "GS", "net": "NT"}
_WIRE_UNITS: Final = {unit: unit for unit in ("kg", "g", "t", "lb", "oz", "mg", "ct")} | {"pcs": "pc"}
_AND_UNITS: Final = {unit: unit for unit in ("kg", "g", "lb", "oz", "mg", "ct", "N", "%")} | {"pcs": "PC"}
_DIGITS: Final = 10
_LAST_DEVICE: Final = 99


def cas22_frame(
    weight: Decimal,
    unit: str,
    *,
    stable: bool | None,
    mode: Literal["gross", "net"] = "gross",
    device_id: int = 1,
    overload: bool = False,
) -> bytes:
    """A CAS 22-byte frame; an overload carries a blank weight. ``stable`` must be known unless it is an overload."""
    if not 0 <= device_id <= _LAST_DEVICE:
        raise ValueError(f"device id {device_id} is not 0 to {_LAST_DEVICE}")
    header = f"{_status(stable=stable, overload=overload)},{_MODES[mode]},".encode()
    lamp = _LAMP_ALWAYS | _STATUS_BITS["gross" if mode == "gross" else "tare"]
    if stable and not overload:
        lamp |= _STATUS_BITS["stable"]
    if not overload and not weight:
        lamp |= _STATUS_BITS["zero"]
    data = " " * 8 if overload else _cas_data(weight)
    return header + bytes((0x30 + device_id, lamp)) + f",{data} {_wire_unit(unit, _WIRE_UNITS):>2}".encode() + _END


def cas10_frame(weight: Decimal) -> bytes:
    """A CAS 10-byte frame: the number alone."""
    return _cas_data(weight).encode() + _END


def and_std_frame(weight: Decimal, unit: str, *, stable: bool | None, overload: bool = False) -> bytes:
    """An A&D standard frame, 17 bytes; a stable count of ``pcs`` is QT, an overload is nines."""
    status = _status(stable=stable, overload=overload)
    if status == "ST" and unit == "pcs":
        status = "QT"
    data = "999999.9" if overload else _digits(weight, 8).zfill(8)
    return f"{status},{_sign(weight)}{data}{_wire_unit(unit, _AND_UNITS):>3}".encode() + _END


def st_gs_frame(
    weight: Decimal,
    unit: str,
    *,
    stable: bool | None,
    mode: Literal["gross", "net"] = "gross",
    overload: bool = False,
) -> bytes:
    """An ST/GS frame, 18 bytes; an overload carries a sign and blanks."""
    status = _status(stable=stable, overload=overload)
    data = " " * 7 if overload else _digits(weight, 7).zfill(7)
    return f"{status},{_MODES[mode]},{_sign(weight)}{data}{_wire_unit(unit, _WIRE_UNITS):>2}".encode() + _END


def rdm6300_frame(uid: str) -> bytes:
    """An RDM6300 frame, 14 bytes. ``uid`` is ten hexadecimal digits."""
    return b"\x02" + _card_digits(uid) + b"\x03"


def id12_frame(uid: str) -> bytes:
    """An ID-12 frame in ASCII mode, 16 bytes. ``uid`` is ten hexadecimal digits."""
    return b"\x02" + _card_digits(uid) + b"\r\n\x03"


def _status(*, stable: bool | None, overload: bool) -> str:
    if overload:
        return "OL"
    if stable is None:
        raise ValueError("this frame must say whether the weight is stable")
    return "ST" if stable else "US"


def _digits(weight: Decimal, width: int) -> str:
    """The number without its sign, every place kept."""
    if not weight.is_finite():
        raise ValueError(f"{weight} is not a weight")
    text = f"{abs(weight):f}"
    if len(text) > width:
        raise ValueError(f"{weight} does not fit {width} characters")
    return text


def _sign(weight: Decimal) -> str:
    return "-" if weight.is_signed() else "+"


def _cas_data(weight: Decimal) -> str:
    """CAS fills positive numbers with zeros and puts a minus in front of blanks (``000013.5``, ``-    2.5``)."""
    if weight.is_signed():
        return "-" + _digits(weight, 7).rjust(7)
    return _digits(weight, 8).zfill(8)


def _wire_unit(unit: str, names: dict[str, str]) -> str:
    if unit not in names:
        raise ValueError(f"'{unit}' has no place in this frame; units are {', '.join(names)}")
    return names[unit]


def _card_digits(uid: str) -> bytes:
    code = bytes.fromhex(uid)  # raises ValueError for what is no hexadecimal
    if len(uid) != _DIGITS or len(code) * 2 != _DIGITS:
        raise ValueError(f"'{uid}' is not {_DIGITS} hexadecimal digits")
    checksum = code[0] ^ code[1] ^ code[2] ^ code[3] ^ code[4]
    return (code + bytes((checksum,))).hex().upper().encode()
