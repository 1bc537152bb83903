"""Locks of the operating system by name, one file each: whoever holds one has it until its process ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from engine.errors import EngineError

_POLL_S: Final = 0.02
_ODD: Final = re.compile(r"[^A-Za-z0-9._-]")


class LockHeldError(EngineError):
    """Somebody else has the lock."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has a lock: its process, and the batch that this is of."""

    pid: int
    batch_id: str


def batch_lock(batch_id: str) -> str:
    """The lock that the one process of a batch holds."""
    return f"batch-{batch_id}"


def hardware_lock(resource: str) -> str:
    """The lock of a piece of hardware."""
    return f"hardware-{resource}"


def step_lock(resource: str) -> str:
    """The lock of something that steps of several batches share."""
    return f"step-{resource}"


class Locks:
    """The locks of one process in one folder."""

    def __init__(self, folder: Path, batch_id: str) -> None:
        self._folder = folder
        self._batch_id = batch_id
        self._held: dict[str, FileLock] = {}

    def take(self, name: str) -> None:
        """Take a lock at once, to keep it. Raises LockHeldError naming the holder, OSError when it cannot be made."""
        if not self._try(name):
            holder = holder_of(self._folder, name)
            told = f"batch '{holder.batch_id}' (process {holder.pid})" if holder is not None else "another process"
            raise LockHeldError(f"'{name}' is held by {told}")

    async def wait_for(self, name: str) -> None:
        """Wait until the lock is ours; cancelled, it is not."""
        while not self._try(name):  # noqa: ASYNC110 - a file's lock tells nobody that it is free
            await asyncio.sleep(_POLL_S)

    def release(self, name: str) -> None:
        """Give a lock back; nothing happens when it is not held."""
        lock = self._held.pop(name, None)
        if lock is not None:
            with contextlib.suppress(OSError):
                _holder_file(self._folder, name).unlink(missing_ok=True)
            lock.release()

    def release_all(self) -> None:
        """Give everything back."""
        for name in list(self._held):
            self.release(name)

    def _try(self, name: str) -> bool:
        if name in self._held:
            return False
        lock = FileLock(str(lock_file(self._folder, name)), thread_local=False)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return False
        self._held[name] = lock
        # Beside the lock, not in it: Windows keeps others from reading a locked range.
        with contextlib.suppress(OSError):
            text = json.dumps({"pid": os.getpid(), "batch_id": self._batch_id})
            _holder_file(self._folder, name).write_text(text, encoding="utf-8")
        return True


def is_held(folder: Path, name: str) -> bool:
    """Whether some process holds a lock."""
    file = lock_file(folder, name)
    if not file.exists():
        return False
    lock = FileLock(str(file), thread_local=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    lock.release()
    return False


def holder_of(folder: Path, name: str) -> Holder | None:
    """Who has a lock, or had it when its process was killed; None when that is not known."""
    try:
        raw = json.loads(_holder_file(folder, name).read_text(encoding="utf-8"))
        return Holder(int(raw["pid"]), str(raw["batch_id"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def forget_holder(folder: Path, name: str) -> None:
    """What is known of a holder is of no more use."""
    with contextlib.suppress(OSError):
        _holder_file(folder, name).unlink(missing_ok=True)


def lock_file(folder: Path, name: str) -> Path:
    """The file of a lock. Two names never share one: what a file's name cannot hold is written as its number."""
    return folder / (_ODD.sub(lambda odd: f"%{ord(odd[0]):x}%", name) + ".lock")


def _holder_file(folder: Path, name: str) -> Path:
    return lock_file(folder, name).with_suffix(".holder")
