r"""Recordings: every byte of every port with its time, as docs/recording-format.md says.

    writer = RecordingWriter(Path("dock.rec.gz"), clock)
    writer.write("dock-1/scale", b"ST,GS,+0012.340kg\r\n", clock.monotonic())
    writer.close()
    for entry in read_recording([Path("dock.rec.gz")]):
        ...

A file is text under gzip, brought to the operating system every second: what is killed loses that second, no more.
"""

from __future__ import annotations

import contextlib
import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import FileIO
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from engine.clock import Clock
from engine.errors import EngineError

FORMAT: Final = "scaleledger-recording"
VERSION: Final = 1
RECEIVED: Final = "<"
SENT: Final = ">"
LINK_UP: Final = "+"
LINK_DOWN: Final = "-"
FLUSH_S: Final = 1.0
_FIRST_YEAR, _LAST_YEAR = 1970, 2999
_LONGEST_GAP_US: Final = 366 * 24 * 3600 * 1_000_000

NEW_RUN: Final = "*"  # of no port: what recorded before has ended, and what follows was begun anew

Direction = Literal["<", ">", "+", "-", "*"]
Tap = Callable[[Direction, bytes, float], None]  # what passed a port: the direction, the bytes, the monotonic time

_LEVEL: Final = 6
_GZIP: Final = 31  # zlib's word for: with gzip's header and checksum
_BLOCK: Final = 64 << 10
_MOST_OF_A_LINE: Final = 4 << 20


class RecordingError(EngineError):
    """A recording cannot be read at all: it is missing, or is none."""


class Entry(NamedTuple):
    """What happened at one port. ``at_us``: microseconds since the recording began.

    ``data`` are the bytes received or sent; of a link that came up or was lost, the reason as UTF-8.
    """

    at_us: int
    port: str
    direction: Direction
    data: bytes


class RecordingWriter:
    """Writes one file. Belongs to one thread. Raises OSError from every method; what was flushed stays readable."""

    def __init__(
        self, path: Path, clock: Clock, ports: Mapping[str, Mapping[str, object]] | None = None, run: str = ""
    ) -> None:
        self.path = path
        self.size = 0  # bytes on the disk
        self._clock = clock
        self._described = dict(ports or {})  # what is known of a port beside its name
        self._run = run  # the same in all the files of one run of a service
        self._numbers: dict[str, int] = {}
        self._lines: list[str] = []
        self._last_us: int | None = None  # None: nothing written, not even the head
        self._flushed_at = 0.0
        self._compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
        self._file = FileIO(path, "xb")  # never over an older recording

    def write(self, port: str, data: bytes, at: float, direction: Direction = RECEIVED) -> None:
        """Note bytes of a port, by any name, at a monotonic time; flushes when the last flush is a second ago."""
        number = self._numbers.get(port) or self._introduce(port, at)
        now_us = round(at * 1e6)
        passed = max(0, now_us - (self._last_us or 0))  # two threads may hand over in another order than they looked
        self._last_us = max(now_us, self._last_us or 0)
        self._lines.append(f"{passed} {number} {direction} {data.hex()}\n")
        if at - self._flushed_at >= FLUSH_S:
            self.flush()

    def flush(self) -> None:
        """Bring everything so far to the operating system, readable without what will follow."""
        if not self._lines:
            return
        text = "".join(self._lines).encode()
        self._lines.clear()
        self._put(self._compressor.compress(text) + self._compressor.flush(zlib.Z_SYNC_FLUSH))
        self._flushed_at = (self._last_us or 0) / 1e6

    def close(self) -> None:
        """End the file. Harmless a second time."""
        if self._file.closed:
            return
        try:
            self.flush()
            self._put(self._compressor.flush(zlib.Z_FINISH))
        finally:
            self._file.close()

    def abandon(self) -> None:
        """Close what cannot be written any more."""
        self._file.close()

    def _introduce(self, port: str, at: float) -> int:
        if self._last_us is None:
            self._last_us = round(at * 1e6)
            self._flushed_at = at
            began = self._clock.now() - timedelta(seconds=self._clock.monotonic() - at)
            head = {"format": FORMAT, "version": VERSION, "started_at": began.astimezone(UTC).isoformat()}
            self._note({**head, "run": self._run} if self._run else head)
        number = self._numbers[port] = len(self._numbers) + 1
        self._note({"port": number, "name": port, **self._described.get(port, {})})
        return number

    def _note(self, document: Mapping[str, object]) -> None:
        self._lines.append(json.dumps(document, ensure_ascii=False) + "\n")

    def _put(self, data: bytes) -> None:
        view = memoryview(data)
        while view:  # a disk that is nearly full takes a part
            written = self._file.write(view)
            self.size += written
            view = view[written:]


