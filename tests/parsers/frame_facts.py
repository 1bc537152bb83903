"""The table of real and documented frames (``data/frames.json``) as frames and readings."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from parsers import CardReading, Reading, WeightReading

_TABLE = Path(__file__).parent / "data" / "frames.json"
ANY_PROTOCOL = "*"  # an invalid frame that no protocol may read


@dataclass(frozen=True)
class Fact:
    """A frame, where it comes from, and the reading it must give (None: no reading)."""

    protocol: str
    frame: bytes
    reading: Reading | None
    source: str
    grade: str


def load_facts() -> list[Fact]:
    return [_fact(entry) for entry in json.loads(_TABLE.read_text(encoding="utf-8"))]


def _fact(entry: dict[str, Any]) -> Fact:
    frame = bytes.fromhex(entry["raw_hex"])
    return Fact(entry["protocol"], frame, _reading(entry["expect"], frame), entry["source"], entry["grade"])


def _reading(expect: dict[str, Any], frame: bytes) -> Reading | None:
    if expect["kind"] == "invalid":
        return None
    if expect["kind"] == "rfid":
        return CardReading(expect["value"], frame)
    value = None if expect["value"] is None else Decimal(expect["value"])
    return WeightReading(value, expect["unit"], expect["stable"], expect["status"], expect.get("mode"), frame)
