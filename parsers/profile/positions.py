"""Shapes whose fields stand at positions: every byte of the frame is counted, and the frame has one length.

All bytes that are looked up (constants, codes, units) are picked out together and remembered with what they mean, so a
frame whose codes were seen before costs one look-up and one number. Only what is valid is remembered, and not more than
``_REMEMBERED`` of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from operator import itemgetter
from typing import Any, Final

from parsers.profile.checksums import make_check, width_of
from parsers.profile.codes import DIGITS, Lookup, code_table, unit_table
from parsers.profile.facts import Facts
from parsers.profile.framing import Framing
from parsers.profile.numbers import BCD_BYTES, NUMBER_BYTES, is_bcd, number_reader, read_number
from parsers.profile.problem import Path, Problems
from parsers.profile.shape import HEXADECIMAL, VALUE_ROLES, Classes, Decode, Finish, Shape, uid_reader
from parsers.profile.text import Span, place_of, span_of, to_bytes, words_of
from parsers.reading import Reading

_REMEMBERED: Final = 4096
_PRINTABLE: Final = frozenset(range(0x20, 0x7F))
_HEX: Final = frozenset(HEXADECIMAL)


class PositionShape:
    """The compilation of one shape."""

    def __init__(
        self, spec: Mapping[str, Any], framing: Framing, units: object, path: Path, problems: Problems
    ) -> None:
        self.spec = spec
        self.path = path
        self.problems = problems
        self.length = int(spec["length"])
        self.is_reader = framing.is_reader
        self.units = spec.get("units", units)
        self.taken: dict[int, str] = {}  # byte -> whose it is
        self.literals: list[tuple[Span, bytes]] = []
        self.classes: list[frozenset[int] | None] = [None] * self.length
        self._add_literal(0, framing.start, path, "start")
        self._add_literal(self.length - len(framing.end), framing.end, path, "end")
        for key, text in spec.get("text", {}).items():
            self._add_text(key, text)

    def compile(self) -> Shape:
        """The shape. What is wrong with it is added to the problems."""
        fields: Mapping[str, Any] = self.spec.get("fields", {})
        spans = {name: self._place(name, field) for name, field in fields.items()}
        coded = [name for name in fields if name not in (*VALUE_ROLES, "unit", "decimals")]
        tables = [
            code_table(name, fields[name], _width(spans[name]), (*self.path, "fields", name), self.problems)
            for name in coded
        ]
        unit = fields.get("unit")
        unit_path = (*self.path, "fields", "unit")
        units = unit and unit_table(self.units, unit, _width(spans["unit"]), unit_path, self.problems)
        lookup = Lookup(
            words_of(self.spec.get("says")), self.spec.get("unit"), tuple(tables), units or None, "decimals" in fields
        )
        for name, table in zip(coded, tables, strict=True):
            self._restrict_codes(spans[name], list(table))
        looked_up = [spans[name] for name in (*coded, *(n for n in ("unit", "decimals") if n in fields))]
        finish = Finish(
            "value" in fields,
            number_reader(
                fields.get("value", {}), has_sign_field="sign" in fields, has_decimals_field="decimals" in fields
            ),
            _tare_reader(fields),
            uid_reader(fields["uid"]) if "uid" in fields else None,
            is_text=not is_bcd(fields.get("value", {})),
        )
        self._restrict(spans, fields, lookup)
        checks = self._checks()
        verify = self._checksum()
        decode = self._decoder(spans, looked_up, lookup, finish, checks, verify)
        classes: Classes = tuple(self.classes)
        return Shape(decode, self.length, self.length, "value" in fields, verify is not None, classes)

    def _place(self, name: str, field: Mapping[str, Any]) -> Span:
        path = (*self.path, "fields", name)
        span = place_of(field, "at", self.length, path, self.problems)
        self._take(span, name, (*path, "at"))
        if name == "decimals" and _width(span) > 1:
            self.problems.add((*path, "at"), "profile-bits-width", width=_width(span))
        return span

    def _take(self, span: Span, name: str, path: Path) -> None:
        others = {self.taken[at] for at in range(*span) if at in self.taken}
        if others:
            self.problems.add(path, "profile-overlap", field=name, other=", ".join(sorted(others)))
        self.taken |= dict.fromkeys(range(*span), name)

    def _add_text(self, key: str, text: object) -> None:
        path = (*self.path, "text", key)
        span = span_of(key)
        literal = to_bytes(text, path, self.problems)
        if span is None or span[0] + len(literal) > self.length:
            self.problems.add(path, "profile-out-of-frame", value=key, length=self.length)
            return
        self._add_literal(span[0], literal, path, "text")

    def _add_literal(self, start: int, literal: bytes, path: Path, name: str) -> None:
        if not literal:
            return
        if start < 0 or start + len(literal) > self.length:
            self.problems.add((*path, "length"), "profile-out-of-frame", value=name, length=self.length)
            return
        span = (start, start + len(literal))
        self._take(span, name, path)
        self.literals.append((span, literal))
        for at, byte in zip(range(*span), literal, strict=True):
            self.classes[at] = frozenset((byte,))

    def _restrict_codes(self, span: Span, codes: list[bytes]) -> None:
        for offset, at in enumerate(range(*span)):
            self.classes[at] = frozenset(code[offset] for code in codes if len(code) > offset)

    def _restrict(self, spans: Mapping[str, Span], fields: Mapping[str, Any], lookup: Lookup) -> None:
        """What the bytes of the fields may be, so that a frame is refused as early as possible."""
        is_always_number = not lookup.may_say_no_weight()
        number_bytes = NUMBER_BYTES if is_always_number else _PRINTABLE
        for name in ("value", "tare"):
            if name in fields and is_bcd(fields[name]):
                if is_always_number:
                    self._all(spans[name], BCD_BYTES)
            elif name in fields:
                drop = frozenset(str(fields[name].get("drop", "")).encode("latin-1"))
                brackets = frozenset(b"()") if fields[name].get("sign") == "brackets" else frozenset()
                self._all(spans[name], number_bytes | drop | brackets)
        if "unit" in fields:
            self._all(spans["unit"], _PRINTABLE)
        if "decimals" in fields:
            self._all(spans["decimals"], frozenset(b"".join(DIGITS)))
        if "uid" in fields and fields["uid"].get("as", "hex") == "hex":
            self._all(spans["uid"], _HEX)

    def _all(self, span: Span, allowed: frozenset[int]) -> None:
        for at in range(*span):
            self.classes[at] = allowed

    def _checks(self) -> list[tuple[int, frozenset[int]]]:
        found: list[tuple[int, frozenset[int]]] = []
        for index, check in enumerate(self.spec.get("checks", [])):
            path = (*self.path, "checks", index)
            first, last = place_of(check, "at", self.length, path, self.problems)
            allowed = self._allowed(check, path)
            for at in range(first, last):
                found.append((at, allowed))
                known = self.classes[at]
                self.classes[at] = allowed if known is None else known & allowed
        return found

    def _allowed(self, check: Mapping[str, Any], path: Path) -> frozenset[int]:
        if "not" in check:
            return frozenset(range(256)) - frozenset(to_bytes(check["not"], (*path, "not"), self.problems))
        if "one_of" in check:
            return frozenset(to_bytes(check["one_of"], (*path, "one_of"), self.problems))
        first = to_bytes(check["from"], (*path, "from"), self.problems)
        last = to_bytes(check["to"], (*path, "to"), self.problems)
        return frozenset(range(first[0], last[0] + 1))

    def _checksum(self) -> Callable[[bytes], bool] | None:
        spec = self.spec.get("checksum")
        if spec is None or (spec["kind"] == "crc16" and "crc" not in spec):
            return None
        path = (*self.path, "checksum")
        at, over = (place_of(spec, key, self.length, path, self.problems) for key in ("at", "over"))
        self._take(at, "checksum", (*path, "at"))
        if _width(at) not in (0, width_of(spec)):
            self.problems.add((*path, "at"), "profile-checksum-width", width=_width(at), needed=width_of(spec))
        if spec.get("as", "hex") == "hex":
            self._all(at, _HEX)
        check = make_check(spec)
        return lambda text: check(text[slice(*over)], text[slice(*at)])

    def _decoder(
        self,
        spans: Mapping[str, Span],
        looked_up: list[Span],
        lookup: Lookup,
        finish: Finish,
        checks: list[tuple[int, frozenset[int]]],
        verify: Callable[[bytes], bool] | None,
    ) -> Decode:
        literals = self.literals

        def resolve(text: bytes) -> Facts | None:
            if any(text[a:b] != literal for (a, b), literal in literals):
                return None
            if any(text[at] not in allowed for at, allowed in checks):
                return None
            return lookup.resolve(tuple([text[a:b] for a, b in looked_up]))

        constant = [span for span, _ in literals] + looked_up + [(at, at + 1) for at, _ in checks]
        facts_of_text = _remembering(resolve, list(_runs(constant)))
        if self.is_reader:
            return _card_decoder(facts_of_text, finish, slice(*spans.get("uid", (0, 0))), verify)
        value = slice(*spans.get("value", (0, 0)))
        tare = slice(*spans["tare"]) if "tare" in spans else None
        return _weight_decoder(facts_of_text, finish, value, tare, verify)


def _tare_reader(fields: Mapping[str, Any]) -> Any:
    spec = fields.get("tare")
    if spec is None:
        return None
    return number_reader(spec, has_sign_field=False, has_decimals_field="decimals" in fields) or read_number


def _weight_decoder(
    facts_of_text: Callable[[bytes], Facts | None],
    finish: Finish,
    value: slice,
    tare: slice | None,
    verify: Callable[[bytes], bool] | None,
) -> Decode:
    make = finish.weight

    def decode(text: bytes, raw: bytes) -> Reading | None:
        facts = facts_of_text(text)
        if facts is None or (verify is not None and not verify(text)):
            return None
        return make(facts, text[value], None if tare is None else text[tare], raw)

    return decode


def _card_decoder(
    facts_of_text: Callable[[bytes], Facts | None],
    finish: Finish,
    uid: slice,
    verify: Callable[[bytes], bool] | None,
) -> Decode:
    def decode(text: bytes, raw: bytes) -> Reading | None:
        if facts_of_text(text) is None or (verify is not None and not verify(text)):
            return None
        return finish.card(text[uid], raw)

    return decode


def _remembering(resolve: Callable[[bytes], Facts | None], runs: list[Span]) -> Callable[[bytes], Facts | None]:
    """``resolve``, asked once for all frames that do not differ in the bytes of ``runs``."""
    if not runs:
        return resolve
    pick = itemgetter(*[slice(*run) for run in runs])
    known: dict[object, Facts] = {}

    def facts_of_text(text: bytes) -> Facts | None:
        picked = pick(text)
        facts = known.get(picked)
        if facts is None:
            facts = resolve(text)
            if facts is not None and len(known) < _REMEMBERED:
                known[picked] = facts
        return facts

    return facts_of_text


def _runs(spans: list[Span]) -> Iterator[Span]:
    """The spans joined where they touch or overlap."""
    first = last = -1
    for start, stop in sorted(set(spans)):
        if start > last:
            if last > first:
                yield first, last
            first = start
        last = max(last, stop)
    if last > first:
        yield first, last


def _width(span: Span) -> int:
    return span[1] - span[0]
