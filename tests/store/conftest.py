"""Fixtures of all the store's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _no_ballast_left(tmp_path: Path) -> Iterator[None]:
    """pytest keeps the folders of three runs; the reserves in them would be gigabytes."""
    yield
    for ballast in tmp_path.glob("**/*.ballast"):
        ballast.unlink()
