"""The append-only journal: every committed record once more, outside the database.

Beside the database ``ledger.sqlite`` stands the folder ``ledger.sqlite.journal`` with one file a day (UTC, the day of
writing), ``2026-01-31.jsonl``. A line is one record as JSON in UTF-8, ended by a newline and fsynced::

    {"v":1,"sequence":7,"uuid":"…36…","rfid_uid":"04A1B2","weight":"12.340","unit":"kg",
     "measured_at":"2026-01-31T00:00:00.000000+00:00","line":"dock-1","raw_frame":"5354…","chart":"weighing",
     "chart_version":"1","committed_at":"2026-01-31T00:00:01.000000+00:00","crc":"9ae0daaf"}

(all on one line). ``weight`` is the exact decimal as text, ``raw_frame`` hexadecimal, ``crc`` the CRC-32 of the object
as it is without ``crc``, so that a rotten sector is seen. A record that has them also has ``extra`` (an object, written
as ``engine.store.fields`` says) and ``took`` (the key of the remembered row that it consumed). Whether a record was
uploaded is not here: a rebuilt database uploads again, and the server knows each uuid. Sequence numbers only rise
within a file.

A line is written after its commit. What a crash or a full disk kept out is told by the sequence numbers and appended
later; a torn last line is cut off first. The journal never makes a commit fail.

The other way round, a database that lacks what its journal holds beyond its newest record (the disk lied about a sync,
or a backup was put in its place) gets those records back when it is opened; a new, empty database does not.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from io import FileIO
from pathlib import Path
from typing import Final

import structlog

from engine.clock import Clock
from engine.ports import WeighingRecord
from engine.store.files import sync_directory, sync_file
from engine.store.lines import Line, day_files, decode_line, encode_line, read_files, read_journal

__all__ = ["Journal", "encode_line", "read_journal"]

log = structlog.get_logger(__name__)

_TAIL: Final = 8_192  # bytes read from a file's end at first; a line is about 500


class Journal:
    """Appends lines in the order of their sequence numbers. Belongs to one thread; raises nothing on a bad disk."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock
        self._file: FileIO | None = None
        self._day = ""
        self._is_scanned = False
        self._is_failing = False
        self._ends: dict[Path, int] = {}  # the last sequence number in each file, as found at the start
        self.last_sequence = 0  # the highest number that is in a file for certain

    def open(self) -> bool:
        """Learn what is there already and mend torn ends; False when the folder cannot be used now."""
        return self.append(())

    def append(self, lines: Sequence[Line]) -> bool:
        """Write and fsync what is not there yet; False when the disk refuses: try again with the next record."""
        try:
            self._scan()
            missing = [line for line in lines if line.sequence > self.last_sequence]
            if missing:
                self._write(self._today(), missing)
        except OSError as error:
            self._forget_file()
            if not self._is_failing:  # once, not with every box
                log.error(  # noqa: TRY400 - a full disk needs no traceback
                    "store.journal.failed", folder=str(self._directory), reason=str(error)
                )
            self._is_failing = True
            return False
        if self._is_failing and lines:
            log.info("store.journal.healed", folder=str(self._directory), sequence=self.last_sequence)
            self._is_failing = False
        return True

    def read_after(self, sequence: int) -> list[WeighingRecord]:
        """What the files held at the start beyond a sequence number, in order. Raises StoreError."""
        files = [path for path, last in self._ends.items() if last > sequence]
        records = [record for record in read_files(files) if (record.sequence or 0) > sequence]
        return sorted(records, key=lambda record: record.sequence or 0)

    def close(self) -> None:
        """Close today's file."""
        self._forget_file()

    def _scan(self) -> None:
        if self._is_scanned:
            return
        self._directory.mkdir(exist_ok=True)
        files = day_files(self._directory)
        if not files:
            sync_directory(self._directory.parent)
        self._ends = {path: _mend(path) for path in files}
        self.last_sequence = max(self.last_sequence, *self._ends.values(), 0)
        self._is_scanned = True

    def _today(self) -> FileIO:
        """Today's file, opened at midnight, and again when somebody moved or deleted it."""
        day = self._clock.now().date().isoformat()
        if self._file is not None and (day != self._day or os.fstat(self._file.fileno()).st_nlink == 0):
            self._forget_file()
        if self._file is None:
            self._file = FileIO(self._directory / f"{day}.jsonl", "ab")
            self._day = day
            if self._file.seek(0, os.SEEK_END) == 0:
                sync_directory(self._directory)
        return self._file

    def _write(self, file: FileIO, lines: Sequence[Line]) -> None:
        end = file.seek(0, os.SEEK_END)
        data = memoryview(b"".join(line.data for line in lines))
        try:
            while data:
                data = data[file.write(data) or 0 :]
            sync_file(file.fileno())
        except OSError:
            # Half a line, or lines of which nobody knows whether they are on the disk: take them back. If that fails
            # too, the next attempt reads the files' ends anew, so that nothing is written twice.
            self._is_scanned = False
            file.truncate(end)
            self._is_scanned = True
            raise
        self.last_sequence = lines[-1].sequence

    def _forget_file(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()


def _mend(path: Path) -> int:
    """Cut a torn last line off a file and give the sequence number of its last sound line, or 0. Raises OSError."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        length = _TAIL
        while True:
            start = max(0, size - length)
            file.seek(start)
            tail = file.read(size - start)
            sequence = _last_sequence(tail)
            if sequence or start == 0:
                break
            length *= 8
    whole = tail.rfind(b"\n") + 1
    if whole < len(tail):
        _end_line(path, start + whole, tail[whole:])
        sequence = max(sequence, _sequence(tail[whole:]))
    return sequence


def _end_line(path: Path, start: int, torn: bytes) -> None:
    with path.open("r+b") as file:
        if _sequence(torn):  # whole but for its newline
            file.seek(0, os.SEEK_END)
            file.write(b"\n")
        else:
            file.truncate(start)
        file.flush()
        sync_file(file.fileno())
    log.warning("store.journal.mended", file=str(path), torn_bytes=len(torn))


def _last_sequence(tail: bytes) -> int:
    for data in reversed(tail.split(b"\n")[:-1]):
        sequence = _sequence(data)
        if sequence:
            return sequence
    return 0


def _sequence(data: bytes) -> int:
    try:
        return decode_line(data).sequence or 0
    except ValueError:
        return 0
