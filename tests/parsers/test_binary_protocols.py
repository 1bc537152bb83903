"""Toledo continuous, Chafon and M100, field by field: every frame of the layout is read, and nothing else is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.testing.protocols import claim
from parsers import CardReading, Reading, WeightReading, make_parser
from parsers.chafon import crc16_mcrf4xx

UNTIMED = settings(deadline=None, max_examples=60)
SHAPES = {0: "00", 1: "0", 2: "", 3: ".1", 4: ".2", 5: ".3", 6: ".4", 7: ".5"}


def toledo(swa: int, swb: int, swc: int, weight: str, tare: str, *, has_checksum: bool = True) -> bytes:
    frame = b"\x02" + bytes((swa, swb, swc)) + f"{weight:>6}{tare:>6}\r".encode()
    return frame + bytes((-sum(frame) & 0x7F,)) if has_checksum else frame


def shown(digits: str, shape: int) -> str:
    """The digits with the point where the status word puts it."""
    if shape < 3:
        return digits.zfill(1) + "0" * (2 - shape)
    places = shape - 2
    padded = digits.zfill(places + 1)
    return f"{padded[:-places]}.{padded[-places:]}"


def even_parity(frame: bytes) -> bytes:
    return bytes(byte | 0x80 if byte.bit_count() % 2 else byte for byte in frame)


def only(protocol: str, frame: bytes) -> Reading:
    (reading,) = make_parser(protocol).feed(frame)
    return reading


class TestToledo:
    @UNTIMED
    @given(
        shape=st.integers(0, 7), division=st.integers(0, 3), flags=st.integers(0, 31), zeroed=st.booleans(),
        unit=st.integers(0, 3), weight=st.integers(0, 999_999), tare=st.integers(0, 999_999),
        width=st.sampled_from([1, 6]), has_checksum=st.booleans(), is_seven_bit=st.booleans(),
    )  # fmt: skip
    def test_a_frame_says_what_its_status_words_say(
        self, *, shape: int, division: int, flags: int, zeroed: bool, unit: int, weight: int, tare: int, width: int,
        has_checksum: bool, is_seven_bit: bool,
    ) -> None:  # fmt: skip
        swb = 0x20 | flags | (0 if zeroed else 0x40)
        digits, tare_digits = f"{weight:0{width}d}", f"{tare:0{width}d}"
        frame = toledo(0x20 | division << 3 | shape, swb, 0x20 | unit, digits, tare_digits, has_checksum=has_checksum)
        wire = even_parity(frame) if is_seven_bit else frame
        sign = "-" if flags & 2 else ""
        out = bool(flags & 4)
        expected = WeightReading(
            None if out else Decimal(sign + shown(f"{weight:d}", shape)),
            ("kg" if flags & 16 else "lb", "g", "t", "oz")[unit],
            not out and not flags & 8,
            ("underload" if flags & 2 else "overload") if out else "ok",
            "net" if flags & 1 else "gross",
            tare=Decimal(shown(f"{tare:d}", shape)),
        )
        reading = only("toledo-continuous" if has_checksum else "toledo-continuous-nochk", wire)
        assert claim(reading) == claim(expected)
        assert reading.raw == wire

    def test_blanks_for_a_tare_are_no_tare(self) -> None:
        reading = only("toledo-continuous", toledo(0x2C, 0x30, 0x20, "100", ""))
        assert isinstance(reading, WeightReading)
        assert reading.tare is None

    @pytest.mark.parametrize(
        "frame",
        [
            toledo(0x4C, 0x30, 0x20, "100", "0"),  # SWA without its constant bit
            toledo(0x2C, 0x10, 0x20, "100", "0"),  # SWB without its
            toledo(0x2C, 0x30, 0x60, "100", "0"),  # SWC with a bit that is never set
            toledo(0x2C, 0x30, 0x24, "100", "0"),  # troy ounces
            toledo(0x2C, 0x30, 0x27, "100", "0"),  # a unit of the site's own
            toledo(0x2C, 0x30, 0x30, "100", "0"),  # expanded
            toledo(0x2C, 0x30, 0x20, "", "0"),
            toledo(0x2C, 0x30, 0x20, "1 0", "0"),
            toledo(0x2C, 0x30, 0x20, "-10", "0"),  # the sign is in SWB
            toledo(0x2C, 0x30, 0x20, "100", "1 0"),
            toledo(0x2C, 0x30, 0x20, "100", "-----"),
        ],
    )
    def test_what_the_manuals_do_not_know_is_refused(self, frame: bytes) -> None:
        parser = make_parser("toledo-continuous")
        assert parser.feed(frame) == []
        parser.feed(b"\x00" * 40)
        assert parser.rejected

    def test_the_xor_that_other_software_takes_for_the_checksum_is_refused(self) -> None:
        frame = toledo(0x2D, 0x31, 0x20, "12345", "500", has_checksum=False)
        xor = 0
        for byte in frame:
            xor ^= byte
        assert make_parser("toledo-continuous").feed(frame + bytes((xor,))) == []

    def test_a_checksum_that_looks_like_a_beginning_begins_nothing(self) -> None:
        frames = [toledo(0x2D, 0x30, 0x20, f"{weight}", f"{weight}") for weight in range(0, 999_999, 997)]
        looks_so = [frame for frame in frames if frame[-1] == 0x02]
        assert looks_so
        parser = make_parser("toledo-continuous-nochk")
        for frame in looks_so:
            assert len(parser.feed(frame * 3)) == 3


def chafon(status: int, data: bytes, *, command: int = 1, address: int = 0) -> bytes:
    frame = bytes((len(data) + 5, address, command, status)) + data
    return frame + crc16_mcrf4xx(frame).to_bytes(2, "little")


TAG = bytes.fromhex("e2000000000000000000abcd")
ONE_18 = b"\x01\x0c" + TAG
ONE_288 = b"\x01\x01\x0c" + TAG + b"\x40"


class TestChafon:
    def test_the_crc_is_the_catalogues(self) -> None:
        assert crc16_mcrf4xx(b"123456789") == 0x6F91

    @UNTIMED
    @given(
        tags=st.lists(st.tuples(st.binary(min_size=1, max_size=16), st.integers(0, 255)), min_size=1, max_size=8),
        antenna=st.integers(0, 7), address=st.integers(0, 255), status=st.sampled_from([1, 2, 3, 4]),
    )  # fmt: skip
    def test_every_tag_of_a_frame_is_read_in_its_order(
        self, tags: list[tuple[bytes, int]], antenna: int, address: int, status: int
    ) -> None:
        data = bytes((len(tags),)) + b"".join(bytes((len(epc),)) + epc for epc, _ in tags)
        frame = chafon(status, data, address=address)
        assert make_parser("chafon-18").feed(frame) == [CardReading(epc.hex().upper(), frame) for epc, _ in tags]
        data = bytes((1 << antenna, len(tags)))
        data += b"".join(bytes((len(epc),)) + epc + bytes((rssi,)) for epc, rssi in tags)
        frame = chafon(status, data, address=address)
        assert make_parser("chafon-288").feed(frame) == [
            CardReading(epc.hex().upper(), frame, antenna=antenna + 1, rssi=rssi) for epc, rssi in tags
        ]

    @pytest.mark.parametrize(("protocol", "empty"), [("chafon-18", b"\x00"), ("chafon-288", b"\x01\x00")])
    def test_an_empty_answer_says_that_no_tag_is_there(self, protocol: str, empty: bytes) -> None:
        for frame in (chafon(1, empty), chafon(0xFB, b"")):
            assert make_parser(protocol).feed(frame * 2) == [CardReading(None, frame, "no_tag")] * 2

    @pytest.mark.parametrize(
        ("protocol", "one", "empty"), [("chafon-18", ONE_18, b"\x00"), ("chafon-288", ONE_288, b"\x01\x00")]
    )
    def test_an_empty_answer_after_more_to_come_only_ends_it(self, protocol: str, one: bytes, empty: bytes) -> None:
        more, done = chafon(3, one), chafon(1, empty)
        parser = make_parser(protocol)
        assert [bool(reading.uid) for reading in parser.feed(more + more + done)] == [True, True]  # type: ignore[union-attr]
        assert [reading.uid for reading in parser.feed(done)] == [None]  # type: ignore[union-attr]
        assert parser.rejected == 0

    def test_several_antennas_at_once_are_no_antenna(self) -> None:
        reading = only("chafon-288", chafon(1, b"\x03\x01\x02ab\x40"))
        assert reading == CardReading("6162", chafon(1, b"\x03\x01\x02ab\x40"), antenna=None, rssi=0x40)

    def test_a_tag_without_an_epc_is_passed_over(self) -> None:
        (reading,) = make_parser("chafon-18").feed(chafon(1, b"\x02\x00\x01a"))
        assert reading == CardReading("61", chafon(1, b"\x02\x00\x01a"))

    @pytest.mark.parametrize(
        "frame",
        [
            chafon(1, ONE_18, command=0x21),  # an answer to another command
            chafon(0xF8, b""),  # an antenna's fault
            chafon(0xFB, b"\x00"),
            chafon(1, b""),
            chafon(1, b"\x02\x0c" + TAG),  # a tag less than it says
            chafon(1, ONE_18 + b"\x00"),  # a byte more than its tags
        ],
    )
    def test_what_is_no_answer_to_an_inventory_is_no_sight_of_a_card(self, frame: bytes) -> None:
        good = chafon(1, ONE_18)
        parser = make_parser("chafon-18")
        assert parser.feed(frame) == []
        assert parser.feed(good) == [CardReading(TAG.hex().upper(), good)]
        assert parser.rejected

    def test_what_looks_like_a_long_frame_and_waits_for_its_end_holds_up_no_real_one(self) -> None:
        good = chafon(1, ONE_18)
        parser = make_parser("chafon-18")
        assert parser.feed(b"\xf0\x00\x01\x01\x08\xc8") == []  # eight tags, the first of 200 bytes, are to come
        assert parser.feed(good) == [CardReading(TAG.hex().upper(), good)]
        assert parser.rejected == 1


def m100(rssi: int, epc: bytes, *, kind: int = 2, command: int = 0x22) -> bytes:
    data = bytes((rssi & 0xFF,)) + bytes((len(epc) // 2 << 3, 0)) + epc + b"\x12\x34"
    body = bytes((kind, command)) + len(data).to_bytes(2, "big") + data
    return b"\xbb" + body + bytes((sum(body) & 0xFF, 0x7E))


class TestM100:
    @UNTIMED
    @given(rssi=st.integers(-128, 127), epc=st.binary(min_size=1, max_size=62))
    def test_a_notice_is_the_sight_of_a_card(self, rssi: int, epc: bytes) -> None:
        frame = m100(rssi, epc)
        assert make_parser("m100").feed(frame) == [CardReading(epc.hex().upper(), frame, rssi=rssi)]

    @pytest.mark.parametrize(
        "frame",
        [
            m100(-60, b""),
            m100(-60, TAG, kind=1),
            m100(-60, TAG, command=0x39),
            m100(-60, TAG)[:-1] + b"\x7d",
            bytes.fromhex("bb01ff000117187e"),  # another failure than 'no tag'
        ],
    )
    def test_anything_else_is_not(self, frame: bytes) -> None:
        parser = make_parser("m100")
        assert parser.feed(frame) == []
        good = m100(-60, TAG)
        assert parser.feed(good) == [CardReading(TAG.hex().upper(), good, rssi=-60)]
        assert parser.rejected

    @pytest.mark.parametrize("name", ["m100", "yrm100", "r200"])
    def test_it_is_known_by_the_names_of_its_modules(self, name: str) -> None:
        assert only(name, bytes.fromhex("bb01ff000115167e")) == CardReading(
            None, bytes.fromhex("bb01ff000115167e"), "no_tag"
        )


def test_of_frames_inside_each_other_the_one_that_ends_first_is_read_however_they_come() -> None:
    inner = chafon(0xFB, b"")
    outer = chafon(1, bytes((1, len(inner) + 4)) + b"ab" + inner + b"cd")
    stream = outer + chafon(1, ONE_18)
    at_once = make_parser("chafon-18")
    in_bytes = make_parser("chafon-18")
    readings: list[Any] = [reading for i in range(len(stream)) for reading in in_bytes.feed(stream[i : i + 1])]
    assert at_once.feed(stream) == readings
    assert [reading.uid for reading in readings] == [None, TAG.hex().upper()]
    assert at_once.rejected == in_bytes.rejected
