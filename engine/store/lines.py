"""What one line of the journal is: a record as JSON with a checksum, and how a folder of lines is read back."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator
from decimal import Decimal, DecimalException
from pathlib import Path
from typing import Final, NamedTuple

import structlog

from engine.ports import StoreError, WeighingRecord
from engine.store.fields import plain, typed
from engine.store.texts import parse_utc, utc_text

log = structlog.get_logger(__name__)

_VERSION: Final = 1
_CRC_FIELD: Final = b',"crc":"'
_CRC_END: Final = b'"}'


class Line(NamedTuple):
    """One line to be appended: the record's sequence number, and its bytes with the newline."""

    sequence: int
    data: bytes


def encode_line(record: WeighingRecord, committed_at: str) -> Line:
    """The journal's line of a committed record (one with a sequence number)."""
    assert record.sequence is not None
    body = json.dumps(
        {
            "v": _VERSION,
            "sequence": record.sequence,
            "uuid": record.uuid,
            "rfid_uid": record.rfid_uid,
            "weight": f"{record.weight:f}",
            "unit": record.unit,
            "measured_at": utc_text(record.measured_at),
            "line": record.line,
            "raw_frame": record.raw_frame.hex(),
            "chart": record.chart,
            "chart_version": record.chart_version,
            **({"extra": plain(record.extra)} if record.extra else {}),
            **({"took": record.took} if record.took is not None else {}),
            "committed_at": committed_at,
        },
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode()
    return Line(record.sequence, b"%b%b%08x%b\n" % (body[:-1], _CRC_FIELD, zlib.crc32(body), _CRC_END))


def decode_line(data: bytes) -> WeighingRecord:
    """The record of one line (without its newline). Raises ValueError when the line is torn or rotten."""
    start = data.rfind(_CRC_FIELD)
    if start < 0 or not data.endswith(_CRC_END):
        raise ValueError("the line is torn")
    body = data[:start] + b"}"
    if data[start + len(_CRC_FIELD) : -len(_CRC_END)] != b"%08x" % zlib.crc32(body):
        raise ValueError("the checksum does not fit")
    try:
        fields = json.loads(body)
        if fields["v"] != _VERSION:
            raise ValueError(f"the line has format {fields['v']}, this program reads {_VERSION}")
        return WeighingRecord(
            uuid=fields["uuid"],
            rfid_uid=fields["rfid_uid"],
            weight=Decimal(fields["weight"]),
            unit=fields["unit"],
            measured_at=parse_utc(fields["measured_at"]),
            line=fields["line"],
            raw_frame=bytes.fromhex(fields["raw_frame"]),
            chart=fields["chart"],
            chart_version=fields["chart_version"],
            extra=typed(fields.get("extra", {})),
            took=fields.get("took"),
            sequence=int(fields["sequence"]),
        )
    except (KeyError, TypeError, DecimalException) as error:
        raise ValueError(f"the line lacks something: {error!r}") from error


def day_files(directory: Path) -> list[Path]:
    """The journal's files, oldest day first."""
    return sorted(path for path in directory.glob("????-??-??.jsonl") if path.is_file())


def read_journal(directory: Path) -> Iterator[WeighingRecord]:
    """Read a journal back: every record once, unsent, for a database to be rebuilt with ``save_record``.

    A damaged line is logged with its place and skipped. Raises StoreError when there is no journal to read.
    """
    if not directory.is_dir():
        raise StoreError(f"{directory}: there is no journal; it is the folder named like the database plus '.journal'")
    return read_files(day_files(directory))


def read_files(paths: Iterable[Path]) -> Iterator[WeighingRecord]:
    """Read some of a journal's files back, in this order. Raises StoreError when one cannot be read."""
    seen: set[str] = set()
    for path in paths:
        try:
            with path.open("rb") as file:
                yield from _read_lines(path, file, seen)
        except OSError as error:
            raise StoreError(f"{path}: the journal cannot be read: {error.strerror}") from error


def _read_lines(path: Path, lines: Iterable[bytes], seen: set[str]) -> Iterator[WeighingRecord]:
    for number, data in enumerate(lines, start=1):
        try:
            record = decode_line(data.removesuffix(b"\n"))
        except ValueError as error:
            log.warning("store.journal.line_skipped", file=str(path), line=number, reason=str(error))
            continue
        if record.uuid not in seen:
            seen.add(record.uuid)
            yield record
