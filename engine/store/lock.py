"""One service on one database: an operating-system lock beside the file, which dies with its process."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from filelock import FileLock, Timeout

from engine.ports import StoreLockedError


class HolderLock:
    """The lock ``<database>.lock``, and ``<database>.pid`` beside it that says whose it is."""

    def __init__(self, database: Path, setting: str) -> None:
        self._database = database
        self._setting = setting  # where a person says which database it is
        # The pid is not in the lock file itself: Windows keeps others from reading a locked range.
        self._pid_file = database.with_name(database.name + ".pid")
        self._lock = FileLock(str(database.with_name(database.name + ".lock")), thread_local=False)

    def acquire(self) -> None:
        """Take the lock or raise StoreLockedError at once. Raises OSError when the folder cannot be written."""
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            raise StoreLockedError(
                f"{self._database}: another service has this database open ({self._holder()}); "
                f"stop it first, or give this one a {self._setting} of its own"
            ) from None
        with contextlib.suppress(OSError):  # a full disk: the lock holds without it
            self._pid_file.write_text(f"{os.getpid()}\n", encoding="ascii")

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self._lock.is_locked:
            with contextlib.suppress(OSError):
                self._pid_file.unlink(missing_ok=True)
            self._lock.release()

    def _holder(self) -> str:
        try:
            return f"process {int(self._pid_file.read_text(encoding='ascii'))}"
        except (OSError, ValueError):
            return "its process id is not known"
