"""Records that no master took: a file for each execution, whole or not there, for the next master to take in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import structlog

from engine.errors import EngineError
from engine.sequence.records import Record, record_from_json
from engine.station.durable import write_whole

log = structlog.get_logger(__name__)


class SpoolError(EngineError):
    """A file of records cannot be read."""


def write_spool(folder: Path, execution_id: str, records: Sequence[Record]) -> Path:
    """Keep records in ``<folder>/<execution>.jsonl``, durable when it returns. Raises OSError."""
    file = folder / f"{execution_id}.jsonl"
    lines = (json.dumps(record.to_json(), ensure_ascii=False) + "\n" for record in records)
    write_whole(file, "".join(lines).encode())
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
