"""The columns that the entities of every database of ours have in common."""

from __future__ import annotations

from typing import Any

from pony.orm import Optional


def text(**options: Any) -> Any:
    """A text, empty where nothing is said. Never stripped, as Pony would by default."""
    return Optional(str, autostrip=False, **options)


def maybe() -> Any:
    """A text, or NULL."""
    return text(nullable=True)
