"""How wide a text is drawn, without looking into any font.

A picture is laid out on one machine and looked at on another, so no single font's metrics are right. The widths here
are the widest of the fonts that a reader's machine is likely to draw with (DejaVu Sans, Noto Sans CJK, Nanum Gothic),
so that a label never outgrows its box; Hangul, kana and ideographs count as a full em.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from itertools import pairwise
from typing import Final

# Advance widths in thousandths of an em of the characters from space to tilde: the largest of the three fonts.
_ASCII: Final = (
    318, 424, 474, 838, 636, 1090, 780, 303, 390, 390, 606, 838, 318, 363, 318, 392, 636, 636, 636, 636, 636, 636, 636,
    636, 636, 636, 337, 337, 838, 838, 838, 545, 1000, 727, 686, 698, 770, 632, 575, 797, 752, 295, 535, 656, 557, 969,
    748, 787, 633, 787, 695, 635, 611, 732, 684, 1029, 685, 666, 685, 390, 966, 390, 838, 559, 606, 613, 635, 550, 635,
    615, 363, 635, 634, 278, 278, 579, 284, 974, 634, 612, 635, 635, 424, 521, 392, 634, 592, 848, 592, 592, 525, 636,
    337, 636, 838,
)  # fmt: skip
_BOLD: Final = 1.16
_WIDE: Final = 1.0
_EMOJI: Final = 1.4
_OTHER: Final = 0.85  # Greek, Cyrillic and whatever else is neither ASCII nor wide
_FIRST_ASCII: Final = 0x20
_FIRST_EMOJI: Final = 0x1F000


@lru_cache(maxsize=8192)
def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """The width in px of one line of text drawn at ``size`` px."""
    return sum(map(_ems, text)) * size * (_BOLD if bold else 1.0)


@lru_cache(maxsize=4096)
def _ems(character: str) -> float:
    code = ord(character)
    if 0 <= code - _FIRST_ASCII < len(_ASCII):
        return _ASCII[code - _FIRST_ASCII] / 1000
    if is_combining(character):
        return 0.0
    if code >= _FIRST_EMOJI:
        return _EMOJI
    # "A" is wide in a Korean font: arrows, ellipses, comparison signs.
    return _WIDE if unicodedata.east_asian_width(character) in "WFA" else _OTHER


def is_combining(character: str) -> bool:
    """Whether it is drawn onto the character before it: marks, joiners, and Hangul vowels and finals by themselves."""
    return unicodedata.category(character) in {"Mn", "Me", "Cf"} or "\u1160" <= character <= "\u11ff"


@lru_cache(maxsize=8192)
def columns(text: str) -> int:
    """Columns of a terminal: a Korean letter takes two, a combining mark none."""
    return sum(0 if is_combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def shorten(text: str, most: int) -> str:
    """At most ``most`` columns, with an ellipsis for what was cut off."""
    if columns(text) <= most:
        return text
    kept, used = "", 0
    for character in text:
        used += columns(character)
        if used > most - 1:
            break
        kept += character
    return kept.rstrip() + "…"


def wrap(text: str, most: int, lines: int) -> list[str]:
    """At most ``lines`` lines of at most ``most`` columns, broken at spaces where there are any; the rest is cut."""
    rest = text
    found: list[str] = []
    while columns(rest) > most and len(found) < lines - 1:
        cut = _cut(rest, most)
        found.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*found, shorten(rest, most)]


def _cut(text: str, most: int) -> int:
    """Where to break: after the last space that fits, unless that leaves a very short line."""
    fits, used = 0, 0
    for index, character in enumerate(text):
        used += columns(character)
        if used > most:
            break
        fits = index + 1
    spaces = [i + 1 for i, (a, _) in enumerate(pairwise(text)) if a == " " and i < fits]
    return spaces[-1] if spaces and spaces[-1] * 3 >= fits else max(fits, 1)


def has_hangul_or_han(text: str) -> bool:
    """Whether drawing it takes a font with Korean, Chinese or Japanese letters."""
    return any(unicodedata.east_asian_width(character) == "W" for character in text)
