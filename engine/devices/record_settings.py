"""What a site says of its recordings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RecordSettings:
    """Where recordings go, how many bytes they may take in all, and how many must stay free on the disk."""

    directory: Path
    max_size: int = 200_000_000
    min_free: int = 200_000_000
