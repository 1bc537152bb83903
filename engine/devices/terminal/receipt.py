"""A receipt as ESC/POS: Korean text in CP949, and a QR code that the printer itself draws."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from escpos.printer import Dummy  # type: ignore[import-untyped]  # it has no types

from engine.bindings.terminal import ALIGNMENTS
from engine.devices.terminal.orders import OrderRefusedError
from parsers.suwol import MOST_PRINT_BYTES

WIDTH: Final = 32  # columns of the terminal's paper; a Korean syllable takes two
_KOREAN: Final = b"\x1c&"  # FS &: what follows may be two bytes a character
_QR_SIZE: Final = 5  # dots of a module: read by any telephone from the printer's own paper
_MOST_QR: Final = 500  # characters; a code with more is too fine for this printer
_SIZES: Final = ("normal", "double")
_STYLE: Final = frozenset({"text", "align", "size", "bold"})
_COLUMNS: Final = frozenset({"label", "value"})


def receipt(lines: Sequence[object], qr: str | None = None) -> bytes:
    """The bytes for the printer.

    A line is a text; ``{text, align, size, bold}``; or ``{label, value}``, the label left and the value right, left out
    when there is no value. A time is printed as the clock on the wall here shows it. Raises OrderRefusedError for what
    CP949 does not have, what is no such line, and more than the terminal takes at once.
    """
    printer = Dummy()
    printer.hw("INIT")
    printer._raw(_KOREAN)  # noqa: SLF001 - its own text() knows no CP949
    for line in lines:
        _print_line(printer, line)
    if qr:
        if len(qr) > _MOST_QR:
            raise OrderRefusedError(f"a QR code of {len(qr)} characters is too fine; {_MOST_QR} are the most")
        printer.set(align="center")
        # By the printer's own command: as a raster it would take the line for many seconds.
        printer.qr(qr, native=True, size=_QR_SIZE)
        printer.set(align="left")
    printer.cut()
    data: bytes = printer.output
    if len(data) > MOST_PRINT_BYTES:
        raise OrderRefusedError(f"a receipt of {len(data)} bytes; {MOST_PRINT_BYTES} can be printed at once")
    return data


def _print_line(printer: Dummy, line: object) -> None:
    if isinstance(line, Mapping):
        if line.keys() <= _COLUMNS:
            if value := _said(line.get("value")):
                _print_text(printer, _in_columns(_said(line.get("label")), value))
        elif line.keys() <= _STYLE:
            _print_styled(printer, line)
        else:
            raise OrderRefusedError(f"a receipt's line has no {', '.join(sorted(line.keys() - _STYLE - _COLUMNS))}")
    else:
        _print_text(printer, _said(line))


def _print_styled(printer: Dummy, line: Mapping[str, object]) -> None:
    align, size = str(line.get("align", "left")), str(line.get("size", "normal"))
    if align not in ALIGNMENTS or size not in _SIZES:
        raise OrderRefusedError(f"a receipt's line is left, center or right, normal or double; not {align} and {size}")
    is_bold, is_double = line.get("bold") is True, size == "double"
    printer.set(
        align=align, bold=is_bold, double_width=is_double, double_height=is_double, normal_textsize=not is_double
    )
    _print_text(printer, _said(line.get("text")))
    printer.set(align="left", bold=False, normal_textsize=True)


def _print_text(printer: Dummy, text: str) -> None:
    try:
        coded = text.encode("cp949")
    except UnicodeEncodeError as error:
        raise OrderRefusedError(f"'{text}' cannot be printed: '{text[error.start]}' is not in CP949") from None
    if not text.isprintable():
        raise OrderRefusedError(f"{text!r} holds a control character")
    printer._raw(coded + b"\n")  # noqa: SLF001 - as above


def _in_columns(label: str, value: str) -> str:
    gap = WIDTH - _columns(label) - _columns(value)
    return f"{label}{' ' * max(gap, 1)}{value}"


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _said(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone():%Y-%m-%d %H:%M:%S}"  # people read their own time
    return "" if value is None else str(value)
