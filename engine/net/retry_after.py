"""``Retry-After``: how long a server asks to be left alone (RFC 9110, section 10.2.3)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

MAX_RETRY_AFTER: Final = 3600.0  # seconds; a wrong header must not hold the outbox for longer

_SECONDS: Final = re.compile(r"\d+\Z", re.ASCII)
_MAX_DIGITS: Final = 9


def parse_retry_after(value: str | None, date: str | None, now: datetime) -> float | None:
    """Seconds to wait, from 0 to MAX_RETRY_AFTER; None when the header is missing or unreadable.

    A moment is measured against the ``Date`` of the same answer: both are the server's clock, which may be a day off
    ours. Only without a readable ``Date`` does ``now`` (aware) stand in.
    """
    if value is None:
        return None
    value = value.strip()
    if _SECONDS.match(value):
        return MAX_RETRY_AFTER if len(value) > _MAX_DIGITS else min(float(value), MAX_RETRY_AFTER)
    moment = _parse_date(value)
    if moment is None:
        return None
    sent_at = _parse_date(date.strip()) if date is not None else None
    return min(max((moment - (sent_at or now)).total_seconds(), 0.0), MAX_RETRY_AFTER)


def _parse_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
        # The obsolete asctime form and the zone '-0000' come back without an offset; HTTP dates are UTC.
        return moment.astimezone(UTC) if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
