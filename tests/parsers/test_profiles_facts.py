"""Every frame of the table that a profile is for gives its reading, and every invalid one gives none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from parsers import PROTOCOLS, CardReading, make_parser

_TABLE = Path(__file__).parent / "data" / "all_frames.json"
# How the table calls a protocol, up to where it says more than its name -> what it is called here.
_NAMES = {
    "ohaus-defender-like": "ohaus-defender3000",
    "mettler-ms-ts": "mettler-ms-ts",
    "rinstrum FMT_4": "rinstrum-4",
    "rinstrum FMT_3": "rinstrum-3",
    "rinstrum FMT_2": "rinstrum-2",
    "rinstrum FMT_1": "rinstrum-1",
    "st-gs 18 byte, 7-bit": "st-gs-7bit",
    "cas-pd2/sw": "cas-pd2",
    "yaohua '=' reversed": "yaohua-reversed",
    "yaohua '=' forward": "yaohua-forward",
    "sewha-si480 RCWT + checksum": "sewha-si480-sum",
    "fairbanks weightronix": "fairbanks-tronix",
    "rdm6300/em4100": "rdm6300",
    "id-12/id-20": "id-12",
    "chafon uhfreader18": "chafon-18",
    "chafon uhfreader288": "chafon-288",
    "m100/yrm100/r200": "m100",
    "toledo-continuous (no checksum)": "toledo-continuous-nochk",
    "iso14443 module": "qu-cd-720m",
    "iso14443 ascii": "iso14443",
}
_ENTRIES: list[dict[str, Any]] = json.loads(_TABLE.read_text(encoding="utf-8"))
_VALID = [entry for entry in _ENTRIES if entry["expect"]["kind"] != "invalid"]
_INVALID = [entry for entry in _ENTRIES if entry["expect"]["kind"] == "invalid"]


def name_of(entry: dict[str, Any]) -> str:
    protocol = entry["protocol"]
    told = [name for beginning, name in _NAMES.items() if protocol.startswith(beginning)]
    return told[-1] if told else protocol.split()[0]


def claims(entry: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What the table says of a weight, in the words of a reading; what it leaves out is not compared."""
    expect = entry["expect"]
    yield "value", None if expect["value"] is None else Decimal(expect["value"])
    yield "unit", expect["unit"]
    yield "is_stable", expect["stable"]
    yield "status", expect["status"]
    if "mode" in expect:
        yield "mode", expect["mode"]
    if "zero" in expect:
        yield "is_zero", expect["zero"]
    if "tare" in expect:
        yield "tare", Decimal(expect["tare"])


@pytest.mark.parametrize("entry", _VALID, ids=lambda entry: f"{name_of(entry)}-{entry['raw_repr']}")
def test_a_frame_of_the_table_gives_its_reading(entry: dict[str, Any]) -> None:
    frame = bytes.fromhex(entry["raw_hex"])
    readings = make_parser(name_of(entry)).feed(frame)
    expect = entry["expect"]
    if expect["kind"] == "rfid":
        wanted = expect["value"] if isinstance(expect["value"], list) else [expect["value"]]
        assert [reading.uid for reading in readings if isinstance(reading, CardReading)] == wanted
        return
    if entry.get("note", "").startswith("AMBIGUOUS: SWA"):
        assert len(readings) == 1  # sources disagree about the value
        return
    (reading,) = readings
    for name, value in claims(entry):
        assert getattr(reading, name) == value, name
    if isinstance(expect["value"], str) and "." in expect["value"]:
        value = reading.value  # type: ignore[union-attr]
        assert -value.as_tuple().exponent == len(expect["value"].partition(".")[2])  # every place is kept


@pytest.mark.parametrize("entry", _INVALID, ids=lambda entry: entry["raw_repr"])
def test_an_invalid_frame_of_the_table_gives_nothing_in_any_protocol(entry: dict[str, Any]) -> None:
    for name in PROTOCOLS:
        assert make_parser(name).feed(bytes.fromhex(entry["raw_hex"])) == [], name


@pytest.mark.parametrize("name", sorted({name_of(entry) for entry in _VALID}))
def test_what_is_known_only_from_composed_frames_is_unproven(name: str) -> None:
    grades = {entry["grade"] for entry in _VALID if name_of(entry) == name}
    if name not in _EXCEPTIONS:
        assert PROTOCOLS[name].is_proven == (grades != {"composed"})


_EXCEPTIONS = {
    "setra-like",  # captured, but what it says is not certain
}
