"""A file of room kept in reserve. On a full disk even a delete or a checkpoint fails; giving this up mends that."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

import structlog

from engine.clock import Clock

log = structlog.get_logger(__name__)

_RETRY_S: Final = 60.0
_CHUNK: Final = bytes(1 << 20)


class Ballast:
    """``size`` bytes, really allocated, beside the database: laid when there is room, freed when there is none."""

    def __init__(self, path: Path, size: int, clock: Clock) -> None:
        self._path = path
        self._size = size
        self._clock = clock
        self._is_laid = False
        self._next_try = 0.0

    def free(self) -> bool:
        """Give the room up; False when it was not there."""
        self._is_laid = False
        self._next_try = self._clock.monotonic() + _RETRY_S
        try:
            self._path.unlink()
        except OSError:
            return False
        log.error("store.ballast.freed", file=str(self._path), bytes=self._size)
        return True

    def lay(self) -> None:
        """Have the file there again, tried once a minute, as soon as twice its size is free. Never raises."""
        if self._is_laid or self._clock.monotonic() < self._next_try:
            return
        self._next_try = self._clock.monotonic() + _RETRY_S
        try:
            self._is_laid = self._is_whole() or self._allocate()
        except OSError as error:
            self._path.unlink(missing_ok=True)
            log.warning("store.ballast.refused", file=str(self._path), reason=str(error))

    def _is_whole(self) -> bool:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return False
        # A sparse copy (from a backup, say) has the size without the room.
        return found.st_size == self._size and getattr(found, "st_blocks", self._size) * 512 >= self._size

    def _allocate(self) -> bool:
        free = shutil.disk_usage(self._path.parent).free
        if free < 2 * self._size:
            log.warning("store.ballast.missing", file=str(self._path), free_bytes=free, needed_bytes=2 * self._size)
            return False
        with self._path.open("wb") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, self._size)
            else:
                for _ in range(self._size // len(_CHUNK)):
                    file.write(_CHUNK)
        return True