@dataclass(slots=True)
class Recording:
    """One or more files, read as one in the order given. Iterate once; then ``torn`` says what could not be read."""

    paths: Sequence[Path]
    started_at: datetime | None = None  # known once the first entry was read
    ports: dict[str, Mapping[str, Any]] = field(default_factory=dict)  # name -> what was written about it
    torn: list[str] = field(default_factory=list)  # a sentence for each file that ends too early
    _run: str | None = None

    def __iter__(self) -> Iterator[Entry]:
        for path in self.paths:
            try:
                yield from self._read(path)
            except (_TornError, zlib.error, OSError, ValueError) as error:
                self.torn.append(f"{path}: ends too early ({error}); what stands before was read")

    def find_ports(self) -> list[str]:
        """The names of all ports, in the order in which they first come. Reads the files through, but is quick."""
        names: dict[str, None] = {}
        for path in self.paths:
            with contextlib.suppress(_TornError, zlib.error, OSError, ValueError):
                for line in _lines(path):
                    if line.startswith(b"{") and "name" in (document := json.loads(line)):
                        names[str(document["name"])] = None
        return list(names)

    def _read(self, path: Path) -> Iterator[Entry]:
        numbers: dict[bytes, str] = {}
        at_us: int | None = None
        for number, line in enumerate(_lines(path), start=1):
            if line.startswith(b"{"):
                document = json.loads(line)
                if "format" in document:
                    at_us = self._begin(document, path)
                    if self._is_new_run(document):
                        yield Entry(at_us, "", NEW_RUN, b"")
                else:
                    self._name(document, numbers, number)
                continue
            if at_us is None:
                raise RecordingError(f"{path}: this is no recording; engine run --record makes them")
            try:
                passed, port, direction, data = line.split(b" ")
                at_us += _passed(passed)
                yield Entry(at_us, numbers[port], _DIRECTIONS[direction], bytes.fromhex(data.decode()))
            except (ValueError, KeyError) as error:
                raise _TornError(f"line {number} is damaged") from error

    def _begin(self, document: Mapping[str, Any], path: Path) -> int:
        """Where a file begins, in microseconds after the first."""
        if document.get("format") != FORMAT or document.get("version") != VERSION:
            raise RecordingError(f"{path}: this is no recording of version {VERSION}, which is what can be read")
        try:
            began = datetime.fromisoformat(document["started_at"])
            began = began.replace(tzinfo=began.tzinfo or UTC)  # the format's times are UTC
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise RecordingError(f"{path}: its head does not say when it began (started_at, ISO 8601)") from error
        if not _FIRST_YEAR <= began.year <= _LAST_YEAR:  # a replay goes on from there, and no time is beyond year 9999
            raise RecordingError(f"{path}: this recording says that it began in the year {began.year}")
        if self.started_at is None:
            self.started_at = began
        return (began - self.started_at) // timedelta(microseconds=1)

    def _name(self, document: Mapping[str, Any], numbers: dict[bytes, str], line: int) -> None:
        """A port is told of, before its first entry."""
        try:
            name = numbers[b"%d" % document["port"]] = str(document["name"])
        except (KeyError, TypeError) as error:
            raise _TornError(f"line {line} is damaged") from error
        self.ports[name] = document

    def _is_new_run(self, document: Mapping[str, Any]) -> bool:
        before, self._run = self._run, document.get("run")
        return before is not None and before != self._run


def _passed(word: bytes) -> int:
    """Microseconds since the entry before. Raises ValueError for what is no number, goes back, or is over a year."""
    passed = int(word)
    if not 0 <= passed <= _LONGEST_GAP_US:
        raise ValueError(word)
    return passed


class _TornError(Exception):
    """The file ends here, or what follows makes no sense."""


_DIRECTIONS: Final[Mapping[bytes, Direction]] = {b"<": RECEIVED, b">": SENT, b"+": LINK_UP, b"-": LINK_DOWN}


def read_recording(paths: Sequence[Path]) -> Recording:
    """Read files, or all the recordings in a folder, oldest first. Raises RecordingError when there is none."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(path.glob("*.rec.gz"))
        elif path.is_file():
            found.append(path)
        else:
            raise RecordingError(f"{path}: there is no such recording")
    if not found:
        raise RecordingError(f"{', '.join(map(str, paths))}: there is no recording in it; they are called *.rec.gz")
    for path in found:
        _check_magic(path)
    return Recording(found)


def _check_magic(path: Path) -> None:
    try:
        with path.open("rb") as file:
            magic = file.read(2)
    except OSError as error:
        raise RecordingError(f"{path}: the recording cannot be read: {error.strerror}") from error
    if magic and magic != b"\x1f\x8b":
        raise RecordingError(f"{path}: this is no recording; engine run --record makes them")


def _lines(path: Path) -> Iterator[bytes]:
    """Whole lines; raises _TornError or zlib.error after the last one that can be read."""
    rest = b""
    for text in _texts(path):
        *lines, rest = (rest + text).split(b"\n")
        yield from lines
        if len(rest) > _MOST_OF_A_LINE:
            raise _TornError("a line without an end")
    if rest:
        raise _TornError("its last line is not whole")


def _texts(path: Path) -> Iterator[bytes]:
    decompressor = zlib.decompressobj(_GZIP)
    with path.open("rb") as file:
        block = b""
        while block or (block := file.read(_BLOCK)):
            text = decompressor.decompress(block, _BLOCK * 16)
            block = decompressor.unconsumed_tail
            yield text
            if decompressor.eof:  # files may be put one behind the other
                block, decompressor = decompressor.unused_data, zlib.decompressobj(_GZIP)
                if not block and not (block := file.read(_BLOCK)):
                    return
    raise _TornError("whoever wrote it did not close it")
