"""The shape of an entry in the catalogue."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One code: its sentence, the cause behind it, and what to do about it."""

    message: str
    cause: str
    mend: str
