"""Shapes whose fields vary in length: a regular expression with named groups, matched in linear time (google-re2).

The pattern has to match everything between the frame's start and its end. Each group is a field of the shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from parsers.profile.checksums import make_check
from parsers.profile.codes import Lookup, code_table, unit_table
from parsers.profile.facts import Facts
from parsers.profile.framing import Framing
from parsers.profile.numbers import is_bcd, number_reader, read_number
from parsers.profile.problem import Path, Problems
from parsers.profile.shape import VALUE_ROLES, Decode, Finish, Shape, uid_reader
from parsers.profile.text import to_bytes, words_of
from parsers.reading import Reading

_REMEMBERED: Final = 4096
_CHECKSUM: Final = "checksum"
_LARGEST_PROGRAM: Final = 1 << 20  # bytes of memory: a pattern beyond this is not one of a scale


class PatternShape:
    """The compilation of one shape."""

    def __init__(
        self, spec: Mapping[str, Any], framing: Framing, units: object, path: Path, problems: Problems
    ) -> None:
        self.spec = spec
        self.framing = framing
        self.path = path
        self.problems = problems
        self.units = spec.get("units", units)

    def compile(self) -> Shape | None:
        """The shape; None when its pattern cannot be used."""
        regexp = self._regexp()
        if regexp is None:
            return None
        fields: Mapping[str, Any] = self.spec.get("fields", {})
        groups = self._groups(regexp, fields)
        coded = [name for name in fields if name not in (*VALUE_ROLES, "unit", "decimals")]
        tables = tuple(
            code_table(name, fields[name], None, (*self.path, "fields", name), self.problems) for name in coded
        )
        unit = fields.get("unit")
        unit_path = (*self.path, "fields", "unit")
        units = None if unit is None else unit_table(self.units, unit, None, unit_path, self.problems)
        lookup = Lookup(words_of(self.spec.get("says")), self.spec.get("unit"), tables, units, "decimals" in fields)
        looked_up = [*coded, *(name for name in ("unit", "decimals") if name in fields)]
        shortest, longest = self._lengths()
        decode = _decoder(
            regexp.fullmatch,
            (len(self.framing.start), len(self.framing.end)),
            _Numbers(groups, looked_up),
            _remembering(lookup),
            self._finish(fields),
            self._checksum(groups),
        )
        return Shape(decode, shortest, longest, "value" in fields, _CHECKSUM in groups)

    def _lengths(self) -> tuple[int, int]:
        low, _, high = str(self.spec["length"]).partition("-")
        shortest, longest = int(low), int(high or low)
        least = len(self.framing.start) + len(self.framing.end)
        if shortest > longest or shortest < least:
            value = str(self.spec["length"])
            self.problems.add((*self.path, "length"), "profile-out-of-frame", value=value, length=least)
        return shortest, longest

    def _regexp(self) -> Any:
        # 20 ms that a profile of positions does without
        import re2  # type: ignore[import-untyped]

        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1  # one character, one byte
        options.log_errors = False
        options.max_mem = _LARGEST_PROGRAM
        path = (*self.path, "pattern")
        try:
            return re2.compile(to_bytes(self.spec["pattern"], path, self.problems), options)
        except re2.error as error:
            reason = error.args[0]
            shown = reason.decode("latin-1") if isinstance(reason, bytes) else str(reason)
            self.problems.add(path, "profile-pattern-refused", reason=shown)
            return None

    def _groups(self, regexp: Any, fields: Mapping[str, Any]) -> dict[str, int]:
        groups = {name.decode("latin-1"): index for name, index in regexp.groupindex.items()}
        for name in fields:
            if name not in groups:
                path = (*self.path, "fields", name)
                self.problems.add(path, "profile-group-missing", field=name, allowed=sorted(groups))
        for name in sorted(groups):
            if name not in fields and not (name == _CHECKSUM and _CHECKSUM in self.spec):
                self.problems.add((*self.path, "pattern"), "profile-group-unused", group=name)
        if _CHECKSUM in self.spec and _CHECKSUM not in groups:
            path = (*self.path, _CHECKSUM)
            self.problems.add(path, "profile-group-missing", field=_CHECKSUM, allowed=sorted(groups))
        return groups

    def _finish(self, fields: Mapping[str, Any]) -> Finish:
        has_sign, has_decimals = "sign" in fields, "decimals" in fields
        value, tare = fields.get("value"), fields.get("tare")
        return Finish(
            value is not None,
            None if value is None else number_reader(value, has_sign_field=has_sign, has_decimals_field=has_decimals),
            None
            if tare is None
            else number_reader(tare, has_sign_field=False, has_decimals_field=has_decimals) or read_number,
            uid_reader(fields["uid"]) if "uid" in fields else None,
            is_text=not is_bcd(value or {}),
        )

    def _checksum(self, groups: Mapping[str, int]) -> Callable[[bytes, Any], bool] | None:
        spec = self.spec.get(_CHECKSUM)
        if spec is None or _CHECKSUM not in groups or (spec["kind"] == "crc16" and "crc" not in spec):
            return None
        first, last = str(spec["over"]).partition("-")[::2]
        start, stop = int(first) - 1, int(last) if last else None
        check, group = make_check(spec), groups[_CHECKSUM]

        def verify(text: bytes, found: Any) -> bool:
            at, end = found.span(group)
            return check(text[start : at if stop is None else stop], text[at:end])

        return verify


class _Numbers:
    """The groups' numbers, which are looked up once."""

    def __init__(self, groups: Mapping[str, int], looked_up: list[str]) -> None:
        self.looked_up = tuple(groups.get(name, 0) for name in looked_up)
        self.value = groups.get("value")
        self.tare = groups.get("tare")
        self.uid = groups.get("uid")


def _remembering(lookup: Lookup) -> Callable[[tuple[bytes, ...]], Facts | None]:
    known: dict[tuple[bytes, ...], Facts] = {}

    def facts_of_texts(texts: tuple[bytes, ...]) -> Facts | None:
        facts = known.get(texts)
        if facts is None:
            facts = lookup.resolve(texts)
            if facts is not None and len(known) < _REMEMBERED:
                known[texts] = facts
        return facts

    return facts_of_texts


def _decoder(
    fullmatch: Callable[[bytes, int, int], Any],
    margins: tuple[int, int],
    numbers: _Numbers,
    facts_of_texts: Callable[[tuple[bytes, ...]], Facts | None],
    finish: Finish,
    verify: Callable[[bytes, Any], bool] | None,
) -> Decode:
    lead, tail = margins
    looked_up, value, tare, uid = numbers.looked_up, numbers.value, numbers.tare, numbers.uid

    def decode(text: bytes, raw: bytes) -> Reading | None:
        found = fullmatch(text, lead, len(text) - tail)
        if found is None or (verify is not None and not verify(text, found)):
            return None
        span = found.span
        # A group that took no part is (-1, -1), and gives an empty text.
        facts = facts_of_texts(tuple([text[slice(*span(group))] for group in looked_up]))
        if facts is None:
            return None
        if uid is not None:
            return finish.card(text[slice(*span(uid))], raw)
        tare_field = None if tare is None else text[slice(*span(tare))]
        return finish.weight(facts, b"" if value is None else text[slice(*span(value))], tare_field, raw)

    return decode
