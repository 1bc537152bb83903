"""The number of a device as a site writes it, and as it stands in the frames of its protocol."""

from __future__ import annotations

from typing import Final

_MOST_COUNTED: Final = 99


def encode_id(text: str, width: int) -> bytes | None:
    """``text`` in the ``width`` characters that a frame has for it; None when it does not fit.

    One character counts on from ``0``: ten is ``:`` and 99 is 0x93 (CAS NT-200 manual, p. 48). Several have leading
    zeros.
    """
    if text.isdecimal() and text.isascii():
        if width == 1 and int(text) <= _MOST_COUNTED:
            return bytes((ord("0") + int(text),))
        text = text.zfill(width)
    fits = len(text) == width and all("!" <= letter <= "~" for letter in text)
    return text.encode("ascii") if fits else None
