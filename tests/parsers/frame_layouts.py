"""Hypothesis strategies that build frames from the layouts, with the reading each must give."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from parsers import CardReading, Reading, WeightReading

# A busy machine is no reason to fail: nothing here is timed.
UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

Made = st.SearchStrategy[tuple[bytes, Reading]]

_UNITS = {
    "kg": ("kg", "Kg", "KG"),
    "g": ("g", "G"),
    "t": ("t",),
    "lb": ("lb", "LB"),
    "oz": ("oz",),
    "pcs": ("pc", "PC"),
}
_AND_UNITS: dict[str, tuple[str, ...]] = {
    "kg": ("kg",),
    "g": ("g",),
    "lb": ("lb",),
    "oz": ("oz",),
    "ct": ("ct",),
    "%": ("%",),
}
_HEADS = {"ST": (True, "ok"), "US": (False, "ok")}
_OVERLOADED = (" " * 8, "+" + " " * 7, "-" + " " * 7, "--------", "999999.9", "  -OL-  ")


@st.composite
def numbers(draw: Any, width: int, *, signed: bool = False) -> tuple[str, Decimal]:
    """A number field of ``width`` characters and its exact value; with ``signed`` it begins with the sign."""
    count = draw(st.integers(1, width - 2))
    digits = [draw(st.integers(0, 9)) for _ in range(count)]
    places = draw(st.integers(0, count - 1))
    text = "".join(map(str, digits))
    if places or draw(st.booleans()):
        text = text[: count - places] + "." + text[count - places :]
    sign = draw(st.sampled_from("+-" if signed else ("+", "-", "")))
    shapes = [sign + text.rjust(width - len(sign)), sign + text.rjust(width - len(sign), "0")]
    if not signed:
        shapes.append((sign + text).rjust(width))
    return draw(st.sampled_from(shapes)), Decimal((int(sign == "-"), tuple(digits), -places))


def _unit_field(draw: Any, table: dict[str, tuple[str, ...]], width: int) -> tuple[str, str]:
    unit = draw(st.sampled_from(sorted(table)))
    word = draw(st.sampled_from(table[unit]))
    return draw(st.sampled_from([word.rjust(width), word.ljust(width)])), unit


@st.composite
def _cas_22(draw: Any) -> tuple[bytes, Reading]:
    kind, mode = draw(st.sampled_from([("GS", "gross"), ("NT", "net")]))
    ident = bytes((draw(st.integers(0x30, 0x93)), draw(st.integers(0, 255))))
    unit_field, unit = _unit_field(draw, _UNITS, 2)
    if draw(st.integers(0, 4)) == 0:
        frame = f"OL,{kind},".encode() + ident + f",{draw(st.sampled_from(_OVERLOADED))} {unit_field}\r\n".encode()
        return frame, WeightReading(None, unit, False, "overload", mode, frame)
    head = draw(st.sampled_from(sorted(_HEADS)))
    field, value = draw(numbers(8))
    frame = f"{head},{kind},".encode() + ident + f",{field} {unit_field}\r\n".encode()
    return frame, WeightReading(value, unit, _HEADS[head][0], "ok", mode, frame)


@st.composite
def _cas_10(draw: Any) -> tuple[bytes, Reading]:
    field, value = draw(numbers(8))
    frame = f"{field}\r\n".encode()
    return frame, WeightReading(value, None, None, raw=frame)


@st.composite
def _and_std(draw: Any) -> tuple[bytes, Reading]:
    field, value = draw(numbers(draw(st.sampled_from([9, 10])), signed=True))
    if draw(st.integers(0, 4)) == 0:
        count, stable = draw(st.sampled_from([("QT", True), ("US", False)]))
        frame = f"{count},{field} PC\r\n".encode()
        return frame, WeightReading(value, "pcs", stable, "ok", "count", frame)
    unit_field, unit = _unit_field(draw, _AND_UNITS, 3)
    if draw(st.integers(0, 4)) == 0:
        sign = draw(st.sampled_from("+-"))
        tail, unit_or_none = draw(st.sampled_from([("999999.9" + unit_field, unit), ("9999999E+19", None)]))
        frame = f"OL,{sign}{tail}\r\n".encode()
        return frame, WeightReading(None, unit_or_none, False, "overload", None, frame)
    head = draw(st.sampled_from(sorted(_HEADS)))
    frame = f"{head},{field}{unit_field}\r\n".encode()
    return frame, WeightReading(value, unit, _HEADS[head][0], "ok", None, frame)


def _unpadded(draw: Any) -> tuple[str, Decimal]:
    whole = str(draw(st.integers(0, 9999)))
    places = draw(st.text("0123456789", max_size=3))
    text = draw(st.sampled_from("+-")) + whole + (f".{places}" if places else "")
    return text, Decimal(text)


@st.composite
def _st_gs(draw: Any) -> tuple[bytes, Reading]:
    shape = draw(st.sampled_from(["padded", "wide unit", "one comma", "two commas", "unpadded", "overload", "--OL--"]))
    if shape == "--OL--":
        frame = ("--OL--".ljust(draw(st.integers(14, 16))) + "\r\n").encode()
        return frame, WeightReading(None, None, False, "overload", None, frame)
    kind, mode = draw(st.sampled_from([("GS", "gross"), ("GR", "gross"), ("NT", "net")]))
    unit_field, unit = _unit_field(draw, _UNITS, 3 if shape in ("wide unit", "one comma") else 2)
    if shape == "overload":
        frame = f"OL,{kind},{draw(st.sampled_from(_OVERLOADED))}{unit_field}\r\n".encode()
        return frame, WeightReading(None, unit, False, "overload", mode, frame)
    head = draw(st.sampled_from(sorted(_HEADS)))
    field, value = _unpadded(draw) if shape == "unpadded" else draw(numbers(8))
    middle = {"one comma": field, "two commas": f"{field},"}.get(shape, f",{field}")
    if shape == "unpadded":
        unit_field = draw(st.sampled_from(["", " "])) + unit_field.strip()
    frame = f"{head},{kind}{middle}{unit_field}\r\n".encode()
    return frame, WeightReading(value, unit, _HEADS[head][0], "ok", mode, frame)


@st.composite
def _st_gs_7bit(draw: Any) -> tuple[bytes, Reading]:
    frame, reading = draw(_st_gs())
    assert isinstance(reading, WeightReading)
    parity = draw(st.sampled_from([0, 1]))
    wire = bytes(byte | 0x80 if byte.bit_count() % 2 != parity else byte for byte in frame)
    return wire, WeightReading(reading.value, reading.unit, reading.is_stable, reading.status, reading.mode, wire)


@st.composite
def _card(draw: Any, tail: bytes) -> tuple[bytes, Reading]:
    code = draw(st.binary(min_size=5, max_size=5))
    checksum = code[0] ^ code[1] ^ code[2] ^ code[3] ^ code[4]
    digits = f"{code.hex()}{checksum:02x}"
    frame = b"\x02" + draw(st.sampled_from([digits.upper(), digits])).encode() + tail
    return frame, CardReading(code.hex().upper(), frame)


MADE: dict[str, Made] = {
    "cas-22": _cas_22(),
    "cas-10": _cas_10(),
    "and-std": _and_std(),
    "st-gs": _st_gs(),
    "st-gs-7bit": _st_gs_7bit(),
    "rdm6300": _card(b"\x03"),
    "id-12": _card(b"\r\n\x03"),
}
