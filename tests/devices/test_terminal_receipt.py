"""Receipts: Korean text, two columns, and a QR code that the printer draws."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.devices.terminal.orders import OrderRefusedError
from engine.devices.terminal.receipt import WIDTH, receipt
from engine.units import parse_quantity

LINES = [
    {"text": "계량증", "align": "center", "size": "double", "bold": True},
    "-" * WIDTH,
    {"label": "카드", "value": "0A1B2C3D"},
    {"label": "중량", "value": parse_quantity("12.340 kg")},
    {"label": "차량", "value": None},
]


def test_korean_is_cp949_and_a_receipt_is_some_hundred_bytes():
    data = receipt(LINES, "https://example.com/r/0123456789abcdef")
    assert "계량증".encode("cp949") + b"\n" in data
    assert 200 < len(data) < 400


def test_label_and_value_stand_at_the_two_edges_of_the_paper():
    data = receipt(LINES)
    line = next(line for line in data.split(b"\n") if line.startswith("중량".encode("cp949")))
    assert len(line) == WIDTH
    assert line.endswith(b"12.340 kg")
    assert "차량".encode("cp949") not in data, "what has no value has no line"


def test_the_qr_code_is_the_printers_own_command_and_no_raster():
    data = receipt([], "가나다")
    content = "가나다".encode()
    assert b"\x1d(k" + bytes((len(content) + 3, 0)) + b"1P0" + content in data
    assert b"\x1dv0" not in data
    assert len(data) < 100


def test_a_time_is_printed_as_the_clock_on_the_wall_shows_it():
    moment = datetime(2026, 1, 31, 0, 0, 5, tzinfo=UTC)
    local = f"{moment.astimezone():%Y-%m-%d %H:%M:%S}".encode()
    assert local in receipt([{"label": "일시", "value": moment}])


@pytest.mark.parametrize(
    ("lines", "qr"),
    [
        (["😀"], None),
        (["a\x1dV"], None),
        ([{"text": "a", "colour": "red"}], None),
        ([{"text": "a", "align": "middle"}], None),
        ([{"text": "a", "size": "huge"}], None),
        (["x" * 10_000], None),
        ([], "x" * 501),
    ],
    ids=["not in cp949", "a printer's command", "no such key", "no such place", "no such size", "too long", "too fine"],
)
def test_what_cannot_be_printed_is_refused(lines: list[object], qr: str | None):
    with pytest.raises(OrderRefusedError):
        receipt(lines, qr)
