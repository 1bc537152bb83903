"""Times and texts as every database here can hold them."""

from __future__ import annotations

from datetime import UTC, datetime

from engine.ports import StoreError


def utc_text(moment: datetime) -> str:
    """A moment as it is stored: ISO 8601, UTC, microseconds, so that text order is time order. Raises StoreError."""
    if moment.tzinfo is None:
        raise StoreError(f"the time {moment.isoformat()} has no UTC offset; a stored time must be aware")
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def parse_utc(text: str) -> datetime:
    """A stored time; one without an offset (written by other hands) is taken as UTC."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def clean_text(text: str) -> str:
    """The text without NUL and lone surrogates, which databases refuse (a server's JSON may hold either)."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
