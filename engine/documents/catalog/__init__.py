"""What each diagnostic code says, why it comes up and how to mend it, in English and Korean.

To add a code: write an :class:`Entry` under it in ``en.py`` and in ``ko.py``, with the same placeholders; they are
filled from ``Diagnostic.params``. An area with many codes gets a pair of modules of its own, named in ``_PARTS``.

- A parameter that is a list or tuple is shown joined by commas.
- One called ``expected``, ``found`` or ``kind`` is a word of ``WORDS`` (or several) and is translated.
- One called ``reason`` or ``encoding`` is told in the words of ``WORDS`` where they know it (``reason:...``), else as
  it is.
- One called ``write``, unless empty, is the mend: what to write instead.
- One called ``guess``, unless it is None or empty, adds "did you mean" by itself.
- In Korean, ``{key:은/는}`` gives the particle that fits the value of ``key``, without the value.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Final

from engine.documents.catalog.entry import Entry
from engine.documents.language import Language

_PARTS: Final[dict[Language, tuple[str, ...]]] = {
    "en": (
        "en",
        "en_yaml",
        "en_chart",
        "en_lint",
        "en_ports",
        "en_cards",
        "en_profiles",
        "en_sequence",
        "en_terminal",
        "en_station",
    ),
    "ko": (
        "ko",
        "ko_yaml",
        "ko_chart",
        "ko_lint",
        "ko_ports",
        "ko_cards",
        "ko_profiles",
        "ko_sequence",
        "ko_terminal",
        "ko_station",
    ),
}

__all__ = ["Entry", "Language", "codes", "entry", "phrase", "word"]


@cache
def _entries(language: Language) -> dict[str, Entry]:
    """All entries of a language. A code told twice is our own mistake."""
    merged: dict[str, Entry] = {}
    for part in _PARTS[language]:
        entries: dict[str, Entry] = import_module(f"{__name__}.{part}").ENTRIES
        twice = merged.keys() & entries.keys()
        assert not twice, f"codes told twice: {sorted(twice)}"
        merged.update(entries)
    return merged


def codes(language: Language = "en") -> frozenset[str]:
    """Every code that the catalogue of a language knows."""
    return frozenset(_entries(language))


def entry(code: str, language: Language = "en") -> Entry | None:
    """What the catalogue tells about a code; None for one it does not know."""
    return _entries(language).get(code)


def word(name: str, language: Language = "en") -> str:
    """The name of a kind of value (``duration``, ``list``) as people say it; an unknown name stays as it is."""
    return _texts("WORDS", language).get(name, name)


def phrase(name: str, language: Language = "en") -> str:
    """A fixed phrase around sentences (``did-you-mean``, ``or``) or a note on a related place (``first-place``)."""
    return _texts("PHRASES", language).get(name, name)


@cache
def _texts(kind: str, language: Language) -> dict[str, str]:
    """The words or phrases of a language."""
    merged: dict[str, str] = {}
    for part in _PARTS[language]:
        merged.update(getattr(import_module(f"{__name__}.{part}"), kind, {}))
    return merged
