"""Records every port of a service in the background, within a bound. What goes wrong here costs the recording only."""

from __future__ import annotations

import re
import shutil
import threading
from collections import deque
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from engine.clock import Clock
from engine.devices.record_settings import RecordSettings
from engine.devices.recording import FLUSH_S, Direction, RecordingWriter, Tap

log = structlog.get_logger(__name__)

_PARTS: Final = 8  # files that make up the whole: so much of it goes at a time when the oldest is removed
_RETRY_S: Final = 30.0
_JOIN_S: Final = 2.0
_MOST_WAITING: Final = 8 << 20  # bytes that wait for a disk which does not take them
_NAME: Final = re.compile(r"\d{8}T\d{6}Z-\d{3}\.rec\.gz")


class Recorder:
    """Takes what passes the ports, from any thread and without waiting, and writes it in a thread of its own."""

    def __init__(self, settings: RecordSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._ports: dict[str, dict[str, object]] = {}
        self._waiting: deque[tuple[str, bytes, float, Direction]] = deque()
        self._waiting_bytes = 0
        self._lost = 0  # chunks
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._writer: RecordingWriter | None = None
        self._run_began = f"{clock.now():%Y%m%dT%H%M%S.%fZ}"
        self._not_before = 0.0  # after a failure: when to try again
        # A daemon: a disk that hangs must not keep the service from ending.
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    def start(self) -> None:
        """Begin to write. Call once."""
        self._thread.start()

    def tap(self, name: str, **about: object) -> Tap:
        """What a link calls with everything that passes it; ``about`` is written down beside its name."""
        self._ports[name] = about
        return partial(self._take, name)

    def stop(self) -> None:
        """Write what is still here, and end, in at most two seconds."""
        self._stopping.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(_JOIN_S)

    def _take(self, port: str, direction: Direction, data: bytes, at: float) -> None:
        if self._waiting_bytes > _MOST_WAITING:
            self._lost += 1
            return
        self._waiting_bytes += len(data)  # roughly: two threads may count at once
        self._waiting.append((port, data, at, direction))
        self._wake.set()

    # The thread's side -----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait()
            self._stopping.wait(FLUSH_S)  # a second's worth at a time
            self._wake.clear()
            self._write_waiting()
        self._write_waiting()
        self._close()

    def _write_waiting(self) -> None:
        count = len(self._waiting)
        self._waiting_bytes = 0
        now = self._clock.monotonic()
        try:
            writer = self._open(now)
            for _ in range(count):
                port, data, at, direction = self._waiting.popleft()
                if writer is not None:
                    writer.write(port, data, at, direction)
            if writer is not None:
                writer.flush()
        except OSError as error:
            self._fail(str(error), now)
        if self._lost:
            log.warning("recording.chunks.lost", count=self._lost)
            self._lost = 0

    def _open(self, now: float) -> RecordingWriter | None:
        """The file to write to, a new one when it is time; None while it cannot be."""
        part = self._settings.max_size // _PARTS
        if self._writer is not None and self._writer.size >= part:
            self._close()
        if now < self._not_before:
            return None
        if self._writer is None:
            self._settings.directory.mkdir(parents=True, exist_ok=True)
        if (self._writer is None or self._is_disk_short()) and not self._make_room(part):
            raise OSError(f"less than {self._settings.min_free} bytes are free on the disk, and the ledger needs them")
        if self._writer is None:
            self._writer = RecordingWriter(self._new_path(), self._clock, self._ports, self._run_began)
            log.info("recording.file.opened", path=str(self._writer.path))
        return self._writer

    def _make_room(self, part: int) -> bool:
        """Remove the oldest files until there is room for another part; whether there is."""
        current = None if self._writer is None else self._writer.path
        files = sorted(path for path in self._settings.directory.iterdir() if _NAME.fullmatch(path.name))
        kept = [(path, path.stat().st_size) for path in files if path != current]
        room = self._settings.max_size - part
        while kept and (sum(size for _, size in kept) > room or self._is_disk_short()):
            oldest, _ = kept.pop(0)
            oldest.unlink(missing_ok=True)
            log.info("recording.file.removed", path=str(oldest))
        return not self._is_disk_short()

    def _is_disk_short(self) -> bool:
        return shutil.disk_usage(self._settings.directory).free < self._settings.min_free

    def _new_path(self) -> Path:
        stem = f"{self._clock.now():%Y%m%dT%H%M%SZ}"
        names = (self._settings.directory / f"{stem}-{number:03}.rec.gz" for number in range(1000))
        return next(path for path in names if not path.exists())

    def _close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is None:
            return
        try:
            writer.close()
            log.info("recording.file.closed", path=str(writer.path), size=writer.size)
        except OSError as error:
            self._fail(str(error), self._clock.monotonic())

    def _fail(self, reason: str, now: float) -> None:
        log.error("recording.file.failed", folder=str(self._settings.directory), reason=reason, again_in_s=_RETRY_S)
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.abandon()
        self._not_before = now + _RETRY_S
