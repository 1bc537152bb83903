"""The protocols that are parsed by code and not by a profile, with frames that each must read and refuse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from parsers.chafon import ASK_18, ASK_288, CHAFON_18, CHAFON_288
from parsers.m100 import ASK_M100, M100
from parsers.packets import PacketLayout, PacketParser
from parsers.protocol import Golden, LineSettings, ProtocolInfo
from parsers.reading import CardReading, Mode, Reading, WeightReading
from parsers.toledo import TOLEDO, TOLEDO_BARE


def _golden(hexadecimal: str, *readings: Reading) -> Golden:
    frame = bytes.fromhex(hexadecimal)
    return Golden(frame, tuple(replace(reading, raw=frame) for reading in readings))


def _weight(value: str | None, unit: str, mode: Mode, *, tare: str | None = None) -> WeightReading:
    weight, container = (None if text is None else Decimal(text) for text in (value, tare))
    return WeightReading(weight, unit, is_stable=value is not None, mode=mode, tare=container)


_SEVEN_EVEN: Final = LineSettings(data_bits=7, parity="E")

# The first three are the manuals' (Wildcat TM 6-4, Kern FTC p.42, Rockwell 57C428 appendix D), the rest are built so.
_WEIGHTS: Final[Sequence[tuple[str, WeightReading]]] = (
    ("022d3120203132333435202020353030", _weight("12.345", "kg", "net", tare="0.500")),
    ("022b3420203939393939202020202030", replace(_weight(None, "kg", "gross", tare="0.0"), status="overload")),
    ("022d3020203132333435202020202030", _weight("12.345", "kg", "gross", tare="0.000")),
    ("022a2220202020313530202020202020", _weight("-150", "lb", "gross")),
    ("022c3b20303031323530303030353030", replace(_weight("-12.50", "kg", "net", tare="5.00"), is_stable=False)),
    ("022c2121202032353030202020353030", _weight("25.00", "g", "net", tare="5.00")),
    ("02293022202020313230202020202030", _weight("1200", "t", "gross", tare="0")),
    ("02283023202020313230202020202020", _weight("12000", "oz", "gross")),
    ("022d3620202d2d2d2d2d202020202020", replace(_weight(None, "kg", "gross"), status="underload")),
)
_NO_WEIGHTS: Final = (
    "022d3024203132333435202020202030",  # troy ounces: another weight than ounces
    "022d3030203132333435202020202030",  # expanded by ten
    "022d30202031322e3334202020202030",  # a point where none belongs
    "022d3020202020202020202020202030",  # no weight
)
_JAGUAR: Final = "023120202020203230302020202020200d"  # captured from a Jaguar; the manuals read SWA 31 as times ten


def _checked(body: str) -> str:
    frame = bytes.fromhex(body) + b"\r"
    return (frame + bytes((-sum(frame) & 0x7F,))).hex()


_TOLEDO_GOLDEN: Final = (
    *(_golden(_checked(body), reading) for body, reading in _WEIGHTS),
    *(_golden(_checked(body)) for body in _NO_WEIGHTS),
    _golden("022d31202031323334352020203530300d5e"),  # a sum that is wrong by one
)
_TOLEDO_BARE_GOLDEN: Final = (
    _golden(_JAGUAR, _weight("2000", "lb", "gross")),
    *(_golden(body + "0d", reading) for body, reading in _WEIGHTS),
    *(_golden(body + "0d") for body in _NO_WEIGHTS),
)

# github wabson/chafon-rfid, tests; the answers without a tag are built from the layout.
_CHAFON_18_GOLDEN: Final = (
    _golden(
        "20000103020c0000000000000000000003130c0000000000000000000003149ac9",
        CardReading("000000000000000000000313"),
        CardReading("000000000000000000000314"),
    ),
    _golden("13000103010c49440000000000000a000334a5fb", CardReading("49440000000000000A000334")),
    _golden("050001fbf23d", CardReading(None, status="no_tag")),
    _golden("13000103010c49440000000000000a000334a5fa"),
)
_CHAFON_288_GOLDEN: Final = (
    _golden(
        "1500010301010c0000000000000000000003136bb1a5", CardReading("000000000000000000000313", antenna=1, rssi=107)
    ),
    _golden(
        "2300010301020c0000000000000000000003136b0c0000000000000000000003146c70f2",
        CardReading("000000000000000000000313", antenna=1, rssi=107),
        CardReading("000000000000000000000314", antenna=1, rssi=108),
    ),
    _golden(
        "1500010304010c49440000000000000a0003346425c0", CardReading("49440000000000000A000334", antenna=3, rssi=100)
    ),
    _golden("0d000103010104003230386da3d2", CardReading("00323038", antenna=1, rssi=109)),
    _golden("050001fbf23d", CardReading(None, status="no_tag")),
    _golden("0d000103010104003230386da3d3"),
)
# The comments of several public drivers of the U6 and R200 modules; the second is the firmware manual's example.
_M100_GOLDEN: Final = (
    _golden("bb02220011c43000e200001d7315016521408fc6b83ec27e", CardReading("E200001D7315016521408FC6", rssi=-60)),
    _golden("bb02220011c9340030751feb705c5904e3d50d703a76ef7e", CardReading("30751FEB705C5904E3D50D70", rssi=-55)),
    _golden("bb01ff000115167e", CardReading(None, status="no_tag")),
    _golden("bb02220011c43000e200001d7315016521408fc6b83ec37e"),
)


def _reader(
    name: str, title: str, layout: PacketLayout, baudrate: int, golden: tuple[Golden, ...], ask: bytes, bits: int
) -> ProtocolInfo:
    return ProtocolInfo(
        name,
        title,
        "reader",
        LineSettings(baudrate),
        lambda: PacketParser(name, layout),
        golden,
        ask=ask,
        check_bits=bits,
    )


TOLEDO_CONTINUOUS: Final = ProtocolInfo(
    "toledo-continuous",
    "Mettler Toledo continuous output, with its checksum",
    "scale",
    _SEVEN_EVEN,
    lambda: PacketParser("toledo-continuous", TOLEDO, seven_bit=True),
    _TOLEDO_GOLDEN,
    is_proven=False,  # its frames here are made from Mettler's tables; nobody has logged them from a device
    check_bits=7,
)
TOLEDO_CONTINUOUS_NOCHK: Final = ProtocolInfo(
    "toledo-continuous-nochk",
    "Mettler Toledo continuous output, without a checksum",
    "scale",
    _SEVEN_EVEN,
    lambda: PacketParser("toledo-continuous-nochk", TOLEDO_BARE, seven_bit=True),
    _TOLEDO_BARE_GOLDEN,
)
CHAFON_UHF18: Final = replace(
    _reader("chafon-18", "Chafon UHFReader18, several tags a frame", CHAFON_18, 57600, _CHAFON_18_GOLDEN, ASK_18, 16),
    aliases=("uhfreader18",),
)
CHAFON_UHF288: Final = replace(
    _reader(
        "chafon-288", "Chafon UHFReader288, with antenna and RSSI", CHAFON_288, 57600, _CHAFON_288_GOLDEN, ASK_288, 16
    ),
    aliases=("uhfreader288",),
)
M100_UHF: Final = replace(
    _reader("m100", "M100, YRM100 and R200 UHF modules", M100, 115200, _M100_GOLDEN, ASK_M100, 8),
    aliases=("yrm100", "r200"),
)
