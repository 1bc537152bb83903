"""Guess what a misspelt word was meant to be."""

from __future__ import annotations

from collections.abc import Iterable

_LONGEST_WORD = 60  # comparing is quadratic in the length; nobody misspells a name that long by accident
_CLOSE_ENOUGH = 0.6


def did_you_mean(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate closest to ``word``, or None when none is close; case, ``-`` and ``_`` make no difference."""
    if not word or len(word) > _LONGEST_WORD:
        return None
    from difflib import get_close_matches  # only when something is wrong

    by_form: dict[str, str] = {}
    for candidate in candidates:
        by_form.setdefault(_form(candidate), candidate)
    matches = get_close_matches(_form(word), by_form, n=1, cutoff=_CLOSE_ENOUGH)
    return by_form[matches[0]] if matches else None


def _form(word: str) -> str:
    return word.casefold().replace("-", "_").replace(" ", "_")
