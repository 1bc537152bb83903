"""What a profile can say, each way once: framing, checksums, numbers, codes, bits, units, tare and cards."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import parsers
from engine.cli.generate.profiles import packed_profiles
from parsers import CardReading, ProtocolInfo, Reading, WeightReading, make_parser
from parsers.profile import ProfileError, compile_profile
from parsers.profile.checksums import CRCS, crc16, make_check, width_of
from parsers.registry import PACKED, PROGRAMMED, PROGRAMMED_ALIASES, PROTOCOLS, protocol_names

FIELDS = {"status": {"at": "1-2", "codes": {"ST": "stable", "US": "motion", "OL": "overload"}}, "value": {"at": "3-9"}}


def profile(shape: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {
        "protocol": "p",
        "title": "P",
        "frame": {"end": "\r\n"},
        "units": ["kg", "g"],
        "golden": [],
        "shapes": [shape],
        **rest,
    }


def made(shape: dict[str, Any], **rest: Any) -> ProtocolInfo:
    return compile_profile(profile(shape, **rest))


def read(info: ProtocolInfo, frame: bytes) -> Reading | None:
    readings = info.factory().feed(frame)
    assert len(readings) <= 1
    return readings[0] if readings else None


def value(number: dict[str, Any], field: bytes, **rest: Any) -> str | None:
    """The value that a field of eight bytes gives."""
    fields = {"value": {"at": "1-8", **number}, **rest}
    got = read(made({"length": 11, "fields": fields}, units=[]), field.ljust(9) + b"\r\n")
    assert got is None or isinstance(got, WeightReading)
    return None if got is None else str(got.value)


def problems(shape: dict[str, Any], **rest: Any) -> list[str]:
    with pytest.raises(ProfileError) as caught:
        made(shape, **rest)
    return [problem.code for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("number", "field", "expected"),
    [
        ({}, b"- 12.340", "-12.340"),
        ({"sign": "none"}, b"  12.340", "12.340"),
        ({"sign": "none"}, b"- 12.340", None),
        ({"sign": "required"}, b"+012.340", "12.340"),
        ({"sign": "required"}, b"0012.340", None),
        ({"sign": "trailing"}, b" 12.340-", "-12.340"),
        ({"sign": "trailing"}, b"-12.3400", None),
        ({"sign": "anywhere"}, b" 12.340-", "-12.340"),
        ({"sign": "anywhere"}, b"-12.3400", "-12.3400"),
        ({"sign": "anywhere"}, b"-12.340-", None),
        ({"sign": "brackets"}, b" (12.34)", "-12.34"),
        ({"sign": "brackets"}, b"   12.34", "12.34"),
        ({"sign": "brackets"}, b"  (12.34", None),
        ({"decimals": 3}, b"00012340", "12.340"),
        ({"decimals": 0}, b"-0012340", "-12340"),
        ({"decimals": 3}, b"00012.34", None),
        ({"reversed": True}, b"043.2100", "12.340"),
        ({"reversed": True}, b"00.1000-", "-1.00"),
        ({"blanks": "around"}, b" 12.34  ", "12.34"),
        ({"blanks": "none"}, b" 12.3400", None),
        ({"drop": "/"}, b"+12.34/5", "12.345"),
        ({}, b" 12.34  ", None),
        ({}, b"        ", None),
        ({"decimals": 2}, b"        ", None),
    ],
)
def test_a_number_is_read_by_the_rules_of_its_profile(
    number: dict[str, Any], field: bytes, expected: str | None
) -> None:
    assert value(number, field) == expected


@settings(max_examples=60, deadline=None)
@given(field=st.binary(min_size=8, max_size=8), sign=st.sampled_from(["anywhere", "brackets", "trailing", "none"]))
def test_no_field_makes_a_number_raise(field: bytes, sign: str) -> None:
    for rules in ({"sign": sign}, {"sign": sign, "decimals": 2}, {"sign": sign, "reversed": True, "blanks": "around"}):
        value(rules, field)


def test_the_sign_and_the_count_of_decimals_may_have_fields_of_their_own() -> None:
    fields = {"sign": {"at": 1}, "value": {"at": "2-7"}, "decimals": {"at": 8}}
    info = made({"length": 10, "fields": fields})
    assert read(info, b"-0123453\r\n") == WeightReading(Decimal("-12.345"), None, None, raw=b"-0123453\r\n")
    assert read(info, b" 0000000\r\n") == WeightReading(Decimal(0), None, None, raw=b" 0000000\r\n")
    assert read(info, b"--123453\r\n") is None
    assert read(info, b"+01234x3\r\n") is None


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("arc", 0xBB3D),
        ("modbus", 0x4B37),
        ("usb", 0xB4C8),
        ("ccitt-false", 0x29B1),
        ("xmodem", 0x31C3),
        ("kermit", 0x2189),
        ("mcrf4xx", 0x6F91),
        ("x-25", 0x906E),
        ("dnp", 0xEA82),
    ],
)
def test_the_crcs_give_the_check_values_of_their_catalogue(name: str, check: int) -> None:
    assert crc16(CRCS[name])(b"123456789") == check


def test_every_named_crc_is_tested_against_its_check_value() -> None:
    assert len(CRCS) == 9


@pytest.mark.parametrize(
    ("spec", "written"),
    [
        ({"kind": "xor"}, b"31"),
        ({"kind": "xor", "as": "byte"}, b"1"),
        ({"kind": "xor", "as": "nibbles"}, b"31"),
        ({"kind": "xor", "as": "nibbles", "init": 0xFF}, b"<>"),
        ({"kind": "sum"}, b"DD"),
        ({"kind": "sum", "as": "decimal"}, b"221"),
        ({"kind": "sum", "mask": 0x7F}, b"5D"),
        ({"kind": "twos", "as": "byte"}, b"\x23"),
        ({"kind": "crc16", "crc": "modbus"}, b"4B37"),
        ({"kind": "crc16", "crc": "modbus", "as": "byte", "order": "little"}, b"\x37\x4b"),
        ({"kind": "crc16", "crc": {"poly": 0x1021, "init": 0xFFFF}, "as": "decimal"}, b"10673"),
    ],
)
def test_a_checksum_is_written_as_its_profile_says(spec: dict[str, Any], written: bytes) -> None:
    check = make_check(spec)
    assert len(written) == width_of(spec)
    assert check(b"123456789", written)
    assert not check(b"123456788", written)
    assert not check(b"123456789", written[:-1] + bytes((written[-1] ^ 1,)))


def test_a_checksum_guards_a_frame_at_a_place_and_in_a_pattern() -> None:
    placed = made(
        {"length": 10, "fields": {"value": {"at": "1-6"}}, "checksum": {"kind": "sum", "at": "7-8", "over": "1-6"}}
    )
    pattern = {"length": "6-12", "pattern": "(?P<value>[0-9.]+)(?P<checksum>..)", "fields": {"value": {}}}
    free = made({**pattern, "checksum": {"kind": "sum", "over": "1-"}})
    assert placed.check_bits == 8
    for info in (placed, free):
        assert read(info, b"012.34" + b"%02X\r\n" % (sum(b"012.34") & 0xFF)) is not None
        assert read(info, b"012.35" + b"%02X\r\n" % (sum(b"012.34") & 0xFF)) is None
    assert read(free, b"2.5" + b"%02X\r\n" % (sum(b"2.5") & 0xFF)) is not None


def test_bits_say_what_is_set_and_what_is_not() -> None:
    bits = {"0": {"set": "motion", "clear": "stable"}, "1": "overload", "2": "underload", "4": ["net", "zero"]}
    info = made({"length": 9, "fields": {"value": {"at": "1-6"}, "s": {"at": 7, "bits": bits, "from": "0", "to": "?"}}})

    def said(status: bytes) -> WeightReading:
        got = read(info, b"012.34" + status + b"\r\n")
        assert isinstance(got, WeightReading)
        return got

    assert (said(b"0").is_stable, said(b"0").mode, said(b"0").is_zero) == (True, "net", True)  # '0' is 0x30: bit 4
    assert (said(b"1").is_stable, said(b"1").value) == (False, Decimal("12.34"))
    assert (said(b"2").status, said(b"2").value, said(b"2").is_stable) == ("overload", None, False)
    assert said(b"6").status == "overload", "the graver of two"
    assert read(info, b"012.34A\r\n") is None


def test_seven_bits_are_masked_and_the_raw_bytes_kept() -> None:
    info = made({"length": 11, "fields": FIELDS}, frame={"end": "\r\n", "seven_bit": True})
    wire = bytes(byte | 0x80 for byte in b"ST012.340\r\n")
    assert read(info, wire) == WeightReading(Decimal("12.340"), None, is_stable=True, raw=wire)


def test_a_tare_is_read_beside_the_weight() -> None:
    info = made({"length": 14, "says": "net", "fields": {"value": {"at": "1-6"}, "tare": {"at": "7-12"}}})
    got = read(info, b" 12.34  1.50\r\n")
    assert isinstance(got, WeightReading)
    assert (got.value, got.tare, got.mode) == (Decimal("12.34"), Decimal("1.50"), "net")
    assert read(info, b" 12.34  x.50\r\n") is None


def test_what_a_blank_unit_says_is_up_to_the_profile() -> None:
    shape = {"length": 11, "fields": {"value": {"at": "1-7"}, "unit": {"at": "8-9"}}}
    assert read(made(shape), b"  12.34  \r\n") is None
    shape["fields"]["unit"]["blank"] = "motion"  # type: ignore[index]
    got = read(made(shape), b"  12.34  \r\n")
    assert isinstance(got, WeightReading)
    assert (got.unit, got.is_stable) == (None, False)


def test_a_unit_in_pounds_is_pounds_however_it_is_spelt() -> None:
    units = {"lb": ["LB", "#"], "kg": "K"}
    info = made({"length": 11, "fields": {"value": {"at": "1-7"}, "unit": {"at": "8-9"}}}, units=units)
    for spelling, unit in ((b"LB", "lb"), (b" #", "lb"), (b"# ", "lb"), (b"K ", "kg")):
        got = read(info, b"  12.34" + spelling + b"\r\n")
        assert isinstance(got, WeightReading)
        assert got.unit == unit
    assert read(info, b"  12.34lb\r\n") is None


@pytest.mark.parametrize(
    ("uid", "field", "expected"),
    [
        ({}, b"0a1b2c3d", "0A1B2C3D"),
        ({"reversed": True}, b"0a1b2c3d", "3D2C1B0A"),
        ({"as": "bytes"}, b"\x0a\x1b\x2c\x3d\x00\x00\x00\x01", "0A1B2C3D00000001"),
        ({"as": "bytes", "reversed": True}, b"\x01\x00\x00\x00\x00\x00\x00\x0a", "0A00000000000001"),
        ({}, b"0a1b2c3x", None),
    ],
)
def test_a_card_number_is_read_from_digits_or_bytes(uid: dict[str, Any], field: bytes, expected: str | None) -> None:
    info = made({"length": 10, "fields": {"uid": {"at": "1-8", **uid}}}, kind="reader")
    frame = field + b"\r\n"
    assert read(info, frame) == (None if expected is None else CardReading(expected, frame))


def test_frames_with_a_start_are_found_anywhere_and_the_shortest_that_stands_there_counts() -> None:
    value_of_3, value_of_5 = (
        {"length": n + 1, "fields": {"value": {"at": f"2-{n}"}}, "text": {str(n + 1): ";"}} for n in (4, 6)
    )
    info = compile_profile({**profile(value_of_3, frame={"start": "#"}), "shapes": [value_of_5, value_of_3]})
    parser = info.factory()
    readings = parser.feed(b"x#1#1.5;y#12.34;#")
    assert [reading.value for reading in readings] == [Decimal("1.5"), Decimal("12.34")]  # type: ignore[union-attr]
    assert parser.rejected == 2
    assert [r.raw for r in parser.feed(b"2.5;")] == [b"#2.5;"]


def test_a_group_that_takes_no_part_says_what_the_profile_says_of_it() -> None:
    status = {"codes": {"?": "motion"}, "absent": "stable"}
    info = made({"length": "5-12", "pattern": r"(?P<value>[0-9.]+)(?P<s>\?)?", "fields": {"value": {}, "s": status}})
    assert [read(info, frame).is_stable for frame in (b"1.5\r\n", b"1.5?\r\n")] == [True, False]  # type: ignore[union-attr]


def test_a_pattern_that_takes_ages_elsewhere_is_matched_in_no_time() -> None:
    info = made({"length": "5-900", "pattern": "(?:(?:[0-9]+)+)+x(?P<value>[0-9]+)", "fields": {"value": {}}})
    assert read(info, b"1" * 890 + b"\r\n") is None


@pytest.mark.parametrize(
    "pattern", [r"(?P<value>[0-9]+)(?=k)", r"(?P<value>[0-9])\1", "(?P<value>[0-9]{2000})", "(?P<value>["]
)
def test_a_pattern_that_re2_refuses_is_told_with_the_reason(pattern: str) -> None:
    with pytest.raises(ProfileError) as caught:
        made({"length": "5-12", "pattern": pattern, "fields": {"value": {}}})
    (problem,) = (one for one in caught.value.problems if one.code == "profile-pattern-refused")
    assert problem.path == ("shapes", 0, "pattern")
    assert problem.params["reason"]


@pytest.mark.parametrize(
    ("shape", "code"),
    [
        ({"length": 8, "fields": FIELDS}, "profile-out-of-frame"),
        ({"length": 11, "fields": {**FIELDS, "x": {"at": "2-3", "codes": {"AB": []}}}}, "profile-overlap"),
        ({"length": 11, "fields": FIELDS, "text": {"11": "x"}}, "profile-overlap"),
        ({"length": 11, "fields": FIELDS, "text": {"12": "x"}}, "profile-out-of-frame"),
        ({"length": 11, "fields": {"value": {}}}, "missing-key"),
        ({"length": 11, "fields": {"value": {"at": "9-3"}}}, "profile-out-of-frame"),
        ({"length": 11, "fields": {**FIELDS, "uid": {"at": 9}}}, "profile-field-of-other-kind"),
        ({"length": 1, "fields": {}, "says": "error"}, "profile-out-of-frame"),
        ({"length": 11, "fields": FIELDS, "checksum": {"kind": "crc16", "at": "9", "over": "1-2"}}, "missing-key"),
    ],
)
def test_what_a_schema_cannot_see_is_found_before_a_frame_is_read(shape: dict[str, Any], code: str) -> None:
    assert code in problems(shape)


def test_golden_frames_that_differ_or_contradict_are_problems_at_their_places() -> None:
    golden = [
        {"frame": "ST012.340\r\n", "value": "12.340", "stable": True},
        {"frame": "ST012.340\r\n", "value": "12.34", "stable": True},
        {"frame": "US012.340\r\n", "value": "12.34", "stable": False},
        {"frame": "OL-------\r\n", "refused": True},
    ]
    with pytest.raises(ProfileError) as caught:
        made({"length": 11, "fields": FIELDS}, golden=golden)
    told = [(problem.path, problem.code) for problem in caught.value.problems]
    assert told == [
        (("golden", 1), "profile-golden-contradicts"),
        (("golden", 2), "profile-golden-differs"),
        (("golden", 3), "profile-golden-differs"),
    ]
    assert caught.value.problems[1].params == {
        "wanted": "12.34, no unit, not stable, ok",
        "got": "12.340, no unit, not stable, ok",
    }


def test_the_packed_profiles_are_those_that_ship_as_yaml() -> None:
    text = (Path(parsers.__path__[0]) / PACKED).read_text(encoding="utf-8")
    assert text == packed_profiles(), "run: python -m engine.cli.generate.profiles"
    assert {path.stem for path in Path(parsers.__path__[0]).glob("*.yaml")} == set(json.loads(text))


def test_what_is_programmed_is_found_by_its_names() -> None:
    aliases = {alias: name for name in PROGRAMMED for alias in PROTOCOLS[name].aliases}
    assert aliases == PROGRAMMED_ALIASES
    assert set(protocol_names()) >= {*PROTOCOLS, *aliases, "tscale-nhb", "id-20"}


def test_an_alias_is_the_protocol_itself() -> None:
    assert PROTOCOLS["tscale-qhw"] is PROTOCOLS["st-gs"]
    assert make_parser("tscale-qhw").protocol == "st-gs"
    with pytest.raises(ValueError, match="named twice"):
        make_parser(["st-gs", "tscale-nhb"])


@pytest.mark.parametrize("pair", [("sewha-si480-sum", "rdm6300"), ("st-gs", "qu-cd-720m")])
def test_a_checked_frame_may_share_a_port(pair: tuple[str, str]) -> None:
    frames = [PROTOCOLS[name].golden[0] for name in pair]
    parser = make_parser(pair)
    assert len(parser.feed(frames[0].frame + frames[1].frame + frames[0].frame)) == 3


@pytest.mark.parametrize("pair", [("rinstrum-1", "rdm6300"), ("cas-22", "iso14443"), ("cas-22", "chafon-18")])
def test_what_does_not_prove_itself_cannot_share_a_port(pair: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="cannot share a port"):
        make_parser(pair)


def test_a_framed_device_that_keeps_one_length_is_held_to_it() -> None:
    """A digit that was lost on the wire leaves what looks like a whole frame of a shorter shape."""
    parser = make_parser("toledo-8217")
    assert len(parser.feed(b"\x0212.50\r" * 50)) == 50
    assert parser.feed(b"\x021.50\r") == []
    assert parser.rejected
    assert len(parser.feed(b"\x0212.50\r" * 2)) == 2
    parser.reset()
    assert len(parser.feed(b"\x02001.50\r")) == 1


EXPLAINED = {
    "protocol": "explained",
    "title": "A scale",
    "frame": {"start": "\x02", "end": "\x03", "seven_bit": True},
    "units": ["kg"],
    "shapes": [
        {
            "length": 14,
            "fields": {
                "status": {"at": 2, "codes": {"S": "stable", "M": "motion"}},
                "value": {"at": "3-9"},
                "unit": {"at": "10-11"},
            },
            "checksum": {"kind": "sum", "at": "12-13", "over": "2-11"},
        },
    ],
}


@pytest.mark.parametrize(
    ("frame", "code", "said"),
    [
        ("\x02S  012.50kg6B\x03", "profile-golden-length", {"length": 15, "lengths": [14]}),
        ("\x02S 012.50kg", "profile-golden-length", {"length": 11, "lengths": [14]}),
        ("\x02S 012.50kg00\x03", "profile-golden-checksum", {"given": "00", "wanted_checksum": "6B"}),
        ("\x02\xd3 012.50kg00\x03", "profile-golden-checksum", {"given": "00", "wanted_checksum": "6B"}),
        ("\x02X 012.50kg6B\x03", "profile-golden-byte", {"at": 2, "byte": "X"}),
        ("\x02S 012.50kg6B\x04", "profile-golden-byte", {"at": 14, "byte": "\\x04"}),
        ("\x02S 01 .50kg6B\x03", "profile-golden-differs", {"got": "no reading"}),
    ],
)
def test_a_golden_frame_that_gives_nothing_is_told_why(frame: str, code: str, said: dict[str, object]) -> None:
    golden = [{"frame": frame, "value": "12.50", "unit": "kg", "stable": True}]
    with pytest.raises(ProfileError) as error:
        compile_profile(EXPLAINED | {"golden": golden})
    [problem] = error.value.problems
    assert problem.path == ("golden", 0)
    assert problem.code == code
    assert problem.params.items() >= {"wanted": "12.50, kg, stable, ok", **said}.items()


BCD: dict[str, Any] = {
    "protocol": "bcd",
    "title": "A scale with two digits in a byte",
    "frame": {"start": "\xff"},
    "shapes": [
        {
            "length": 6,
            "unit": "kg",
            "fields": {
                "status": {
                    "at": 2,
                    "bits": {"0": {"set": "stable", "clear": "motion"}, "1": "negative", "2": "overload"},
                },
                "value": {"at": "3-5", "as": "bcd", "decimals": 2},
            },
            "checksum": {"kind": "xor", "at": 6, "over": "2-5", "as": "byte"},
        },
    ],
    "golden": [
        {"hex": "ff0100125043", "value": "12.50", "unit": "kg", "stable": True},
        {"hex": "ff0212345672", "value": "-1234.56", "unit": "kg", "stable": False},
        {"hex": "ff05fffffffa", "unit": "kg", "status": "overload", "stable": False},
        {"hex": "ff0100125a49", "refused": True},
    ],
}


def test_two_digits_in_each_byte_make_a_number_and_a_half_byte_beyond_nine_makes_none() -> None:
    compile_profile(BCD)  # its golden frames say the rest
    [shape] = BCD["shapes"]
    low_first = shape | {"fields": shape["fields"] | {"value": {"at": "3-5", "as": "bcd", "reversed": True}}}
    signed = shape | {"fields": shape["fields"] | {"value": {"at": "3-5", "as": "bcd", "sign": "leading"}}}
    with pytest.raises(ProfileError, match="unknown-key"):
        compile_profile(BCD | {"shapes": [signed]})
    golden = [{"hex": "ff0150120043", "value": "1250", "unit": "kg", "stable": True}]
    compile_profile(BCD | {"shapes": [low_first], "golden": golden})
