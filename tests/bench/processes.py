"""The processes that are measured, as they run in a hall: the service alone in one, hall and server in another."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import psutil

_POLL_S: Final = 0.01
_ENDS_WITHIN_S: Final = 10.0

Fact = dict[str, Any]


class RunFailedError(Exception):
    """A process did not do what a measurement needs."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used until a moment."""

    at: float  # monotonic seconds
    cpu_s: float  # user and system, all threads
    rss: int  # bytes
    switches: int  # voluntary ones: how often a thread went to sleep
    queued_s: float  # ready to run, and waiting for a core that others had; nan where the system does not tell


class Service:
    """``engine run`` as a process of its own. Its log, JSON lines in a file, is how anything is learned of it."""

    def __init__(self, site: Path, log: Path) -> None:
        self._log = log
        self._read = 0
        self._facts: list[Fact] = []
        self.spawned_at = time.time()  # the log's stamps are calendar times too
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "engine", "run", "--config", str(site)],
                cwd=site.parent,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=environment(),
            )
        self._watched = psutil.Process(self._process.pid)

    def usage(self) -> Usage:
        """What it has used so far. Raises RunFailedError when it is gone."""
        try:
            cpu = self._watched.cpu_times()
            return Usage(
                time.monotonic(),
                cpu.user + cpu.system,
                self._watched.memory_info().rss,
                self._watched.num_ctx_switches().voluntary,
                _queued(self._process.pid),
            )
        except psutil.NoSuchProcess:
            raise RunFailedError(f"the service ended by itself; its log: {self._log}") from None

    def facts(self) -> list[Fact]:
        """What it has logged so far."""
        with self._log.open("rb") as file:
            file.seek(self._read)
            data = file.read()
        whole = data.rfind(b"\n") + 1
        self._read += whole
        for line in data[:whole].splitlines():
            with suppress(ValueError):  # a traceback, perhaps; it is in the file
                self._facts.append(json.loads(line))
        return self._facts

    def wait_for(self, what: str, is_so: Callable[[list[Fact]], bool], within: float) -> None:
        """Wait until the log makes something true. Raises RunFailedError."""
        end = time.monotonic() + within
        while not is_so(self.facts()):
            if self._process.poll() is not None:
                raise RunFailedError(f"the service ended by itself; its log: {self._log}")
            if time.monotonic() > end:
                raise RunFailedError(f"{what}: not within {within:g} s; the service's log: {self._log}")
            time.sleep(_POLL_S)

    def stop(self) -> float:
        """SIGTERM; seconds until it had ended. Raises RunFailedError when it did not end well."""
        asked = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(_ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            raise RunFailedError(f"the service did not end within {_ENDS_WITHIN_S:g} s of SIGTERM") from None
        if code:
            raise RunFailedError(f"the service ended with {code}; its log: {self._log}")
        return time.monotonic() - asked

    def kill(self) -> None:
        """Whatever happens, nothing is left running."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


@contextmanager
def service(site: Path, log: Path) -> Iterator[Service]:
    """A running service; killed on the way out if it was not stopped."""
    running = Service(site, log)
    try:
        yield running
    finally:
        running.kill()


@contextmanager
def hall(folder: Path, *, lines: int, seconds: float) -> Iterator[subprocess.Popen[str]]:
    """A hall and its server, listening; ``site.yaml`` in the folder is for a gateway in it."""
    command = ["engine.sim.hall", "--lines", str(lines), "--seconds", str(seconds), "--site", "site.yaml"]
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=environment(),
    )
    try:
        assert process.stdout is not None
        if not process.stdout.readline():
            raise RunFailedError(f"the hall did not open: {process.communicate()[1]}")
        yield process
    finally:
        process.kill()
        process.communicate()


def seconds_of(fact: Fact) -> float:
    """The calendar time of a logged fact, in seconds."""
    return datetime.fromisoformat(fact["timestamp"]).timestamp()


def _queued(pid: int) -> float:
    """Seconds that a process's threads were kept waiting for a core (Linux: sched-stats, second field)."""
    try:
        stats = [path.read_text("ascii") for path in Path(f"/proc/{pid}/task").glob("*/schedstat")]
        return sum(int(stat.split()[1]) for stat in stats) / 1e9 if stats else math.nan
    except OSError:  # a thread that ended meanwhile, or no Linux
        return math.nan


def environment() -> dict[str, str]:
    """What a process is started with. Bytecode is kept, as it is wherever engine is installed: without it every start
    compiles some hundred modules anew. It is kept apart, so that the checkout stays clean.
    """
    bytecode = Path(tempfile.gettempdir()) / f"engine-bench-bytecode-{os.getuid() if hasattr(os, 'getuid') else ''}"
    chosen = {"PYTHONUTF8": "1", "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONPYCACHEPREFIX": str(bytecode)}
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"} | chosen
