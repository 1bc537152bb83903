"""The golden frames of a profile: what each must give, and whether it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal, DecimalException
from typing import Any

from parsers.profile.problem import Path, Problems
from parsers.profile.text import to_bytes
from parsers.protocol import Golden
from parsers.reading import CardReading, Parser, Reading, WeightReading

_NOTHING = "no reading"


def golden_of(profile: Mapping[str, Any], problems: Problems) -> tuple[Golden, ...]:
    """The golden frames that a profile lists."""
    is_reader = profile.get("kind", "scale") == "reader"
    return tuple(
        _golden(entry, ("golden", index), problems, is_reader=is_reader)
        for index, entry in enumerate(profile.get("golden", ()))
    )


def _golden(entry: Mapping[str, Any], path: Path, problems: Problems, *, is_reader: bool) -> Golden:
    frame = _frame(entry, path, problems)
    if entry.get("refused"):
        return Golden(frame, ())
    if is_reader:
        uid = entry.get("uid")
        return Golden(frame, (CardReading(None if uid is None else str(uid), frame, entry.get("status", "ok")),))
    return Golden(frame, (_weight(entry, frame, path, problems),))


def _weight(entry: Mapping[str, Any], frame: bytes, path: Path, problems: Problems) -> WeightReading:
    return WeightReading(
        _decimal(entry, "value", path, problems),
        entry.get("unit"),
        entry.get("stable"),
        entry.get("status", "ok"),
        entry.get("mode"),
        frame,
        _decimal(entry, "tare", path, problems),
        entry.get("zero"),
    )


def _frame(entry: Mapping[str, Any], path: Path, problems: Problems) -> bytes:
    if "hex" not in entry:
        return to_bytes(entry.get("frame", ""), (*path, "frame"), problems)
    try:
        return bytes.fromhex(str(entry["hex"]))
    except ValueError:
        problems.add((*path, "hex"), "profile-not-hex", value=str(entry["hex"]))
        return b""


def _decimal(entry: Mapping[str, Any], key: str, path: Path, problems: Problems) -> Decimal | None:
    value = entry.get(key)
    if value is None:
        return None
    try:
        return Decimal(str(value))
    except DecimalException:
        problems.add((*path, key), "profile-not-a-number", value=str(value))
        return None


def check_golden(
    golden: tuple[Golden, ...],
    make: Callable[[], Parser],
    why_refused: Callable[[bytes], tuple[str, dict[str, object]] | None],
    problems: Problems,
) -> None:
    """Run every golden frame through a parser of its own, and compare the frames with one another.

    ``why_refused`` says what keeps a frame from being read, where it can.
    """
    seen: dict[bytes, int] = {}
    for index, one in enumerate(golden):
        path: Path = ("golden", index)
        first = seen.setdefault(one.frame, index)
        wanted = _shown(one.readings)
        if first != index and _shown(golden[first].readings) != wanted:
            other = _shown(golden[first].readings)
            problems.add(path, "profile-golden-contradicts", wanted=wanted, other=other, number=first + 1)
            continue
        got = _shown(tuple(make().feed(one.frame)))
        why = why_refused(one.frame) if got == _NOTHING != wanted else None
        if why is not None:
            code, params = why
            problems.add(path, code, wanted=wanted, **params)
        elif got != wanted:
            problems.add(path, "profile-golden-differs", wanted=wanted, got=got)


def _shown(readings: tuple[Reading, ...]) -> str:
    return "; ".join(map(describe, readings)) or _NOTHING


def describe(reading: Reading) -> str:
    """A reading in one line, every claim of it."""
    bare = replace(reading, raw=b"")
    if isinstance(bare, CardReading):
        return f"card {bare.uid}" if bare.status == "ok" else bare.status
    said = [
        str(bare.value) if bare.value is not None else "no weight",
        bare.unit or "no unit",
        {True: "stable", False: "not stable", None: "stability unknown"}[bare.is_stable],
        bare.status,
    ]
    said += [bare.mode] if bare.mode else []
    said += [] if bare.tare is None else [f"tare {bare.tare}"]
    said += [] if bare.is_zero is None else ["zero" if bare.is_zero else "not zero"]
    return ", ".join(said)
