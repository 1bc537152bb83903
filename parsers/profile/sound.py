"""What a shape must have, and what means nothing in it, before anything of it is compiled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from parsers.profile.facts import says_no_weight
from parsers.profile.framing import Framing
from parsers.profile.numbers import is_bcd
from parsers.profile.problem import Path, Problems
from parsers.profile.text import words_of

_OF_POSITIONS: Final = ("text", "checks")
_OF_BCD: Final = frozenset({"as", "at", "decimals", "reversed"})  # of a number that is no text
_OF_SCALES: Final = frozenset({"value", "tare", "unit", "decimals", "sign"})


def check_shape(spec: Mapping[str, Any], framing: Framing, path: Path, problems: Problems) -> None:
    """Note what is missing in a shape, and what stands where it means nothing."""
    fields: Mapping[str, Any] = spec.get("fields", {})
    _check_kind(spec, fields, framing, path, problems)
    for name in ("value", "tare"):
        field: Mapping[str, Any] = fields.get(name, {})
        for key in field if is_bcd(field) else ():
            if key not in _OF_BCD:
                problems.add((*path, "fields", name, key), "unknown-key", key=key, allowed=sorted(_OF_BCD), guess=None)
    if "unit" in spec and "unit" in fields:
        problems.add((*path, "unit"), "profile-unit-sent")
    if "pattern" in spec:
        _check_pattern(spec, fields, framing, path, problems)
    else:
        _check_positions(spec, fields, path, problems)
    checksum = spec.get("checksum", {})
    if checksum.get("kind") == "crc16" and "crc" not in checksum:
        problems.add((*path, "checksum"), "missing-key", key="crc")


def _check_kind(
    spec: Mapping[str, Any], fields: Mapping[str, Any], framing: Framing, path: Path, problems: Problems
) -> None:
    for name in fields:
        if (name == "uid") != framing.is_reader and (name == "uid" or name in _OF_SCALES):
            kind = "reader" if framing.is_reader else "scale"
            problems.add((*path, "fields", name), "profile-field-of-other-kind", field=name, of=kind)
    if framing.is_reader:
        if "uid" not in fields:
            problems.add(path, "profile-field-needed", field="uid")
    elif "value" not in fields and not any(says_no_weight(words) for words in _meanings(spec, fields)):
        problems.add(path, "profile-field-needed", field="value")


def _meanings(spec: Mapping[str, Any], fields: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    yield words_of(spec.get("says"))
    for field in fields.values():
        yield words_of(field.get("blank"))
        yield from (words_of(words) for words in field.get("codes", {}).values())
        for meaning in field.get("bits", {}).values():
            yield from map(words_of, meaning.values() if isinstance(meaning, Mapping) else (meaning,))


def _check_pattern(
    spec: Mapping[str, Any], fields: Mapping[str, Any], framing: Framing, path: Path, problems: Problems
) -> None:
    if not framing.end:
        problems.add((*path, "pattern"), "profile-pattern-without-end")
    placed: list[Path] = [("fields", name, "at") for name, field in fields.items() if "at" in field]
    placed += [(key,) for key in _OF_POSITIONS if key in spec]
    placed += [("checksum", "at")] if "at" in spec.get("checksum", {}) else []
    for key in placed:
        problems.add((*path, *key), "profile-place-in-pattern", key=key[-1])


def _check_positions(spec: Mapping[str, Any], fields: Mapping[str, Any], path: Path, problems: Problems) -> None:
    absent = [name for name, field in fields.items() if "absent" in field]
    for name in absent:
        problems.add((*path, "fields", name, "absent"), "profile-pattern-only", key="absent")
    if not isinstance(spec["length"], int):
        problems.add((*path, "length"), "profile-length-varies", value=spec["length"])
    for name, field in fields.items():
        if "at" not in field:
            problems.add((*path, "fields", name), "missing-key", key="at")
    if "checksum" in spec and "at" not in spec["checksum"]:
        problems.add((*path, "checksum"), "missing-key", key="at")
