"""Files made durable: data, and the directory entry that names them."""

from __future__ import annotations

import os
from pathlib import Path


def sync_file(descriptor: int) -> None:
    """Bring a file's data and size to the disk. Raises OSError."""
    # fdatasync leaves out only times, which nobody reads back.
    getattr(os, "fdatasync", os.fsync)(descriptor)


def sync_directory(directory: Path) -> None:
    """Bring the names in a directory to the disk, so that a new file outlives a power cut. Raises OSError."""
    if os.name == "nt":  # a directory cannot be opened there; NTFS journals its entries
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
