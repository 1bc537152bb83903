"""Retry-After (RFC 9110, 10.2.3) in the forms and malformations that servers send."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from net_support import EXAMPLES

from engine.net.retry_after import MAX_RETRY_AFTER, parse_retry_after

NOW = datetime(2026, 2, 7, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "date", "seconds"),
    [
        (None, None, None),
        ("0", None, 0.0),
        (" 120 ", None, 120.0),
        ("99999999999999999999999999", None, MAX_RETRY_AFTER),
        ("-5", None, None),
        ("1.5", None, None),
        ("٣", None, None),
        ("", None, None),
        ("soon", None, None),
        ("Sat, 07 Feb 2026 12:00:30 GMT", None, 30.0),
        ("Sat, 07 Feb 2026 11:00:00 GMT", None, 0.0),
        ("Sat, 07 Feb 2026 18:00:00 GMT", None, MAX_RETRY_AFTER),
        ("Saturday, 07-Feb-26 12:00:30 GMT", None, 30.0),
        ("Sat Feb  7 12:00:30 2026", None, 30.0),
        ("Sun, 08 Feb 2026 12:00:30 GMT", "Sun, 08 Feb 2026 12:00:00 GMT", 30.0),
        ("Fri, 06 Feb 2026 12:00:30 GMT", "Fri, 06 Feb 2026 12:00:00 GMT", 30.0),
        ("Sat, 07 Feb 2026 12:00:30 GMT", "rubbish", 30.0),
    ],
)
def test_the_header_is_read_as_seconds_from_now(header, date, seconds):
    assert parse_retry_after(header, date, NOW) == seconds


@EXAMPLES
@given(header=st.text(), date=st.none() | st.text())
def test_no_header_raises_or_asks_for_more_than_an_hour(header, date):
    seconds = parse_retry_after(header, date, NOW)
    assert seconds is None or 0 <= seconds <= MAX_RETRY_AFTER
