"""Fill the placeholders of a sentence with a diagnostic's parameters."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Final

from engine.documents.catalog import Language, phrase, word

_WORD_PARAMS: Final = {"expected": "", "found": "found:", "kind": "kind:"}  # parameter: prefix of its own words
# Texts of Python or the system that are told in other words where they are known.
_FOREIGN: Final = {"reason": "reason:", "encoding": "encoding:"}
_CHOICE: Final = "one of "  # how a choice shows its type
_WHOLE: Final = frozenset({"places", "detail", "known", "cycle"})  # shown however long they are
_LISTS: Final = frozenset({"allowed", "known"})
_MOST_LISTED: Final = 20  # as many as a step has keys
_LONGEST_SHOWN: Final = 80
_FINAL_DIGITS: Final = frozenset("013678")  # 영, 일, 삼, 육, 칠, 팔 end in a consonant
_HANGUL_FIRST, _HANGUL_LAST, _FINALS, _FINAL_L = 0xAC00, 0xD7A3, 28, 8


class _Text(str):
    """A filled-in value. Its format spec ``은/는`` gives the Korean particle that follows it instead of the value."""

    __slots__ = ()

    def __format__(self, spec: str) -> str:
        return _particle(self, spec) if "/" in spec else str.__format__(self, spec)


def fill(template: str, params: Mapping[str, object], language: Language) -> str:
    """The sentence; a parameter that it needs and does not get is shown as ``{name}``, for the text must come out."""
    return template.format_map(_Params(params, language))


class _Params(dict[str, object]):
    def __init__(self, params: Mapping[str, object], language: Language) -> None:
        super().__init__({name: _Text(_show(name, value, language)) for name, value in params.items()})

    def __missing__(self, name: str) -> str:
        return _Text(f"{{{name}}}")


def _show(name: str, value: object, language: Language) -> str:
    if name in _LISTS and not value:
        return phrase("none", language)
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(map(str, value)) if isinstance(value, set | frozenset) else list(map(str, value))
        if name in _WORD_PARAMS:
            return phrase("or", language).join(_word(name, item, language) for item in items)
        shown = ", ".join(items[:_MOST_LISTED])
        return f"{shown}, …" if len(items) > _MOST_LISTED else shown
    text = str(value)
    if name in _WORD_PARAMS:
        text = _word(name, text, language)
    elif name in _FOREIGN:
        own = _FOREIGN[name] + text
        text = text if (told := word(own, language)) == own else told
    return visible(text if len(text) <= _LONGEST_SHOWN or name in _WHOLE else text[:_LONGEST_SHOWN] + "…")


def _word(name: str, value: str, language: Language) -> str:
    """The word for a kind of value; several may come as one text (``list, map, text``)."""
    own = _WORD_PARAMS[name] + value
    found = word(own, language)
    if found != own:
        return found
    if value.startswith(_CHOICE):
        return phrase("one-of", language).format(choices=value.removeprefix(_CHOICE))
    return ", ".join(word(one, language) for one in value.split(", "))


def visible(text: str) -> str:
    """The text with everything that could move a terminal's cursor or colour it replaced; tabs become spaces."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(" " if c == "\t" else "\N{REPLACEMENT CHARACTER}" if _moves(c) else c for c in text)


def _moves(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp", "Cs"}


def _particle(text: str, forms: str) -> str:
    """Choose between the form after a consonant and the one after a vowel (``은/는``); both where it cannot be told."""
    after_consonant, _, after_vowel = forms.partition("/")
    last = text.rstrip("'\")]}")[-1:]
    if _HANGUL_FIRST <= ord(last or " ") <= _HANGUL_LAST:
        final = (ord(last) - _HANGUL_FIRST) % _FINALS
        ends_in_consonant = final != 0 and not (final == _FINAL_L and after_vowel == "로")
        return after_consonant if ends_in_consonant else after_vowel
    if last.isascii() and last.isdigit():
        ends_in_consonant = last in _FINAL_DIGITS and not (last in "178" and after_vowel == "로")
        return after_consonant if ends_in_consonant else after_vowel
    if after_consonant.endswith(after_vowel):  # 으로/로, 이라는/라는
        return f"({after_consonant.removesuffix(after_vowel)}){after_vowel}"
    return f"{after_consonant}({after_vowel})"
