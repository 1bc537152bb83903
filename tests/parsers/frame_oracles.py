"""A second, independent reading of each protocol, written for clearness and not for speed.

The parsers are compared with these over streams of rubbish, torn frames and flipped bits: 'elsewhere only what is a
valid frame passes' means that both agree.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from parsers import CardReading, Reading, WeightReading
from parsers.reading import Mode

_NUMBER = re.compile(rb" *(?P<sign>[+-]?) *(?P<digits>[0-9]+\.?[0-9]*|\.[0-9]+)")
_NAMES = {"kg", "g", "t", "lb", "oz", "mg", "ct", "pcs"}
_AND_NAMES = {"kg", "g", "lb", "oz", "mg", "ct", "pcs", "N", "%"}
_ALIASES = {"pc": "pcs", "n": "N"}
_STATUS = {b"ST": (True, "ok"), b"QT": (True, "ok"), b"US": (False, "ok"), b"OL": (False, "overload")}
_MODE: dict[bytes, Mode] = {b"GS": "gross", b"GR": "gross", b"NT": "net"}
_CAS_22 = re.compile(rb"(ST|US|OL),(GS|NT),[\x30-\x93].,(.{8}) (..)\r\n", re.DOTALL)
_ST_GS = (
    re.compile(rb"(ST|US|OL),(GS|GR|NT),(.{8})(..)\r\n", re.DOTALL),
    re.compile(rb"(ST|US|OL),(GS|GR|NT),(.{8})(...)\r\n", re.DOTALL),
    re.compile(rb"(ST|US|OL),(GS|GR|NT)(?!,)(.{8}),?(?:(?<=,)(..)|(?<!,)(...))\r\n", re.DOTALL),
    re.compile(rb"(ST|US|OL),(GS|GR|NT),([+-](?:0|[1-9][0-9]*)(?:\.[0-9]+)?) ?([A-Za-z]+)\r\n", re.DOTALL),
)
_AND_STD = re.compile(rb"(ST|US|QT|OL),([+-].{8,9})(...)\r\n", re.DOTALL)
_CARD = {
    "rdm6300": re.compile(rb"\x02([0-9A-Fa-f]{12})\x03"),
    "id-12": re.compile(rb"\x02([0-9A-Fa-f]{12})\r\n\x03"),
}


def _value(field: bytes) -> Decimal | None:
    match = _NUMBER.fullmatch(field)
    return Decimal((match["sign"] + match["digits"]).decode()) if match else None


def _unit(field: bytes, names: set[str]) -> str | None:
    text = field.decode("latin-1")
    word = text.strip(" ")
    if text not in (word.rjust(len(text)), word.ljust(len(text))) or word not in (
        word.lower(),
        word.upper(),
        word.capitalize(),
    ):
        return None
    name = _ALIASES.get(word.lower(), word.lower())
    return name if name in names else None


def _weight(status: bytes, mode: Mode | None, data: bytes, unit_field: bytes, names: set[str]) -> WeightReading | None:
    is_stable, word = _STATUS[status]
    unit = _unit(unit_field, names)
    if word == "overload":
        printable = all(0x20 <= byte < 0x7F for byte in data)
        blank = unit_field.strip(b" ") == b""
        return WeightReading(None, unit, False, "overload", mode) if printable and (unit or blank) else None
    value = _value(data)
    return None if value is None or unit is None else WeightReading(value, unit, is_stable, "ok", mode)


def _cas_22(line: bytes) -> WeightReading | None:
    match = _CAS_22.fullmatch(line[-22:])
    return _weight(match[1], _MODE[match[2]], match[3], match[4], _NAMES) if match else None


def _cas_10(line: bytes) -> WeightReading | None:
    value = _value(line[:-2]) if len(line) == 10 else None
    return None if value is None else WeightReading(value, None, None)


def _and_std(line: bytes) -> WeightReading | None:
    match = _AND_STD.fullmatch(line[-18:]) or _AND_STD.fullmatch(line[-17:])
    if match is None:
        return None
    if match[1] == b"OL" and (match[2][1:] + match[3]) == b"9999999E+19":
        return WeightReading(None, None, False, "overload")
    reading = _weight(match[1], None, match[2], match[3], _AND_NAMES)
    counts = reading is not None and reading.unit == "pcs"
    if reading is None or (match[1] == b"QT" and not counts):
        return None
    return WeightReading(reading.value, reading.unit, reading.is_stable, reading.status, "count" if counts else None)


def _st_gs(line: bytes) -> WeightReading | None:
    for candidate in (line, line[-19:], line[-18:]):
        reading = _st_gs_exactly(candidate)
        if reading is not None:
            return reading
    return None


def _st_gs_exactly(line: bytes) -> WeightReading | None:
    if line.strip(b" \r\n") == b"--OL--" and re.fullmatch(rb"--OL-- *\r\n", line) and 16 <= len(line) <= 18:
        return WeightReading(None, None, False, "overload")
    for pattern in _ST_GS:
        match = pattern.fullmatch(line)
        if match and len(line) <= 22:
            unit_field = next(group for group in match.groups()[3:] if group is not None)
            reading = _weight(match[1], _MODE[match[2]], match[3], unit_field, _NAMES)
            if reading is not None:
                return reading
    return None


def _lines(stream: bytes, read_line: Callable[[bytes], WeightReading | None]) -> list[Reading]:
    lines = [line + b"\r\n" for line in stream.split(b"\r\n")[:-1]]
    return [reading for line in lines if (reading := read_line(line)) is not None]


def _cards(stream: bytes, pattern: re.Pattern[bytes]) -> list[Reading]:
    readings: list[Reading] = []
    for match in pattern.finditer(stream):
        code = bytes.fromhex(match[1].decode())
        checksum = 0
        for byte in code[:5]:
            checksum ^= byte
        if checksum == code[5]:
            readings.append(CardReading(match[1][:10].decode().upper()))
    return readings


def _masked(stream: bytes) -> bytes:
    return bytes(byte & 0x7F for byte in stream)


ORACLES: dict[str, Callable[[bytes], list[Reading]]] = {
    "cas-22": lambda stream: _lines(stream, _cas_22),
    "cas-10": lambda stream: _lines(stream, _cas_10),
    "and-std": lambda stream: _lines(_masked(stream), _and_std),
    "st-gs": lambda stream: _lines(stream, _st_gs),
    "st-gs-7bit": lambda stream: _lines(_masked(stream), _st_gs),
    "rdm6300": lambda stream: _cards(stream, _CARD["rdm6300"]),
    "id-12": lambda stream: _cards(stream, _CARD["id-12"]),
}
