"""Records that no master took: a file for each execution, whole or not there, for the next master to take in."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import structlog

from engine.errors import EngineError
from engine.sequence.records import Record, record_from_json

log = structlog.get_logger(__name__)


class SpoolError(EngineError):
    """A file of records cannot be read."""


def write_spool(folder: Path, execution_id: str, records: Sequence[Record]) -> Path:
    """Keep records in ``<folder>/<execution>.jsonl``, durable when it returns. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / f"{execution_id}.jsonl"
    unfinished = file.with_suffix(".part")
    with unfinished.open("w", encoding="utf-8") as out:
        for record in records:
            out.write(json.dumps(record.to_json(), ensure_ascii=False) + "\n")
        out.flush()
        os.fsync(out.fileno())
    unfinished.replace(file)
    _sync_folder(folder)
    return file


def spooled(folder: Path) -> list[Path]:
    """The files that wait."""
    return sorted(folder.glob("*.jsonl"))


def read_spool(file: Path) -> list[Record]:
    """The records of a file. Raises SpoolError for what is none."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
        return [record_from_json(json.loads(line)) for line in lines if line]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SpoolError(f"{file}: {error}") from error


def put_aside(file: Path) -> None:
    """Keep a file that cannot be taken in, where it is not tried again."""
    file.rename(file.with_suffix(".bad"))


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return  # Windows has no handle of a folder to sync
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
