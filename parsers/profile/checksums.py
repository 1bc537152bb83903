"""The checksums of profiles: what is computed over a frame's bytes, and how it is written into the frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from operator import xor
from typing import Any, Final, NamedTuple

Compute = Callable[[bytes], int]

_BYTE: Final = 0xFF
_WORD: Final = 0xFFFF


class Crc(NamedTuple):
    """A CRC-16 by the parameters that catalogues of them give."""

    poly: int
    init: int = 0
    refin: bool = False
    refout: bool = False
    xorout: int = 0


# The names and parameters are those of the CRC RevEng catalogue.
CRCS: Final[dict[str, Crc]] = {
    "arc": Crc(0x8005, refin=True, refout=True),
    "modbus": Crc(0x8005, 0xFFFF, refin=True, refout=True),
    "usb": Crc(0x8005, 0xFFFF, refin=True, refout=True, xorout=0xFFFF),
    "ccitt-false": Crc(0x1021, 0xFFFF),
    "xmodem": Crc(0x1021),
    "kermit": Crc(0x1021, refin=True, refout=True),
    "mcrf4xx": Crc(0x1021, 0xFFFF, refin=True, refout=True),
    "x-25": Crc(0x1021, 0xFFFF, refin=True, refout=True, xorout=0xFFFF),
    "dnp": Crc(0x3D65, refin=True, refout=True, xorout=0xFFFF),
}


def bits_of(spec: Mapping[str, Any] | None) -> int:
    """How many bits stand guard over a frame: of damaged ones that look well, one in 2**bits passes; 0 without any."""
    if spec is None:
        return 0
    return 16 if spec["kind"] == "crc16" else int(spec.get("mask", _BYTE)).bit_count()


def width_of(spec: Mapping[str, Any]) -> int:
    """How many bytes of a frame the checksum takes."""
    size = 2 if spec["kind"] == "crc16" else 1
    return {"byte": size, "hex": 2 * size, "nibbles": 2 * size, "decimal": 3 if size == 1 else 5}[spec.get("as", "hex")]


def make_check(spec: Mapping[str, Any]) -> Callable[[bytes, bytes], bool]:
    """A function of the bytes that are summed and the bytes of the checksum: whether the two agree."""
    wanted = checksum_of(spec)
    is_hex = spec.get("as", "hex") == "hex"

    def check(data: bytes, given: bytes) -> bool:
        return wanted(data) == (given.upper() if is_hex else given)

    return check


def checksum_of(spec: Mapping[str, Any]) -> Callable[[bytes], bytes | None]:
    """A function of the bytes that are summed: the checksum as it is written; None when they spell nothing."""
    compute, write = _compute(spec), _writer(spec)
    if spec.get("of") != "hex":
        return lambda data: write(compute(data))

    def of_hex(data: bytes) -> bytes | None:
        try:
            return write(compute(bytes.fromhex(data.decode("latin-1"))))
        except ValueError:
            return None

    return of_hex


def _compute(spec: Mapping[str, Any]) -> Compute:
    kind = spec["kind"]
    if kind == "crc16":
        named = spec["crc"]
        return crc16(CRCS[named] if isinstance(named, str) else Crc(**named))
    init, mask = spec.get("init", 0), spec.get("mask", _BYTE)
    if kind == "xor":
        return lambda data: reduce(xor, data, init) & mask
    if kind == "sum":
        return lambda data: (init + sum(data)) & mask
    return lambda data: -(init + sum(data)) & mask  # two's complement


def _writer(spec: Mapping[str, Any]) -> Callable[[int], bytes]:
    size = 2 if spec["kind"] == "crc16" else 1
    order = spec.get("order", "big")

    def in_order(value: int) -> bytes:
        return value.to_bytes(size, "little" if order == "little" else "big")

    how = spec.get("as", "hex")
    if how == "byte":
        return in_order
    if how == "hex":
        return lambda value: in_order(value).hex().upper().encode()
    if how == "decimal":
        return lambda value: b"%0*d" % (3 if size == 1 else 5, value)
    return lambda value: bytes(0x30 + nibble for byte in in_order(value) for nibble in (byte >> 4, byte & 0x0F))


def crc16(crc: Crc) -> Compute:
    """The function of a CRC-16, with its table made once."""
    table = [_shifted(index, crc) for index in range(256)]
    start = _reflect(crc.init, 16) if crc.refin else crc.init

    def compute(data: bytes) -> int:
        value = start
        if crc.refin:
            for byte in data:
                value = (value >> 8) ^ table[(value ^ byte) & _BYTE]
        else:
            for byte in data:
                value = ((value << 8) & _WORD) ^ table[(value >> 8) ^ byte]
        if crc.refin != crc.refout:
            value = _reflect(value, 16)
        return value ^ crc.xorout

    return compute


def _shifted(index: int, crc: Crc) -> int:
    if crc.refin:
        value, poly = index, _reflect(crc.poly, 16)
        for _ in range(8):
            value = (value >> 1) ^ (poly if value & 1 else 0)
        return value
    value = index << 8
    for _ in range(8):
        value = ((value << 1) ^ (crc.poly if value & 0x8000 else 0)) & _WORD
    return value


def _reflect(value: int, bits: int) -> int:
    return int(f"{value:0{bits}b}"[::-1], 2)
