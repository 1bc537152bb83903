"""What a master has of its warden (:mod:`engine.station.warden`): started, told, and started again when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Final, Self

import structlog

import engine
from engine.station.leftovers import started
from engine.station.warden import NAME

log = structlog.get_logger(__name__)

_AGAIN_S: Final = 0.2
_ROOT: Final = str(Path(engine.__file__).parent.parent)
_CODE: Final = "import sys; sys.path.insert(0, sys.argv[1]); from engine.station.warden import main; main()"


class Wardship:
    """Use it as a context manager, in the loop. ``folder`` is what the warden removes when the master dies.

    Without a warden where there are no sessions (Windows), or none can be started: everything works as well, only
    nobody ends what is left of a run whose master is killed. It is tried again and again then.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._wards: dict[int, list[str]] = {}  # what the warden was told of each process
        self._popen: subprocess.Popen[bytes] | None = None
        self._again: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        if os.name == "posix":
            self._start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._again is not None:
            self._again.cancel()
        popen, self._popen = self._popen, None
        if popen is None:
            return
        _forget(popen, self._loop)
        if not self._wards:  # else it does what it is there for
            popen.kill()
            popen.wait()

    @property
    def pid(self) -> int | None:
        """The warden's process."""
        return None if self._popen is None else self._popen.pid

    def watch(self, pid: int, mark: str) -> None:
        """A process of a batch has been started; it is not reaped yet. ``mark`` is what its descendants carry."""
        self._wards[pid] = [f"watch {pid} {started(pid) or 0} {mark}"]
        self._tell(self._wards[pid])

    def allow(self, pid: int, seconds: float) -> None:
        """How long a process takes at most to end by itself once its master is gone."""
        if pid in self._wards:
            self._wards[pid][1:] = [f"allow {pid} {seconds:.3f}"]
            self._tell(self._wards[pid][1:])

    def forget(self, pid: int) -> None:
        """A process is dead, and what it left has been ended."""
        if self._wards.pop(pid, None) is not None:
            self._tell([f"forget {pid}"])

    def _start(self) -> None:
        self._again = None
        self._loop = asyncio.get_running_loop()
        command = [sys.executable, "-I", "-S", "-c", _CODE, _ROOT, NAME]
        try:
            popen = subprocess.Popen(  # noqa: S603 - our own module
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                start_new_session=True, cwd="/",
            )  # fmt: skip
        except OSError as error:
            log.error("station.warden.not_started", reason=str(error))  # noqa: TRY400 - it is no bug
            self._start_again()
            return
        assert popen.stdin is not None
        assert popen.stdout is not None
        os.set_blocking(popen.stdin.fileno(), False)
        self._popen = popen
        self._loop.add_reader(popen.stdout, self._died)
        self._tell([f"folder {self._folder}"] if self._folder is not None else [])
        for told in self._wards.values():
            self._tell(told)

    def _tell(self, lines: list[str]) -> None:
        if self._popen is None or not lines:
            return
        assert self._popen.stdin is not None
        try:
            os.write(self._popen.stdin.fileno(), "".join(f"{line}\n" for line in lines).encode())
        except OSError:  # it is dead, or stands still: another one is told everything
            self._popen.kill()

    def _died(self) -> None:
        popen, self._popen = self._popen, None
        if popen is None:
            return
        _forget(popen, self._loop)
        popen.kill()
        log.warning("station.warden.died", pid=popen.pid, code=popen.wait())
        self._start_again()

    def _start_again(self) -> None:
        self._again = self._loop.call_later(_AGAIN_S, self._start)


def _forget(popen: subprocess.Popen[bytes], loop: asyncio.AbstractEventLoop) -> None:
    """Close the pipes; a warden that lives takes it for the master's end."""
    assert popen.stdin is not None
    assert popen.stdout is not None
    loop.remove_reader(popen.stdout)
    popen.stdout.close()
    with contextlib.suppress(OSError):
        popen.stdin.close()
