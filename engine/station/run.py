"""``engine station``: the master as a process, ended by SIGTERM or SIGINT.

It starts in this order: configuration, database, batches, sync and API, the batches that start by themselves, ready;
and ends in the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

from engine.clock import SystemClock
from engine.service import logs
from engine.service.lean_structlog import structlog
from engine.station.config import load_station
from engine.station.errors import StationError
from engine.station.settings import StationSettings
from engine.station.station import Station

log = structlog.get_logger(__name__)

_TURN_S: Final = 0.0005
_LARGEST_LOG: Final = 10_000_000  # bytes; one older file is kept


def run_station(path: Path, env: Mapping[str, str] = os.environ) -> int:
    """Run until told to stop; 0 then.

    Raises DiagnosticError for what the file says, EngineError when the station cannot start.
    """
    settings = load_station(path, env)
    file = settings.data / "logs" / "station.log"
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        opened = _Log(file)
    except OSError as error:
        raise StationError(
            f"{settings.data}: the station cannot write to its data ({error.strerror}: '{error.filename}'); "
            "make this a folder that its user may write to, or change paths.data"
        ) from error
    with opened as lines:
        sinks: list[logs.Sink] = []
        out: Any = lines  # write and flush are all that is used
        logs.configure("info", "json", file=out, sink=lambda event, values: _tell(sinks, event, values))
        asyncio.run(_serve(settings, env, sinks))
    return 0


def _tell(sinks: Sequence[logs.Sink], event: str, values: dict[str, Any]) -> None:
    for sink in sinks:
        sink(event, values)


async def _serve(settings: StationSettings, env: Mapping[str, str], sinks: list[logs.Sink]) -> None:
    from engine.station.web.service import StationService  # FastAPI: half a second that only serving needs

    stopped = asyncio.Event()
    on_signals(stopped.set)
    async with Station(settings, SystemClock(), starts=False) as station, StationService(station, env) as service:
        sinks.append(service.face.logbook.take)
        station.auto_start()
        await until_first(stopped.wait(), station.ready())
        stay_prompt()
        if not stopped.is_set():
            log.info("station.ready", station=settings.id, batches=len(settings.batches))
        await stopped.wait()
        log.info("station.stopping", station=settings.id)


def stay_prompt() -> None:
    """Spend no time on what stays for years, and let the thread of the database have its turn soon.

    Looking through everything that was imported for garbage takes 60 ms; a thread that wants its turn waits 5 ms for
    it as Python is set at first, which is as long as a whole commit takes.
    """
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(_TURN_S)


async def until_first(*waits: object) -> None:
    """Wait for whichever is over first; the others are given up."""
    tasks = {asyncio.ensure_future(one) for one in waits}  # type: ignore[call-overload]  # awaitables of any kind
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


def on_signals(stop: Callable[[], object]) -> None:
    """Call ``stop`` on the running loop for SIGTERM and SIGINT, and on Windows for Ctrl-Break."""
    loop = asyncio.get_running_loop()
    names = ["SIGTERM", "SIGINT", "SIGBREAK"]
    for number in (getattr(signal, name) for name in names if hasattr(signal, name)):
        try:
            loop.add_signal_handler(number, stop)
        except NotImplementedError:  # Windows: its loops know no signal handlers
            signal.signal(number, lambda _number, _frame: loop.call_soon_threadsafe(stop))


class _Log:
    """Lines go to standard output and to a file, of which the last ten megabytes at least are kept. Raises OSError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("a", encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, text: str) -> None:
        """Write a line to both."""
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.write(text)
        if self._file.tell() > _LARGEST_LOG:
            self._file.close()
            self._path.replace(self._path.with_suffix(".log.1"))
            self._file = self._path.open("a", encoding="utf-8")
        self._file.write(text)

    def flush(self) -> None:
        """Hand on what waits."""
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
        self._file.flush()

    def isatty(self) -> bool:
        """Never in colour."""
        return False
