"""What every test leaves behind is what it found."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def _own_logs() -> Iterator[None]:
    """A test that quietens the log, or runs a command that sets it up, does so for itself alone."""
    yield
    structlog.reset_defaults()
