"""Locks of the operating system by name, one file each: whoever holds one has it until its process ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from engine.errors import EngineError
from engine.station.leftovers import own_mark

_POLL_S: Final = 0.02
_ODD: Final = re.compile(r"[^A-Za-z0-9._-]")


class LockHeldError(EngineError):
    """Somebody else has the lock."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has a lock: its process, the batch that this is of, and the mark that all it starts carries.

    ``ends_within``: seconds that it takes to end at most, once its master is gone; 0 while it has not said.
    """

    pid: int
    batch_id: str
    mark: str = ""
    ends_within: float = 0.0


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
        self._held: dict[str, int] = {}  # open files

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
        handle = self._held.pop(name, None)
        if handle is not None:
            with contextlib.suppress(OSError):
                _holder_file(self._folder, name).unlink(missing_ok=True)
            os.close(handle)

    def release_all(self) -> None:
        """Give everything back."""
        for name in list(self._held):
            self.release(name)

    def _try(self, name: str) -> bool:
        if name in self._held:
            return False
        handle = _locked(lock_file(self._folder, name))
        if handle is None:
            return False
        self._held[name] = handle
        self.tell(name)
        return True

    def tell(self, name: str, ends_within: float = 0.0) -> None:
        """Tell everybody who has a lock, and how long that process takes to end."""
        told = Holder(os.getpid(), self._batch_id, own_mark(), ends_within)
        # Beside the lock, not in it: Windows keeps others from reading a locked range.
        file = _holder_file(self._folder, name)
        unfinished = file.with_suffix(".part")
        with contextlib.suppress(OSError):
            unfinished.write_text(json.dumps(asdict(told)), encoding="utf-8")
            unfinished.replace(file)  # whoever reads it meanwhile reads what it was before


def is_held(folder: Path, name: str) -> bool:
    """Whether some process holds a lock."""
    file = lock_file(folder, name)
    if not file.exists():
        return False
    handle = _locked(file)
    if handle is None:
        return True
    os.close(handle)
    return False


def holder_of(folder: Path, name: str) -> Holder | None:
    """Who has a lock, or had it when its process was killed; None when that is not known."""
    try:
        raw = json.loads(_holder_file(folder, name).read_text(encoding="utf-8"))
        ends_within = float(raw.get("ends_within", 0.0))
        return Holder(int(raw["pid"]), str(raw["batch_id"]), str(raw.get("mark", "")), ends_within)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def forget_holder(folder: Path, name: str) -> None:
    """What is known of a holder is of no more use."""
    with contextlib.suppress(OSError):
        _holder_file(folder, name).unlink(missing_ok=True)


def lock_file(folder: Path, name: str) -> Path:
    """The file of a lock. Two names never share one: what a file's name cannot hold is written as its number."""
    return folder / (_ODD.sub(lambda odd: f"%{ord(odd[0]):x}%", name) + ".lock")


def _locked(file: Path) -> int | None:
    """The file, open and locked until it is closed; None when somebody else has it. Raises OSError.

    By hand: ``filelock`` does the same, and takes a tenth of a process's start to import.
    """
    handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock(handle)
    except (BlockingIOError, PermissionError):  # the second on Windows
        os.close(handle)
        return None
    except BaseException:
        os.close(handle)
        raise
    return handle


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _holder_file(folder: Path, name: str) -> Path:
    return lock_file(folder, name).with_suffix(".holder")
