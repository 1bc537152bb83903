"""What every machine did, macrostep by macrostep, in a file each: for incidents, and for ``engine graph --trace``."""

from __future__ import annotations

import json
import logging
import re
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import structlog

from engine.errors import EngineError
from engine.runtime.trace import Macrostep, Tracer

log = structlog.get_logger(__name__)

MOST_BYTES: Final = 32 << 20  # of a file; the one before it is kept as well


class Traces:
    """A folder of traces: ``<machine>.jsonl``, an object a line, and ``<machine>.jsonl.1`` that came before.

    A trace that cannot be written is told once and costs nothing but itself. Use it as a context manager. Raises
    EngineError when the folder cannot be made.
    """

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._files: dict[str, _TraceFile] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EngineError(f"traces cannot be written to '{folder}': {error.strerror or error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files.values():
            file.close()

    def tracer(self, machine: str) -> Tracer:
        """What is told every macrostep of a machine."""
        name = re.sub(r"[^\w.-]", "_", machine)
        file = self._files.get(name)
        if file is None:
            path = self._folder / f"{name}.jsonl"
            file = _TraceFile(path, maxBytes=self._most_bytes, backupCount=1, encoding="utf-8", delay=True)
            self._files[name] = file

        def write(step: Macrostep) -> None:
            file.handle(logging.makeLogRecord({"msg": json.dumps(step.as_json(), ensure_ascii=False)}))

        return write


class _TraceFile(RotatingFileHandler):
    """The standard library's rotating file, which tells a failure once and in our own way."""

    has_failed = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - the library's name
        if not self.has_failed:
            self.has_failed = True
            log.error("machine.trace.failed", path=self.baseFilename, reason=repr(sys.exc_info()[1]))
